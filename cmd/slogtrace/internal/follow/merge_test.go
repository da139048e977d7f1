package follow

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// Lines of several sources come in order of time; those of one keep their order, and one that is earlier than the line
// before it, or has no time, comes right behind that. Of lines of the same time those of the first source come first.
func TestMergeLines(t *testing.T) {
	for _, test := range []struct{ name, a, b, want string }{
		{"in order", "a1 a3 a5", "b2 b4", "a1 b2 a3 b4 a5"},
		{"equal", "a1 a2 a2 a3", "b1 b2 b2 b3", "a1 b1 a2 a2 b2 b2 a3 b3"},
		{"second first", "a2 a3", "b1 b2", "b1 a2 b2 a3"},
		{"earlier", "a5 a1 a2 a6", "b3 b5 b6", "b3 a5 a1 a2 b5 a6 b6"},
		{"earlier in the second", "a3 a4 a9", "b4 b1 b5", "a3 a4 b4 b1 b5 a9"},
		{"without a time", "a1 a- a- a4", "b1 b- b2 b-", "a1 a- a- b1 b- b2 b- a4"},
		{"none first", "a- a2", "b- b1", "a- b- b1 a2"},
		{"one empty", "", "b1 b2", "b1 b2"},
		{"none", "", "", ""},
	} {
		source := func(words string) iter.Seq[input.Line] {
			return func(yield func(input.Line) bool) {
				for _, word := range strings.Fields(words) {
					var l input.Line
					l.Message = word
					if word[1] != '-' {
						l.Time = time.Unix(int64(word[1]-'0'), 0)
					}
					if !yield(l) {
						return
					}
				}
			}
		}
		var got []string
		for l := range mergeLines([]iter.Seq[input.Line]{source(test.a), source(test.b)}) {
			got = append(got, l.Message)
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%s: %q and %q: got %q, want %q", test.name, test.a, test.b, got, test.want)
		}
		// Not more than is wanted.
		for range mergeLines([]iter.Seq[input.Line]{source(test.a), source(test.b)}) {
			break
		}
	}
}

package follow

import (
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	for _, test := range []struct {
		text   string
		lines  int
		follow bool
		want   string
	}{
		{"", 10, true, ""},
		{"", 10, false, ""},
		{"a\nb\nc\n", 2, true, "b\nc\n"},
		{"a\nb\nc\n", 2, false, "b\nc\n"},
		{"a\nb\nc\n", 0, true, ""},
		{"a\nb\nc\n", 0, false, ""},
		{"a\nb\nc\n", 3, true, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, true, "a\nb\nc\n"},
		{"a\nb\nc\n", -1, true, "a\nb\nc\n"},
		{"a\nb\nc", 2, true, "a\nb\n"}, // the rest of c is yet to come
		{"a\nb\nc", 2, false, "b\nc"},
		{"a\nb\nc", -1, true, "a\nb\n"},
		{"a\nb\nc", -1, false, "a\nb\nc"},
		{"a", 1, true, ""},
		{"a", 1, false, "a"},
		{strings.Repeat("x", 200_000) + "\n" + strings.Repeat("y", 200_000) + "\n", 1, true, strings.Repeat("y", 200_000) + "\n"},
	} {
		begin, end, err := lastLines(strings.NewReader(test.text), int64(len(test.text)), test.lines, test.follow)
		if err != nil {
			t.Fatal(err)
		}
		if got := test.text[begin:end]; got != test.want {
			t.Errorf("last %d of %.20q, follow %t: got %.20q, want %.20q", test.lines, test.text, test.follow, got, test.want)
		}
	}
}

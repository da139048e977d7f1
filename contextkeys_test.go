package slogtrace

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// Tests take the keys that readers take for more than an attribute from package schema.
func TestContextNames(t *testing.T) {
	keys, _ := schema.Keys()
	var got [2][]string
	for key, field := range keys {
		if field < schema.Parent {
			got[0] = append(got[0], key)
		} else {
			got[1] = append(got[1], key)
		}
	}
	for i, want := range [][]string{contextNames, spanNames} {
		want = slices.Sorted(slices.Values(want))
		slices.Sort(got[i])
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("(-tests' +schema's):\n%s", diff)
		}
	}
}

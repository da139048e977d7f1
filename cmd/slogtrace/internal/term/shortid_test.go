package term

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestShortIDs compares it with a look at all pairs.
func TestShortIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		all := []string{"", "4bf92f35", "4bf92f3577", "ää4bf92ö35", "ää4bf92ö77"}
		for range r.IntN(40) {
			id := strings.Repeat("0", r.IntN(12))
			for range r.IntN(5) {
				id += string("01é"[r.IntN(3)])
			}
			all = append(all, id)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		own := slices.DeleteFunc(slices.Clone(all), func(string) bool { return r.IntN(3) == 0 })
		unordered := slices.Clone(all)
		r.Shuffle(len(all), func(i, j int) { unordered[i], unordered[j] = unordered[j], unordered[i] })
		short := ShortIDs(own, slices.Values(unordered))
		for _, id := range own {
			n := ShortestID
			for _, other := range all {
				if other != id {
					n = max(n, common(id, other)+1)
				}
			}
			if got, want := short(id), CutID(id, n); got != want {
				t.Errorf("%q of %q among %q: got %q, want %q", id, own, all, got, want)
			}
		}
	}
}

package term

import (
	"iter"
	"slices"
	"unicode/utf8"
)

// ShortestID is the least number of characters of a trace id to show.
const ShortestID = 8

// ShortIDs returns a function that shortens each of ids to its shortest beginning that no other id of all has, but not to
// less than ShortestID characters. The ids must be sorted.
func ShortIDs(ids []string, all iter.Seq[string]) func(id string) string {
	lengths := make([]int, len(ids))
	tell := func(i int, other string) {
		lengths[i] = max(lengths[i], common(ids[i], other)+1)
	}
	for id := range all {
		// The id that has most in common with another one is next to it.
		i, ok := slices.BinarySearch(ids, id)
		next := i
		if ok {
			next++
		}
		if i > 0 {
			tell(i-1, id)
		}
		if next < len(ids) {
			tell(next, id)
		}
	}
	return func(id string) string {
		n := len(id)
		if i, ok := slices.BinarySearch(ids, id); ok {
			n = max(ShortestID, lengths[i])
		}
		return CutID(id, n)
	}
}

// CutID returns the first n bytes of an id. It never cuts a rune.
func CutID(id string, n int) string {
	for n < len(id) && !utf8.RuneStart(id[n]) {
		n++
	}
	return id[:min(n, len(id))]
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

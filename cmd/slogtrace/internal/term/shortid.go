package term

import (
	"iter"
	"slices"
	"unicode/utf8"
)

// ShortestID is how many characters of a trace's id are shown at least.
const ShortestID = 8

// ShortIDs returns a function that shortens one of ids, which are in order: to its shortest beginning, of eight characters
// at least, that no other one of all has.
func ShortIDs(ids []string, all iter.Seq[string]) func(id string) string {
	lengths := make([]int, len(ids))
	tell := func(i int, other string) {
		lengths[i] = max(lengths[i], common(ids[i], other)+1)
	}
	for id := range all {
		// What has most in common with an id stands next to it.
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

// CutID returns the first n bytes of an id, and the rest of a rune that would be torn.
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

package slogtrace

import "slices"

// A recordKind decides which keys of a line are reserved.
type recordKind uint8

const (
	plainRecord recordKind = iota // nothing of ours in the context: no key; the bytes are slog's
	freeRecord                    // no ids to write: only the Format's names of slog's own members
	logRecord                     // in a trace: the keys of the ids too
	spanRecord                    // the schema's keys too, and slog's own, since only we wrote the message
	recordKinds = iota
)

// A keySet is a small set of strings.
// It finds quickly that a key is not in it: most keys differ in length, first or last byte.
type keySet struct {
	sums uint64 // a bit for each keyBit
	keys []string
}

var noKeys keySet

func newKeySet(lists ...[]string) keySet {
	var s keySet
	for _, keys := range lists {
		for _, k := range keys {
			s.sums |= keyBit(k)
			s.keys = append(s.keys, k)
		}
	}
	return s
}

func keyBit(key string) uint64 {
	n := len(key)
	if n == 0 {
		return 0
	}
	return 1 << ((uint(n)*5 + uint(key[0]) + uint(key[n-1])*3) & 63)
}

func (s *keySet) has(key string) bool {
	return s.sums&keyBit(key) != 0 && slices.Contains(s.keys, key)
}

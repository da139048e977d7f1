package slogtrace

import "slices"

// recordKind says which keys of a line are taken.
type recordKind uint8

const (
	plainRecord recordKind = iota // nothing of ours in the context: none, and the bytes are slog's
	freeRecord                    // no ids to write here: none but what the Format calls slog's own members
	logRecord                     // in a trace: the ids' too
	spanRecord                    // the schema's too, and slog's own, because nobody but us wrote the message
	recordKinds = iota
)

// A keySet is a small set of strings that is quick to say no: most keys differ already in length, first and last byte.
type keySet struct {
	sums uint64 // a bit for each sum of those
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

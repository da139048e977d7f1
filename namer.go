package slogtrace

import (
	"log/slog"
	"slices"
)

// A namer decides under which key each of the user's root attributes appears in a line.
// None appears under a key of ours, and two different keys never become one.
// A reserved key becomes attr.<key>, and so does a key that an earlier renaming has led to.
type namer struct {
	reserved *keySet
	keys     []string // the user's root keys so far, as the user wrote them
	moved    []move   // the keys that are written under another name
}

func (n *namer) name(key string) string {
	for _, m := range n.moved {
		if m.from == key {
			return m.to // the user's own duplicates stay duplicates
		}
	}
	if !n.mustMove(key) {
		n.keys = append(n.keys, key)
		return key
	}
	to := "attr." + key
	for n.mustMove(to) || slices.Contains(n.keys, to) {
		to = "attr." + to
	}
	n.moved = append(n.moved, move{key, to})
	return to
}

func (n *namer) mustMove(key string) bool {
	return n.reserved.has(key) || len(n.moved) > 0 && n.taken(key)
}

// taken reports whether a renaming has led to key.
func (n *namer) taken(key string) bool {
	return slices.ContainsFunc(n.moved, func(m move) bool { return m.to == key })
}

// mustRename reports whether any of attrs, root attributes, needs another key.
func (n *namer) mustRename(attrs []slog.Attr) bool {
	return slices.ContainsFunc(attrs, n.concerns)
}

// concerns reports whether a root attribute needs another key, or any attribute in it if it is an inline group.
func (n *namer) concerns(a slog.Attr) bool {
	if a.Key == "" && a.Value.Kind() == slog.KindGroup {
		return n.mustRename(a.Value.Group())
	}
	return n.mustMove(a.Key)
}

// rename returns attrs with each root attribute under its final key. It does not change attrs.
func (n *namer) rename(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		if a.Key == "" && a.Value.Kind() == slog.KindGroup {
			a.Value = slog.GroupValue(n.rename(a.Value.Group())...)
		} else if a.Key != "" {
			a.Key = n.name(a.Key)
		}
		out[i] = a
	}
	return out
}

type move struct{ from, to string }

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

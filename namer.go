package slogtrace

import (
	"log/slog"
	"slices"
)

// A namer decides under which key each of the user's root attributes stands in a line,
// so that none stands under a key of ours and two different ones never become one.
// A reserved key becomes attr.<key>; so does a key that such a renaming has taken.
type namer struct {
	reserved *keySet
	keys     []string // the user's root keys so far, as the user wrote them
	moved    []move   // those written under another key
}

func (n *namer) name(key string) string {
	for _, m := range n.moved {
		if m.from == key {
			return m.to // the user's own duplicate stays one
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

// mustRename reports whether any of attrs, at the root, needs another key.
func (n *namer) mustRename(attrs []slog.Attr) bool {
	return slices.ContainsFunc(attrs, n.concerns)
}

// concerns reports whether a root attribute, or one of those it is the inline group of, needs another key.
func (n *namer) concerns(a slog.Attr) bool {
	if a.Key == "" && a.Value.Kind() == slog.KindGroup {
		return n.mustRename(a.Value.Group())
	}
	return n.mustMove(a.Key)
}

// rename returns attrs with each root attribute under the key it is to have. It does not change attrs.
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

// escapeForStrangers returns the attributes of a span with reserved keys renamed as the default Format does.
func escapeForStrangers(attrs []slog.Attr) []slog.Attr {
	n := &namer{reserved: defaultFormat.reserved(spanRecord)}
	if !n.mustRename(attrs) {
		return attrs
	}
	out := n.rename(attrs)
	for i := range out {
		if out[i].Key != attrs[i].Key {
			u := userAttr(attrs[i])
			out[i].Value = slog.AnyValue(&u)
		}
	}
	return out
}

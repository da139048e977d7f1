package slogtrace

import (
	"log/slog"
)

// contextAttrs returns e's attributes, of With and the baggage, under the keys that they have in a line of kind k.
// None is under a key that the line or its readers need. One is left out if taken reports that the record or its logger
// uses the key. contextAttrs does not change e.attrs; in the common case it returns them unchanged.
func (f *format) contextAttrs(e *env, k recordKind, taken func(key string) bool) []slog.Attr {
	keys, own := e.keys.of(k), &f.own[max(k, logRecord)] // the ids' names even where there are no ids
	fine := func(i int) bool {
		key := e.attrs[i].Key
		return (keys == nil || keys[i] == key) && !own.has(key) && !taken(key)
	}
	n := 0
	for n < len(e.attrs) && fine(n) {
		n++
	}
	if n == len(e.attrs) {
		return e.attrs
	}
	out := make([]slog.Attr, n, len(e.attrs))
	copy(out, e.attrs)
	for i := n; i < len(e.attrs); i++ {
		a := e.attrs[i]
		if fine(i) {
			out = append(out, a)
			continue
		}
		known := ""
		if keys != nil && keys[i] != a.Key {
			known = keys[i]
		}
		// Look for another name. Stop if the user has an attribute under one of the names tried.
		for !taken(a.Key) {
			if len(known) == len("attr.")+len(a.Key) {
				a.Key = known // already made
			} else {
				a.Key = "attr." + a.Key
			}
			if !hasRootKey(e.attrs, a.Key) && !taken(a.Key) {
				out = append(out, a)
				break
			}
		}
	}
	return out
}

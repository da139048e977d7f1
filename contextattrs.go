package slogtrace

import (
	"log/slog"
)

// contextAttrs returns the attributes of With and the baggage under the keys that they have in a line of kind k:
// none that the line or its readers need, and not at all if taken says that the record or its logger uses the key.
// It does not change e's, and returns them as they are in the common case.
func (f *format) contextAttrs(e *env, k recordKind, taken func(key string) bool) []slog.Attr {
	keys, own := e.keys.of(k), &f.own[max(k, logRecord)] // the ids' even where there are none
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
		// Look for a name of its own, and give way wherever the user stands on the way there.
		for !taken(a.Key) {
			if len(known) == len("attr.")+len(a.Key) {
				a.Key = known // which need not be made again
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

package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// What a context says, by With or the baggage, comes from elsewhere in the program or from outside of it.
// So that it cannot pass for an id, a message or an error, it has no key in a line that any reader takes for one there,
// whatever the Format: such a key is written as attr.<key>.

// readerKeys are the keys that readers take for more than an attribute, readerObjects those of objects
// in which they look for such keys.
var readerKeys, readerObjects = schema.Keys()

// isRead reports whether keys has key for lines of kind k.
func isRead(keys map[string]schema.Field, key string, k recordKind) bool {
	f, ok := keys[key]
	return ok && (k == spanRecord || f < schema.Parent)
}

// forges reports whether a reader could take an attribute of a context for more than that.
func forges(a slog.Attr, k recordKind) bool {
	if isRead(readerKeys, a.Key, k) {
		return true
	}
	switch a.Value.Kind() {
	case slog.KindGroup, slog.KindLogValuer, slog.KindAny: // it is an object, or may turn out to be one
		return isRead(readerObjects, a.Key, k)
	}
	return false
}

// contextKeys are the keys that a context's attributes have in lines where no other attribute is in their way,
// each nil if all keep their own.
type contextKeys struct {
	log  []string // on log records, in a trace or not
	span []string
}

// newContextKeys returns nil where all of attrs keep their own keys.
func newContextKeys(attrs []slog.Attr) *contextKeys {
	span := keysOf(attrs, spanRecord) // which are no fewer
	if span == nil {
		return nil
	}
	return &contextKeys{log: keysOf(attrs, logRecord), span: span}
}

func keysOf(attrs []slog.Attr, k recordKind) []string {
	if !slices.ContainsFunc(attrs, func(a slog.Attr) bool { return forges(a, k) }) {
		return nil
	}
	keys := make([]string, len(attrs))
	for i, a := range attrs {
		keys[i] = a.Key
		for forged := forges(a, k); forged; forged = hasRootKey(attrs, keys[i]) {
			keys[i] = "attr." + keys[i]
		}
	}
	return keys
}

// of returns the keys in lines of kind k.
func (c *contextKeys) of(k recordKind) []string {
	switch {
	case c == nil:
		return nil
	case k == spanRecord:
		return c.span
	}
	return c.log
}

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

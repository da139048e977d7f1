package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// Attributes of a context, from With or the baggage, come from elsewhere in the program or from outside of it.
// They must not pass for an id, a message or an error. So if any reader would take their key for one in a line,
// whatever the Format, they are written as attr.<key>.

// contextKeys are the keys that a context's attributes have in lines where no other attribute is in their way.
// Each list is nil if all keys stay.
type contextKeys struct {
	log  []string // on log records, in a trace or not
	span []string
}

// newContextKeys returns nil if all of attrs keep their keys.
func newContextKeys(attrs []slog.Attr) *contextKeys {
	span := keysOf(attrs, spanRecord) // which has all that the keys for log records have
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

// forges reports whether a reader could take a, a context's attribute, for more than an attribute.
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

// isRead reports whether keys has key for lines of kind k.
func isRead(keys map[string]schema.Field, key string, k recordKind) bool {
	f, ok := keys[key]
	return ok && (k == spanRecord || f < schema.Parent)
}

// readerKeys are the keys that readers take for more than an attribute.
// readerObjects are the keys of objects in which readers look for such keys.
var readerKeys, readerObjects = schema.Keys()

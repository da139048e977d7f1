package slogtrace

import (
	"log/slog"
	"slices"

	"github.com/slogtrace/slogtrace/internal/schema"
)

// What a context says, by With or the baggage, comes from elsewhere in the program or from outside of it.
// So that it cannot pass for an id, a message or an error, it has no key in a line that any reader takes for one there,
// whatever the Format: such a key is written as attr.<key>.

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

// isRead reports whether keys has key for lines of kind k.
func isRead(keys map[string]schema.Field, key string, k recordKind) bool {
	f, ok := keys[key]
	return ok && (k == spanRecord || f < schema.Parent)
}

// readerKeys are the keys that readers take for more than an attribute, readerObjects those of objects
// in which they look for such keys.
var readerKeys, readerObjects = schema.Keys()

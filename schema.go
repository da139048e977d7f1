package slogtrace

import (
	"log/slog"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/redact"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A spanKind is the value of [KindServer] and the others.
// It has its own type, so that a user's attribute "kind" stays the user's.
type spanKind string

// The kinds of span: pass one to [Start] among the attributes. Without one a span is internal.
// A kind tells on which side of a message a span is, as OpenTelemetry's SpanKind does.
// In all other places kinds and links are ordinary attributes.
var (
	KindServer   = slog.Any("kind", spanKind("server"))
	KindClient   = slog.Any("kind", spanKind("client"))
	KindProducer = slog.Any("kind", spanKind("producer"))
	KindConsumer = slog.Any("kind", spanKind("consumer"))
)

// spanKinds are all kinds. A Span holds an index into them.
var spanKinds = [...]spanKind{"", "server", "client", "producer", "consumer"}

type link SpanContext

func (l link) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", l.TraceID.String()), slog.String("span", l.SpanID.String()))
}

// KeptByRedact makes a link a [redact.Kept].
func (link) KeptByRedact(redact.Ours) {}

// Link returns an attribute that links the span begun by [Start] to sc, a span that is related but is not its parent:
// the message that a batch began with, or the first try of a job. If sc is not valid, it adds nothing.
func Link(sc SpanContext) slog.Attr { return slog.Any("link", link(sc)) }

type event uint8

const (
	eventNone event = iota
	eventLog
	eventStart
	eventEnd
)

func (e event) message() string {
	if e == eventStart {
		return spanStartMessage
	}
	return spanEndMessage
}

func isSpanMessage(msg string) bool { return msg == spanEndMessage || msg == spanStartMessage }

// millis returns d in milliseconds, rounded to microseconds.
func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1000
}

const (
	spanStartMessage = "span start"
	spanEndMessage   = "span end"
)

// serviceKey is the schema's key of the program's name.
const serviceKey = "service"

// A recordKind decides which keys of a line are reserved.
type recordKind uint8

const (
	slogRecord     recordKind = iota // nothing of ours in the context: no key; the bytes are slog's
	untracedRecord                   // no ids to write: only the Format's names of slog's own members
	tracedRecord                     // in a trace: the keys of the ids too
	spanRecord                       // the schema's keys too, and slog's own, since only we wrote the message
	recordKinds    = iota
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
	return &contextKeys{log: keysOf(attrs, tracedRecord), span: span}
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

// A namer decides under which key each of the user's root attributes appears in a line.
// None appears under a key of ours, and two different keys never become one.
// A reserved key becomes attr.<key>, and so does a key that an earlier renaming has led to.
type namer struct {
	reserved *keySet
	kind     string   // the name of error.type, if a backend has its own; reserved has error.type then
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
	if key == errtype.Key && n.kind != "" {
		to = n.kind
	}
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

package slogtrace

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/initial"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// RedactOptions are options for [NewRedactHandler]. The zero value means the defaults.
type RedactOptions struct {
	// Keys are further names of keys whose values are replaced.
	// The name "customer email" matches customer_email, customerEmail and Customer-Email, and every key that contains these words.
	Keys []string

	// NoDefaults leaves out the default names.
	NoDefaults bool

	// Cards also replaces card numbers: in strings under any key, in the texts of errors, and in messages.
	// A card number has 13 to 19 digits, may have spaces or dashes between groups, and passes Luhn's test
	// (ISO/IEC 7812-1). One in ten of all numbers of that length passes it.
	Cards bool

	// Errors also replaces the values of named keys in the texts of errors, including that of a failed span:
	// what follows password= or token: there, and the password in a URL. It does the same in strings
	// under a key such as error or err. To replace such texts as a whole, add error and err to Keys.
	Errors bool

	// Replacement is written in place of a value. Empty means [redacted].
	Replacement string
}

// A RedactHandler passes records on to another handler, with the values of named keys replaced.
// Make one with [NewRedactHandler].
//
// The default names include authorization, cookie, password, passphrase, secret, token, api key, private key, credentials,
// session id, sid, csrf, dsn, database url, card number, cvv and pin. docs/redaction.md lists all.
// A key matches a name if it contains the name's words, in any case and with anything between them:
// X-Api-Key, apiKey, OPENAI_API_KEY and apikey all match api key.
// Words begin and end at characters that are not letters, and where the case changes. So tokens_used and passwordless do not match.
// A key that ends with a measure does not match either: token_count, password_length, cookie_type, secret_expires_at.
//
// Under the names auth, session, pass, tokens and a few more, only strings are replaced: auth=true and tokens=512 stay.
//
// The whole value of such a key is replaced, whatever its type. Keys are found:
//
//   - in the attributes of a record and of its logger, also in groups. If the name of a logger's group
//     matches ([slog.Logger.WithGroup]), the value of each attribute in it is replaced;
//   - in the value of a [slog.LogValuer]. It is resolved here;
//   - in maps, structs, slices and pointers, up to 100 levels deep. Struct fields match by their names in JSON
//     and in Go, a [encoding/json.Marshaler] by its JSON. The user's values are not changed. A value in which
//     something was replaced becomes the JSON that encoding/json would write of the rest, also in the lines of text handlers.
//     So does a struct whose unexported fields could contain a secret;
//   - in the attributes of [With] and the baggage, and in [Baggage], as inner handlers find them in the record's context;
//   - in the attributes of a span, and in its error if [RedactOptions] include errors, also in the result of [SpanOf];
//   - in a [net/url.URL]: named parameters and the password, in a copy;
//   - in a value with the members Name or Key, and Value, such as a cookie: Value is replaced if the name matches;
//   - in a [Secret] where its methods are not called.
//
// Not inspected are the text of messages (except for [RedactOptions].Cards), the names of spans, keys, the contents of strings
// (even JSON), the output of String and Format methods, and the ids and other schema keys of a span, except its error and stack.
// A RedactHandler cannot see what outer handlers have already written, what an inner handler adds,
// or what an inner handler finds in a context other than the record's.
//
// A record in which nothing is replaced is passed on unchanged.
// Make a RedactHandler the outermost handler, so that no other handler sees a secret. It works in any other place too.
//
// It is safe for concurrent use.
type RedactHandler struct {
	redactor redactor
	next     slog.Handler
	asked    slog.Handler  // its Enabled is called: next, or the handler that next would ask
	hides    redact.Hiding // by the names of the open groups

	// Next by its own type. Through an interface, each record would be copied once more or moved to the heap.
	json     *JSONHandler // next, if it is one
	ordinary *JSONHandler // next, if it is one and can tell that a record has nothing to replace
	handler  *Handler     // likewise
}

// NewRedactHandler returns a [RedactHandler] that passes records on to next.
// Nil options mean the defaults; they are copied. It panics if next is nil.
// If next is slog's initial handler, text is written in its place: see [NewHandler].
func NewRedactHandler(next slog.Handler, opts *RedactOptions) *RedactHandler {
	if next == nil {
		panic("slogtrace: NewRedactHandler: want a handler, got nil")
	}
	next = initial.Replace(next)
	if opts == nil {
		opts = new(RedactOptions)
	}
	// The handlers derived from next reserve the same keys. A span's record has all that any record may have reserved.
	reserved := func(key string) bool { return reserves(next, key) }
	return (&RedactHandler{redactor: newRedactor(opts, reserved)}).with(next)
}

// with returns h with another next handler.
func (h *RedactHandler) with(next slog.Handler) *RedactHandler {
	h2 := *h
	h2.next = next
	h2.json, _ = next.(*JSONHandler)
	h2.ordinary = h2.json
	h2.handler, _ = next.(*Handler)
	if h2.asked = next; h2.handler != nil {
		h2.asked = h2.handler.inner
	}
	if h.hides != redact.Shown || h.redactor.InspectsStrings() {
		h2.ordinary, h2.handler = nil, nil // strings matter too
	}
	return &h2
}

// Enabled reports what the next handler's Enabled reports.
func (h *RedactHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.json != nil {
		return h.json.Enabled(ctx, level)
	}
	return h.asked.Enabled(ctx, level)
}

// WithAttrs returns a handler that adds attrs, without secrets, to every record.
func (h *RedactHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	attrs, _ = h.attrs(attrs)
	return h.with(h.next.WithAttrs(attrs))
}

// WithGroup returns a handler that puts later attributes into a group. If name is the name of a secret,
// their values are replaced.
func (h *RedactHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.hides = max(h.hides, h.redactor.Hides(name))
	return h2.with(h.next.WithGroup(name))
}

// Handle passes r on without secrets. It returns the next handler's error.
func (h *RedactHandler) Handle(ctx context.Context, r slog.Record) error {
	c := currentOf(ctx)
	if h.ordinary != nil {
		if err, ok := h.ordinary.handleOrdinary(&c, &r, h.redactor.Redactor); ok {
			return err
		}
	}
	if h.handler != nil {
		if next := h.handler.nextRedacted(&c, &r, h.redactor.Redactor); next != nil {
			return next.Handle(ctx, r) // from here, as r is copied but once
		}
	}
	return h.handleAny(ctx, &c, r)
}

// handleAny is Handle for any record.
func (h *RedactHandler) handleAny(ctx context.Context, c *current, r slog.Record) error {
	if h.passesRecord(&r) && h.redactor.passesEnv(c.env) {
		return h.next.Handle(ctx, r)
	}
	var mem [maxInlineAttrs]slog.Attr
	if attrs, changed := h.attrs(appendRecord(mem[:0], &r)); changed {
		setRecordAttrs(&r, attrs)
	}
	r.Message = h.redactor.Message(r.Message)
	return h.next.Handle(h.redactor.context(ctx, c), r)
}

func (h *RedactHandler) self() slog.Handler       { return h }
func (h *RedactHandler) readsMarks() bool         { return readsMarks(h.next) }
func (h *RedactHandler) reserves(key string) bool { return reserves(h.next, key) }

// handleReport passes r on if there is nothing to replace in it.
func (h *RedactHandler) handleReport(r spanReport, x *redact.Redactor) (err error, ok bool) {
	s := r.span
	if x != nil || h.hides != redact.Shown || (len(s.env.attrs) > 0 || s.env.bag != nil) && !h.redactor.passesEnv(s.env) || h.redactor.InspectsErrors() && s.is(failed) {
		return nil, false
	}
	switch {
	case h.ordinary != nil:
		err, ok = h.ordinary.handleReport(r, h.redactor.Redactor)
	case h.handler != nil:
		err, ok = h.handler.handleReport(r, h.redactor.Redactor)
	}
	if ok {
		return err, true
	}
	if !h.redactor.Passes(s.attrs) {
		return nil, false
	}
	return r.pass(h.next), true
}

func (h *RedactHandler) passesRecord(r *slog.Record) bool {
	if h.hides != redact.Shown || h.redactor.InspectsMessages() {
		return false
	}
	return h.redactor.PassesRecord(r)
}

// attrs returns attributes of a record or a logger without secrets, and whether that changed any. It does not change attrs.
func (h *RedactHandler) attrs(attrs []slog.Attr) (_ []slog.Attr, changed bool) {
	return redact.EachAttr(attrs, func(a slog.Attr) (slog.Attr, bool) {
		switch {
		case isMark(a):
			return h.mark(a)
		case h.hides != redact.Shown:
			return h.redactor.Hide(a, h.hides)
		}
		return h.redactor.Attr(a)
	})
}

// mark returns attributes of ours without secrets. Where it is the record of a span, they become those of its copy.
func (h *RedactHandler) mark(a slog.Attr) (_ slog.Attr, changed bool) {
	var m *mark
	var group []slog.Attr
	if a.Value.Kind() == slog.KindGroup {
		group = a.Value.Group()
		m = group[0].Value.Any().(*mark)
	} else if m, _ = a.Value.Any().(*mark); m == nil {
		s, e, _ := markOf(a) // from a Tracer, for a handler of ours
		clean := h.redactor.span(s)
		return slog.Attr{Value: markFor(h.readsMarks(), clean, e)}, clean != s
	}
	kind, clean := tracedRecord, m.span
	if m.span != nil {
		kind, clean = spanRecord, h.redactor.span(m.span)
	}
	if clean != m.span && m.format == nil {
		return slog.Attr{Value: strangersGroup(clean, m.event)}, true
	}
	var first slog.Attr
	if group != nil {
		f := m.format
		if f == nil {
			f = defaultFormat
		}
		one := func(a slog.Attr) (slog.Attr, bool) {
			if !f.reserved(kind).has(a.Key) {
				return h.redactor.Attr(a)
			}
			if text, ok := replacedText(m.span, clean, a.Value); ok {
				return slog.String(a.Key, text), true
			}
			return a, false
		}
		var c bool
		first, changed = one(slog.Attr{Key: group[0].Key, Value: m.value})
		group, c = redact.EachAttr(group[1:], one)
		changed = changed || c
	}
	if !changed && clean == m.span {
		return a, false
	}
	m = &mark{value: m.value, format: m.format, span: clean, event: m.event}
	if group == nil {
		return slog.Attr{Value: slog.AnyValue(m)}, true
	}
	return slog.Attr{Value: markedGroup(append([]slog.Attr{first}, group...), m)}, true
}

// replacedText returns what became in clean, the copy of s, of what v says: the error or the stack of s.
func replacedText(s, clean *Span, v slog.Value) (_ string, ok bool) {
	if s == clean || !clean.is(ended) || v.Kind() != slog.KindString {
		return "", false
	}
	r, r2 := s.rare.Load(), clean.rare.Load()
	switch {
	case r == nil:
	case r.err != nil && v.String() == errtype.Text(r.err):
		return errtype.Text(r2.err), true
	case r.stack != "" && v.String() == r.stack:
		return r2.stack, true
	}
	return "", false
}

// redactedText replaces hidden text.
const redactedText = "[redacted]"

// A Secret is a string that prints as [redacted]: in logs, with every verb of package fmt, as JSON and as text.
// The conversion string(s) returns its contents and is easy to search for.
// It is read like any string, from JSON for example.
//
//	type Config struct {
//		User     string
//		Password slogtrace.Secret
//	}
//
// These do not call its methods, so they show the string itself:
//
//   - the verbs %p and %w of package fmt, which are wrong for a string ("go vet" reports them);
//   - a struct's unexported fields, and their contents, printed by package fmt;
//   - the keys of maps in encoding/json;
//   - encoding/gob, and package reflect;
//   - database/sql, where it is an argument like any string, and the conversion string(s).
//
// In the records of a [NewRedactHandler], unexported fields, map keys and reflect.Values are replaced too.
type Secret string

var (
	_ slog.LogValuer = Secret("")
	_ fmt.Formatter  = Secret("")
	_ fmt.GoStringer = Secret("")
)

// LogValue returns [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redactedText) }

// String returns [redacted].
func (Secret) String() string { return redactedText }

// GoString returns [redacted].
func (Secret) GoString() string { return redactedText }

// Format prints [redacted], whatever the verb and its flags.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// MarshalJSON returns "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }

// MarshalText returns [redacted].
func (Secret) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

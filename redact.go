package slogtrace

import (
	"context"
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// RedactOptions are options for [NewRedactHandler]. The zero value means the defaults.
type RedactOptions struct {
	// Keys are names of keys whose values are replaced, besides the default ones.
	// "customer email" stands for customer_email, customerEmail and Customer-Email, and for each key with these words in it.
	Keys []string

	// NoDefaults leaves out the default names.
	NoDefaults bool

	// Cards replaces card numbers too: in strings, whatever their keys, in the texts of errors, and in messages.
	// A card number is 13 to 19 digits, perhaps in groups with spaces or dashes between, that pass Luhn's test
	// (ISO/IEC 7812-1), as one in ten of all numbers of that length does.
	Cards bool

	// Errors replaces the values of named keys in the texts of errors too, that of a failed span among them:
	// what follows password= or token: there, and the password in a URL. So it does in strings
	// under a key such as error or err. To replace such texts as a whole, have error and err among Keys.
	Errors bool

	// Replacement is what is written instead. Empty means [redacted].
	Replacement string
}

// A RedactHandler passes records on to another handler, with the values of named keys replaced.
// Make one with [NewRedactHandler].
//
// By default the names are authorization, cookie, password, passphrase, secret, token, api key, private key, credentials,
// session id, sid, csrf, dsn, database url, card number, cvv, pin and more of their kind: docs/redaction.md.
// A key has such a name in it if the name is one or more of the key's words, whatever their case and whatever is between them:
// X-Api-Key, apiKey, OPENAI_API_KEY and apikey.
// Words begin and end where letters do, and where the case changes. So tokens_used and passwordless have none,
// and neither has a key that ends with a measure: token_count, password_length, cookie_type, secret_expires_at.
//
// Under the names auth, session, pass, tokens and a few more only strings are replaced, so that auth=true and tokens=512 stay.
//
// Replaced is the whole value of such a key, whatever it is, wherever it stands:
//
//   - among the attributes of a record and those of its logger, also in groups. In a group of the logger
//     that has such a name ([slog.Logger.WithGroup]) it is the value of each attribute;
//   - in what a [slog.LogValuer] says; it is resolved here;
//   - in maps, structs, slices and pointers, in any depth up to 100. The fields of a struct are known by their names in JSON
//     and in Go. A [encoding/json.Marshaler] is known by its JSON. Nothing of the user's is changed: a value in which
//     something was replaced, and a struct whose unexported fields could hold it, becomes the JSON that encoding/json
//     makes of it otherwise, in the lines of text handlers too;
//   - among the attributes of [With] and the baggage, and in [Baggage], as handlers further in find them in the record's context;
//   - among the attributes of a span, and in its error if [RedactOptions] say so, also in what [SpanOf] says;
//   - in a [net/url.URL]: named parameters and the password, in a copy;
//   - in what has a Name, or a Key, and a Value, such as a cookie: the value, if the name is such a name;
//   - a [Secret], where its methods are not asked.
//
// Not inspected: the text of messages (except for [RedactOptions].Cards), the names of spans, keys, the contents of strings
// (even JSON), the output of String and Format methods, what outer handlers have written already,
// and what an inner handler adds itself or finds in another context than the record's.
//
// A record in which nothing is replaced is passed on unchanged. The ids and the other keys of a span's schema
// are never replaced, except its error and stack.
// Make it the outermost handler, so that no other handler sees a secret. It works in any other place too.
//
// It is safe for concurrent use.
type RedactHandler struct {
	redactor redactor
	next     slog.Handler
	asked    slog.Handler  // for a level: next, or whom next would ask
	json     *JSONHandler  // next, if it is one
	ordinary *JSONHandler  // it too, if it can see by itself that there is nothing to replace in a record
	handler  *Handler      // next, likewise
	hides    redact.Hiding // what the names of the open groups say
}

// NewRedactHandler returns a [RedactHandler] that passes records on to next.
// Nil options mean the defaults; they are copied. It panics if next is nil.
// Like [NewHandler], it does not pass records on to the handler that package slog begins with, but writes in its place.
func NewRedactHandler(next slog.Handler, opts *RedactOptions) *RedactHandler {
	if next == nil {
		panic("slogtrace: NewRedactHandler: want a handler, got nil")
	}
	next = notInitial(next)
	if opts == nil {
		opts = new(RedactOptions)
	}
	var reserved func(key string) bool
	switch next := next.(type) { // its own children have the same Format; a span's record has all that may be reserved
	case *JSONHandler:
		reserved = next.format.reserved(spanRecord).has
	case *Handler:
		reserved = next.format.reserved(spanRecord).has
	}
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
	if h.hides != redact.Shown || h.redactor.ReadsStrings() {
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

func (h *RedactHandler) readsMarks() bool { return readsMarks(h.next) }

// handleReport passes r on if there is nothing to replace in it.
func (h *RedactHandler) handleReport(r spanReport, x *redact.Redactor) (err error, ok bool) {
	s := r.span
	if x != nil || h.hides != redact.Shown || (len(s.env.attrs) > 0 || s.env.bag != nil) && !h.redactor.passesEnv(s.env) || h.redactor.MindsErrors() && s.is(failed) {
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
	if h.hides != redact.Shown || h.redactor.ReadsMessages() {
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
	kind, clean := logRecord, m.span
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

package slogtrace

import (
	"log/slog"

	"github.com/slogtrace/slogtrace/internal/errtype"
)

// strangersGroup returns the schema's attributes for s's record under the default names, and the context's attributes.
func strangersGroup(s *Span, e event) slog.Value {
	c := current{span: s, env: s.env}
	attrs := appendSpanAttrs(nil, defaultFormat, s, e, s.Op(), s.texts())
	if len(c.attrs()) > 0 {
		written := escapeForStrangers(s.attrs)
		attrs = append(attrs, defaultFormat.contextAttrs(c.env, spanRecord, func(key string) bool {
			return hasRootKey(s.attrs, key) || hasRootKey(written, key)
		})...)
	}
	return markedGroup(attrs, &mark{span: s, event: e})
}

// appendIDs appends the attributes that every record under c carries. texts are c's.
func appendIDs(attrs []slog.Attr, f *format, c *current, texts spanTexts, op string) []slog.Attr {
	if f.form == prefixForm {
		return attrs
	}
	attrs = append(attrs, f.always...)
	attrs = append(attrs, slog.String(f.Trace, f.traceText(texts.trace())), slog.String(f.Span, f.spanText(texts.span())))
	if f.form == ecsForm && c.isEntry() {
		attrs = append(attrs, slog.String(transactionKey, texts.span()))
	}
	if op != "" {
		attrs = append(attrs, slog.String(f.Op, op))
	}
	if f.Flags != "" {
		attrs = append(attrs, slog.Attr{Key: f.Flags, Value: f.flagsValue(c.flags())})
	}
	return attrs
}

// appendSpanAttrs appends the schema's attributes for a record of s.
func appendSpanAttrs(attrs []slog.Attr, f *format, s *Span, e event, op string, texts spanTexts) []slog.Attr {
	attrs = appendIDs(attrs, f, &current{span: s}, texts, op)
	return appendRareSchema(appendSchema(attrs, f, s, e, texts), f, s, e)
}

// appendSchema appends the attributes that most spans have besides the ids. The start is text, because each handler
// writes a time in its own way, and few write nanoseconds.
func appendSchema(attrs []slog.Attr, f *format, s *Span, e event, texts spanTexts) []slog.Attr {
	if s.parentID.IsValid() {
		attrs = append(attrs, slog.String(f.Parent, f.spanText(texts.parent())))
	}
	if s.kind != 0 {
		attrs = append(attrs, slog.String(f.Kind, string(spanKinds[s.kind])))
	}
	if e == eventEnd {
		if f.form != honeycombForm {
			attrs = append(attrs, slog.String(f.Start, texts.start()))
		}
		if f.nanoseconds() {
			attrs = append(attrs, slog.Int64(f.Duration, int64(s.duration)))
		} else {
			attrs = append(attrs, slog.Float64(f.Duration, millis(s.duration)))
		}
	}
	return attrs
}

// hasRareSchema reports whether appendRareSchema may have something to append.
func (s *Span) hasRareSchema() bool {
	return s.rare.Load() != nil || s.env.rate != 0 || s.flags&FlagSampled == 0
}

// appendRareSchema appends the other attributes of the schema.
func appendRareSchema(attrs []slog.Attr, f *format, s *Span, e event) []slog.Attr {
	if r := s.rare.Load(); r != nil {
		if e == eventEnd && s.is(failed) {
			if f.failed != "" {
				attrs = append(attrs, slog.Bool(f.failed, true))
			}
			attrs = append(attrs, slog.String(f.Error, errtype.Text(r.err)))
		}
		if e == eventEnd && r.stack != "" {
			attrs = append(attrs, slog.String(f.Stack, r.stack))
		}
		if len(r.links) > 0 {
			links := make([]linkValue, len(r.links))
			for i, l := range r.links {
				links[i] = newLinkValue(f, l)
			}
			attrs = append(attrs, slog.Any(f.Links, links))
		}
		if r.waited {
			attrs = append(attrs, slog.Float64(f.Queued, millis(r.queued)))
		}
	}
	if s.env.rate != 0 {
		attrs = append(attrs, slog.Float64(f.SampleRate, s.env.rate))
	}
	if s.flags&FlagSampled == 0 {
		attrs = append(attrs, slog.Bool(f.Sampled, false))
	}
	return attrs
}

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

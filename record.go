package slogtrace

import (
	"log/slog"
	"time"

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

// escapeForStrangers returns a span's attributes with reserved keys renamed as by the default Format.
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

// A linkValue is a link as written in a record.
type linkValue struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

func newLinkValue(f *format, sc SpanContext) linkValue { // sc must be valid
	return linkValue{f.traceText(sc.TraceID.String()), f.spanText(sc.SpanID.String())}
}

func (v linkValue) String() string { return v.Trace + "/" + v.Span }

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
		if r.external {
			attrs = append(attrs, slog.String(f.ParentKind, externalParent))
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
	keys, own := e.keys.of(k), &f.own[max(k, tracedRecord)] // the ids' names even where there are no ids
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

// The first attribute of a span record for a handler of ours has an empty key and one of these values:
// the span itself. The handler writes the schema from it, in its Format. Other handlers get a marked group: see markFor.
type (
	startMark Span
	endMark   Span
)

// LogValue returns the schema's attributes under the default names, in case the mark reaches another handler.
func (m *startMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventStart) }

// LogValue is that of startMark.
func (m *endMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventEnd) }

func (*startMark) unresolved() {}
func (*endMark) unresolved()   {}
func (*mark) unresolved()      {}

// markFor returns the value of the first attribute of a span record. marked reports whether the handler reads marks.
// If it does not, the value is a group with a mark inside. It is not a LogValuer that resolves to a group:
// not every handler that inlines groups without a name does so then.
func markFor(marked bool, s *Span, e event) slog.Value {
	if !marked {
		return strangersGroup(s, e)
	}
	if e == eventStart {
		return slog.AnyValue((*startMark)(s))
	}
	return slog.AnyValue((*endMark)(s))
}

// A mark replaces the first value in the inline group of attributes that our handlers add to a record
// or bind to another handler. An inner handler of ours recognises it and adds nothing.
// It is inside the group and not in place of it, so that the group is an ordinary one to all other handlers.
type mark struct {
	value  slog.Value // the first value of the group
	format *format    // of our handler that made the group, in its names; nil if none did
	span   *Span      // of a span record; otherwise nil
	event  event
}

func (m *mark) LogValue() slog.Value { return m.value }

// markedGroup returns attrs as an inline group with the mark m, and sets m.value. attrs must not be empty. It changes attrs.
func markedGroup(attrs []slog.Attr, m *mark) slog.Value {
	m.value = attrs[0].Value
	attrs[0].Value = slog.AnyValue(m)
	return slog.GroupValue(attrs...)
}

// unwrittenMark returns an attribute that is not written but lets SpanOf find the record's span.
// It is for records whose mark was bound to the handler, in f's names, because of an open group.
func unwrittenMark(f *format, s *Span, e event) slog.Attr {
	return slog.Attr{Value: slog.AnyValue(&mark{format: f, span: s, event: e})}
}

// markOf returns what is known from a, whose key must be empty. The event is eventNone if a is not ours.
// s is the span of a span record. claimed reports whether a handler of ours has written it in its Format.
func markOf(a slog.Attr) (s *Span, e event, claimed bool) {
	switch a.Value.Kind() {
	case slog.KindLogValuer:
		switch m := a.Value.Any().(type) {
		case *endMark:
			return (*Span)(m), eventEnd, false
		case *startMark:
			return (*Span)(m), eventStart, false
		case *mark:
			return m.span, m.event, m.format != nil
		}
	case slog.KindGroup:
		if g := a.Value.Group(); len(g) > 0 && g[0].Value.Kind() == slog.KindLogValuer {
			if m, ok := g[0].Value.Any().(*mark); ok {
				return m.span, m.event, m.format != nil
			}
		}
	}
	return nil, eventNone, false
}

// isMark reports whether a is a mark or holds attributes of ours.
func isMark(a slog.Attr) bool {
	if a.Key != "" {
		return false
	}
	_, e, _ := markOf(a)
	return e != eventNone
}

// SpanInfo is the content of a span record, for handlers that do more with it than write a line.
type SpanInfo struct {
	SpanContext
	Parent     SpanID // zero on a root
	ParentKind string // "external": the parent is another tracing system's span, which need not be in the log; else ""
	Op         string
	Kind       string // server, client, producer, consumer; "" is internal
	Start      time.Time
	Duration   time.Duration // zero unless Ended
	Err        error         // nil unless the span failed
	Stack      string        // of a panic, on the innermost span
	Links      []SpanContext // do not change it
	Queued     time.Duration // how long the work waited; valid if HasQueued
	HasQueued  bool
	SampleRate float64 // 1 if every trace is sampled
	Ended      bool    // false in a record "span start"
}

// SpanOf reports whether r is a span record, and returns its content.
// r's first attribute holds the schema's attributes. All others are the span's own.
// The first one has an empty key. To read it yourself, resolve its value to a group, and then the values in that group.
// SpanOf recognises only records made in this process. To read lines back, use package tracelog.
func SpanOf(r slog.Record) (SpanInfo, bool) {
	span, e := spanOf(&r)
	if span == nil {
		return SpanInfo{}, false
	}
	return span.info(e), true
}

func spanOf(r *slog.Record) (span *Span, e event) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "" {
			span, e, _ = markOf(a)
		}
		return span == nil
	})
	return span, e
}

func (s *Span) info(e event) SpanInfo {
	info := SpanInfo{
		SpanContext: s.SpanContext(),
		Parent:      s.parentID,
		Op:          s.Op(),
		Kind:        string(spanKinds[s.kind]),
		Start:       s.start,
		SampleRate:  1,
		Ended:       e == eventEnd,
	}
	if s.env.rate != 0 {
		info.SampleRate = s.env.rate
	}
	if !info.Ended {
		info.Op = s.op // as in the record, even if the span was renamed later
	}
	if r := s.rare.Load(); r != nil {
		info.Links, info.Queued, info.HasQueued = r.links, r.queued, r.waited
		if r.external {
			info.ParentKind = externalParent
		}
		if info.Ended {
			info.Err, info.Stack = r.err, r.stack
		}
	}
	if info.Ended {
		info.Duration = s.duration
	}
	return info
}

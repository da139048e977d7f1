package slogtrace

import (
	"fmt"
	"log/slog"
	"time"
)

// A kind is the value of [KindServer] and its like: a type of its own, so that a user's attribute "kind" stays the user's.
type kind string

// The kinds of span, to be passed to [Start] among the attributes. Without one a span is internal.
// They say on which side of a message a span is, after OpenTelemetry's SpanKind.
// Anywhere but in the call of Start they are ordinary attributes, and so are links.
var (
	KindServer   = slog.Any("kind", kinds[1])
	KindClient   = slog.Any("kind", kinds[2])
	KindProducer = slog.Any("kind", kinds[3])
	KindConsumer = slog.Any("kind", kinds[4])
)

// kinds are all of them. A Span holds the place of its own.
var kinds = [...]kind{"", "server", "client", "producer", "consumer"}

type link SpanContext

func (l link) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", l.TraceID.String()), slog.String("span", l.SpanID.String()))
}

// Link returns an attribute that tells [Start] of a span which the new one has to do with although it is not its child:
// the message that a batch began with, the first try of a job. A sc that is not valid adds nothing.
func Link(sc SpanContext) slog.Attr { return slog.Any("link", link(sc)) }

// A linkValue is a link as it stands in a record.
type linkValue struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

func newLinkValue(f *format, sc SpanContext) linkValue { // which is valid
	return linkValue{f.traceText(sc.TraceID.String()), f.spanText(sc.SpanID.String())}
}

func (v linkValue) String() string { return v.Trace + "/" + v.Span }

// SpanInfo is what a span record says, for handlers that do something else with it than write a line.
type SpanInfo struct {
	SpanContext
	Parent     SpanID // zero on a root
	Op         string
	Kind       string // server, client, producer, consumer; "" is internal
	Start      time.Time
	Duration   time.Duration // zero unless Ended
	Err        error         // nil unless the span failed
	Stack      string        // of a panic, on the innermost span
	Links      []SpanContext // not to be changed
	Queued     time.Duration // how long the work waited; valid if HasQueued
	HasQueued  bool
	SampleRate float64 // 1 where every trace is sampled
	Ended      bool    // false in a record "span start"
}

// SpanOf reports whether r is a span record, and what it says.
// The span's attributes are r's own, save the first, which stands for the schema's.
// That one has an empty key: to read it yourself, resolve its value, which is a group then, and those in it.
// It recognises records of this process only: lines that were read back are package tracelog's.
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
		Kind:        string(kinds[s.kind]),
		Start:       s.start,
		SampleRate:  1,
		Ended:       e == eventEnd,
	}
	if s.env.rate != 0 {
		info.SampleRate = s.env.rate
	}
	if !info.Ended {
		info.Op = s.op // as the record says, even if the span was renamed since
	}
	if r := s.rare.Load(); r != nil {
		info.Links, info.Queued, info.HasQueued = r.links, r.queued, r.waited
		if info.Ended {
			info.Err, info.Stack = r.err, r.stack
		}
	}
	if info.Ended {
		info.Duration = s.duration
	}
	return info
}

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

// The first attribute of a span record for one of our own handlers has an empty key and one of these values:
// the span itself. They write the schema from it, by their Format. Others get a marked group: see markFor.
type (
	startMark Span
	endMark   Span
)

// LogValue returns the schema's attributes by the default names, should one of these go astray.
func (m *startMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventStart) }

// LogValue is that of startMark.
func (m *endMark) LogValue() slog.Value { return strangersGroup((*Span)(m), eventEnd) }

// markFor returns the value of the first attribute of a span record for a handler that reads marks, or not.
// One that does not gets a group at once, marked inside: not every handler that inlines groups
// without a name thinks of a LogValuer that turns out to be one.
func markFor(marked bool, s *Span, e event) slog.Value {
	if !marked {
		return strangersGroup(s, e)
	}
	if e == eventStart {
		return slog.AnyValue((*startMark)(s))
	}
	return slog.AnyValue((*endMark)(s))
}

// A mark stands for the first value in the inline group of attributes that our handlers add to a record,
// or bind to a handler, of somebody else's. A handler of ours further in recognises it and adds nothing.
// It is inside the group, not instead of it, so that the group is an ordinary one to everybody else.
type mark struct {
	value  slog.Value // the first one
	format *format    // of the handler of ours that made the group, by its names; nil if it was none
	span   *Span      // of a span record, else nil
	event  event
}

func (m *mark) LogValue() slog.Value { return m.value }

// markedGroup returns attrs, of which there must be one at least, as an inline group with the mark m, which it completes.
// It changes attrs.
func markedGroup(attrs []slog.Attr, m *mark) slog.Value {
	m.value = attrs[0].Value
	attrs[0].Value = slog.AnyValue(m)
	return slog.GroupValue(attrs...)
}

// ghost returns an attribute that is not written, but lets SpanOf see what the record is of,
// although the mark was bound to the handler, by f's names, because of a group.
func ghost(f *format, s *Span, e event) slog.Attr {
	return slog.Attr{Value: slog.AnyValue(&mark{format: f, span: s, event: e})}
}

// markOf returns what a, whose key is empty, stands for: eventNone if it is not ours,
// else the span, if it is of a span record, and whether a handler of ours has written it by its Format.
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

// isMark reports whether a is attributes of ours.
func isMark(a slog.Attr) bool {
	if a.Key != "" {
		return false
	}
	_, e, _ := markOf(a)
	return e != eventNone
}

func isSpanMessage(msg string) bool { return msg == spanEndMessage || msg == spanStartMessage }

// strangersGroup returns what a span record says by the default names, the context's attributes among it.
func strangersGroup(s *Span, e event) slog.Value {
	c := current{span: s, env: s.env}
	attrs := appendSpanAttrs(nil, defaultFormat, s, e, s.Op(), s.text())
	if len(c.attrs()) > 0 {
		written := escapeForStrangers(s.attrs)
		attrs = append(attrs, defaultFormat.contextAttrs(c.env, spanRecord, func(key string) bool {
			return hasRootKey(s.attrs, key) || hasRootKey(written, key)
		})...)
	}
	return markedGroup(attrs, &mark{span: s, event: e})
}

// appendIDs appends the attributes that every record under c carries.
// text begins with the ids, so that they need no memory of their own.
func appendIDs(attrs []slog.Attr, f *format, c *current, text, op string) []slog.Attr {
	if f.form == prefixForm {
		return attrs
	}
	attrs = append(attrs, f.always...)
	attrs = append(attrs, slog.String(f.Trace, f.traceText(text)), slog.String(f.Span, f.spanText(text[32:])))
	if f.form == ecsForm && c.isEntry() {
		attrs = append(attrs, slog.String(transactionKey, text[32:48]))
	}
	if op != "" {
		attrs = append(attrs, slog.String(f.Op, op))
	}
	if f.Flags != "" {
		attrs = append(attrs, slog.Attr{Key: f.Flags, Value: f.flagsValue(c.flags())})
	}
	return attrs
}

// appendSpanAttrs appends what a record of s itself says.
func appendSpanAttrs(attrs []slog.Attr, f *format, s *Span, e event, op, text string) []slog.Attr {
	attrs = appendIDs(attrs, f, &current{span: s}, text, op)
	return appendRareSchema(appendSchema(attrs, f, s, e, text), f, s, e)
}

// text returns the texts of s in one string: ids, parent, start. None of them changes,
// so that what a Handler made for the first line serves the span's end too.
func (s *Span) text() string {
	if b := s.bound.latest.Load(); b != nil {
		return b.text
	}
	var mem [48 + 16 + 40]byte
	b := append(mem[:0], s.ids[:]...)
	b = appendHex(b, s.parentID[:])
	return string(appendNow(b, s.start, true))
}

// appendSchema appends what most spans say beyond the ids. The start is text: handlers write a time each in their own way,
// and few with nanoseconds.
func appendSchema(attrs []slog.Attr, f *format, s *Span, e event, text string) []slog.Attr {
	if s.parentID.IsValid() {
		attrs = append(attrs, slog.String(f.Parent, f.spanText(text[48:])))
	}
	if s.kind != 0 {
		attrs = append(attrs, slog.String(f.Kind, string(kinds[s.kind])))
	}
	if e == eventEnd {
		if f.form != honeycombForm {
			attrs = append(attrs, slog.String(f.Start, text[64+1:len(text)-1])) // without the quotes
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

// appendRareSchema appends the rest.
func appendRareSchema(attrs []slog.Attr, f *format, s *Span, e event) []slog.Attr {
	if r := s.rare.Load(); r != nil {
		if e == eventEnd && s.is(failed) {
			if f.failed != "" {
				attrs = append(attrs, slog.Bool(f.failed, true))
			}
			attrs = append(attrs, slog.String(f.Error, errorText(r.err)))
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

// millis returns d in milliseconds, rounded to microseconds.
func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)/time.Microsecond) / 1000
}

// errorText returns err's message, and says so where there is none to be had.
func errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return err.Error()
}

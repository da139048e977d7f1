package slogtrace

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// A JSONHandler is a [slog.Handler] that writes each record as one line of JSON, with the ids of the record's context.
// It is a drop-in replacement for [slog.JSONHandler]:
// if nothing of this package is in the context, its output is the same, byte for byte.
//
// In a span, slog's own members come first, then the ids, the attributes of [With], the baggage, and the attributes
// of the logger and the record:
//
//	{"time":…,"level":"INFO","msg":"paid","trace":"4bf9…","span":"00f0…","op":"charge","user":7,"amount":12}
//
// The ids appear at the root, exactly once, whatever groups are open. They pass through ReplaceAttr like any attribute.
// A root attribute of the user's under the key of an id is written as attr.<key>.
// On a span's own record this holds for every key of the schema.
//
// "The same" refers to the slog of the Go version and the GOEXPERIMENT that the program is built with.
// For example, since Go 1.27 slog writes invalid UTF-8 as U+FFFD itself and no longer as an escape.
//
// In a span every line is valid JSON. Outside of spans, a JSONHandler has the defects of slog.JSONHandler:
// if all members of a group are dropped, the comma behind it is missing, and before Go 1.27 a year above 9999
// gives two values.
type JSONHandler struct {
	naming
	out    *output
	opts   slog.HandlerOptions
	logger [recordKinds]*loggerJSON // the attributes and groups bound, for each kind of record; often all are one
}

type output struct {
	mu sync.Mutex
	w  io.Writer
}

// NewJSONHandler returns a [JSONHandler] that writes to w. It calls Write once per record, never concurrently.
// opts are copied. Nil means the defaults.
func NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	return newJSONHandler(w, opts, defaultFormat)
}

func newJSONHandler(w io.Writer, opts *slog.HandlerOptions, f *format) *JSONHandler {
	h := &JSONHandler{naming: naming{format: f}, out: &output{w: w}}
	if opts != nil {
		h.opts = *opts
	}
	none := new(loggerJSON)
	for k := range h.logger {
		h.logger[k] = none
	}
	return h
}

// Enabled reports whether the handler handles records at the given level.
func (h *JSONHandler) Enabled(_ context.Context, level slog.Level) bool {
	least := slog.LevelInfo
	if h.opts.Level != nil {
		least = h.opts.Level.Level()
	}
	return level >= least
}

// WithAttrs returns a handler that adds attrs to every record.
func (h *JSONHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if isNothing(attrs) {
		return h
	}
	h2 := *h
	attrs = h2.takeAttrs(attrs)
	plain, defect := h.logger[slogRecord].withAttrs(attrs, h.opts.ReplaceAttr, false)
	h2.logger[slogRecord] = plain
	for k := untracedRecord; k < recordKinds; k++ {
		named, renamed := h.nameAttrs(&h2.naming, k, attrs)
		if h.logger[k] == h.logger[slogRecord] && !renamed && !defect {
			h2.logger[k] = plain
		} else {
			h2.logger[k], _ = h.logger[k].withAttrs(named, h.opts.ReplaceAttr, true)
		}
	}
	return &h2
}

// WithGroup returns a handler that puts later attributes into a group.
func (h *JSONHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.takeGroup(name)
	plain := h.logger[slogRecord].withGroup(name)
	h2.logger[slogRecord] = plain
	for k := untracedRecord; k < recordKinds; k++ {
		named := h.nameGroup(&h2.naming, k, name)
		if h.logger[k] == h.logger[slogRecord] && named == name {
			h2.logger[k] = plain
		} else {
			h2.logger[k] = h.logger[k].withGroup(named)
		}
	}
	return &h2
}

// A scratch is the memory of one call of Handle. Later calls reuse it.
type scratch struct {
	buf     []byte
	groups  []string
	decimal decimalIDs
}

var scratches = sync.Pool{New: func() any {
	return &scratch{buf: make([]byte, 0, 1024), groups: make([]string, 0, 8)}
}}

// Handle writes r as one line. It returns the writer's error.
func (h *JSONHandler) Handle(ctx context.Context, r slog.Record) error {
	mem := scratches.Get().(*scratch)
	c := currentOf(ctx)
	b := h.recordLine(mem, &c, &r)
	err := h.out.write(b)
	mem.free(b)
	return err
}

// recordLine returns the line of r, made in mem.
func (h *JSONHandler) recordLine(mem *scratch, c *current, r *slog.Record) []byte {
	b, ok := h.appendOrdinary(mem, c, r, nil)
	if !ok {
		b = h.appendLine(mem, c, r)
	}
	return b
}

// lineOf is recordLine for a [lineHandler].
func (h *JSONHandler) lineOf(mem *scratch, c current, r slog.Record) []byte {
	return h.recordLine(mem, &c, &r)
}

// handleOrdinary is Handle for an ordinary record with context c. For other records, and if x may have something to replace,
// it writes nothing and reports false.
func (h *JSONHandler) handleOrdinary(c *current, r *slog.Record, x *redact.Redactor) (_ error, ok bool) {
	mem := scratches.Get().(*scratch)
	b, ok := h.appendOrdinary(mem, c, r, x)
	var err error
	if ok {
		err = h.out.write(b)
	}
	mem.free(b)
	return err, ok
}

// free returns mem to the pool, with b, which was made of mem.buf.
func (mem *scratch) free(b []byte) {
	if cap(b) <= jsontext.MaxPooled {
		mem.buf = b
		scratches.Put(mem)
	}
}

// appendOrdinary returns the line of an ordinary record: one with no key to rename, no ReplaceAttr and no AddSource.
// It reports false if r is not ordinary, or if x is not nil and may have something to replace in it.
// It is the fast path of appendLine. It checks r while it writes the line, and calls no code of the user's
// before it knows that r is ordinary.
func (h *JSONHandler) appendOrdinary(mem *scratch, c *current, r *slog.Record, x *redact.Redactor) (b []byte, ok bool) {
	b = mem.buf[:0]
	if h.opts.ReplaceAttr != nil || h.opts.AddSource {
		return b, false
	}
	kind := h.format.outside
	if c.env != nil {
		if kind = h.kindOf(c); !h.plainNames(c.env, kind) {
			return b, false
		}
	} else if isSpanMessage(r.Message) || kind != slogRecord && !h.plainNames(&noEnv, kind) {
		return b, false
	}
	reserved := &noKeys // for the attributes at the root
	if h.groups == 0 {
		reserved = h.format.reserved(kind)
	}

	b = h.format.appendHead(b, r.Time, r.Level, kind != slogRecord)
	b = jsontext.AppendInside(b, r.Message)
	if kind == tracedRecord {
		b = h.format.appendIDs(b, c, &mem.decimal)
	} else if b = append(b, '"'); h.format.alwaysJSON != "" {
		b = append(b, h.format.alwaysJSON...)
	}
	text := h.logger[kind]
	sep := true // a comma is due before the next key
	if len(text.json) > 0 {
		b = append(append(b, ','), text.json...)
		sep = text.json[len(text.json)-1] != '{'
	}
	start := len(b)
	for _, name := range text.groups[text.opened:] {
		b = append(appendKey(b, sep, name), '{')
		sep = false
	}
	known := kind == slogRecord // whether r is known to be ordinary
	seen, some := 0, false
	ok = true
	r.Attrs(func(a slog.Attr) bool {
		seen++
		switch {
		case x != nil && x.IsPlainWord(a.Key): // not reserved either
		case !known && (a.Key == "" || reserved.has(a.Key)), x != nil && len(a.Key) >= x.MinKey() && !x.PassesAttr(&a):
			ok = false
			return false
		}
		switch k := a.Value.Kind(); k {
		case slog.KindString:
			b = jsontext.AppendString(appendKey(b, sep, a.Key), a.Value.String())
		case slog.KindInt64:
			b = jsontext.AppendInt(appendKey(b, sep, a.Key), a.Value.Int64())
		case slog.KindBool:
			b = strconv.AppendBool(appendKey(b, sep, a.Key), a.Value.Bool())
		case slog.KindDuration:
			b = jsontext.AppendInt(appendKey(b, sep, a.Key), int64(a.Value.Duration()))
		case slog.KindUint64:
			b = jsontext.AppendUint(appendKey(b, sep, a.Key), a.Value.Uint64())
		case slog.KindFloat64:
			b = jsontext.AppendFloat(appendKey(b, sep, a.Key), a.Value.Float64())
		case slog.KindTime:
			b = jsontext.AppendTime(appendKey(b, sep, a.Key), a.Value.Time(), kind != slogRecord)
		default:
			if x != nil && !x.PassesAttr(&a) {
				ok = false
				return false
			}
			if known = known || seen == r.NumAttrs() || hasKeys(r, reserved); !known {
				ok = false
				return false
			}
			if k == slog.KindAny {
				if err, isError := jsontext.PlainError(a.Value.Any()); isError {
					b = jsontext.AppendError(appendKey(b, sep, a.Key), err)
					break
				}
			}
			l := line{buf: b, sep: sep, valid: kind != slogRecord}
			some = l.anyAttr(a, k) || some
			b, sep = l.buf, l.sep
			return true
		}
		sep, some = true, true
		return true
	})
	if !some {
		return appendClosing(b[:start], text.opened), ok
	}
	return appendClosing(b, len(text.groups)), ok
}

func (h *JSONHandler) self() slog.Handler { return h }
func (h *JSONHandler) readsMarks() bool   { return true }

// handleReport writes the line of r without making a slog.Record.
func (h *JSONHandler) handleReport(r spanReport, x *redact.Redactor) (_ error, ok bool) {
	if !h.hasSpanLine(r.span, x) {
		return nil, false
	}
	mem := scratches.Get().(*scratch)
	b := h.spanLine(mem, &r)
	err := h.out.write(b)
	mem.free(b)
	return err, true
}

// hasSpanLine reports whether spanLine can write s's own record. It cannot if x is not nil and may have something to replace.
func (h *JSONHandler) hasSpanLine(s *Span, x *redact.Redactor) bool {
	return h.opts.ReplaceAttr == nil && !h.opts.AddSource && h.isOrdinarySpan(s, x)
}

// spanLineOf returns the line of any r, made in mem.
func (h *JSONHandler) spanLineOf(mem *scratch, r spanReport) []byte {
	if h.hasSpanLine(r.span, nil) {
		return h.spanLine(mem, &r)
	}
	rec := r.record(true)
	c := current{span: r.span, env: r.span.env}
	return h.recordLine(mem, &c, &rec)
}

// spanLine returns the line of r, made in mem.
func (h *JSONHandler) spanLine(mem *scratch, r *spanReport) []byte {
	f, b, s, e := h.format, mem.buf[:0], r.span, r.event
	at := f.spanTime(e, s.start, r.at)
	if c := f.second(at); c != nil && e == eventEnd && r.level == slog.LevelInfo {
		b = append(c.appendTime(b, at), c.end...)
	} else {
		b = append(append(f.appendHead(b, at, r.level, true), e.message()...), f.traceJSON...)
	}
	b = f.appendIDTexts(b, &current{span: s}, &mem.decimal)
	l := line{buf: b, sep: true, valid: true}
	l.schema(f, s, e, &mem.decimal)
	text := h.logger[spanRecord]
	l.logger(text)
	start, opened := len(l.buf), text.opened
	if len(s.attrs) > 0 {
		l.openGroups(text.groups[opened:])
		if l.attrs(s.attrs) {
			opened = len(text.groups)
		} else {
			l.buf = l.buf[:start]
		}
	}
	return appendClosing(l.buf, opened)
}

// appendLine returns the line of any record, made in mem.
func (h *JSONHandler) appendLine(mem *scratch, c *current, r *slog.Record) []byte {
	l := line{buf: mem.buf[:0], rep: h.opts.ReplaceAttr}
	var in contents
	var attrs [maxInlineAttrs]slog.Attr
	ours := c.env != nil || isSpanMessage(r.Message) || h.format.outside != slogRecord
	if ours {
		if in.kind = h.kindOf(c); len(c.attrs()) > 0 || !h.isOrdinary(r, in.kind) {
			in = h.inspect(c, r, attrs[:0])
		}
		l.valid = in.kind != slogRecord
	}
	at := r.Time
	if in.event != eventNone {
		at = h.format.spanTime(in.event, c.span.start, at)
	}
	l.builtins(h.format, r, at, h.opts.AddSource)
	var ctxAttrs []slog.Attr   // the context's attributes that were written
	ctxEnd, ctxSep := 0, false // where they end in l.buf, and l.sep there
	if ours {
		if l.rep != nil {
			l.enter(mem.groups[:0], nil)
		}
		switch {
		case in.kind >= tracedRecord:
			l.ids(h.format, c, &mem.decimal)
		case !in.marked:
			l.attrs(h.format.always)
		}
		if in.event != eventNone {
			l.schema(h.format, c.span, in.event, &mem.decimal)
		}
		if len(c.attrs()) > 0 && !in.marked {
			ctxAttrs = h.contextAttrs(c, &in, false)
			l.attrs(ctxAttrs)
			ctxEnd, ctxSep = len(l.buf), l.sep
		}
	}

	text := h.logger[in.kind]
	l.logger(text)
	opened := text.opened
	n := r.NumAttrs()
	if in.changed {
		n = len(in.attrs)
	}
	if n > 0 {
		if l.rep != nil {
			l.enter(mem.groups[:0], text)
		}
		start := len(l.buf)
		l.openGroups(text.groups[text.opened:])
		opened = len(text.groups)
		var some bool
		if in.changed {
			some = l.attrs(in.attrs)
		} else {
			some = l.record(r)
		}
		if !some {
			l.buf = l.buf[:start]
			opened = text.opened
			if ctxEnd > 0 && len(ctxAttrs) < len(c.attrs()) {
				// An attribute of the context may have given way to a group that is not written after all.
				in.attrs = nil
				l.buf, l.sep = l.buf[:ctxEnd], ctxSep
				if l.rep != nil {
					l.enter(mem.groups[:0], nil)
				}
				for _, a := range h.contextAttrs(c, &in, false) {
					if !hasRootKey(ctxAttrs, a.Key) {
						l.attr(a)
					}
				}
				l.logger(text)
			}
		}
	}
	return appendClosing(l.buf, opened)
}

func (h *JSONHandler) output() *output { return h.out }

func (o *output) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.w.Write(b)
	return err
}

// NewJSONHandler is the function [NewJSONHandler] with the names and forms of f.
//
// ReplaceAttr, if set, gets slog's own members under slog's names. Those that keep their name are then written
// under f's name and in f's form. It gets all other members under f's names.
// If f renames a member of slog's, it does so outside a trace too, and a user's root attribute
// under the new name becomes attr.<key>.
func (f Format) NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	return newJSONHandler(w, opts, f.compile(true))
}

package slogtrace

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
)

// A JSONHandler is a [slog.Handler] that writes each record as one line of JSON, with the ids of the record's context.
// It is a drop-in replacement for [slog.JSONHandler]:
// with nothing of this package in the context its output is the same to the byte.
//
// In a span the ids follow slog's own members, then the attributes of [With], the baggage, and those of the logger and the record:
//
//	{"time":…,"level":"INFO","msg":"paid","trace":"4bf9…","span":"00f0…","op":"charge","user":7,"amount":12}
//
// The ids stand at the root whatever groups are open, exactly once. They pass through ReplaceAttr like any attribute.
// A root attribute of the user's under the key of an id is written as attr.<key>; on a span's own record,
// that holds for every key of the schema.
//
// "The same" means the slog of the Go version, and of the GOEXPERIMENT, that the program is built with. Since Go 1.27, for example,
// slog writes invalid UTF-8 as U+FFFD itself and no longer as an escape.
//
// In a span a line is always valid JSON. Outside of one, slog.JSONHandler's defects are kept with the rest:
// a group whose members are all dropped swallows the comma behind it, and before Go 1.27 a year above 9999 leaves two values.
type JSONHandler struct {
	naming
	out    *output
	opts   slog.HandlerOptions
	chains [recordKinds]*chain // what With and WithGroup made, for each kind of record: often all three are one
}

type output struct {
	mu sync.Mutex
	w  io.Writer
}

// A chain is the attributes and groups of a logger, formatted. It is immutable.
type chain struct {
	text   []byte
	groups []string
	opened int // how many of groups are opened in text
}

// NewJSONHandler returns a [JSONHandler] that writes to w, one Write per record, serialized.
// Nil options mean the defaults; they are copied.
func NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	return newJSONHandler(w, opts, defaultFormat)
}

func newJSONHandler(w io.Writer, opts *slog.HandlerOptions, f *format) *JSONHandler {
	h := &JSONHandler{naming: naming{format: f}, out: &output{w: w}}
	if opts != nil {
		h.opts = *opts
	}
	none := new(chain)
	for k := range h.chains {
		h.chains[k] = none
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

// WithAttrs returns a handler whose records carry attrs too.
func (h *JSONHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if isNothing(attrs) {
		return h
	}
	h2 := *h
	attrs = h2.takeAttrs(attrs)
	plain, defect := h.chains[plainRecord].withAttrs(attrs, h.opts.ReplaceAttr, false)
	h2.chains[plainRecord] = plain
	for k := freeRecord; k < recordKinds; k++ {
		named, renamed := h.nameAttrs(&h2.naming, k, attrs)
		if h.chains[k] == h.chains[plainRecord] && !renamed && !defect {
			h2.chains[k] = plain
		} else {
			h2.chains[k], _ = h.chains[k].withAttrs(named, h.opts.ReplaceAttr, true)
		}
	}
	return &h2
}

// WithGroup returns a handler whose further attributes are members of a group.
func (h *JSONHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.takeGroup(name)
	plain := h.chains[plainRecord].withGroup(name)
	h2.chains[plainRecord] = plain
	for k := freeRecord; k < recordKinds; k++ {
		named := h.nameGroup(&h2.naming, k, name)
		if h.chains[k] == h.chains[plainRecord] && named == name {
			h2.chains[k] = plain
		} else {
			h2.chains[k] = h.chains[k].withGroup(named)
		}
	}
	return &h2
}

func (c *chain) withGroup(name string) *chain {
	c2 := *c
	c2.groups = append(slices.Clip(c.groups), name)
	return &c2
}

// withAttrs returns c with attrs. defect reports that slog would have swallowed a comma; valid says not to.
func (c *chain) withAttrs(attrs []slog.Attr, rep replacer, valid bool) (_ *chain, defect bool) {
	c2 := *c
	l := line{buf: slices.Clip(c.text), rep: rep, valid: valid}
	l.resume(c.text)
	if rep != nil {
		l.enter(make([]string, 0, 8), c)
	}
	start := len(l.buf)
	l.openGroups(c.groups[c.opened:])
	if l.attrs(attrs) {
		c2.text = l.buf
		c2.opened = len(c.groups)
	} else {
		c2.text = l.buf[:start]
	}
	return &c2, l.defect
}

// scratch is the memory of one call of Handle, used again by later ones.
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

// handleOrdinary is Handle for a record such as most are, whose context says c. It reports false for others, and where x has something to replace.
func (h *JSONHandler) handleOrdinary(c *current, r *slog.Record, x *redactor) (_ error, ok bool) {
	mem := scratches.Get().(*scratch)
	b, ok := h.appendOrdinary(mem, c, r, x)
	var err error
	if ok {
		err = h.out.write(b)
	}
	mem.free(b)
	return err, ok
}

// free gives mem back, with b, the memory that was made of mem.buf.
func (mem *scratch) free(b []byte) {
	if cap(b) <= maxPooled {
		mem.buf = b
		scratches.Put(mem)
	}
}

// appendOrdinary returns the line of a record such as most are: with nothing to rename, to replace or to ask of anybody.
// It reports false where r is none. It is appendLine with all that left out which such a record does not need,
// and finds out whether it is one while it writes; code of the user's is not called before that is known.
// A record in which x, if it is not nil, may have something to replace is not ordinary either.
func (h *JSONHandler) appendOrdinary(mem *scratch, c *current, r *slog.Record, x *redactor) (b []byte, ok bool) {
	b = mem.buf[:0]
	if h.opts.ReplaceAttr != nil || h.opts.AddSource {
		return b, false
	}
	kind := h.format.outside
	if c.env != nil {
		if kind = h.kindOf(c); !h.plainNames(c.env, kind) {
			return b, false
		}
	} else if isSpanMessage(r.Message) || kind != plainRecord && !h.plainNames(&noEnv, kind) {
		return b, false
	}
	reserved := &noKeys // of the attributes at the root
	if h.groups == 0 {
		reserved = h.format.reserved(kind)
	}

	b = h.format.appendHead(b, r.Time, r.Level, kind != plainRecord)
	b = appendInside(b, r.Message)
	if kind == logRecord {
		b = h.format.appendIDs(b, c, &mem.decimal)
	} else if b = append(b, '"'); h.format.alwaysJSON != "" {
		b = append(b, h.format.alwaysJSON...)
	}
	ch := h.chains[kind]
	sep := true // a comma is due before the next key
	if len(ch.text) > 0 {
		b = append(append(b, ','), ch.text...)
		sep = ch.text[len(ch.text)-1] != '{'
	}
	start := len(b)
	for _, name := range ch.groups[ch.opened:] {
		b = append(appendKey(b, sep, name), '{')
		sep = false
	}
	known := kind == plainRecord // to be ordinary
	seen, some := 0, false
	ok = true
	r.Attrs(func(a slog.Attr) bool {
		seen++
		switch {
		case x != nil && x.keys.isPlainWord(a.Key): // nor reserved
		case !known && (a.Key == "" || reserved.has(a.Key)), x != nil && len(a.Key) >= x.keys.min && !x.passesAttr(&a):
			ok = false
			return false
		}
		switch k := a.Value.Kind(); k {
		case slog.KindString:
			b = appendString(appendKey(b, sep, a.Key), a.Value.String())
		case slog.KindInt64:
			b = appendInt(appendKey(b, sep, a.Key), a.Value.Int64())
		case slog.KindBool:
			b = strconv.AppendBool(appendKey(b, sep, a.Key), a.Value.Bool())
		case slog.KindDuration:
			b = appendInt(appendKey(b, sep, a.Key), int64(a.Value.Duration()))
		case slog.KindUint64:
			b = appendUint(appendKey(b, sep, a.Key), a.Value.Uint64())
		case slog.KindFloat64:
			b = appendFloat(appendKey(b, sep, a.Key), a.Value.Float64())
		case slog.KindTime:
			b = appendTime(appendKey(b, sep, a.Key), a.Value.Time(), kind != plainRecord)
		default:
			if x != nil && !x.passesAttr(&a) {
				ok = false
				return false
			}
			if known = known || seen == r.NumAttrs() || hasKeys(r, reserved); !known {
				ok = false
				return false
			}
			if k == slog.KindAny {
				if err, isError := plainError(a.Value.Any()); isError {
					b = appendError(appendKey(b, sep, a.Key), err)
					break
				}
			}
			l := line{buf: b, sep: sep, valid: kind != plainRecord}
			some = l.anyAttr(a, k) || some
			b, sep = l.buf, l.sep
			return true
		}
		sep, some = true, true
		return true
	})
	if !some {
		return appendClosing(b[:start], ch.opened), ok
	}
	return appendClosing(b, len(ch.groups)), ok
}

func (h *JSONHandler) readsMarks() bool { return true }

// handleReport writes the line of r without making a record.
func (h *JSONHandler) handleReport(r spanReport, x *redactor) (_ error, ok bool) {
	if !h.hasSpanLine(r.span, x) {
		return nil, false
	}
	mem := scratches.Get().(*scratch)
	b := h.spanLine(mem, &r)
	err := h.out.write(b)
	mem.free(b)
	return err, true
}

// hasSpanLine reports whether spanLine knows how to write s's own record, in which x, if it is not nil, has nothing to replace.
func (h *JSONHandler) hasSpanLine(s *Span, x *redactor) bool {
	return h.opts.ReplaceAttr == nil && !h.opts.AddSource && h.ordinarySpan(s, x)
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
	ch := h.chains[spanRecord]
	l.chain(ch)
	start, opened := len(l.buf), ch.opened
	if len(s.attrs) > 0 {
		l.openGroups(ch.groups[opened:])
		if l.attrs(s.attrs) {
			opened = len(ch.groups)
		} else {
			l.buf = l.buf[:start]
		}
	}
	return appendClosing(l.buf, opened)
}

// appendClosing ends a line in which so many groups are open.
func appendClosing(b []byte, groups int) []byte {
	for range groups {
		b = append(b, '}')
	}
	return append(b, '}', '\n')
}

// appendLine returns the line of any record, made in mem.
func (h *JSONHandler) appendLine(mem *scratch, c *current, r *slog.Record) []byte {
	l := line{buf: mem.buf[:0], rep: h.opts.ReplaceAttr}
	var in contents
	var attrs [maxInlineAttrs]slog.Attr
	ours := c.env != nil || isSpanMessage(r.Message) || h.format.outside != plainRecord
	if ours {
		if in.kind = h.kindOf(c); len(c.attrs()) > 0 || !h.ordinary(r, in.kind) {
			in = h.inspect(c, r, attrs[:0])
		}
		l.valid = in.kind != plainRecord
	}
	at := r.Time
	if in.event != eventNone {
		at = h.format.spanTime(in.event, c.span.start, at)
	}
	l.builtins(h.format, r, at, h.opts.AddSource)
	var with []slog.Attr         // those of the context that were written
	withEnd, withSep := 0, false // where they end, and whether a comma is due there
	if ours {
		if l.rep != nil {
			l.enter(mem.groups[:0], nil)
		}
		switch {
		case in.kind >= logRecord:
			l.ids(h.format, c, &mem.decimal)
		case !in.marked:
			l.attrs(h.format.always)
		}
		if in.event != eventNone {
			l.schema(h.format, c.span, in.event, &mem.decimal)
		}
		if len(c.attrs()) > 0 && !in.marked {
			with = h.contextAttrs(c, &in, false)
			l.attrs(with)
			withEnd, withSep = len(l.buf), l.sep
		}
	}

	ch := h.chains[in.kind]
	l.chain(ch)
	opened := ch.opened
	n := r.NumAttrs()
	if in.changed {
		n = len(in.attrs)
	}
	if n > 0 {
		if l.rep != nil {
			l.enter(mem.groups[:0], ch)
		}
		start := len(l.buf)
		l.openGroups(ch.groups[ch.opened:])
		opened = len(ch.groups)
		var some bool
		if in.changed {
			some = l.attrs(in.attrs)
		} else {
			some = l.record(r)
		}
		if !some {
			l.buf = l.buf[:start]
			opened = ch.opened
			if withEnd > 0 && len(with) < len(c.attrs()) {
				// Perhaps an attribute of the context gave way to a group that is not written after all.
				in.attrs = nil
				l.buf, l.sep = l.buf[:withEnd], withSep
				if l.rep != nil {
					l.enter(mem.groups[:0], nil)
				}
				for _, a := range h.contextAttrs(c, &in, false) {
					if !hasRootKey(with, a.Key) {
						l.attr(a)
					}
				}
				l.chain(ch)
			}
		}
	}
	return appendClosing(l.buf, opened)
}

func (o *output) write(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.w.Write(b)
	return err
}

// NewJSONHandler is the function [NewJSONHandler] with f's names and forms.
//
// ReplaceAttr, if there is one, is told of slog's own members under slog's names,
// and what it leaves under them is written as f has it. Of all others it is told under f's names.
// Where f renames one of slog's own members, that is so outside a trace too, and the user's root attributes
// under the new name become attr.<key>.
func (f Format) NewJSONHandler(w io.Writer, opts *slog.HandlerOptions) *JSONHandler {
	return newJSONHandler(w, opts, f.compile(true))
}

package slogtrace

import (
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

type replacer = func(groups []string, a slog.Attr) slog.Attr

// A line is a line of JSON being written. It takes its steps in the order of slog.JSONHandler,
// since users see what ReplaceAttr is called with, and how often.
type line struct {
	buf      []byte
	sep      bool // a comma is due before the next key
	valid    bool // write valid JSON even where slog does not
	defect   bool // slog would have written invalid JSON
	rep      replacer
	groups   []string // the open groups, for rep
	inGroups bool     // groups is kept up to date; not for slog's own members
}

// logger writes the attributes and groups of a logger.
func (l *line) logger(c *loggerJSON) {
	if len(c.json) > 0 {
		l.comma()
		l.buf = append(l.buf, c.json...)
		l.resume(c.json)
	}
}

// resume sets sep after text, a logger's json, was written.
func (l *line) resume(text []byte) {
	l.sep = len(text) > 0 && text[len(text)-1] != '{'
}

// enter begins the attributes that are not slog's own. From here on rep gets the open groups,
// at first those that c's json opened. c may be nil. mem is memory for the groups.
func (l *line) enter(mem []string, c *loggerJSON) {
	l.groups = mem
	if c != nil {
		l.groups = append(mem, c.groups[:c.opened]...)
	}
	l.inGroups = true
}

func (l *line) comma() {
	if l.sep {
		l.buf = append(l.buf, ',')
	}
}

func (l *line) key(key string) {
	l.buf = appendKey(l.buf, l.sep, key)
	l.sep = true
}

// appendKey appends the key of a member, with a comma before it if sep.
func appendKey(b []byte, sep bool, key string) []byte {
	if sep {
		b = append(b, ',')
	}
	return append(jsontext.AppendInside(append(b, '"'), key), '"', ':')
}

func (l *line) openGroups(names []string) {
	for _, name := range names {
		l.openGroup(name)
	}
}

func (l *line) openGroup(name string) {
	l.key(name)
	l.buf = append(l.buf, '{')
	l.sep = false
	if l.inGroups {
		l.groups = append(l.groups, name)
	}
}

func (l *line) closeGroup() {
	l.buf = append(l.buf, '}')
	l.sep = true
	if l.inGroups {
		l.groups = l.groups[:len(l.groups)-1]
	}
}

// builtins begins the line and writes slog's own members.
func (l *line) builtins(f *format, r *slog.Record, at time.Time, addSource bool) {
	if l.rep == nil {
		l.buf = f.appendHead(l.buf, at, r.Level, l.valid)
		l.buf = l.buf[:len(l.buf)-len(f.messageJSON)]
		l.sep = true
	} else {
		l.buf = append(l.buf, '{')
		if !at.IsZero() {
			l.builtin(f, slog.Time(slog.TimeKey, at.Round(0))) // without the monotonic clock, as slog does
		}
		l.builtin(f, slog.Any(slog.LevelKey, r.Level))
	}
	if addSource {
		src := r.Source()
		if src == nil {
			src = &slog.Source{}
		}
		l.builtin(f, slog.Any(slog.SourceKey, src))
	}
	l.builtin(f, slog.String(slog.MessageKey, r.Message))
}

// builtin writes one of slog's own members. ReplaceAttr gets it under slog's name.
// If it keeps that name, the member is written in the form that f sets.
func (l *line) builtin(f *format, a slog.Attr) {
	name := a.Key
	if l.rep != nil {
		a = l.rep(nil, a)
		a.Value = a.Value.Resolve()
	}
	if a.Key == name {
		a = f.builtin(a)
	}
	l.finalAttr(a, a.Value.Kind())
}

// ids writes the ids of c. c must be in a trace.
func (l *line) ids(f *format, c *current, last *decimalIDs) {
	if l.rep != nil {
		var mem [6]slog.Attr
		l.attrs(appendIDs(mem[:0], f, c, spanTexts(c.ids()[:]), c.op()))
		return
	}
	l.buf = f.appendIDs(l.buf[:len(l.buf)-1], c, last)
}

// appendIDs appends the ids of c as members behind the text of the message. c must be in a trace.
// The first byte is the quote that ends the message.
func (f *format) appendIDs(b []byte, c *current, last *decimalIDs) []byte {
	return f.appendIDTexts(append(b, f.traceJSON...), c, last)
}

// appendIDTexts is appendIDs without traceJSON, which is already written.
func (f *format) appendIDTexts(b []byte, c *current, last *decimalIDs) []byte {
	ids := c.ids()
	b = f.appendTrace(b, ids.TraceText())
	b = append(b, f.spanJSON...)
	if f.form == datadogForm {
		b = last.append(b, (*[16]byte)(ids[32:]))
	} else {
		b = append(b, ids.SpanText()...)
	}
	if f.form == ecsForm && c.isEntry() {
		b = append(append(b, `","`+transactionKey+`":"`...), ids.SpanText()...)
	}
	if op := c.op(); op != "" {
		b = jsontext.AppendInside(append(b, f.opJSON...), op)
	}
	if f.Flags != "" {
		return append(b, f.flagsJSON[c.flags()&15]...)
	}
	return append(b, '"')
}

// schema writes what a span record of s has besides the ids.
func (l *line) schema(f *format, s *Span, e event, last *decimalIDs) {
	if l.rep != nil {
		var mem [8]slog.Attr
		l.attrs(appendRareSchema(appendSchema(mem[:0], f, s, e, s.texts()), f, s, e))
		return
	}
	// Members that nearly every span has, written without making attributes of them.
	b := l.buf
	if s.parentID.IsValid() {
		if b = append(b, f.parentJSON...); f.form == datadogForm {
			var hex [16]byte
			w3c.AppendHex(hex[:0], s.parentID[:])
			b = last.append(b, &hex)
		} else {
			b = w3c.AppendHex(b, s.parentID[:])
		}
		b = append(b, '"')
	}
	if s.kind != 0 {
		b = append(b, f.kindJSON[s.kind]...)
	}
	if e == eventEnd {
		if f.form != honeycombForm {
			b = append(b, f.startJSON...)
			b = jsontext.AppendNow(b, s.start, l.valid)
		}
		b = append(b, f.durationJSON...)
		if f.nanoseconds() {
			b = jsontext.AppendInt(b, int64(s.duration))
		} else {
			b = jsontext.AppendMillis(b, s.duration)
		}
	}
	l.buf = b
	if s.hasRareSchema() {
		l.rareSchema(f, s, e)
	}
}

// rareSchema is a function of its own because its memory would otherwise be cleared for every span.
func (l *line) rareSchema(f *format, s *Span, e event) {
	var mem [8]slog.Attr
	l.attrs(appendRareSchema(mem[:0], f, s, e))
}

// attrs writes attributes and reports whether any was not empty.
func (l *line) attrs(attrs []slog.Attr) bool {
	some := false
	for _, a := range attrs {
		if l.attr(a) {
			some = true
		}
	}
	return some
}

// record writes the attributes of r and reports whether any was not empty.
func (l *line) record(r *slog.Record) bool {
	some := false
	r.Attrs(func(a slog.Attr) bool {
		if l.attr(a) {
			some = true
		}
		return true
	})
	return some
}

// attr writes an attribute and reports whether it was not empty.
func (l *line) attr(a slog.Attr) bool {
	kind := a.Value.Kind()
	if l.rep == nil {
		// Most attributes need nothing else.
		switch kind {
		case slog.KindString:
			l.key(a.Key)
			l.buf = jsontext.AppendString(l.buf, a.Value.String())
			return true
		case slog.KindInt64:
			l.key(a.Key)
			l.buf = jsontext.AppendInt(l.buf, a.Value.Int64())
			return true
		case slog.KindBool:
			l.key(a.Key)
			l.buf = strconv.AppendBool(l.buf, a.Value.Bool())
			return true
		}
	}
	return l.anyAttr(a, kind)
}

func (l *line) anyAttr(a slog.Attr, kind slog.Kind) bool {
	if kind == slog.KindLogValuer {
		a.Value = a.Value.Resolve()
		kind = a.Value.Kind()
	}
	if l.rep != nil && kind != slog.KindGroup {
		var groups []string // nil for slog's own members
		if l.inGroups {
			groups = l.groups
		}
		a = l.rep(groups, a)
		a.Value = a.Value.Resolve()
		kind = a.Value.Kind()
	}
	return l.finalAttr(a, kind)
}

// finalAttr is anyAttr for an attribute that is resolved and has been through ReplaceAttr.
func (l *line) finalAttr(a slog.Attr, kind slog.Kind) bool {
	switch kind {
	case slog.KindGroup:
		return l.group(a.Key, a.Value.Group())
	case slog.KindAny:
		v := a.Value.Any()
		if v == nil && a.Key == "" {
			return false
		}
		if src, ok := v.(*slog.Source); ok {
			if src == nil || *src == (slog.Source{}) {
				return false
			}
			return l.group(a.Key, sourceAttrs(src))
		}
	case slog.KindTime:
		if jsontext.YearDefect && jsontext.YearError(a.Value.Time()) {
			l.defect = true
			if l.valid {
				a.Value, kind = slog.StringValue(jsontext.YearErrorText), slog.KindString
			}
		}
	}
	l.key(a.Key)
	l.buf = jsontext.AppendValue(l.buf, a.Value, kind)
	return true
}

// group writes a group, or only its attributes if name is empty. It reports whether it was not empty.
// A group without attributes counts as not empty, as in slog: ReplaceAttr may have made it so.
func (l *line) group(name string, attrs []slog.Attr) bool {
	if len(attrs) == 0 {
		return true
	}
	start, sep, groups := len(l.buf), l.sep, len(l.groups)
	if name != "" {
		l.openGroup(name)
	}
	if !l.attrs(attrs) {
		l.buf = l.buf[:start]
		l.defect = l.defect || name != ""
		if l.valid {
			l.sep, l.groups = sep, l.groups[:groups]
		}
		return false
	}
	if name != "" {
		l.closeGroup()
	}
	return true
}

// appendClosing ends a line with the given number of open groups.
func appendClosing(b []byte, groups int) []byte {
	for range groups {
		b = append(b, '}')
	}
	return append(b, '}', '\n')
}

// A loggerJSON is the attributes and groups of a logger, as text. It is immutable.
type loggerJSON struct {
	json   []byte
	groups []string
	opened int // how many of groups are opened in json
}

func (c *loggerJSON) withGroup(name string) *loggerJSON {
	c2 := *c
	c2.groups = append(slices.Clip(c.groups), name)
	return &c2
}

// withAttrs returns c with attrs. defect reports that slog would have left out a comma; if valid, it is written.
func (c *loggerJSON) withAttrs(attrs []slog.Attr, rep replacer, valid bool) (_ *loggerJSON, defect bool) {
	c2 := *c
	l := line{buf: slices.Clip(c.json), rep: rep, valid: valid}
	l.resume(c.json)
	if rep != nil {
		l.enter(make([]string, 0, 8), c)
	}
	start := len(l.buf)
	l.openGroups(c.groups[c.opened:])
	if l.attrs(attrs) {
		c2.json = l.buf
		c2.opened = len(c.groups)
	} else {
		c2.json = l.buf[:start]
	}
	return &c2, l.defect
}

package slogtrace

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/internal/errtype"
	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// A Format sets the names and the forms of values that a backend expects in the lines.
// The zero value is the project's own schema. An empty field means the name in that schema.
// The presets ([OTel], [Datadog], …) are what backends expect; docs/backends.md gives the source of each name.
//
// A Format can be compared and copied. Its methods make handlers that write it. Make one of your own as a literal,
// or copy a preset and change some names. The copy keeps the preset's forms of values:
//
//	f := slogtrace.AWSXRay
//	f.Trace = "xray_trace_id"
//
// The names must differ from each other and from those of slog's own members.
// All of them are reserved, and so is op: if the line needs a name, a user's root attribute under it
// is written as attr.<key>.
// On span records the names of the project's schema are reserved too, because readers would take such attributes for ours.
//
// Readers (package tracelog) know the presets. Other names are for backends only.
type Format struct {
	// On every record in a trace.
	Trace string // key of the trace id, 32 hex digits; "trace"
	Span  string // key of the span id, 16 hex digits; "span"
	Op    string // key of the span's name; "op"
	Flags string // key of the W3C trace flags, two hex digits; not written if empty

	// On span records, see docs/records.md.
	Parent     string // "parent"
	ParentKind string // "parent_kind"
	Kind       string // "kind"
	Start      string // "start"
	Duration   string // "duration_ms"
	Error      string // "error"
	Stack      string // "stack"
	Links      string // "links"
	Queued     string // "queued_ms"
	SampleRate string // "sample_rate"
	Sampled    string // "sampled"

	// slog's own members. These names apply where a JSONHandler writes the line.
	// A Handler cannot rename what its inner handler adds: see [Format.ReplaceAttr].
	Time    string // "time"
	Level   string // "level"
	Message string // "msg"
	Source  string // "source"

	// Key of the program's name, for [Format.EnvAttrs]; "service".
	Service string

	form    form
	project string // of Google Cloud
}

// ReplaceAttr gives slog's own members, as another handler writes them, f's names and forms:
//
//	f.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: f.ReplaceAttr}))
//
// It changes nothing else. But it cannot tell a user's root attribute that looks like a member of slog's,
// such as slog.String("msg", …), from that member.
func (f Format) ReplaceAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	v := a.Value
	own := false
	switch a.Key {
	case slog.TimeKey:
		own = v.Kind() == slog.KindTime
	case slog.LevelKey:
		_, own = v.Any().(slog.Level)
	case slog.MessageKey:
		own = v.Kind() == slog.KindString
	case slog.SourceKey:
		_, own = v.Any().(*slog.Source)
	}
	if own {
		a = f.builtin(a)
	}
	return a
}

// builtin returns one of slog's own members with f's name and form.
func (f *Format) builtin(a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.TimeKey:
		a.Key = cmp.Or(f.Time, a.Key)
	case slog.LevelKey:
		a.Key = cmp.Or(f.Level, a.Key)
		if level, ok := a.Value.Any().(slog.Level); ok && f.form == googleForm {
			a.Value = slog.StringValue(f.levelName(level))
		}
	case slog.MessageKey:
		a.Key = cmp.Or(f.Message, a.Key)
	case slog.SourceKey:
		a.Key = cmp.Or(f.Source, a.Key)
		if src, ok := a.Value.Any().(*slog.Source); ok && f.form == ecsForm && src != nil {
			a.Value = ecsOrigin(src)
		}
	}
	return a
}

// A format is a Format prepared for use.
type format struct {
	Format
	reservedKeys [recordKinds]keySet
	own          [recordKinds]keySet // names of this Format that readers do not know; none for a preset
	outside      recordKind          // the kind of records with nothing of ours in the context
	always       []slog.Attr         // on every line that we write, or write ids on
	failed       string              // key of a boolean beside the error; "" for none
	kindKey      string              // of the kind of an error, instead of error.type, on span records; "" for none

	// Keys with the JSON text around them, in the order of a line.
	timeJSON                    string
	headJSON                    [4]string // from Debug to Error: the level, and the message up to its text
	latest                      atomic.Pointer[secondHead]
	levelJSON, messageJSON      string // for other levels
	endJSON                     string // headJSON, message and traceJSON of most span ends
	alwaysJSON                  string
	traceJSON, spanJSON, opJSON string     // alwaysJSON is in the first
	flagsJSON                   [16]string // with the preceding quote and the value; "" without flags
	parentJSON                  string
	kindJSON                    [len(spanKinds)]string // with the value
	startJSON, durationJSON     string
}

var defaultFormat = Format{}.compile(true)

// compile prepares f for a handler. sink reports whether that handler writes slog's own members itself.
func (f Format) compile(sink bool) *format {
	own := []struct {
		key  *string
		slog string
	}{{&f.Time, slog.TimeKey}, {&f.Level, slog.LevelKey}, {&f.Message, slog.MessageKey}, {&f.Source, slog.SourceKey}}
	var builtins, renamed []string
	for _, m := range own {
		builtins = append(builtins, m.slog)
		if *m.key = cmp.Or(*m.key, m.slog); *m.key != m.slog {
			builtins, renamed = append(builtins, *m.key), append(renamed, *m.key)
		}
	}
	var ids, schemaKeys []string
	def := func(list *[]string, key *string, name string) {
		*key = cmp.Or(*key, name)
		if *list = append(*list, *key); list == &schemaKeys && *key != name {
			schemaKeys = append(schemaKeys, name) // readers take this name for ours too
		}
	}
	def(&ids, &f.Trace, "trace")
	def(&ids, &f.Span, "span")
	def(&ids, &f.Op, "op")
	if f.Flags != "" {
		ids = append(ids, f.Flags)
	}
	def(&schemaKeys, &f.Parent, "parent")
	def(&schemaKeys, &f.ParentKind, "parent_kind")
	def(&schemaKeys, &f.Kind, "kind")
	def(&schemaKeys, &f.Start, "start")
	def(&schemaKeys, &f.Duration, "duration_ms")
	def(&schemaKeys, &f.Error, "error")
	def(&schemaKeys, &f.Stack, "stack")
	def(&schemaKeys, &f.Links, "links")
	def(&schemaKeys, &f.Queued, "queued_ms")
	def(&schemaKeys, &f.SampleRate, "sample_rate")
	def(&schemaKeys, &f.Sampled, "sampled")
	f.Service = cmp.Or(f.Service, serviceKey)

	c := &format{Format: f}
	switch f.form {
	case ecsForm:
		c.always = []slog.Attr{slog.String(ecsVersionKey, ecsVersion)}
		ids = append(ids, transactionKey)
	case axiomForm:
		if f.Error != failedKey {
			c.failed = failedKey
		}
	case datadogForm:
		c.kindKey = datadogKindKey
	}
	for _, a := range c.always {
		renamed = append(renamed, a.Key)
	}
	if sink && len(renamed) > 0 {
		c.outside = untracedRecord
		c.reservedKeys[untracedRecord] = newKeySet(renamed)
		ids = append(ids, renamed...)
	} else {
		for _, a := range c.always {
			ids = append(ids, a.Key)
		}
	}
	ids = append(ids, f.otherOps(ids, func(key string) bool {
		return slices.Contains(builtins, key) || slices.ContainsFunc(c.always, func(a slog.Attr) bool { return a.Key == key })
	})...)
	c.reservedKeys[tracedRecord] = newKeySet(ids)
	c.reservedKeys[spanRecord] = newKeySet(ids, schemaKeys, builtins)
	if c.kindKey != "" {
		c.reservedKeys[spanRecord] = newKeySet(ids, schemaKeys, builtins, []string{errtype.Key})
	}
	c.own[tracedRecord] = newKeySet(unread(tracedRecord, ids, builtins))
	c.own[spanRecord] = newKeySet(unread(spanRecord, ids, builtins, schemaKeys))
	c.makeJSON()
	return c
}

// otherOps returns the keys, except those in known, that readers take for the op in lines with f's ids.
// has reports whether each such line has a key.
func (f *Format) otherOps(known []string, has func(key string) bool) (ops []string) {
	names := schema.Common[schema.Op]
	if p := schema.Of(f.Trace, f.Span, has); p != nil {
		names += " " + p.Keys[schema.Op]
	}
	for key := range strings.FieldsSeq(names) {
		if !slices.Contains(known, key) {
			ops = append(ops, key)
		}
	}
	return ops
}

// unread returns the keys in lists that readers take only for attributes in lines of kind k.
func unread(k recordKind, lists ...[]string) []string {
	return slices.DeleteFunc(slices.Concat(lists...), func(key string) bool { return isRead(readerKeys, key, k) })
}

// makeJSON makes the constant parts of a line.
func (f *format) makeJSON() {
	member := func(key, after string) string { return string(jsontext.AppendString([]byte(","), key)) + ":" + after }
	f.timeJSON = "{" + member(f.Time, "")[1:]
	f.levelJSON, f.messageJSON = member(f.Level, `"`), member(f.Message, `"`)
	for i := range f.headJSON {
		level := slog.LevelDebug + slog.Level(4*i)
		f.headJSON[i] = f.levelJSON + f.levelName(level) + `"` + f.messageJSON
	}
	for _, a := range f.always {
		f.alwaysJSON += member(a.Key, string(jsontext.AppendString(nil, a.Value.String())))
	}
	f.traceJSON = `"` + f.alwaysJSON + member(f.Trace, `"`)
	if f.project != "" {
		f.traceJSON += string(jsontext.AppendInside(nil, f.tracePrefix()))
	}
	f.endJSON = f.headJSON[1] + spanEndMessage + f.traceJSON
	f.spanJSON = `"` + member(f.Span, `"`)
	f.opJSON = `"` + member(f.Op, `"`)
	if f.Flags != "" {
		for flags := range f.flagsJSON {
			v := f.flagsValue(Flags(flags))
			f.flagsJSON[flags] = string(jsontext.AppendValue([]byte(`"`+member(f.Flags, "")), v, v.Kind()))
		}
	}
	f.parentJSON = member(f.Parent, `"`)
	for i, kind := range spanKinds {
		f.kindJSON[i] = member(f.Kind, `"`+string(kind)+`"`)
	}
	f.startJSON, f.durationJSON = member(f.Start, ""), member(f.Duration, "")
}

// reserved returns the keys that a user's root attribute must not have in a line of kind k.
func (f *format) reserved(k recordKind) *keySet { return &f.reservedKeys[k] }

// appendHead appends the beginning of a line, up to where the text of the message goes.
func (f *format) appendHead(b []byte, t time.Time, level slog.Level, valid bool) []byte {
	i := uint(level-slog.LevelDebug) / 4
	if level&3 != 0 || i >= uint(len(f.headJSON)) || t.IsZero() {
		return f.appendOddHead(b, t, level, valid)
	}
	if s := f.second(t); s != nil {
		return append(s.appendTime(b, t), s.heads[i]...)
	}
	return append(jsontext.AppendNow(append(b, f.timeJSON...), t, valid), f.headJSON[i]...)
}

// A secondHead is a jsontext.Second with a format's JSON around it: the beginning of a line in two texts, whatever the names.
type secondHead struct {
	*jsontext.Second
	prefix string    // timeJSON and the time, up to the fraction
	heads  [4]string // the zone and headJSON, behind the fraction
	end    string    // the zone and endJSON, behind the fraction
}

// appendTime appends the beginning of a line up to the end of the fraction of t. t must be in s's second.
func (s *secondHead) appendTime(b []byte, t time.Time) []byte {
	b = append(b, s.prefix...)
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = jsontext.AppendFraction(b, ns)
	}
	return b
}

// second returns how lines begin in the second of t. It returns nil if this is the first line in that second.
func (f *format) second(t time.Time) *secondHead {
	if s := f.latest.Load(); s != nil && s.Matches(t) {
		return s
	}
	return f.newSecond(t)
}

func (f *format) newSecond(t time.Time) *secondHead {
	c := jsontext.LastSecond(t)
	if c == nil {
		return nil
	}
	s := &secondHead{Second: c, prefix: f.timeJSON + `"` + c.Prefix, end: c.Zone + `"` + f.endJSON}
	for i, head := range f.headJSON {
		s.heads[i] = c.Zone + `"` + head
	}
	f.latest.Store(s)
	return s
}

// appendOddHead is appendHead for a level without a name of its own, or for no time.
func (f *format) appendOddHead(b []byte, t time.Time, level slog.Level, valid bool) []byte {
	head := f.levelJSON
	if t.IsZero() {
		b, head = append(b, '{'), head[1:]
	} else {
		b = jsontext.AppendNow(append(b, f.timeJSON...), t, valid)
	}
	b = jsontext.AppendInside(append(b, head...), f.levelName(level))
	return append(append(b, '"'), f.messageJSON...)
}

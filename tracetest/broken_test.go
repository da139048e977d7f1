package tracetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A goas is a correct handler that shares nothing with ours. It keeps groups and attributes as its logger got them,
// as in slog's guide to writing handlers, and builds the line from them in Handle.
// Each of its faults breaks it in one way.
type goas struct {
	*goasOutput
	faults
	list []goa
}

// A goa is a group or attributes.
type goa struct {
	group string
	attrs []slog.Attr
}

type goasOutput struct {
	mu sync.Mutex
	w  io.Writer

	last context.Context // the context of the first record in a trace
}

type faults struct {
	noClip      bool // With appends without clipping
	firstSpan   bool // the ids are those of the first record
	onlySampled bool // no ids where the trace is not sampled
	onlySpans   bool // no ids under a remote parent
	noOp        bool
	zeroIDs     bool // ids everywhere, even outside a trace
	inGroup     bool // ids are added to the record
	twice       bool // ids are added twice where there are groups
	unlocked    bool // Write is not serialized
	torn        bool // a line is two Writes, each under the lock
	noRename    bool // the user's attributes under the keys of ids are written there too
	overwrite   bool // the user's attributes under the keys of ids are lost
	noInline    bool // groups without a key are dropped
	emptyGroups bool // groups without members are written
	noResolve   bool // LogValuers in WithAttrs are not resolved
	noSource    bool // no source position in a trace
	ownTime     bool // the time of the call
	noSpans     bool // span records get the ids twice, as if they were log records
	dropSpans   bool // span records are not written
	noGroup     bool // WithGroup is ignored from the second on
	groupFirst  bool // a logger's group also contains what was bound before it
	writesTwice bool // each record is two lines
	noNewline   bool
	blankLines  bool
	noMessage   bool
	changes     bool // a group of the record is changed in place
}

func (h *goas) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (h *goas) with(g goa) slog.Handler {
	h2 := *h
	if h.noClip {
		h2.list = append(h.list, g)
	} else {
		h2.list = append(slices.Clip(h.list), g)
	}
	return &h2
}

func (h *goas) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(goa{attrs: attrs})
}

func (h *goas) WithGroup(name string) slog.Handler {
	if name == "" || h.noGroup && slices.ContainsFunc(h.list, func(g goa) bool { return g.group != "" }) {
		return h
	}
	return h.with(goa{group: name})
}

func (h *goas) Handle(ctx context.Context, r slog.Record) error {
	if h.changes {
		defer r.Attrs(func(a slog.Attr) bool {
			if a.Value.Kind() == slog.KindGroup && len(a.Value.Group()) > 0 {
				a.Value.Group()[0].Key += "!"
			}
			return true
		})
	}
	// The members at the root of the line, besides the user's.
	root := []slog.Attr{slog.String("level", r.Level.String())}
	if !h.noMessage {
		root = append(root, slog.String("msg", r.Message))
	}
	if !r.Time.IsZero() {
		if h.ownTime && slogtrace.SpanFromContext(ctx) != nil {
			r.Time = time.Now()
		}
		root = append(root, slog.Time("time", r.Time))
	}
	sc, op := slogtrace.SpanContextFromContext(ctx), slogtrace.SpanFromContext(ctx).Op()
	if h.firstSpan && sc.IsValid() {
		h.mu.Lock()
		if h.last == nil {
			h.last = ctx
		}
		sc, op = slogtrace.SpanContextFromContext(h.last), slogtrace.SpanFromContext(h.last).Op()
		h.mu.Unlock()
	}
	if r.PC != 0 && !(h.noSource && sc.IsValid()) {
		f, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		root = append(root, slog.String("source", fmt.Sprint(f.File, ":", f.Line)))
	}
	var ids []slog.Attr
	if sc.IsValid() && (sc.IsSampled() || !h.onlySampled) && (op != "" || !h.onlySpans) {
		ids = append(ids, slog.String("dd.trace_id", sc.TraceID.String()), slog.String("dd.span_id", spanNumber(sc.SpanID)))
		if op != "" && !h.noOp {
			ids = append(ids, slog.String("resource", op))
		}
	} else if h.zeroIDs {
		ids = append(ids, slog.String("dd.trace_id", "0"), slog.String("dd.span_id", "0"))
	}
	attrs := []slog.Attr{}
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	if _, ok := slogtrace.SpanOf(r); ok && h.dropSpans {
		return nil
	} else if ok && h.noSpans {
		attrs = slices.Insert(attrs, 1, ids...)
	}
	if h.inGroup {
		attrs = append(attrs, ids...)
		ids = nil
	}
	grouped := false
	for _, g := range slices.Backward(h.list) {
		if g.group != "" {
			attrs = []slog.Attr{{Key: g.group, Value: slog.GroupValue(attrs...)}}
			grouped = true
		} else if h.groupFirst && grouped {
			attrs[0].Value = slog.GroupValue(append(slices.Clone(g.attrs), attrs[0].Value.Group()...)...)
		} else {
			attrs = append(slices.Clone(g.attrs), attrs...)
		}
	}
	if h.twice && grouped {
		ids = append(ids, ids...)
	}
	reserved := make([]string, 0, 8)
	if _, isSpan := slogtrace.SpanOf(r); sc.IsValid() && !isSpan {
		for _, a := range ids {
			reserved = append(reserved, a.Key)
		}
	} else if isSpan {
		// The members of the record's inline group are written. A user's attribute under one of their keys is not written again.
		for _, a := range append(root, ids...) {
			reserved = append(reserved, a.Key)
		}
	}
	var b bytes.Buffer
	b.WriteByte('{')
	h.members(&b, append(root, ids...), nil)
	h.members(&b, attrs, reserved)
	b.WriteString("}")
	if !h.noNewline {
		b.WriteByte('\n')
	}
	if h.blankLines {
		b.WriteByte('\n')
	}
	if h.writesTwice {
		b.Write(bytes.Clone(b.Bytes()))
	}
	if h.unlocked {
		_, err := h.w.Write(b.Bytes())
		return err
	}
	if h.torn {
		h.write(b.Next(b.Len() / 2))
	}
	return h.write(b.Bytes())
}

func (h *goas) write(p []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(p)
	return err
}

func spanNumber(id slogtrace.SpanID) string {
	n, err := strconv.ParseUint(id.String(), 16, 64)
	if err != nil {
		panic(err)
	}
	return strconv.FormatUint(n, 10)
}

// members writes attrs. An attribute whose key is in reserved gets another key.
func (h *goas) members(b *bytes.Buffer, attrs []slog.Attr, reserved []string) {
	comma := func() {
		if last := b.Bytes()[b.Len()-1]; last != '{' {
			b.WriteByte(',')
		}
	}
	for _, a := range attrs {
		v := a.Value.Resolve()
		if h.noResolve && a.Value.Kind() == slog.KindLogValuer {
			v = slog.StringValue(fmt.Sprint(a.Value.Any()))
		}
		if a.Key != "" && slices.Contains(reserved, a.Key) && !h.noRename {
			if h.overwrite {
				continue
			}
			a.Key = "user." + a.Key
		}
		switch {
		case a.Key == "" && v.Kind() == slog.KindGroup:
			if !h.noInline {
				h.members(b, v.Group(), reserved)
			}
		case v.Kind() == slog.KindGroup:
			var sub bytes.Buffer
			sub.WriteByte('{')
			h.members(&sub, v.Group(), nil)
			if sub.Len() > 1 || h.emptyGroups {
				comma()
				fmt.Fprintf(b, "%s:%s}", encode(a.Key), sub.Bytes())
			}
		case a.Key == "" && v.Any() == nil:
		default:
			comma()
			fmt.Fprintf(b, "%s:%s", encode(a.Key), encode(v.Any()))
		}
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		b, _ = json.Marshal(err.Error())
	}
	return b
}

func newGoas(f faults) func(io.Writer) slog.Handler {
	return func(w io.Writer) slog.Handler { return &goas{goasOutput: &goasOutput{w: w}, faults: f} }
}

// An adder adds ids to records, as most handlers in blogs do.
type adder struct {
	slog.Handler
	clone bool
}

func idAttrs(ctx context.Context) []slog.Attr {
	sc := slogtrace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return nil
	}
	attrs := []slog.Attr{slog.String("trace_id", sc.TraceID.String()), slog.String("span_id", sc.SpanID.String())}
	if op := slogtrace.SpanFromContext(ctx).Op(); op != "" {
		attrs = append(attrs, slog.String("name", op))
	}
	return attrs
}

func (h adder) Handle(ctx context.Context, r slog.Record) error {
	if h.clone {
		r = r.Clone()
	}
	r.AddAttrs(idAttrs(ctx)...)
	return h.Handler.Handle(ctx, r)
}

func (h adder) WithAttrs(attrs []slog.Attr) slog.Handler {
	return adder{h.Handler.WithAttrs(attrs), h.clone}
}

func (h adder) WithGroup(name string) slog.Handler { return adder{h.Handler.WithGroup(name), h.clone} }

// A forgetter embeds a handler and does not implement WithAttrs and WithGroup.
type forgetter struct{ slog.Handler }

func (h forgetter) Handle(ctx context.Context, r slog.Record) error {
	return adder{h.Handler, true}.Handle(ctx, r)
}

// edited makes handlers of ours whose lines are edited before they are written.
func edited(edit func(line []byte) []byte) func(io.Writer) slog.Handler {
	return func(w io.Writer) slog.Handler {
		return slogtrace.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
			if _, err := w.Write(edit(p)); err != nil {
				return 0, err
			}
			return len(p), nil
		}), nil)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A retyper binds strings as values of a type of its own: in JSON they are the same.
type retyper struct{ slog.Handler }

type retyped string

func retype(attrs []slog.Attr) []slog.Attr {
	attrs = slices.Clone(attrs)
	for i, a := range attrs {
		switch v := a.Value.Resolve(); v.Kind() {
		case slog.KindString:
			attrs[i].Value = slog.AnyValue(retyped(v.String()))
		case slog.KindGroup:
			attrs[i].Value = slog.GroupValue(retype(v.Group())...)
		}
	}
	return attrs
}

func (h retyper) WithAttrs(attrs []slog.Attr) slog.Handler {
	return retyper{h.Handler.WithAttrs(retype(attrs))}
}

func (h retyper) WithGroup(name string) slog.Handler { return retyper{h.Handler.WithGroup(name)} }

// handlerFunc is a handler with a Handle of its own.
type handlerFunc struct {
	slog.Handler
	handle func(context.Context, slog.Record) error
}

func (h handlerFunc) Handle(ctx context.Context, r slog.Record) error { return h.handle(ctx, r) }

// deriveFunc is a handler with a WithAttrs of its own.
type deriveFunc struct {
	slog.Handler
	withAttrs func([]slog.Attr) slog.Handler
}

func (h deriveFunc) WithAttrs(attrs []slog.Attr) slog.Handler { return h.withAttrs(attrs) }

// rulesOf returns the names of the broken rules in err.
func rulesOf(t *testing.T, err error) (rules []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error has no list: %v", err)
	}
	for _, err := range all.Unwrap() {
		v, ok := errors.AsType[*tracetest.Violation](err)
		if !ok || v.Rule == "" || v.Detail == "" {
			t.Fatalf("no Violation, or an empty one: %#v", err)
		}
		rules = append(rules, v.Rule)
	}
	return rules
}

// Each of these handlers breaks rules in its own way. The report names its fault and not the consequences.
var brokenHandlers = []struct {
	name       string
	newHandler func(io.Writer) slog.Handler
	rules      string // all reported rules, in order
	says       string // a part of the error
}{
	{"forgets WithAttrs and WithGroup", func(w io.Writer) slog.Handler { return forgetter{slogJSON(w)} },
		"derived loggers, colliding keys", `slog.New(h).With("a", 1).InfoContext(ctx, "m")`},
	{"adds to a clone of the record", func(w io.Writer) slog.Handler { return adder{slogJSON(w), true} },
		"slogtest, ids at the root, colliding keys", `got  {…,"d":{"trace_id":"<trace of work>"`},
	{"adds to the record", func(w io.Writer) slog.Handler { return adder{slogJSON(w), false} },
		"slogtest, ids at the root, colliding keys, record left alone", "AddAttrs unsafely called on copy of Record"},
	{"no ids", slogJSON, "ids, op", "neither the trace id of the context nor the span id"},
	{"no op", newGoas(faults{noOp: true}), "op", "has the name of the span"},
	{"ids of zeros", newGoas(faults{zeroIDs: true}), "outside a trace", `a record outside any trace has "dd.trace_id"`},
	{"ids twice", newGoas(faults{twice: true}), "duplicate keys", `the key "dd.trace_id" appears twice`},
	{"ids in the first group", newGoas(faults{inGroup: true}), "slogtest, ids at the root, colliding keys", "is in a group"},
	{"ids of the first record", newGoas(faults{firstSpan: true}), "current span", "ctx is in its child"},
	{"sampled only", newGoas(faults{onlySampled: true}), "unsampled", "a trace that is not sampled"},
	{"local spans only", newGoas(faults{onlySpans: true}), "remote parent", "under a remote parent"},
	{"one group only", newGoas(faults{noGroup: true}), "slogtest, attributes", `.WithGroup("d").WithGroup("e").`},
	{"group swallows", newGoas(faults{groupFirst: true}), "slogtest, attributes", `want the members {"a":1}`},
	{"no inline groups", newGoas(faults{noInline: true}), "slogtest, inline groups", `slog.Group("", "a", 1)`},
	{"empty groups", newGoas(faults{emptyGroups: true}), "inline groups", `got  {…,"dd.trace_id":"<trace of work>","dd.span_id":"<span of work>","resource":"work","d":{}}`},
	{"no Resolve", newGoas(faults{noResolve: true}), "slogtest, attributes, inline groups", "valuer{"},
	{"no source in a trace", newGoas(faults{noSource: true}), "built-ins", `"source" is missing`},
	{"time of its own", newGoas(faults{ownTime: true}), "built-ins", `"time" is not the record's`},
	{"names a span that is hidden", edited(func(b []byte) []byte {
		return regexp.MustCompile(`"span":"00f067aa0ba902b7"`).ReplaceAll(b, []byte(`$0,"op":"local"`))
	}), "remote parent", "which is not current"},
	{"collisions", newGoas(faults{noRename: true}), "colliding keys", `the key "dd.trace_id" appears twice`},
	{"collisions lost", newGoas(faults{overwrite: true}), "colliding keys", `the user's attribute "dd.trace_id" is lost`},
	{"the user's instead of the id", edited(func(b []byte) []byte {
		return regexp.MustCompile(`"trace":"[0-9a-f]{32}",(.*)"attr\.trace":`).ReplaceAll(b, []byte(`$1"trace":`))
	}), "colliding keys", "the trace id is not that of the context: the user's attribute is there"},
	{"no clip", newGoas(faults{noClip: true}), "siblings", `parent.With("b", 2); l.InfoContext`},
	{"changes a group", newGoas(faults{changes: true}), "record left alone", "Handle changes the record's attributes"},
	{"Write is not serialized", newGoas(faults{unlocked: true}), "concurrent use", "Write is called by two goroutines at once"},
	{"attributes of another goroutine", newMixer, "concurrent use", "used by several goroutines at once: "},
	{"torn lines", newGoas(faults{torn: true}), "concurrent use", "a line is not JSON"},
	{"span records with ids again", newGoas(faults{noSpans: true}), "span records", "appears twice"},
	{"no span records", newGoas(faults{dropSpans: true}), "span records", "got 0 lines with the attributes of a span"},
	{"no error", edited(func(b []byte) []byte { return bytes.Replace(b, []byte("card declined"), []byte("failed"), 1) }),
		"span records", "the error is missing"},
	{"no parent", edited(func(b []byte) []byte { return regexp.MustCompile(`"parent":"\w+",`).ReplaceAll(b, nil) }),
		"span records", "the parent's id is missing"},
	{"an attribute of a span lost", edited(func(b []byte) []byte { return bytes.Replace(b, []byte(`,"attr.msg":"the user's"`), nil, 1) }),
		"span records", `the attribute "msg" is lost`},
	{"no duration", edited(func(b []byte) []byte { return regexp.MustCompile(`"duration_ms":[\d.]+,`).ReplaceAll(b, nil) }),
		"span records", "how long the span took"},
	{"not known when bound", func(w io.Writer) slog.Handler { return retyper{slogtrace.NewHandler(slogJSON(w))} },
		"nested", "slogtrace.NewHandler("},
	{"adds to what is bound", func(w io.Writer) slog.Handler { return binder{slogtrace.NewHandler(slogJSON(w))} },
		"nested", `the key "op" appears twice`},
	{"With in groups", edited(func(b []byte) []byte {
		return regexp.MustCompile(`"\w+":"of the context",(.*\{)`).ReplaceAll(b, []byte("$1"))
	}),
		"With", "the attribute of the context is not at the root"},
	{"other text for a record that comes again", newAgain, "record left alone", "handled twice makes two different lines"},
	{"two lines", newGoas(faults{writesTwice: true}), "lines", "got 2 lines for a record of level Info"},
	{"no newline", newGoas(faults{noNewline: true}), "lines", "no newline at its end"},
	{"blank lines", newGoas(faults{blankLines: true}), "lines", "a line is not JSON"},
	{"no message", newGoas(faults{noMessage: true}), "lines", "lines with the message at the root: got 0"},
	{"nothing", func(io.Writer) slog.Handler { return slog.DiscardHandler }, "lines", "got 0 lines for a record of level Info"},
	{"text", func(w io.Writer) slog.Handler { return slogtrace.NewHandler(slog.NewTextHandler(w, nil)) }, "lines", "a line is not JSON"},
	{"binary", edited(func(b []byte) []byte { return bytes.Repeat([]byte{0, 0xff, '\n'}, 3) }), "lines", `got  "\x00\xff"`},
	{"lists", edited(func(b []byte) []byte { return []byte("[1]\n") }), "lines", "a line is not a JSON object"},
	{"deep", edited(func(b []byte) []byte { return append(bytes.Repeat([]byte("["), 1e6), '\n') }), "lines", "a line is not JSON"},
	{"without end", func(w io.Writer) slog.Handler {
		return handlerFunc{slogJSON(w), func(context.Context, slog.Record) (err error) {
			for err == nil {
				_, err = w.Write(make([]byte, 1<<20))
			}
			return err
		}}
	}, "lines", "the handler writes without end"},
	{"panics", func(w io.Writer) slog.Handler {
		return handlerFunc{slogJSON(w), func(context.Context, slog.Record) error { panic("boom") }}
	}, "returns", "the handler panicked: boom"},
	{"panics with attributes", func(w io.Writer) slog.Handler {
		return deriveFunc{slogtrace.NewHandler(slogJSON(w)), func([]slog.Attr) slog.Handler { panic("boom") }}
	}, "returns", `slog.New(h).With(`},
	{"ends the goroutine", func(w io.Writer) slog.Handler {
		return handlerFunc{slogJSON(w), func(context.Context, slog.Record) error { runtime.Goexit(); return nil }}
	}, "returns", "the handler ended the goroutine"},
	{"nil", func(w io.Writer) slog.Handler { return nil }, "returns", "newHandler returned nil"},
}

// A mixer keeps the attributes of a record where other records see them.
type mixer struct {
	slog.Handler
	attrs *atomic.Pointer[[]slog.Attr]
}

func newMixer(w io.Writer) slog.Handler {
	return mixer{slogtrace.NewHandler(slogJSON(w)), new(atomic.Pointer[[]slog.Attr])}
}

func (h mixer) Handle(ctx context.Context, r slog.Record) error {
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	h.attrs.Store(&attrs)
	if strings.HasPrefix(r.Message, "m0.") {
		time.Sleep(time.Millisecond)
	}
	r = slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.AddAttrs(*h.attrs.Load()...)
	return h.Handler.Handle(ctx, r)
}

func (h mixer) WithAttrs(attrs []slog.Attr) slog.Handler {
	return mixer{h.Handler.WithAttrs(attrs), h.attrs}
}

func (h mixer) WithGroup(name string) slog.Handler { return mixer{h.Handler.WithGroup(name), h.attrs} }

// A binder binds one more attribute when ids are bound.
type binder struct{ slog.Handler }

func (h binder) WithAttrs(attrs []slog.Attr) slog.Handler {
	if a := attrs[0]; a.Key == "" && a.Value.Kind() == slog.KindGroup && a.Value.Group()[0].Key == "trace" {
		attrs = append(slices.Clip(attrs), slog.String("op", "bound"))
	}
	return binder{h.Handler.WithAttrs(attrs)}
}

func (h binder) WithGroup(name string) slog.Handler { return binder{h.Handler.WithGroup(name)} }

// newAgain returns a handler that adds an attribute to the third record of eight attributes.
func newAgain(w io.Writer) slog.Handler {
	seen := 0
	inner := slogtrace.NewHandler(slogJSON(w))
	return handlerFunc{inner, func(ctx context.Context, r slog.Record) error {
		if r.NumAttrs() == 8 && r.Message == "m" {
			if seen++; seen == 3 {
				r = r.Clone()
				r.AddAttrs(slog.Bool("again", true))
			}
		}
		return inner.Handle(ctx, r)
	}}
}

func TestCheckHandlerBroken(t *testing.T) {
	t.Parallel()
	reported := make(map[string]bool)
	for _, b := range brokenHandlers {
		for rule := range strings.SplitSeq(b.rules, ", ") {
			reported[rule] = true
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			err := tracetest.CheckHandler(b.newHandler)
			if diff := cmp.Diff(b.rules, strings.Join(rulesOf(t, err), ", ")); diff != "" {
				t.Errorf("rules (-want +got):\n%s\n%v", diff, err)
			} else if !strings.Contains(err.Error(), b.says) {
				t.Errorf("the error does not say %q:\n%v", b.says, err)
			}
		})
	}
	for _, rule := range []string{
		"returns", "lines", "slogtest", "ids", "op", "outside a trace", "derived loggers", "ids at the root", "duplicate keys",
		"attributes", "inline groups", "built-ins", "current span", "unsampled", "remote parent", "colliding keys", "siblings",
		"record left alone", "concurrent use", "span records", "nested", "With",
	} {
		if !reported[rule] {
			t.Errorf("no handler here breaks the rule %q", rule)
		}
	}
}

// A handler that blocks is given up, and not called again.
func TestCheckHandlerBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan bool)
		var calls atomic.Int32
		err := tracetest.CheckHandler(func(w io.Writer) slog.Handler {
			return deriveFunc{slogtrace.NewHandler(slogJSON(w)), func([]slog.Attr) slog.Handler { calls.Add(1); <-never; return nil }}
		})
		close(never) // the bubble must not end before its goroutines
		if got := strings.Join(rulesOf(t, err), ", "); got != "returns" || !strings.Contains(err.Error(), "did not return within") {
			t.Errorf("got rules %s: %v", got, err)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("it was called %d times after it had blocked", n-1)
		}
	})
}

// The same handler gets the same error, so that it can be looked up and compared.
func TestCheckHandlerSameError(t *testing.T) {
	newHandler := newGoas(faults{noClip: true, noInline: true, noRename: true})
	a, b := tracetest.CheckHandler(newHandler), tracetest.CheckHandler(newHandler)
	if diff := cmp.Diff(a.Error(), b.Error()); diff != "" {
		t.Errorf("errors (-first +second):\n%s", diff)
	}
}

// A failer is a testing.TB that records its errors.
type failer struct {
	testing.TB
	text string
}

func (f *failer) Helper()                           {}
func (f *failer) Errorf(format string, args ...any) { f.text += fmt.Sprintf(format, args...) }

func TestTestHandler(t *testing.T) {
	f := &failer{TB: t}
	tracetest.TestHandler(f, slogJSON)
	if !strings.Contains(f.text, "\nids: the members at the root have neither") {
		t.Errorf("TestHandler says %q", f.text)
	}
}

func ExampleCheckHandler() {
	// The handler that most people write first.
	err := tracetest.CheckHandler(func(w io.Writer) slog.Handler { return forgetter{slog.NewJSONHandler(w, nil)} })
	fmt.Println(err)
	// Output:
	// derived loggers: the trace id is missing
	// 	slog.New(h).With("a", 1).InfoContext(ctx, "m")
	// 	got  {…,"a":1}
	// 	want "trace_id", "span_id", "name" once, at the root
	// colliding keys: the key "trace_id" appears twice
	// 	slog.New(h).InfoContext(ctx, "m", "trace_id", "the user's")
	// 	got  {…,"trace_id":"the user's","trace_id":"<trace of work>","span_id":"<span of work>","name":"work"}
	// 	want the user's attribute under another key
}

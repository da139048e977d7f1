package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// The standard library's tests of handlers hold for each arrangement, in a span too.
func TestHandlerSlogtest(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	contexts := []struct {
		name string
		ctx  context.Context
	}{
		{"no span", t.Context()},
		{"span", span},
		{"With", With(t.Context(), slog.Int("w", 1))},
		{"span and With", With(span, slog.Int("w", 1))},
	}
	for _, rig := range rigs() {
		for _, c := range contexts {
			t.Run(rig.name+"/"+c.name, func(t *testing.T) {
				var bufs []*bytes.Buffer
				slogtest.Run(t, func(*testing.T) slog.Handler {
					var ws []io.Writer
					bufs, ws = outputs(len(rig.formats))
					return inContext{rig.ours(ws, nil), c.ctx}
				}, func(t *testing.T) map[string]any {
					var m map[string]any
					for _, b := range bufs {
						m = make(map[string]any)
						for _, e := range parseMembers(t, b.Bytes(), rig.text) {
							putNested(m, e, rig.text)
						}
					}
					return m
				})
			})
		}
	}
	t.Run("foreign", func(t *testing.T) { // the handlers of this file are fit for the purpose
		for _, rig := range rigs() {
			var b *bytes.Buffer
			slogtest.Run(t, func(*testing.T) slog.Handler {
				b = new(bytes.Buffer)
				return rig.plain(b, nil)
			}, func(t *testing.T) map[string]any {
				m := make(map[string]any)
				for _, e := range parseMembers(t, b.Bytes(), rig.text) {
					putNested(m, e, rig.text)
				}
				return m
			})
		}
	})
}

// Each record of a span, before and after the chain is bound, carries the ids once,
// at the root, after any calls of With and WithGroup.
func TestHandlerIDs(t *testing.T) {
	derive := []struct {
		name string
		f    func(slog.Handler) slog.Handler
	}{
		{"root", func(h slog.Handler) slog.Handler { return h }},
		{"With", func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}) }},
		{"group", func(h slog.Handler) slog.Handler { return h.WithGroup("g") }},
		{"With group", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g")
		}},
		{"group With", func(h slog.Handler) slog.Handler {
			return h.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
		}},
		{"groups", func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h").WithAttrs([]slog.Attr{slog.Int("c", 1)})
		}},
		{"nothing", func(h slog.Handler) slog.Handler { return h.WithAttrs(nil) }},
	}
	records := [][]slog.Attr{
		{slog.Int("x", 1)},
		nil,
		{slog.Int("x", 1), slog.Int("y", 2), slog.Int("z", 3)},
		{slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3), slog.Int("4", 4), slog.Int("5", 5)},
		{slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3), slog.Int("4", 4), slog.Int("5", 5), slog.Int("6", 6), slog.Int("7", 7), slog.Int("8", 8)},
		{slog.Group("", slog.Int("in", 1)), slog.Group("e"), slog.Group("sub", slog.Int("deep", 1)), {}},
	}
	remote := ContextWithRemoteSpanContext(t.Context(), testSpanContext)
	carried, err := Carrier{Traceparent: testTraceparent, Op: "producer"}.Context(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			for _, d := range derive {
				span, s := testSpan(t.Context(), "work")
				unsampled, u := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: neverSampler{}}).Start(t.Context(), "rare")
				child, c := Start(With(span, slog.Int("w", 7)), "child")
				contexts := []struct {
					ctx context.Context
					sc  SpanContext
					op  string
				}{
					{t.Context(), SpanContext{}, ""},
					{span, s.SpanContext(), "work"},
					{unsampled, u.SpanContext(), "rare"},
					{child, c.SpanContext(), "child"},
					{remote, testSpanContext, ""},
					{carried, testSpanContext, "producer"},
					{Detach(span), SpanContext{}, ""},
				}
				bufs, ws := outputs(len(rig.formats))
				h := d.f(rig.ours(ws, nil))
				var pb bytes.Buffer
				plain := d.f(rig.plain(&pb, nil))
				for n := range 6 * len(contexts) {
					c := contexts[n%len(contexts)]
					r := testRecord(records[(n+n/len(contexts))%len(records)]...)
					if err := h.Handle(c.ctx, r); err != nil {
						t.Fatal(err)
					}
					if err := plain.Handle(t.Context(), r); err != nil {
						t.Fatal(err)
					}
					want := parseMembers(t, take(&pb), rig.text)
					for i, b := range bufs {
						line := take(b)
						got := parseMembers(t, line, rig.text)
						if c.sc.IsValid() {
							for key, val := range idsUnder(rig.formats[i], c.sc, c.op) {
								var vals []string
								if val != "" {
									vals = []string{val}
								}
								if diff := cmp.Diff(vals, valuesOf(got, key)); diff != "" {
									t.Errorf("%s: root key %s (-want +got):\n%s\tin %s", d.name, key, diff, line)
								}
								got = slices.DeleteFunc(got, func(m member) bool { return m.Key == key })
							}
						}
						if c.ctx == child {
							got = slices.DeleteFunc(got, func(m member) bool { return m.Key == "w" })
						}
						if diff := cmp.Diff(want, got); diff != "" {
							t.Fatalf("%s: beside the ids (-want +got):\n%s\tin %s", d.name, diff, line)
						}
					}
				}
			}
		})
	}
}

// Outside a trace the bytes are the inner handler's.
func TestHandlerUntouchedOutside(t *testing.T) {
	attrs := []slog.Attr{slog.Int("trace", 1), slog.Int("op", 2), slog.Any("", valuerOf(slog.GroupValue(slog.Int("span", 3)))), slog.Int("attr.trace", 4)}
	for _, rig := range rigs() {
		if rig.dropsKey {
			continue
		}
		bufs, ws := outputs(len(rig.formats))
		h := rig.ours(ws, nil)
		var pb bytes.Buffer
		plain := rig.plain(&pb, nil)
		for range 2 {
			r := testRecord(attrs...)
			if err := errors.Join(h.Handle(t.Context(), r), plain.Handle(t.Context(), r)); err != nil {
				t.Fatal(err)
			}
			want := take(&pb)
			for _, b := range bufs {
				if diff := cmp.Diff(string(want), string(take(b))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", rig.name, diff)
				}
			}
			h, plain = h.WithAttrs(slices.Clone(attrs)).WithGroup("span"), plain.WithAttrs(slices.Clone(attrs)).WithGroup("span")
		}
	}
}

// Loggers derived from one another share nothing, whether their parent's slice has spare capacity or not.
func TestHandlerSiblings(t *testing.T) {
	for _, rig := range rigs() {
		ctx, _ := testSpan(t.Context(), "op")
		for depth := range 5 {
			for _, group := range []string{"", "g"} {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil).WithGroup(group)
				for i := range depth {
					h = h.WithAttrs([]slog.Attr{slog.Int(fmt.Sprint("k", i), i)})
				}
				siblings := []slog.Handler{
					h.WithAttrs([]slog.Attr{slog.String("who", "sibling0")}),
					h.WithAttrs([]slog.Attr{slog.String("who", "sibling1")}),
					h.WithAttrs([]slog.Attr{slog.String("trace", "sibling2")}),
					h.WithAttrs([]slog.Attr{slog.String("span", "sibling3")}),
					h.WithGroup("sibling4").WithAttrs([]slog.Attr{slog.Int("x", 1)}),
					h.WithGroup("sibling5").WithAttrs([]slog.Attr{slog.Int("x", 2)}),
					h.WithGroup("sibling6"),
					h.WithGroup("sibling7"),
				}
				for n := range 4 * len(siblings) {
					n %= len(siblings)
					if err := siblings[n].Handle(ctx, testRecord(slog.Int("n", n))); err != nil {
						t.Fatal(err)
					}
					for _, b := range bufs {
						line := take(b)
						for m := range siblings {
							if got := bytes.Contains(line, fmt.Appendf(nil, "sibling%d", m)); got != (m == n) {
								t.Errorf("%s: depth %d, group %q, line of sibling%d: that it says sibling%d is %v:\n%s", rig.name, depth, group, n, m, got, line)
							}
						}
					}
				}
			}
		}
	}
}

// A record is never changed, and neither is the memory behind its attributes, which other copies may own.
func TestHandlerLeavesRecordAlone(t *testing.T) {
	for n := range 14 {
		for _, rig := range rigs() {
			bufs, ws := outputs(len(rig.formats))
			h := rig.ours(ws, nil)
			ctx, _ := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			handlers := []slog.Handler{h, h.WithGroup("g"), h.WithAttrs([]slog.Attr{slog.Int("span", 1)})}
			var attrs []slog.Attr
			for i := range n {
				attrs = append(attrs, slog.Int(fmt.Sprint("k", i), i))
			}
			if n%2 == 1 {
				attrs[n-1].Key = "trace" // must be renamed
			}
			if n%3 == 2 {
				attrs[0] = slog.Any("", valuerOf(slog.GroupValue(slog.Int("op", 1))))
			}
			r := testRecord(attrs...)
			before := fmt.Sprintf("%#v", recordAttrsOf(r))
			other := r.Clone()
			for range 3 {
				for _, h := range handlers {
					if err := h.Handle(ctx, r); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, b := range bufs {
				if bytes.Contains(b.Bytes(), []byte("!BUG")) {
					t.Errorf("%s: %d attributes: slog found a record that was changed by a copy:\n%s", rig.name, n, b)
				}
			}
			r.AddAttrs(slog.Int("later", 1))
			attrs = append(attrs, slog.Int("later", 1))
			if before != fmt.Sprintf("%#v", recordAttrsOf(other)) {
				t.Errorf("%s: %d attributes: the record was changed", rig.name, n)
			}
			if want, got := fmt.Sprint(attrs), fmt.Sprint(recordAttrsOf(r)); want != got {
				t.Errorf("%s: %d attributes: the record and what was added to it is\n%s, want\n%s", rig.name, n, got, want)
			}
		}
	}
}

// Many goroutines log in one span through loggers that they share and derive. See also go test -race.
func TestHandlerConcurrent(t *testing.T) {
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			var mu sync.Mutex
			lines := make([][]string, len(rig.formats))
			ws := make([]io.Writer, len(rig.formats))
			for i := range ws {
				ws[i] = writerFunc(func(p []byte) (int, error) {
					mu.Lock()
					defer mu.Unlock()
					lines[i] = append(lines[i], string(p))
					return len(p), nil
				})
			}
			h := rig.ours(ws, nil)
			ctx, span := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			shared := []slog.Handler{h, h.WithAttrs([]slog.Attr{slog.Int("trace", 1)}), h.WithGroup("g"), h.WithGroup("op").WithAttrs([]slog.Attr{slog.Int("b", 1)})}
			r := testRecord(slog.Int("1", 1), slog.Int("2", 1), slog.Int("3", 1), slog.Int("4", 1), slog.Int("5", 1), slog.Int("6", 1), slog.Int("7", 1))
			var wg sync.WaitGroup
			const goroutines, rounds = 8, 12
			for g := range goroutines {
				wg.Go(func() {
					for i := range rounds {
						d := shared[(g+i)%len(shared)]
						if i%3 == 0 {
							d = d.WithAttrs([]slog.Attr{slog.Int("own", g)})
						}
						if g == 0 && i == rounds/2 {
							span.SetOp("op2")
						}
						if err := d.Handle(ctx, r); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for o := range lines {
				if len(lines[o]) != goroutines*rounds {
					t.Errorf("%d lines, want %d", len(lines[o]), goroutines*rounds)
				}
				for _, line := range lines[o] {
					got := parseMembers(t, []byte(line), rig.text)
					for key, val := range idsUnder(rig.formats[o], span.SpanContext(), "op") {
						vals := valuesOf(got, key)
						if len(vals) != 1 || vals[0] != val && vals[0] != `"op2"` {
							t.Fatalf("root key %s has %v, want %s:\n%s", key, vals, val, line)
						}
					}
				}
			}
		})
	}
}

// A group that stays empty is not written. With's attribute under its name is.
func TestHandlerEmptyGroup(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	for _, rig := range rigs() {
		bufs, ws := outputs(len(rig.formats))
		for _, ctx := range []context.Context{t.Context(), span, With(span, slog.String("g", "with")), With(t.Context(), slog.String("g", "with"))} {
			h := rig.ours(ws, nil).WithGroup("g").WithGroup("h")
			for range 4 {
				if err := h.Handle(ctx, testRecord()); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					var want []string
					if c := currentOf(ctx); len(c.attrs()) > 0 {
						want = []string{`"with"`}
					}
					line := take(b)
					if diff := cmp.Diff(want, valuesOf(parseMembers(t, line, rig.text), "g")); diff != "" {
						t.Errorf("%s: g (-want +got):\n%s\tin %s", rig.name, diff, line)
					}
				}
			}
			// If the group is not empty, With gives way, each time.
			for range 4 {
				if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					if line := take(b); bytes.Contains(line, []byte("with")) {
						t.Errorf("%s: With does not give way to a group:\n%s", rig.name, line)
					}
				}
			}
		}
	}
}

// Attributes that are only empty groups open no group.
func TestHandlerOnlyEmptyGroups(t *testing.T) {
	span, _ := testSpan(t.Context(), "op")
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			bufs, ws := outputs(len(rig.formats))
			h := rig.ours(ws, nil).WithGroup("g").WithAttrs([]slog.Attr{slog.Group("e")})
			for _, ctx := range []context.Context{t.Context(), span, span, span} {
				if err := h.Handle(ctx, testRecord()); err != nil {
					t.Fatal(err)
				}
				for _, b := range bufs {
					line := take(b)
					if got := valuesOf(parseMembers(t, line, rig.text), "g"); got != nil {
						t.Fatalf("g is %s, want none:\n%s", got, line)
					}
				}
			}
		})
	}
}

func TestHandlerDerivesNothing(t *testing.T) {
	h := NewHandler(slog.DiscardHandler)
	for _, d := range []slog.Handler{h.WithGroup(""), h.WithAttrs(nil), h.WithAttrs([]slog.Attr{})} {
		if d != slog.Handler(h) {
			t.Errorf("got another handler, want the receiver")
		}
	}
}

type levelHandler struct {
	slog.Handler
	asked *[]string
}

func (h levelHandler) Enabled(ctx context.Context, l slog.Level) bool {
	*h.asked = append(*h.asked, fmt.Sprint(l, " ", ctx.Value(levelHandler{})))
	return l >= slog.LevelWarn
}

func TestHandlerEnabled(t *testing.T) {
	var asked []string
	h := NewHandler(levelHandler{slog.DiscardHandler, &asked})
	ctx := context.WithValue(t.Context(), levelHandler{}, "v")
	if h.Enabled(ctx, slog.LevelInfo) || !h.Enabled(ctx, slog.LevelWarn) {
		t.Error("Enabled is not the inner handler's")
	}
	if diff := cmp.Diff([]string{"INFO v", "WARN v"}, asked); diff != "" {
		t.Errorf("inner handler was asked (-want +got):\n%s", diff)
	}
}

func TestHandlerReturnsError(t *testing.T) {
	ctx, _ := testSpan(t.Context(), "op")
	for _, h := range []slog.Handler{NewHandler(errorHandler{}), NewHandler(errorHandler{}).WithGroup("g")} {
		for range 4 {
			if err := h.Handle(ctx, testRecord(slog.Int("trace", 1))); err != errHandler {
				t.Errorf("got error %v, want %v", err, errHandler)
			}
		}
		if err := h.Handle(t.Context(), testRecord()); err != errHandler {
			t.Errorf("got error %v, want %v", err, errHandler)
		}
	}
}

// An inner handler's ReplaceAttr gets the user's attributes as it does without us,
// and gets the ids in no group.
func TestHandlerReplaceAttr(t *testing.T) {
	ids := []string{"trace", "span", "op", "trace_id", "span_id", "trace_flags", "w"}
	for _, rig := range rigs() {
		if rig.noSource {
			continue
		}
		t.Run(rig.name, func(t *testing.T) {
			var mine, theirs []string
			note := func(calls *[]string) *slog.HandlerOptions {
				return &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
					if a.Value.Kind() == slog.KindLogValuer || a.Value.Kind() == slog.KindGroup {
						t.Errorf("ReplaceAttr was given a %v under %s", a.Value.Kind(), a.Key)
					}
					// A handler below another of ours may give the ids other names while it binds them, but does not write those.
					if !slices.Contains(ids, strings.TrimPrefix(a.Key, "attr.")) {
						*calls = append(*calls, fmt.Sprintf("%q %s=%v", groups, a.Key, a.Value))
					} else if len(groups) > 0 {
						t.Errorf("ReplaceAttr was told that %s is in groups %q", a.Key, groups)
					}
					return a
				}}
			}
			_, ws := outputs(len(rig.formats))
			h, plain := rig.ours(ws, note(&mine)), rig.plain(io.Discard, note(&theirs))
			ctx, _ := testSpan(With(t.Context(), slog.Int("w", 1)), "op")
			for _, d := range []func(slog.Handler) slog.Handler{
				func(h slog.Handler) slog.Handler { return h },
				func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}) },
				func(h slog.Handler) slog.Handler { return h.WithGroup("g") },
				func(h slog.Handler) slog.Handler {
					return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("b", 1)}).WithGroup("h")
				},
			} {
				h, plain := d(h), d(plain)
				for n := range 5 {
					mine, theirs = nil, nil
					r := testRecord(slog.Int("x", 1), slog.Any("v", valuerOf(slog.IntValue(2))), slog.Group("s", slog.Int("y", 1), slog.Group("", slog.Int("z", 2))))
					if err := errors.Join(h.Handle(ctx, r), plain.Handle(t.Context(), r)); err != nil {
						t.Fatal(err)
					}
					want := theirs
					for range len(rig.formats) - 1 {
						want = append(want, theirs...)
					}
					if n < 3 { // before anything is bound, With's attributes may pass through it again
						mine = slices.DeleteFunc(mine, func(c string) bool { return strings.Contains(c, " a=") || strings.Contains(c, " b=") })
					}
					if diff := cmp.Diff(want, mine); diff != "" {
						t.Errorf("record %d: calls of ReplaceAttr (-want +got):\n%s", n, diff)
					}
				}
			}
		})
	}
}

// The source is the user's call, whatever we do to a record.
func TestHandlerSource(t *testing.T) {
	for _, rig := range rigs() {
		if rig.noSource {
			continue
		}
		bufs, ws := outputs(len(rig.formats))
		l := slog.New(rig.ours(ws, &slog.HandlerOptions{AddSource: true}))
		ctx, _ := testSpan(t.Context(), "op")
		for range 3 {
			for _, l := range []*slog.Logger{l, l.With("trace", 1), l.WithGroup("g")} {
				for _, key := range []string{"x", "trace"} {
					_, file, line, _ := runtime.Caller(0)
					l.InfoContext(ctx, "m", key, 1)
					line++
					for _, b := range bufs {
						out := take(b)
						src := valuesOf(parseMembers(t, out, rig.text), "source")
						want := []string{fmt.Sprintf(`,"file":%q,"line":%d}`, file, line)}
						if rig.text {
							want = []string{fmt.Sprintf(`%s:%d"`, file, line)}
						}
						if len(src) != 1 || !strings.HasSuffix(src[0], want[0]) {
							t.Errorf("%s: source is %s, want it to end in %s", rig.name, src, want)
						}
					}
				}
			}
		}
	}
}

// The records of spans through each arrangement: the schema at the root once, each attribute of the user's once.
func TestHandlerSpanRecords(t *testing.T) {
	for _, rig := range rigs() {
		if rig.text {
			continue
		}
		for _, logger := range []struct {
			name  string
			group string
			f     func(slog.Handler) slog.Handler
		}{
			{"root", "", func(h slog.Handler) slog.Handler { return h }},
			{"group", "app", func(h slog.Handler) slog.Handler { return h.WithGroup("app") }},
			{"With", "", func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("service", 1)}) }},
			{"With group", "app", func(h slog.Handler) slog.Handler {
				return h.WithAttrs([]slog.Attr{slog.Int("service", 1)}).WithGroup("app")
			}},
		} {
			t.Run(rig.name+"/"+logger.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := logger.f(rig.ours(ws, nil))
				tr := NewTracer(h, &TracerOptions{LogStart: true})
				ctx, parent := tr.Start(With(t.Context(), slog.Int("w", 7)), "parent")
				for i := range bufs {
					take(bufs[i])
				}
				_, span := Start(ctx, "child", KindServer, Link(testSpanContext),
					slog.String("trace", "mine"), slog.String("start", "mine2"), slog.Int("plain", 3), slog.String("msg", "mine4"))
				span.SetAttrs(slog.Int("kind", 5), slog.Group("sub", slog.Int("op", 6)))
				starts := [][]byte{}
				for _, b := range bufs {
					starts = append(starts, take(b))
				}
				err := errors.New("boom")
				span.End(&err)
				for o, b := range bufs {
					f := rig.formats[o]
					want := idsUnder(f, span.SpanContext(), "child")
					want["parent"] = string(jsonText(parent.SpanContext().SpanID))
					want["kind"] = `"server"`
					want["w"] = "7"
					want["links"] = "*"
					want["time"], want["level"], want["msg"] = "*", `"INFO"`, `"span start"`
					want["start"], want["duration_ms"], want["error"], want["queued_ms"], want["sample_rate"], want["sampled"] = "", "", "", "", "", ""
					if strings.Contains(logger.name, "With") {
						want["service"] = "1"
					}
					checkRootKeys(t, starts[o], want)
					want["level"], want["msg"] = `"ERROR"`, `"span end"`
					want["start"], want["duration_ms"], want["error"] = "*", "*", `"boom"`
					renamed := !(f == OTel && logger.group == "") // of trace: OTel has another name for it
					user := map[string]string{"plain": "3", "sub": `{"op":6}`, "attr.start": `"mine2"`, "attr.msg": `"mine4"`, "attr.kind": "5", "attr.trace": `"mine"`}
					if !renamed {
						delete(user, "attr.trace")
						user["trace"] = `"mine"`
					}
					line := take(b)
					if logger.group == "" {
						for k, v := range user {
							want[k] = v
						}
						if rig.foreign && f == OTel {
							t.Fatal("not written for this")
						}
					} else {
						want[logger.group] = "*"
					}
					checkRootKeys(t, line, want)
					for _, mine := range []string{`"mine"`, `"mine2"`, `"mine4"`, `"plain":3`} {
						if n := bytes.Count(line, []byte(mine)); n != 1 {
							t.Errorf("%s stands %d times, want once:\n%s", mine, n, line)
						}
					}
					if logger.group != "" && !rig.foreign {
						checkRootKeys(t, append([]byte(valuesOf(parseMembers(t, line, false), logger.group)[0]), '\n'),
							map[string]string{"plain": "3", "sub": `{"op":6}`, "start": `"mine2"`, "msg": `"mine4"`, "kind": "5", "trace": `"mine"`})
					}
				}
			})
		}
	}
}

// slog.SetDefault with groups open: span records of the default Tracer.
func TestHandlerDefaultLoggerWithGroup(t *testing.T) {
	old := slog.Default()
	defer slog.SetDefault(old)
	flags, out := log.Flags(), log.Writer()
	defer func() { log.SetFlags(flags); log.SetOutput(out) }()
	var b bytes.Buffer
	slog.SetDefault(slog.New(NewHandler(slog.NewJSONHandler(&b, nil))).WithGroup("app"))
	ctx, span := Start(t.Context(), "op", slog.Int("trace", 1))
	slog.InfoContext(ctx, "m", "span", 2)
	want := idsUnder(Format{}, span.SpanContext(), "op")
	want["app"] = `{"span":2}`
	checkRootKeys(t, take(&b), want)
	span.End()
	want["app"], want["duration_ms"] = `{"trace":1}`, "*"
	checkRootKeys(t, take(&b), want)
}

// A LogValuer in With is resolved once per record, not once per span.
func TestHandlerWithValuer(t *testing.T) {
	for _, rig := range rigs() {
		t.Run(rig.name, func(t *testing.T) {
			for _, group := range []string{"", "g"} {
				n := 0
				ctx, _ := testSpan(With(t.Context(), slog.Any("n", valuerFunc(func() slog.Value { n++; return slog.IntValue(n) }))), "op")
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil).WithGroup(group)
				for i := range 5 {
					if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
						t.Fatal(err)
					}
					n = i + 1 // several outputs may each resolve it
					line := take(bufs[0])
					want := []string{fmt.Sprint(i + 1)}
					if rig.text {
						want = []string{fmt.Sprintf("%q", want[0])}
					}
					if diff := cmp.Diff(want, valuesOf(parseMembers(t, line, rig.text), "n")); diff != "" {
						t.Fatalf("group %q: record %d (-want +got):\n%s", group, i, diff)
					}
				}
			}
		})
	}
}

// slog.JSONHandler writes no comma behind a group whose members it all dropped. So our attributes must not follow the user's.
func TestHandlerAfterDroppedGroup(t *testing.T) {
	drop := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "secret" {
			return slog.Attr{}
		}
		return a
	}}
	for _, c := range []struct {
		name string
		attr slog.Attr
	}{
		{"group of an empty attribute", slog.Group("g", slog.Attr{})},
		{"group with all members dropped", slog.Group("g", slog.Int("secret", 1))},
	} {
		for _, rig := range rigs() {
			t.Run(c.name+"/"+rig.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, drop)
				ctx, _ := testSpan(t.Context(), "op")
				for range 4 {
					var pb bytes.Buffer
					r := testRecord(slog.Int("x", 1), c.attr)
					if err := errors.Join(h.Handle(ctx, r), rig.plain(&pb, drop).Handle(t.Context(), r)); err != nil {
						t.Fatal(err)
					}
					if _, err := splitMembers(pb.Bytes(), rig.text); err != nil {
						return // not valid without us either: the stamp comes after the group
					}
					for _, b := range bufs {
						parseMembers(t, take(b), rig.text)
					}
				}
			})
		}
	}
}

// Behind a logger's group that turned out empty, slog's text handler writes its name before all keys.
func TestHandlerAfterEmptyWith(t *testing.T) {
	empty := slog.Group("c", slog.Attr{}, slog.Group("none"))
	for name, a := range map[string]slog.Attr{
		"group":  empty,
		"nested": slog.Group("outer", slog.Int("s", 1), empty),
		"inline": slog.Group("", slog.Int("s", 1), empty),
		"valuer": slog.Any("", valuerOf(slog.GroupValue(slog.Int("s", 1), empty))),
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			h := NewHandler(slog.NewTextHandler(&b, nil)).WithAttrs([]slog.Attr{a, slog.Int("p", 1)})
			ctx, span := NewTracer(h, nil).Start(t.Context(), "op")
			for range 4 {
				if err := h.Handle(ctx, testRecord(slog.Int("q", 2))); err != nil {
					t.Fatal(err)
				}
			}
			span.End()
			for line := range bytes.Lines(b.Bytes()) {
				members := parseMembers(t, line, true)
				for _, key := range []string{"trace", "span", "op", "p"} {
					if len(valuesOf(members, key)) != 1 {
						t.Errorf("want one %s in %s", key, line)
					}
				}
			}
		})
	}
}

// The same rules hold for a LogValuer in With or a span that turns out to be an inline group.
func TestHandlerInlineValuers(t *testing.T) {
	inline := slog.Any("", valuerOf(slog.GroupValue(slog.String("trace", "forged"), slog.String("k", "v"))))
	t.Run("With", func(t *testing.T) {
		for _, rig := range rigs() {
			if rig.text {
				continue
			}
			t.Run(rig.name, func(t *testing.T) {
				bufs, ws := outputs(len(rig.formats))
				h := rig.ours(ws, nil)
				span, _ := testSpan(With(t.Context(), inline), "op")
				for _, ctx := range []context.Context{span, With(t.Context(), inline)} {
					for range 4 {
						if err := h.Handle(ctx, testRecord(slog.Int("x", 1))); err != nil {
							t.Fatal(err)
						}
						for _, b := range bufs {
							line := take(b)
							members := parseMembers(t, line, false)
							if got := valuesOf(members, "k"); len(got) != 1 && !rig.dropsKey {
								t.Fatalf("k has values %v, want one:\n%s", got, line)
							}
							if got := valuesOf(members, "trace"); len(got) > 1 {
								t.Fatalf("trace has values %v:\n%s", got, line)
							}
						}
					}
				}
			})
		}
	})
	t.Run("span", func(t *testing.T) {
		var b bytes.Buffer
		for name, h := range map[string]slog.Handler{
			"slog JSON":          slog.NewJSONHandler(&b, nil),
			"Handler(slog JSON)": NewHandler(slog.NewJSONHandler(&b, nil)),
			"JSONHandler":        NewJSONHandler(&b, nil),
		} {
			t.Run(name, func(t *testing.T) {
				_, span := NewTracer(h, nil).Start(With(t.Context(), slog.Int("start", 3)), "op", inline)
				span.End()
				line := take(&b)
				want := idsUnder(Format{}, span.SpanContext(), "op")
				want["k"], want["attr.trace"], want["attr.start"] = `"v"`, `"forged"`, "3"
				checkRootKeys(t, line, want)
			})
		}
	})
}

func TestHandlerAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	const runs = 100
	base := NewHandler(slog.NewJSONHandler(io.Discard, nil))
	for _, c := range []struct {
		name  string
		h     slog.Handler
		warm  int // records of the span before the one that counts
		after float64
	}{
		{"2nd record", base, 1, 0},
		{"4th record", base, 3, 0},
		{"10th record", base, 9, 0},
		{"4th record, With", base.WithAttrs([]slog.Attr{slog.Int("a", 1)}), 3, 0},
		{"2nd record, group", base.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), 1, 0},
		{"4th record, group", base.WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)}), 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := slog.New(c.h)
			record := func(ctx context.Context) {
				l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Int("x", 1), slog.String("y", "v"), slog.Bool("z", true))
			}
			var ctxs []context.Context
			for range runs + 1 {
				ctx, _ := testSpan(t.Context(), "op")
				for range c.warm {
					record(ctx)
				}
				ctxs = append(ctxs, ctx)
			}
			i := 0
			if got := testing.AllocsPerRun(runs, func() { record(ctxs[i]); i++ }); got > c.after {
				t.Errorf("%v allocations, want %v", got, c.after)
			}
		})
	}
	t.Run("outside", func(t *testing.T) {
		l := slog.New(base.WithGroup("g"))
		if got := testing.AllocsPerRun(runs, func() {
			l.LogAttrs(context.Background(), slog.LevelInfo, "m", slog.Int("x", 1), slog.Int("trace", 1))
		}); got != 0 {
			t.Errorf("%v allocations, want 0", got)
		}
	})
}

// Groups that turn out empty do not make a logger's values be resolved more often.
func TestWithAsksOnce(t *testing.T) {
	var n asked
	slog.New(NewHandler(slog.NewJSONHandler(new(bytes.Buffer), nil))).With(slog.Group("e"), "v", askedValue{&n})
	if n.value != 1 {
		t.Errorf("asked %d times, want once", n.value)
	}
}

func TestNewHandlerNil(t *testing.T) {
	defer func() {
		if p := recover(); p != "slogtrace: NewHandler: want a handler, got nil" {
			t.Errorf("panic %v", p)
		}
	}()
	NewHandler(nil)
}

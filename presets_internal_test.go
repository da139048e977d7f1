package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/w3c"
)

func TestPutUint(t *testing.T) {
	check := func(v uint64) { checkPutUint(t, v) }
	for n := uint64(1); ; n *= 10 {
		for _, d := range []uint64{0, 1, 9, 10, 99, 100, 101, 12345678} {
			check(n + d)
			check(n - 1)
			check(n*9 + n/7 + d)
		}
		if n > math.MaxUint64/10 {
			break
		}
	}
	check(0)
	check(math.MaxUint64)
	for n := range uint64(math.MaxUint64)/1e16 + 1 { // whatever the first digits are
		check(n * 1e16)
		check(n*1e16 + 1234567890123456)
	}
}

func FuzzPutUint(f *testing.F) {
	f.Add(uint64(0))
	f.Add(uint64(1e16))
	f.Add(uint64(math.MaxUint64))
	f.Fuzz(checkPutUint)
}

func checkPutUint(t *testing.T, v uint64) {
	text := [24]byte([]byte("leftovers, leftovers, le"))
	if got, want := string(text[:jsontext.PutUint(&text, v)]), strconv.FormatUint(v, 10); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Ids that share a slot are still distinguished, also if the line has no room for a whole text.
func TestDecimalIDs(t *testing.T) {
	var d decimalIDs
	for n := range uint64(5000) {
		id := n << 56 >> (n % 64) * 0x9e3779b97f4a7c15 >> (n % 7 * 8)
		for _, id := range []uint64{id, id ^ 1<<60, id ^ 1<<40, id} {
			hex := [16]byte(fmt.Appendf(nil, "%016x", id))
			checkAppended(t, "an id", strconv.FormatUint(id, 10), func(b []byte) []byte { return d.append(b, &hex) })
		}
	}
}

// The forms of ids as attributes and as JSON, and of ids that an outer handler wrote.
func TestPresetIDs(t *testing.T) {
	sc := SpanContext{TraceID: testSpanContext.TraceID, SpanID: SpanID{0xff, 0xee, 1, 2, 3, 4, 5, 6}}
	var ids w3c.IDs
	ids.Set(sc.TraceID, sc.SpanID)
	decimal := new(big.Int).SetBytes(sc.SpanID[:]).String()
	for _, c := range []struct {
		f           Format
		trace, span string
	}{
		{Format{}, testTraceText, "ffee010203040506"},
		{Datadog, testTraceText, decimal},
		{GoogleCloud("p"), "projects/p/traces/" + testTraceText, "ffee010203040506"},
		{GoogleCloud(""), testTraceText, "ffee010203040506"},
		{GoogleCloud("a\"\n"), "projects/a\"\n/traces/" + testTraceText, "ffee010203040506"},
		{AWSXRay, "1-" + testTraceText[:8] + "-" + testTraceText[8:], "ffee010203040506"},
	} {
		f := c.f.compile(true)
		if got := f.traceText(string(ids[:])); got != c.trace {
			t.Errorf("trace %s, want %s", got, c.trace)
		}
		if got := f.spanText(string(ids[32:])); got != c.span {
			t.Errorf("span %s, want %s", got, c.span)
		}
		from := sender{ids: ids}
		current := currentOf(from.on(t.Context()))
		line := append(append([]byte(`{"x":"`), f.appendIDs(nil, &current, new(decimalIDs))...), '}', '\n')
		checkRootKeys(t, line, map[string]string{f.Trace: string(jsonText(c.trace)), f.Span: string(jsonText(c.span))})
		if !isTraceText(c.trace, testTraceText) || !isSpanText(c.span, "ffee010203040506") {
			t.Errorf("%s and %s are not recognised", c.trace, c.span)
		}
	}
	other := strings.Replace(testTraceText, "4", "5", 1)
	for _, s := range []string{other, "1-" + other[:8] + "-" + other[8:], "projects/p/traces/" + other, "projects/p/" + testTraceText, ""} {
		if isTraceText(s, testTraceText) {
			t.Errorf("%q counts as %s", s, testTraceText)
		}
	}
	if isSpanText("1", "0000000000000002") || isSpanText("", "0000000000000002") {
		t.Error("another span counts as this one")
	}
}

func TestPresetLevels(t *testing.T) {
	google := GoogleCloud("p")
	for _, c := range []struct {
		level slog.Level
		want  string
	}{
		{math.MinInt, "DEBUG"}, {-8, "DEBUG"}, {slog.LevelDebug, "DEBUG"}, {-1, "DEBUG"},
		{slog.LevelInfo, "INFO"}, {1, "INFO"}, {2, "NOTICE"}, {3, "NOTICE"},
		{slog.LevelWarn, "WARNING"}, {5, "WARNING"}, {7, "WARNING"},
		{slog.LevelError, "ERROR"}, {11, "ERROR"}, {12, "CRITICAL"}, {15, "CRITICAL"},
		{16, "ALERT"}, {19, "ALERT"}, {20, "EMERGENCY"}, {21, "EMERGENCY"}, {100, "EMERGENCY"}, {math.MaxInt, "EMERGENCY"},
	} {
		var b bytes.Buffer
		all := &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
		replaced := &slog.HandlerOptions{Level: all.Level, ReplaceAttr: google.ReplaceAttr}
		for name, h := range map[string]slog.Handler{
			"JSONHandler":                  google.NewJSONHandler(&b, all),
			"JSONHandler with ReplaceAttr": google.NewJSONHandler(&b, replaced),
			"slog.JSONHandler":             slog.NewJSONHandler(&b, replaced),
		} {
			slog.New(h).Log(t.Context(), c.level, "m")
			if line := take(&b); !bytes.Contains(line, []byte(`"severity":"`+c.want+`"`)) {
				t.Errorf("%s: level %d, want %s: %s", name, c.level, c.want, line)
			}
		}
		// The others have slog's names, which for odd levels are made at the time.
		slog.New(ECS.NewJSONHandler(&b, all)).Log(t.Context(), c.level, "m")
		checkRootKeys(t, take(&b), map[string]string{"log.level": string(jsonText(c.level.String())), "message": `"m"`})
	}
}

// A user's ReplaceAttr gets slog's own members under slog's names, and its result counts.
func TestPresetReplaceAttr(t *testing.T) {
	var b bytes.Buffer
	var told []string
	h := ECS.NewJSONHandler(&b, &slog.HandlerOptions{AddSource: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		told = append(told, strings.Join(append(groups, a.Key), "/"))
		switch a.Key {
		case slog.TimeKey:
			return slog.Attr{}
		case slog.LevelKey:
			return slog.String(slog.LevelKey, "note")
		case slog.MessageKey:
			return slog.String("text", a.Value.String())
		}
		return a
	}})
	ctx, span := testSpan(t.Context(), "op")
	if err := h.Handle(ctx, testRecord(slog.Int("x", 1), slog.Int("message", 2))); err != nil {
		t.Fatal(err)
	}
	want := idsUnder(ECS, span.SpanContext(), "op")
	want["@timestamp"], want["log.level"], want["text"], want["message"], want["ecs.version"] = "", `"note"`, `"m"`, "", `"8.11.0"`
	want["x"], want["attr.message"], want["log.origin"] = "1", "2", "*"
	checkRootKeys(t, take(&b), want)
	if diff := cmp.Diff(strings.Fields("time level source function file.name file.line msg ecs.version trace.id span.id transaction.id span.name x attr.message"), told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Format.ReplaceAttr changes slog's own members only.
func TestFormatReplaceAttr(t *testing.T) {
	src := &slog.Source{Function: "f", File: "x.go", Line: 3}
	for _, c := range []struct {
		f        Format
		in, want slog.Attr
		groups   []string
	}{
		{Format{}, slog.Any("level", slog.LevelWarn), slog.Any("level", slog.LevelWarn), nil},
		{ECS, slog.Time("time", testTime), slog.Time("@timestamp", testTime), nil},
		{ECS, slog.Any("level", slog.LevelWarn), slog.Any("log.level", slog.LevelWarn), nil},
		{ECS, slog.String("msg", "m"), slog.String("message", "m"), nil},
		{ECS, slog.Any("source", src), slog.Group("log.origin", "function", "f", "file.name", "x.go", "file.line", 3), nil},
		{GoogleCloud("p"), slog.Any("source", src), slog.Any("logging.googleapis.com/sourceLocation", src), nil},
		{GoogleCloud("p"), slog.Any("level", slog.LevelWarn), slog.String("severity", "WARNING"), nil},
		{ECS, slog.String("time", "later"), slog.String("time", "later"), nil},
		{ECS, slog.String("level", "upper"), slog.String("level", "upper"), nil},
		{ECS, slog.Int("msg", 1), slog.Int("msg", 1), nil},
		{ECS, slog.String("source", "web"), slog.String("source", "web"), nil},
		{ECS, slog.String("msg", "m"), slog.String("msg", "m"), []string{"g"}},
		{ECS, slog.String("trace", "t"), slog.String("trace", "t"), nil},
	} {
		if got := c.f.ReplaceAttr(c.groups, c.in); !got.Equal(c.want) {
			t.Errorf("%v became %v, want %v", c.in, got, c.want)
		}
	}
}

// If our sink has other names for slog's own members, the user's attribute under the new name moves,
// since the user wrote it but once: outside a trace, below With, and in one.
func TestPresetBuiltinKeys(t *testing.T) {
	var b bytes.Buffer
	h := ECS.NewJSONHandler(&b, nil)
	span, s := testSpan(t.Context(), "op")
	with := With(t.Context(), slog.String("log.level", "forged"), slog.String("time", "forged2"), slog.String("ecs.version", "forged3"))
	attrs := []slog.Attr{slog.Int("message", 1), slog.Int("msg", 2), slog.Int("@timestamp", 3), slog.Int("trace.id", 4)}
	for _, c := range []struct {
		name string
		ctx  context.Context
		want map[string]string
	}{
		{"outside", t.Context(), map[string]string{"trace.id": "4", "attr.trace.id": ""}},
		{"below With", with, map[string]string{"trace.id": "4", "attr.log.level": `"forged"`, "attr.time": `"forged2"`, "attr.ecs.version": `"forged3"`}},
		{"in a trace", span, map[string]string{"trace.id": string(jsonText(s.SpanContext().TraceID.String())), "attr.trace.id": "4"}},
	} {
		for _, bound := range []bool{false, true} {
			h, r := slog.Handler(h), testRecord(attrs...)
			if bound {
				h, r = h.WithAttrs(attrs), testRecord(slog.Int("x", 1))
			}
			if err := h.Handle(c.ctx, r); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"message": `"m"`, "attr.message": "1", "msg": "2", "@timestamp": string(jsonText(testTime)),
				"attr.@timestamp": "3", "log.level": `"INFO"`, "ecs.version": `"8.11.0"`}
			for k, v := range c.want {
				want[k] = v
			}
			checkRootKeys(t, take(&b), want)
			if t.Failed() {
				t.Fatalf("%s, bound: %v", c.name, bound)
			}
		}
	}
}

// transaction.id is the id of the span with which the trace came here: not of its children, not of a remote parent,
// but of a span under one.
func TestPresetTransaction(t *testing.T) {
	var b bytes.Buffer
	for name, h := range map[string]slog.Handler{
		"JSONHandler":                  ECS.NewJSONHandler(&b, nil),
		"JSONHandler with ReplaceAttr": ECS.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { return a }}),
		"Handler":                      ECS.NewHandler(slog.NewJSONHandler(&b, nil)),
	} {
		tr := NewTracer(h, nil)
		root, r := tr.Start(t.Context(), "root")
		child, c := tr.Start(root, "child")
		remote := ContextWithRemoteSpanContext(child, testSpanContext)
		callback, cb := tr.Start(remote, "callback")
		detached, d := tr.Start(Detach(child), "detached")
		for _, x := range []struct {
			ctx  context.Context
			span *Span
			want bool
		}{{root, r, true}, {With(root, slog.Int("w", 1)), r, true}, {child, c, false}, {remote, nil, false}, {callback, cb, true}, {detached, d, true}} {
			want := ""
			if x.want {
				want = string(jsonText(x.span.SpanContext().SpanID))
			}
			for range 4 {
				if err := h.Handle(x.ctx, testRecord()); err != nil {
					t.Fatal(err)
				}
				checkRootKeys(t, take(&b), map[string]string{"transaction.id": want})
			}
			x.span.End()
			if line := take(&b); len(line) > 0 {
				checkRootKeys(t, line, map[string]string{"transaction.id": want})
			}
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// Rare members have the preset's names too, and a copy of a preset may have others.
func TestPresetRareSchema(t *testing.T) {
	own := Axiom
	own.Error, own.Stack, own.Links, own.Queued, own.SampleRate, own.Sampled = "error", "st", "li", "qu", "ra", "sa"
	for _, c := range []struct {
		f    Format
		want map[string]string
	}{
		{ECS, map[string]string{"error.message": `"panic: boom"`, "error.stack_trace": "*", "error": "", "attr.error": "2", "stack": "", "sampled": "false", "sample_rate": "0.25", "attr.error.message": "1"}},
		{NewRelic, map[string]string{"error.message": `"panic: boom"`, "error.stack": "*", "error": "", "attr.error": "2", "stack": "", "attr.error.message": "1"}},
		{Axiom, map[string]string{"status.message": `"panic: boom"`, "error": "true", "stack": "*", "attr.error": "2", "error.message": "1"}},
		{own, map[string]string{"error": `"panic: boom"`, "st": "*", "li": "*", "qu": "*", "ra": "0.25", "sa": "false", "stack": "", "links": "", "queued_ms": "", "attr.error": "2"}},
	} {
		var b bytes.Buffer
		for _, h := range []slog.Handler{c.f.NewJSONHandler(&b, nil), c.f.NewHandler(slog.NewJSONHandler(&b, nil))} {
			tr := NewTracer(h, &TracerOptions{Sampler: neverSampler{}})
			ctx, err := Carrier{Traceparent: testTraceparent[:53] + "00", Sent: time.Now().UTC().Format(time.RFC3339Nano)}.Context(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.f != own {
				ctx = t.Context()
			}
			func() {
				defer func() { _ = recover() }()
				ctx, span := tr.Start(ctx, "op", Link(testSpanContext), slog.Int("error.message", 1), slog.Int("error", 2))
				_ = ctx
				defer span.End()
				panic("boom")
			}()
			want := c.want
			if c.f == own {
				delete(want, "ra") // the sampler was not asked
			}
			checkRootKeys(t, take(&b), want)
		}
	}
}

// Honeycomb's end record has the start as its time, however it is written, also in another handler.
func TestPresetHoneycombTime(t *testing.T) {
	var b bytes.Buffer
	for name, h := range map[string]slog.Handler{
		"JSONHandler":        Honeycomb.NewJSONHandler(&b, nil),
		"JSONHandler source": Honeycomb.NewJSONHandler(&b, &slog.HandlerOptions{AddSource: true}),
		"Handler":            Honeycomb.NewHandler(slog.NewJSONHandler(&b, nil)),
		"Handler in a group": Honeycomb.NewHandler(slog.NewJSONHandler(&b, nil)).WithGroup("g"),
	} {
		for _, attr := range []slog.Attr{slog.Int("x", 1), slog.Int("name", 1)} { // ordinary, and renamed
			_, span := NewTracer(h, &TracerOptions{LogStart: true}).Start(t.Context(), "op", attr)
			start := string(jsonText(span.start.Round(0)))
			checkRootKeys(t, take(&b), map[string]string{"time": start, "start": ""})
			span.Fail(errors.New("boom"))
			time.Sleep(time.Millisecond)
			span.End()
			checkRootKeys(t, take(&b), map[string]string{"time": start, "start": "", "error": `"boom"`, "duration_ms": "*"})
			if t.Failed() {
				t.Fatal(name)
			}
		}
	}
}

// A preset allocates no more than the default.
func TestPresetAllocs(t *testing.T) {
	racetest.SkipAllocs(t)
	for _, f := range []Format{{}, OTel, Datadog, GoogleCloud("my-project"), ECS, Honeycomb, NewRelic, Axiom, VictoriaLogs, AWSXRay} {
		h := f.NewJSONHandler(io.Discard, nil)
		tr, l := NewTracer(h, nil), slog.New(h)
		ctx, _ := tr.Start(t.Context(), "op")
		text, number := "text", 4711
		for _, test := range []struct {
			name string
			want float64
			f    func()
		}{
			{"in a span", 0, func() { l.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("text", text), slog.Int("number", number)) }},
			{"odd level", 0, func() { l.LogAttrs(ctx, slog.LevelWarn, "m", slog.String("text", text), slog.Int("number", number)) }},
			{"outside", 0, func() { l.LogAttrs(t.Context(), slog.LevelInfo, "m", slog.String("text", text)) }},
			{"a span", 2, func() {
				_, span := tr.Start(ctx, "child", slog.String("text", text), slog.Int("number", number))
				span.End()
			}},
		} {
			if got := testing.AllocsPerRun(200, test.f); got > test.want {
				t.Errorf("%s, %s: %v allocations, want %v", f.compile(true).Trace, test.name, got, test.want)
			}
		}
	}
}

// In another handler's line the names of our members are reserved, and in span records also those of its own members.
func TestReservedBelowOthers(t *testing.T) {
	f := ECS.compile(false)
	for _, tt := range []struct {
		kind recordKind
		key  string
	}{
		{tracedRecord, ecsVersionKey}, {tracedRecord, transactionKey}, {spanRecord, "message"}, {spanRecord, "msg"},
	} {
		if !f.reserved(tt.kind).has(tt.key) {
			t.Errorf("%s is free in records of kind %d", tt.key, tt.kind)
		}
	}
}

// A nil source, which AddSource may give, does not change.
func TestPresetNilSource(t *testing.T) {
	if a := ECS.ReplaceAttr(nil, slog.Any(slog.SourceKey, (*slog.Source)(nil))); a.Value.Any() != (*slog.Source)(nil) {
		t.Errorf("got %v", a)
	}
}

// Only one of the flags means that a trace is sampled.
func TestPresetGoogleSampled(t *testing.T) {
	f := GoogleCloud("p").compile(true)
	for flags, want := range map[Flags]bool{0: false, FlagRandom: false, FlagSampled: true, FlagRandom | FlagSampled: true} {
		if got := f.flagsValue(flags).Bool(); got != want {
			t.Errorf("%v: %t", flags, got)
		}
	}
}

// A path that only ends like Google's resource of a trace is not a trace id.
func TestIsTraceText(t *testing.T) {
	const hex = "4bf92f3577b34da6a3ce929d0e0e4736"
	for s, want := range map[string]bool{
		hex: true, "1-4bf92f35-77b34da6a3ce929d0e0e4736": true, "projects/p/traces/" + hex: true,
		"https://example.com/traces/" + hex: false, "projects/p/traces/x" + hex: false,
	} {
		if isTraceText(s, hex) != want {
			t.Errorf("%s: want %t", s, want)
		}
	}
}

// A decimal id needs no more room than it has digits.
func TestDecimalIDsRoom(t *testing.T) {
	var ids decimalIDs
	hex := [16]byte([]byte("00f067aa0ba902b7"))
	for room := range 32 {
		if got := string(ids.append(make([]byte, 0, room), &hex)); got != "67667974448284343" {
			t.Errorf("room for %d bytes: %s", room, got)
		}
	}
}

package slogtrace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/schema"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracetest"
)

// prefixRE is the form of a prefix, written independently of the code that makes it.
var prefixRE = regexp.MustCompile(`(?s)^\[trace:([0-9a-f]{32}) span:([0-9a-f]{16})(?: op:(?:("(?:[^"\\\[\]]|\\.)*")|([^\[\]":=,\\]+)))?\](?: (.*))?$`)

// cutPrefix returns the parts of a message that has a prefix.
func cutPrefix(t testing.TB, msg string) (trace, span, op, rest string, ok bool) {
	m := prefixRE.FindStringSubmatch(msg)
	if m == nil {
		return "", "", "", msg, false
	}
	if op = m[4]; m[3] != "" {
		if err := json.Unmarshal([]byte(m[3]), &op); err != nil {
			t.Errorf("op %s: %v", m[3], err)
		}
	}
	return m[1], m[2], op, m[5], true
}

// An unprefixWriter writes JSON lines with the prefix of their message as members, in the place where NewHandler has them.
type unprefixWriter struct {
	t testing.TB
	w io.Writer
}

var messageRE = regexp.MustCompile(`^(\{(?:"time":"[^"]*",)?"level":"[^"]*",(?:"source":\{[^{}]*\},)?"msg":)("(?:[^"\\]|\\.)*")`)

func (u unprefixWriter) Write(line []byte) (int, error) {
	out := line
	if m := messageRE.FindSubmatch(line); m == nil {
		u.t.Errorf("no message: %s", line)
	} else {
		var msg string
		if err := json.Unmarshal(m[2], &msg); err != nil {
			u.t.Errorf("%v: %s", err, line)
		}
		if trace, span, op, rest, ok := cutPrefix(u.t, msg); ok {
			quote := func(s string) []byte {
				b, _ := json.Marshal(s)
				return b
			}
			out = append(bytes.Clone(m[1]), quote(rest)...)
			out = append(append(out, `,"trace":`...), quote(trace)...)
			out = append(append(out, `,"span":`...), quote(span)...)
			if op != "" {
				out = append(append(out, `,"op":`...), quote(op)...)
			}
			out = append(out, line[len(m[0]):]...)
		}
	}
	if _, err := u.w.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}

// With its prefix turned into members, a prefix handler keeps all rules of CheckHandler, including package slogtest's.
// Alone it cannot: the ids are not members, and in a trace the message is not the user's.
func TestPrefixHandlerRules(t *testing.T) {
	tracetest.TestHandler(t, func(w io.Writer) slog.Handler {
		return slogtrace.NewPrefixHandler(slog.NewJSONHandler(unprefixWriter{t, w}, nil))
	})
}

// Outside a trace the lines are the inner handler's, so they pass package slogtest.
func TestPrefixHandlerOutside(t *testing.T) {
	var out bytes.Buffer
	if err := slogtest.TestHandler(slogtrace.NewPrefixHandler(slog.NewJSONHandler(&out, nil)), func() (results []map[string]any) {
		for line := range bytes.Lines(out.Bytes()) {
			m := make(map[string]any)
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
			results = append(results, m)
		}
		return results
	}); err != nil {
		t.Error(err)
	}
}

// A messageHandler writes no attributes.
type messageHandler struct {
	slog.Handler
	w io.Writer
}

func (h messageHandler) Handle(_ context.Context, r slog.Record) error {
	_, err := fmt.Fprintf(h.w, "%s %s %s\n", r.Time.Format("2006-01-02 15:04:05.000"), r.Level, r.Message)
	return err
}
func (h messageHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h messageHandler) WithGroup(string) slog.Handler      { return h }

// prefixInners are handlers inside, and whether they write attributes.
var prefixInners = []struct {
	name    string
	inner   func(w io.Writer) slog.Handler
	noAttrs bool
}{
	{"slog.TextHandler", func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }, false},
	{"slog.JSONHandler", func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }, false},
	{"message for msg", func(w io.Writer) slog.Handler {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: slogtrace.GoogleCloud("p").ReplaceAttr})
	}, false},
	{"our JSONHandler", func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) }, false},
	{"slog's first handler", func(w io.Writer) slog.Handler {
		log.SetOutput(w)
		return slog.Default().Handler()
	}, false},
	{"time, level, message", func(w io.Writer) slog.Handler { return messageHandler{slog.DiscardHandler, w} }, true},
}

func (h messageHandler) Enabled(context.Context, slog.Level) bool { return true }

// prefixOps are ops, among them some that must not end the prefix, or begin another.
var prefixOps = []string{
	"charge", "POST /bookings", "POST /bookings/{id}", "größe 日本", "", " space ", "a  b", "a:b", "GET http://x?a=b", "a=b", "a, b",
	"[", "]", "a [b] c", "]]", "a] [trace:0000 span:0000] b", "x trace:0000 span:0000", `"`, `"x"`, `a "b" c`, `\`, `\n`, "line\nbreak", "\t", "\x00", "\u202e", "\ufeff", "op:", "\xff", "a\xffb",
}

// prefixMessages are messages. Readers must not take ids from any of them.
var prefixMessages = []string{
	"seat held", "", "[trace:0123 span:4567 op:evil] seat held", "[trace:0123", "]", `"quoted"`, "a=b", "span end", "span start", "trace=0123 span=4567", "{}",
}

func TestPrefixHandlerReadBack(t *testing.T) {
	defer log.SetOutput(log.Writer())
	for _, in := range prefixInners {
		t.Run(in.name, func(t *testing.T) {
			for _, op := range prefixOps {
				var out bytes.Buffer
				h := slogtrace.NewPrefixHandler(in.inner(&out))
				tracer := slogtrace.NewTracer(h, nil)
				ctx, root := tracer.Start(t.Context(), "root")
				_, span := slogtrace.Start(ctx, op)
				ctx, child := slogtrace.Start(ctx, op)
				logger := slog.New(h).With("prefix", "[trace:0123 span:4567]")
				for _, msg := range prefixMessages {
					logger.InfoContext(ctx, msg, "note", "[trace:0123 span:4567]")
				}
				span.End()
				child.Fail(errors.New("[trace:0123 span:4567] sold out"))
				child.End()
				root.End()

				var entries []tracelog.Entry
				src, err := tracelog.Scan(&out, "", func(e tracelog.Entry) { entries = append(entries, e) })
				if err != nil || src.Bad > 0 || len(entries) != len(prefixMessages)+3 {
					t.Fatalf("op %q: %d entries, %d bad, %v\n%v", op, len(entries), src.Bad, err, src.BadLines)
				}
				wantOp := strings.ToValidUTF8(child.Op(), "\ufffd") // of no name is "unnamed"
				for i, msg := range prefixMessages {
					e := entries[i]
					got := []string{e.Trace, e.Span, e.Op, e.Message, e.Level, e.Event.String()}
					want := []string{root.SpanContext().TraceID.String(), child.SpanContext().SpanID.String(), wantOp, msg, "INFO", "log"}
					if msg == "span start" { // which tracelog says it takes for one
						want[5] = msg
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("op %q, message %q: -want +got\n%s\n%s", op, msg, diff, e.Raw)
					}
				}
				if in.noAttrs {
					continue
				}
				traces := tracelog.Assemble(entries)
				if len(traces) != 1 || len(traces[0].Roots) != 1 || len(traces[0].Roots[0].Children) != 2 {
					t.Fatalf("op %q: not one tree: %+v", op, traces)
				}
				r := traces[0].Roots[0]
				s, c := r.Children[0], r.Children[1]
				got := []string{r.Op, s.Op, s.ID, c.Op, c.ID, c.Error}
				want := []string{"root", wantOp, span.SpanContext().SpanID.String(), wantOp, child.SpanContext().SpanID.String(), "[trace:0123 span:4567] sold out"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("op %q: -want +got\n%s", op, diff)
				}
			}
		})
	}
}

// A user's ids, under any key that a reader knows, do not move a line to another trace. The keys are the reader's.
func TestPrefixHandlerForeignIDs(t *testing.T) {
	var keys []string
	for i := range schema.Presets {
		for _, f := range [...]schema.Field{schema.Trace, schema.Span, schema.Op} {
			keys = append(keys, strings.Fields(schema.Presets[i].Keys[f])...)
		}
	}
	if len(keys) < 30 {
		t.Fatalf("only %d keys: %q", len(keys), keys)
	}
	const foreign = "00000000000000000000000000000007"
	attrs := func(key string) (all []slog.Attr) {
		all = append(all, slog.String(key, foreign), slog.Int(key, 7))
		if outer, inner, ok := strings.Cut(key, "."); ok {
			all = append(all, slog.Group(outer, inner, foreign))
		}
		return all
	}
	check := func(out *bytes.Buffer, span *slogtrace.Span, what string) {
		t.Helper()
		n := 0
		_, err := tracelog.Scan(out, "", func(e tracelog.Entry) {
			n++
			got := []string{e.Trace, e.Span, e.Op}
			want := []string{span.SpanContext().TraceID.String(), span.SpanContext().SpanID.String(), "charge"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s\n%s", what, diff, e.Raw)
			}
		})
		if err != nil || n != 7 {
			t.Fatalf("%d entries, %v", n, err)
		}
	}
	for _, inner := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	} {
		for _, key := range keys {
			for _, a := range attrs(key) {
				var out bytes.Buffer
				h := slogtrace.NewPrefixHandler(inner(&out))
				tracer := slogtrace.NewTracer(h, nil)
				ctx, err := slogtrace.WithBaggage(slogtrace.With(t.Context(), a), key, foreign)
				if (err != nil) != strings.Contains(key, "/") { // which no key of baggage may have
					t.Fatal(err)
				}
				ctx, span := tracer.Start(ctx, "charge", a)
				logger := slog.New(h)
				logger.LogAttrs(ctx, slog.LevelInfo, "record", a)
				logger.InfoContext(ctx, "context")
				logger.With(a).InfoContext(ctx, "logger")
				logger.With(slog.Any("", inlineGroup{a})).InfoContext(ctx, "inline valuer")
				logger.WithGroup(key).InfoContext(ctx, "group", "trace_id", foreign, "id", foreign, "span_id", foreign)
				outer, inner, _ := strings.Cut(key, ".")
				logger.WithGroup(outer).InfoContext(ctx, "outer group", inner, foreign)
				span.End()
				check(&out, span, fmt.Sprint(a))
			}
		}
	}
}

// An inlineGroup is a LogValuer that turns out to be a group.
type inlineGroup []slog.Attr

func (g inlineGroup) LogValue() slog.Value { return slog.GroupValue(g...) }

// Of several handlers the outermost writes the ids, in its own way. SpanOf recognises a span record inside.
func TestPrefixHandlerNested(t *testing.T) {
	const prefixed, members = 1, 2
	prefix := slogtrace.NewPrefixHandler
	ids := func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) }
	otel := func(h slog.Handler) slog.Handler { return slogtrace.OTel.NewHandler(h) }
	redact := func(h slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(h, nil) }
	tail := func(h slog.Handler) slog.Handler {
		return slogtrace.NewTailHandler(h, nil)
	}
	multi := func(h slog.Handler) slog.Handler { return slog.NewMultiHandler(h) }
	ours := func(w io.Writer) slog.Handler { return slogtrace.NewJSONHandler(w, nil) }
	slogs := func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
	type wrap func(slog.Handler) slog.Handler
	for _, tt := range []struct {
		name  string
		sink  func(io.Writer) slog.Handler
		wraps []wrap // from the sink outwards
		want  int
	}{
		{"prefix over JSONHandler", ours, []wrap{prefix}, prefixed},
		{"prefix twice", slogs, []wrap{prefix, prefix}, prefixed},
		{"prefix twice, apart", slogs, []wrap{prefix, multi, prefix}, prefixed},
		{"prefix over Handler", slogs, []wrap{ids, prefix}, prefixed},
		{"prefix over OTel", slogs, []wrap{otel, multi, prefix}, prefixed},
		{"Handler over prefix", slogs, []wrap{prefix, ids}, members},
		{"OTel over prefix", slogs, []wrap{prefix, multi, otel}, members},
		{"redact over prefix", slogs, []wrap{prefix, redact}, prefixed},
		{"prefix over redact", slogs, []wrap{redact, prefix}, prefixed},
		{"tail over prefix", slogs, []wrap{prefix, tail}, prefixed},
		{"prefix over tail", ours, []wrap{tail, prefix}, prefixed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			var spans int
			h := slog.Handler(spanCounter{tt.sink(&out), &spans})
			for _, w := range tt.wraps {
				h = w(h)
			}
			tracer := slogtrace.NewTracer(h, nil)
			ctx, span := tracer.Start(t.Context(), "charge", slog.String("password", "secret"))
			for range 5 { // from some record on the ids are bound
				slog.New(h).InfoContext(ctx, "seat held")
				slog.New(h).With("a", 1).WithGroup("g").InfoContext(ctx, "seat held", "b", 2)
			}
			span.End()
			n := 0
			for line := range bytes.Lines(out.Bytes()) {
				n++
				var m map[string]any
				if err := json.Unmarshal(line, &m); err != nil {
					t.Fatal(err)
				}
				got := 0
				if _, _, _, _, ok := cutPrefix(t, fmt.Sprint(m["msg"])); ok {
					got |= prefixed
				}
				if strings.Count(string(line), span.SpanContext().TraceID.String()) != 1 {
					t.Errorf("not one id of the trace: %s", line)
				} else if got == 0 {
					got = members
				}
				if got != tt.want {
					t.Errorf("got %d, want %d: %s", got, tt.want, line)
				}
			}
			if n != 11 || spans != 1 {
				t.Errorf("%d lines, want 11; %d span records, want 1", n, spans)
			}
		})
	}
}

// A spanCounter counts the span records that it handles.
type spanCounter struct {
	slog.Handler
	spans *int
}

func (h spanCounter) Handle(ctx context.Context, r slog.Record) error {
	if _, ok := slogtrace.SpanOf(r); ok {
		*h.spans++
	}
	return h.Handler.Handle(ctx, r)
}
func (h spanCounter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return spanCounter{h.Handler.WithAttrs(attrs), h.spans}
}
func (h spanCounter) WithGroup(name string) slog.Handler {
	return spanCounter{h.Handler.WithGroup(name), h.spans}
}

func FuzzPrefixHandler(f *testing.F) {
	for _, op := range prefixOps {
		for _, msg := range prefixMessages {
			f.Add(op, msg)
		}
	}
	f.Fuzz(func(t *testing.T, op, msg string) {
		var text, out bytes.Buffer
		h := slog.NewMultiHandler(slogtrace.NewPrefixHandler(slog.NewJSONHandler(&out, nil)), slogtrace.NewPrefixHandler(slog.NewTextHandler(&text, nil)))
		ctx, span := slogtrace.NewTracer(h, nil).Start(t.Context(), op)
		slog.New(h).InfoContext(ctx, msg)
		var line struct{ Msg string }
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		var want tracelog.Entry
		var ok bool
		want.Trace, want.Span, want.Op, want.Message, ok = cutPrefix(t, line.Msg)
		// JSON has U+FFFD for each byte that is not UTF-8.
		if valid := string([]rune(span.Op())); !ok || want.Trace != span.SpanContext().TraceID.String() || want.Span != span.SpanContext().SpanID.String() ||
			want.Op != valid || want.Message != string([]rune(msg)) {
			t.Errorf("op %q, message %q: %q", op, msg, line.Msg)
		}
		for _, b := range []*bytes.Buffer{&out, &text} {
			isJSON := b == &out
			n := 0
			if _, err := tracelog.Scan(b, "", func(e tracelog.Entry) {
				n++
				if e.Trace != want.Trace || e.Span != want.Span || e.Op != want.Op || isJSON && e.Message != want.Message {
					t.Errorf("%s: read as %+v", e.Raw, e)
				}
			}); n != 1 || err != nil {
				t.Errorf("%d entries, %v", n, err)
			}
		}
	})
}

func ExampleNewPrefixHandler() {
	hex := regexp.MustCompile(`[0-9a-f]{16,32}`)
	h := slogtrace.NewPrefixHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.MessageKey { // the ids differ from run to run
			a.Value = slog.StringValue(hex.ReplaceAllString(a.Value.String(), "…"))
		}
		return steady(groups, a)
	}}))
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(h))
	_ = charge(context.Background(), "b1")
	// Output:
	// level=INFO msg="[trace:… span:… op:charge] asking the bank"
	// level=ERROR msg="[trace:… span:… op:charge] span end" error="card declined" booking=b1 amount=12
}

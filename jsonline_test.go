package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/jsontext"
)

type (
	valuerError struct{ error }
	jsonError   struct{ error }
	groupError  struct{ error }
)

func (valuerError) LogValue() slog.Value       { return slog.StringValue("by LogValue") }
func (jsonError) MarshalJSON() ([]byte, error) { return []byte(`{"by":"MarshalJSON"}`), nil }
func (e groupError) LogValue() slog.Value      { return slog.GroupValue(slog.Any("err", e.error)) }
func plainRecordOf(attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	return r
}

// An error is written as slog writes it, whatever its methods, as the first attribute, the last or the only one.
func TestJSONHandlerErrors(t *testing.T) {
	err := errors.New("text")
	n := slog.Int("n", 1)
	for _, v := range []any{err, valuerError{err}, jsonError{err}, groupError{err}, &valuerError{err}, []any{err}, map[string]any{"e": err}, json.Number("1")} {
		a := slog.Any("e", v)
		for _, attrs := range [][]slog.Attr{{a}, {a, n}, {n, a}, {n, a, a, n}, {slog.Group("g", a), n}} {
			for _, group := range []string{"", "open"} {
				var got, want bytes.Buffer
				for w, h := range map[io.Writer]slog.Handler{&got: NewJSONHandler(&got, nil), &want: slog.NewJSONHandler(&want, nil)} {
					if group != "" {
						h = h.WithGroup(group)
					}
					if err := h.Handle(context.Background(), plainRecordOf(attrs...)); err != nil {
						t.Fatal(w, err)
					}
				}
				if got.String() != want.String() {
					t.Errorf("%T:\n got %s\nwant %s", v, got.String(), want.String())
				}
			}
		}
	}
}

// TestJSONHandlerEmptyGroups: slog's WithAttrs with only empty groups does not open the logger's groups.
// With anything else, or from a LogValuer, they do.
func TestJSONHandlerEmptyGroups(t *testing.T) {
	empty, valued, none := slog.Group("e"), slog.Any("v", valuer{slog.GroupValue()}), slog.Attr{}
	for _, attrs := range [][]slog.Attr{{empty}, {empty, empty}, {slog.Group("")}, {valued}, {empty, none}, {none}, {none, slog.Int("a", 1)}, {slog.Any("", valuer{slog.GroupValue()})}} {
		for _, after := range [][]slog.Attr{nil, {slog.Int("b", 2)}, {valued}, {none}} {
			compareWithSlog(t, nil, func(h slog.Handler) {
				handle(t, h.WithAttrs(attrs), context.Background(), after...)
				h = h.WithGroup("g").WithAttrs(slices.Clone(attrs))
				handle(t, h, context.Background(), after...)
				handle(t, h.WithGroup("h").WithAttrs(slices.Clone(attrs)), context.Background(), after...)
			})
		}
	}
}

// checkRoot checks the keys at the root of the one line in b, without slog's own.
func checkRoot(t *testing.T, what string, b *bytes.Buffer, want ...string) {
	t.Helper()
	line := b.String()
	b.Reset()
	if !json.Valid([]byte(line)) {
		t.Errorf("%s: not valid JSON: %s", what, line)
		return
	}
	var got []string
	for _, m := range rootMembers(t, line)[2:] {
		got = append(got, m.Key)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s%s", what, diff, line)
	}
}

// TestJSONHandlerInlineForgery hides reserved keys in inline groups that appear only on resolving.
func TestJSONHandlerInlineForgery(t *testing.T) {
	var b bytes.Buffer
	h := NewJSONHandler(&b, nil)
	ctx, _ := startTestSpan()
	forged := slog.Any("", valuer{slog.GroupValue(slog.String("trace", "forged"), slog.String("time", "x"))})
	for name, a := range map[string]slog.Attr{
		"group":                    slog.Group("", "trace", "forged", "time", "x"),
		"LogValuer":                forged,
		"LogValuer in a group":     {Value: slog.GroupValue(forged)},
		"LogValuer in a LogValuer": slog.Any("", valuer{slog.GroupValue(forged)}),
	} {
		handle(t, h, ctx, a)
		checkRoot(t, "record, "+name, &b, "trace", "span", "op", "attr.trace", "time")
		handle(t, h.WithAttrs([]slog.Attr{a}), ctx)
		checkRoot(t, "logger, "+name, &b, "trace", "span", "op", "attr.trace", "time")
		handle(t, h, With(ctx, a))
		checkRoot(t, "With, "+name, &b, "trace", "span", "op", "attr.trace", "attr.time")
		handle(t, h, With(context.Background(), a))
		checkRoot(t, "With outside a trace, "+name, &b, "attr.trace", "attr.time")
		handle(t, h, With(ctx, a), slog.Group("", slog.Any("", valuer{slog.GroupValue(slog.Int("time", 1))})))
		checkRoot(t, "With gives way, "+name, &b, "trace", "span", "op", "attr.trace", "time") // without attr.time
	}
}

// TestJSONHandlerWithUnwrittenGroup: With gives way to the logger's group, but not if the group is not written.
func TestJSONHandlerWithUnwrittenGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := startTestSpan()
	for _, key := range []string{"user", "op"} {
		h, in := NewJSONHandler(&b, nil).WithGroup(key), With(ctx, slog.Int(key, 1))
		want := key
		if key == "op" {
			want = "attr.op"
		}
		handle(t, h, in)
		checkRoot(t, key+", unwritten", &b, "trace", "span", "op", want)
		handle(t, h, in, slog.Int("a", 1))
		checkRoot(t, key+", written", &b, "trace", "span", "op", want)
		handle(t, h.WithAttrs([]slog.Attr{slog.Int("a", 1)}), in)
		checkRoot(t, key+", written with the logger's", &b, "trace", "span", "op", want)
	}
}

// TestJSONHandlerReplaceAttrWith checks that a ReplaceAttr for the root does not change With's attributes in a group,
// and that a group that was left out is no longer open.
func TestJSONHandlerReplaceAttrWith(t *testing.T) {
	var b bytes.Buffer
	var calls []repCall
	h := NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		calls = append(calls, repCall{Groups: slices.Clone(groups), Key: a.Key})
		return a
	}})
	ctx, _ := startTestSpan()
	handle(t, h.WithGroup("logger"), With(ctx, slog.Group("with", slog.Int("time", 1), slog.Group("deep", "x", 1)), slog.Int("y", 1)),
		slog.Group("emptied", slog.Any("", nil)), slog.Int("z", 1))
	var got []string
	for _, c := range calls {
		got = append(got, strings.Join(append(c.Groups, c.Key), "."))
	}
	want := []string{"level", "msg", "trace", "span", "op", "with.time", "with.deep.x", "y", "logger.emptied.", "logger.z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	checkRoot(t, "line", &b, "trace", "span", "op", "with", "y", "logger")
}

// TestJSONHandlerEmptiedGroup: where slog leaves out a comma, a line in a span has it, also inside a Handler of ours.
func TestJSONHandlerEmptiedGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := startTestSpan()
	attrs := []slog.Attr{slog.Int("a", 1), slog.Group("g", slog.Any("", nil)), slog.Int("b", 2)}
	for name, h := range map[string]slog.Handler{"JSONHandler": NewJSONHandler(&b, nil), "below a Handler": NewHandler(NewJSONHandler(&b, nil))} {
		sorted := func(line string) []string {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: not valid JSON: %s", name, line)
				return nil
			}
			return slices.Sorted(maps.Keys(countKeys(rootMembers(t, line))))
		}
		want := []string{"a", "b", "level", "msg", "op", "span", "trace"}
		handle(t, h, ctx, attrs...)
		if diff := cmp.Diff(want, sorted(b.String())); diff != "" {
			t.Errorf("%s: record (-want +got):\n%s", name, diff)
		}
		b.Reset()
		handle(t, h.WithAttrs(slices.Clone(attrs)), ctx)
		if diff := cmp.Diff(want, sorted(b.String())); diff != "" {
			t.Errorf("%s: logger (-want +got):\n%s", name, diff)
		}
		b.Reset()
		handle(t, h.WithAttrs(slices.Clone(attrs)).WithGroup("h").WithAttrs(slices.Clone(attrs)), ctx, attrs...)
		sorted(b.String())
		b.Reset()
	}
	compareWithSlog(t, nil, func(h slog.Handler) {
		handle(t, h, context.Background(), attrs...)
		handle(t, h.WithAttrs(slices.Clone(attrs)), context.Background(), attrs...)
	})
}

// In a span a year that does not fit into RFC 3339 gives one value, not two.
func TestYearsInSpan(t *testing.T) {
	var b bytes.Buffer
	h := NewJSONHandler(&b, nil)
	ctx, span := Start(t.Context(), "op")
	defer span.End()
	far := time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	bound := h.WithAttrs([]slog.Attr{slog.Time("until", far)})
	for _, h := range []slog.Handler{h, bound, bound.WithGroup("g").WithAttrs([]slog.Attr{slog.Time("x", far)})} {
		r := slog.NewRecord(far, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Time("until", far), slog.Group("in", slog.Time("x", far)))
		b.Reset()
		if err := h.Handle(ctx, r); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b.Bytes()) || !bytes.Contains(b.Bytes(), []byte(`"!ERROR:`)) {
			t.Errorf("want valid JSON that names the error, got %s", b.Bytes())
		}
	}
}

// Values without a key stay separate.
func TestKeylessValues(t *testing.T) {
	var b bytes.Buffer
	slog.New(NewJSONHandler(&b, nil)).InfoContext(With(t.Context(), slog.Int("", 1), slog.Int("", 2)), "m")
	if !strings.Contains(b.String(), `"":1,"":2`) {
		t.Errorf("got %s", b.String())
	}
}

// With does not give way to a group that turns out empty when resolved, and none of its attributes appears twice.
func TestWithAgainstEmptiedGroup(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := Start(With(t.Context(), slog.Int("a", 1), slog.Int("g", 2), slog.Int("z", 3)), "op")
	slog.New(NewJSONHandler(&b, nil)).WithGroup("g").InfoContext(ctx, "m", slog.Any("", valuer{slog.Value{}}))
	line := b.String()
	for _, want := range []string{`"a":1`, `"g":2`, `"z":3`} {
		if strings.Count(line, want) != 1 {
			t.Errorf("want %s once: %s", want, line)
		}
	}
}

// What a format caches for a second is not used for another.
func TestAppendHead(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 7))
	f, tm := ECS.compile(true), randomTime(rnd)
	for range 4000 {
		switch rnd.IntN(6) {
		case 0:
			tm = randomTime(rnd)
		case 1:
			tm = tm.In(testZones[rnd.IntN(len(testZones))])
		case 2, 3, 4:
			tm = time.Unix(tm.Unix(), int64(rnd.IntN(1e9))).In(tm.Location())
		case 5:
			tm = time.Time{}
		}
		if jsontext.YearError(tm) {
			continue
		}
		level := levelOf(rnd.IntN(17) - 4)
		want := `{"@timestamp":` + jsonOracle(t, tm) + `,"log.level":"` + level.String() + `","message":"`
		if tm.IsZero() {
			want = `{"log.level":"` + level.String() + `","message":"`
		}
		if got := string(f.appendHead(nil, tm, level, true)); got != want {
			t.Fatalf("want %s, got %s", want, got)
		}
	}
}

func TestAppendLevel(t *testing.T) {
	for l := -20; l <= 20; l++ {
		level := levelOf(l)
		want := `{"level":` + jsonOracle(t, level.String()) + `,"msg":"`
		checkAppended(t, level.String(), want, func(b []byte) []byte {
			return defaultFormat.appendHead(b, time.Time{}, level, true)
		})
	}
}

// testZones are zones of all sorts, two of them with one name and different offsets.
var testZones = []*time.Location{
	time.UTC, time.Local, time.FixedZone("", 0), time.FixedZone("X", 3600), time.FixedZone("X", -5*3600-30*60),
}

func randomTime(rnd *rand.Rand) time.Time {
	return time.Unix(rnd.Int64N(1<<33), rnd.Int64N(1e9)).In(testZones[rnd.IntN(len(testZones))])
}

// jsonOracle returns what encoding/json makes of v.
func jsonOracle(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func checkAppended(t *testing.T, what string, want string, add func([]byte) []byte) {
	t.Helper()
	const before = "…e-0" // what stands before must neither change nor be looked at
	if got := string(add([]byte(before))); got != before+want {
		t.Errorf("%s: %s, want %s", what, got, before+want)
	}
}

// An empty group does not count as an attribute: slog.Record drops it, and the logger's open group is not written for it.
func TestSpanWithEmptyGroupInGroup(t *testing.T) {
	for _, attrs := range [][]slog.Attr{{slog.Group("x")}, {slog.Group("x"), slog.Any("y", []slog.Attr{})}} {
		var buf bytes.Buffer
		h := NewJSONHandler(&buf, nil).WithGroup("g").WithGroup("h")
		_, s := NewTracer(h, &TracerOptions{LogStart: true}).Start(context.Background(), "op", attrs...)
		s.SetAttrs(attrs...)
		s.End()
		if strings.Contains(buf.String(), `"g"`) {
			t.Errorf("got a group of which nothing is left:\n%s", &buf)
		}
	}
}

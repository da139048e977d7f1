package traceotel_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotel"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A line is a record as JSON, decoded.
type line map[string]any

// lines returns the records of rec.
func lines(t testing.TB, rec *tracetest.Recorder) (all []line) {
	t.Helper()
	for text := range strings.Lines(string(rec.Lines())) {
		var l line
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// newTracer returns a tracer of the scope "lib" and where its records are.
func newTracer(opts *slogtrace.TracerOptions) (trace.Tracer, *tracetest.Recorder) {
	rec := tracetest.NewRecorder()
	return traceotel.NewTracerProvider(slogtrace.NewTracer(rec, opts)).Tracer("lib"), rec
}

var (
	at       = time.Date(2026, 3, 1, 9, 15, 0, 12345678, time.UTC)
	linkedTo = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
)

const (
	linkedTrace = "01000000000000000000000000000000"
	linkedSpan  = "0200000000000000"
)

// The clauses of OpenTelemetry's "Tracing API" specification, each with a span and its records.
// A member of want is compared as JSON; nil means that it is absent.
func TestSpecification(t *testing.T) {
	start := func(opts ...trace.SpanStartOption) []trace.SpanStartOption { return opts }
	type want = map[string]any
	for _, test := range []struct {
		clause string
		start  []trace.SpanStartOption
		do     func(s trace.Span)
		end    []trace.SpanEndOption
		want   want   // of the end record
		events []want // of the records before it
	}{
		{clause: "Span creation: name", want: want{"op": "op", "msg": "span end", "level": "INFO", "parent": nil, "kind": nil, "error": nil}},
		{clause: "Get a Tracer: name", want: want{"otel.scope.name": "lib", "otel.scope.version": nil}},
		{clause: "SpanKind: INTERNAL", start: start(trace.WithSpanKind(trace.SpanKindInternal)), want: want{"kind": nil}},
		{clause: "SpanKind: unspecified", start: start(trace.WithSpanKind(99)), want: want{"kind": nil}},
		{clause: "SpanKind: SERVER", start: start(trace.WithSpanKind(trace.SpanKindServer)), want: want{"kind": "server"}},
		{clause: "SpanKind: CLIENT", start: start(trace.WithSpanKind(trace.SpanKindClient)), want: want{"kind": "client"}},
		{clause: "SpanKind: PRODUCER", start: start(trace.WithSpanKind(trace.SpanKindProducer)), want: want{"kind": "producer"}},
		{clause: "SpanKind: CONSUMER", start: start(trace.WithSpanKind(trace.SpanKindConsumer)), want: want{"kind": "consumer"}},
		{clause: "Span creation: start timestamp", start: start(trace.WithTimestamp(at)), want: want{"start": "2026-03-01T09:15:00.012345678Z"}},
		{clause: "End: timestamp", start: start(trace.WithTimestamp(at)), end: []trace.SpanEndOption{trace.WithTimestamp(at.Add(1500 * time.Microsecond))},
			want: want{"time": "2026-03-01T09:15:00.013845678Z", "duration_ms": 1.5}},
		{clause: "End: before the start", start: start(trace.WithTimestamp(at)), end: []trace.SpanEndOption{trace.WithTimestamp(at.Add(-time.Second))}, want: want{"duration_ms": 0}},
		{clause: "End: stack trace without a panic", end: []trace.SpanEndOption{trace.WithStackTrace(true)}, want: want{"stack": nil, "error": nil}},
		{clause: "End: again", do: func(s trace.Span) { s.End(); s.End(); s.SetStatus(codes.Error, "late") }, want: want{"error": nil}},
		{
			clause: "End: later calls do nothing",
			do: func(s trace.Span) {
				s.End()
				s.SetName("late")
				s.SetAttributes(attribute.Int("late", 1), attribute.Int("", 1))
				s.AddEvent("late")
				s.RecordError(io.EOF)
				s.AddLink(trace.Link{SpanContext: linkedTo})
			},
			want: want{"op": "op", "late": nil, "links": nil, "otel.dropped_attributes_count": nil},
		},
		{clause: "UpdateName", do: func(s trace.Span) { s.SetName("new") }, want: want{"op": "new"}},
		{
			clause: "Set Attributes: types",
			start: start(trace.WithAttributes(attribute.String("s", "x"), attribute.Int64("i", -1), attribute.Float64("f", 1.5), attribute.Bool("b", true)),
				trace.WithAttributes(attribute.Int64("max", math.MaxInt64))),
			do: func(s trace.Span) {
				s.SetAttributes(attribute.StringSlice("ss", []string{"x", "y"}), attribute.Int64Slice("is", []int64{1, 2}),
					attribute.Float64Slice("fs", []float64{1.5}), attribute.BoolSlice("bs", []bool{true}), attribute.StringSlice("none", nil))
			},
			want: want{"s": "x", "i": -1, "f": 1.5, "b": true, "max": json.Number("9223372036854775807"),
				"ss": []any{"x", "y"}, "is": []any{1, 2}, "fs": []any{1.5}, "bs": []any{true}, "none": []any{}},
		},
		{
			clause: "Set Attributes: values of any type",
			start: start(trace.WithAttributes(attribute.ByteSlice("bytes", []byte{0, 1, 255}), attribute.KeyValue{Key: "empty"},
				attribute.Slice("mixed", attribute.IntValue(1), attribute.StringValue("x"), attribute.MapValue(attribute.Int("n", 1)), attribute.Value{}),
				attribute.Map("map", attribute.Int("n", 1), attribute.Map("deep", attribute.ByteSlice("b", []byte{1})), attribute.Slice("l")), attribute.Map("nothing"))),
			want: want{"bytes": "AAH/", "empty": nil, "mixed": []any{1, "x", want{"n": 1}, nil},
				"map": want{"n": 1, "deep": want{"b": "AQ=="}, "l": []any{}}, "nothing": want{}},
		},
		{
			clause: "Set Attributes: a key twice in a map",
			start:  start(trace.WithAttributes(attribute.Map("map", attribute.Int("n", 1), attribute.Int("n", 2)))),
			want:   want{"map": want{"n": 2}},
		},
		{
			clause: "Set Attributes: what is no number in JSON",
			start:  start(trace.WithAttributes(attribute.Float64("nan", math.NaN()), attribute.Float64("inf", math.Inf(-1)), attribute.Float64Slice("fs", []float64{1, math.Inf(1)}))),
			want:   want{"nan": "NaN", "inf": "-Infinity", "fs": []any{1, "Infinity"}},
		},
		{
			clause: "Set Attributes: the same key",
			start:  start(trace.WithAttributes(attribute.Int("a", 1), attribute.Int("a", 2), attribute.Int("b", 1))),
			do:     func(s trace.Span) { s.SetAttributes(attribute.String("b", "new")) },
			want:   want{"a": 2, "b": "new"},
		},
		{
			clause: "Attribute: key not empty",
			start:  start(trace.WithAttributes(attribute.Int("", 1), attribute.Int("a", 1))),
			do:     func(s trace.Span) { s.SetAttributes(attribute.Int("", 1), attribute.Int("", 1)) },
			want:   want{"a": 1, "": nil, "otel.dropped_attributes_count": 3},
		},
		{
			clause: "Attributes: reserved keys of the record",
			start:  start(trace.WithAttributes(attribute.String("error", "mine"), attribute.Int("kind", 7), attribute.String("msg", "m"))),
			want:   want{"attr.error": "mine", "attr.kind": 7, "attr.msg": "m", "error": nil, "kind": nil, "msg": "span end"},
		},
		{
			clause: "Links: at the start and later",
			start:  start(trace.WithLinks(trace.Link{SpanContext: linkedTo})),
			do:     func(s trace.Span) { s.AddLink(trace.Link{SpanContext: linkedTo.WithSpanID(trace.SpanID{3})}) },
			want: want{"links": []any{want{"trace": linkedTrace, "span": linkedSpan}, want{"trace": linkedTrace, "span": "0300000000000000"}},
				"otel.dropped_links_count": nil},
		},
		{
			clause: "Links: attributes",
			start: start(trace.WithLinks(trace.Link{SpanContext: linkedTo, Attributes: []attribute.KeyValue{attribute.Int("a", 1)}},
				trace.Link{SpanContext: linkedTo, Attributes: []attribute.KeyValue{attribute.Int("a", 1)}})),
			do: func(s trace.Span) {
				s.AddLink(trace.Link{SpanContext: linkedTo, Attributes: []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 1)}})
			},
			want: want{"links": slices.Repeat([]any{want{"trace": linkedTrace, "span": linkedSpan}}, 3), "otel.dropped_link_attributes_count": 4},
		},
		{
			clause: "Links: without ids",
			start:  start(trace.WithLinks(trace.Link{}, trace.Link{Attributes: []attribute.KeyValue{attribute.Int("a", 1)}})),
			do:     func(s trace.Span) { s.AddLink(trace.Link{}) },
			want:   want{"links": nil, "otel.dropped_links_count": 1, "otel.dropped_link_attributes_count": 1},
		},
		{
			clause: "Add Events",
			do: func(s trace.Span) {
				s.AddEvent("cache miss", trace.WithTimestamp(at), trace.WithAttributes(attribute.String("key", "k"), attribute.Int("trace", 7), attribute.Int("", 1)))
			},
			events: []want{{"msg": "cache miss", "level": "INFO", "op": "op", "time": "2026-03-01T09:15:00.012345678Z", "key": "k", "attr.trace": 7}},
			want:   want{"otel.dropped_attributes_count": 1},
		},
		{clause: "Add Events: in order", do: func(s trace.Span) { s.AddEvent("one"); s.AddEvent("two") }, events: []want{{"msg": "one"}, {"msg": "two"}}},
		{
			clause: "Record Exception",
			do: func(s trace.Span) {
				s.RecordError(errors.New("bad"), trace.WithTimestamp(at), trace.WithAttributes(attribute.Int("n", 1)))
				s.RecordError(nil)
			},
			events: []want{{"msg": "exception", "level": "WARN", "time": "2026-03-01T09:15:00.012345678Z", "exception.type": "*errors.errorString",
				"exception.message": "bad", "exception.stacktrace": nil, "n": 1}},
			want: want{"error": nil, "level": "INFO"},
		},
		{clause: "Set Status: Unset", do: func(s trace.Span) { s.SetStatus(codes.Unset, "x") }, want: want{"error": nil}},
		{clause: "Set Status: Error", do: func(s trace.Span) { s.SetStatus(codes.Error, "bad") }, want: want{"error": "bad", "level": "ERROR"}},
		{clause: "Set Status: Error without a description", do: func(s trace.Span) { s.SetStatus(codes.Error, "") }, want: want{"error": "error"}},
		{clause: "Set Status: Ok, its description is ignored", do: func(s trace.Span) { s.SetStatus(codes.Ok, "fine") }, want: want{"error": nil}},
		{clause: "Set Status: Ok over Error", do: func(s trace.Span) { s.SetStatus(codes.Error, "bad"); s.SetStatus(codes.Ok, "") }, want: want{"error": nil, "level": "INFO"}},
		{clause: "Set Status: Ok is final", do: func(s trace.Span) { s.SetStatus(codes.Ok, ""); s.SetStatus(codes.Error, "bad") }, want: want{"error": nil}},
		{clause: "Set Status: Unset is ignored", do: func(s trace.Span) { s.SetStatus(codes.Error, "bad"); s.SetStatus(codes.Unset, "") }, want: want{"error": "bad"}},
		{
			clause: "Set Status: Error of the recorded error",
			do: func(s trace.Span) {
				s.RecordError(context.Canceled)
				s.SetStatus(codes.Error, context.Canceled.Error())
			},
			events: []want{{"exception.message": "context canceled"}},
			want:   want{"error": "context canceled", "error.type": "canceled"},
		},
	} {
		t.Run(test.clause, func(t *testing.T) {
			tracer, rec := newTracer(nil)
			ctx, s := tracer.Start(t.Context(), "op", test.start...)
			if !s.SpanContext().IsValid() || s.SpanContext().IsRemote() || trace.SpanFromContext(ctx) != s {
				t.Error("the span is not the current one of its context")
			}
			if test.do != nil {
				test.do(s)
			}
			s.End(test.end...)
			got := lines(t, rec)
			wants := append(slices.Clone(test.events), test.want)
			if len(got) != len(wants) {
				t.Fatalf("want %d records, got:\n%s", len(wants), rec.Lines())
			}
			for i, want := range wants {
				if want == nil {
					continue
				}
				want["trace"], want["span"] = s.SpanContext().TraceID().String(), s.SpanContext().SpanID().String()
				for _, key := range slices.Sorted(maps.Keys(want)) {
					if g, w := asJSON(t, got[i][key]), asJSON(t, want[key]); g != w {
						t.Errorf("record %d: %s is %s, want %s", i, key, g, w)
					}
				}
			}
		})
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

package traceotlp

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
)

// A receiver keeps the requests that it gets, as a tree of JSON.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	answer   func(w http.ResponseWriter, r *http.Request) bool // false: as usual
}

type request struct {
	path   string
	header http.Header
	body   any
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	var tree any
	dec := json.NewDecoder(body)
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request{req.URL.Path, req.Header, tree})
	if r.answer != nil && r.answer(w, req) {
		return
	}
	io.WriteString(w, "{}")
}

// records returns the spans or log records of all requests.
func (r *receiver) records(resources, scopes, records string) (list []map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, req := range r.requests {
		all, _ := req.body.(map[string]any)[resources].([]any)
		for _, resource := range all {
			for _, scope := range resource.(map[string]any)[scopes].([]any) {
				for _, record := range scope.(map[string]any)[records].([]any) {
					list = append(list, record.(map[string]any))
				}
			}
		}
	}
	return list
}

func (r *receiver) spans() []map[string]any {
	return r.records("resourceSpans", "scopeSpans", "spans")
}
func (r *receiver) logs() []map[string]any {
	return r.records("resourceLogs", "scopeLogs", "logRecords")
}

// attrs returns the attributes in a list of KeyValue as text: key=kind:value.
func attrs(t *testing.T, list any) (out []string) {
	t.Helper()
	all, _ := list.([]any)
	for _, kv := range all {
		m := kv.(map[string]any)
		text, err := json.Marshal(m["value"])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m["key"].(string)+"="+string(text))
	}
	return out
}

// start makes a Handler for r, and its Tracer the default one.
func start(t *testing.T, r *receiver, opts Options) (*Handler, *slog.Logger) {
	t.Helper()
	for _, e := range os.Environ() {
		if key, _, _ := strings.Cut(e, "="); strings.HasPrefix(key, "OTEL_") {
			t.Setenv(key, "")
		}
	}
	opts.Endpoint = r.URL
	h, err := NewHandler(&opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return h, slog.New(h)
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func flush(t *testing.T, h *Handler) {
	t.Helper()
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Each member of a span and of a log record is what the record says.
func TestRecords(t *testing.T) {
	r := newReceiver(t)
	h, log := start(t, r, Options{})
	tracer := slogtrace.NewTracer(h, nil)
	ctx, err := slogtrace.WithBaggage(t.Context(), "tenant", "acme")
	if err != nil {
		t.Fatal(err)
	}
	ctx = slogtrace.With(ctx, slog.String("booking", "b-1"), slog.Int("n", 1))
	cause := slogtrace.SpanContext{TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{2}, Flags: 1, State: "a=b"}
	ctx, root := tracer.Start(ctx, "POST /bookings", slogtrace.KindServer, slogtrace.Link(cause), slog.Int("n", 2))
	log.With("logger", true).WithGroup("g").WarnContext(ctx, "seat \x00 held", "seat", "12A", slog.Group("price", "euros", 99.5))
	_, child := tracer.Start(ctx, "charge")
	child.Fail(fmt.Errorf("card declined: %w", &os.PathError{Op: "open", Path: "card", Err: os.ErrPermission}))
	child.End()
	root.End()
	log.Info("outside")
	flush(t, h)

	spans := r.spans()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	s, c := spans[1], spans[0]
	sc := root.SpanContext()
	for key, want := range map[string]any{
		"traceId": sc.TraceID.String(), "spanId": sc.SpanID.String(), "name": "POST /bookings", "kind": json.Number("2"),
		"parentSpanId": nil, "status": nil, "events": nil, "traceState": nil, "flags": json.Number("3"),
		"links": []any{map[string]any{"traceId": cause.TraceID.String(), "spanId": cause.SpanID.String(), "traceState": "a=b", "flags": json.Number("1")}},
	} {
		diff(t, "root's "+key, s[key], want)
	}
	diff(t, "root's attributes", attrs(t, s["attributes"]), []string{
		`n={"intValue":"2"}`, `booking={"stringValue":"b-1"}`, `tenant={"stringValue":"acme"}`})
	for key, want := range map[string]any{
		"parentSpanId": sc.SpanID.String(), "kind": json.Number("1"), "name": "charge",
		"status": map[string]any{"code": json.Number("2"), "message": "card declined: open card: permission denied"},
	} {
		diff(t, "child's "+key, c[key], want)
	}
	event := c["events"].([]any)[0].(map[string]any)
	diff(t, "exception", event["name"], any("exception"))
	diff(t, "exception's attributes", attrs(t, event["attributes"]), []string{
		`exception.message={"stringValue":"card declined: open card: permission denied"}`, `exception.type={"stringValue":"*fs.PathError"}`})
	diff(t, "exception's time", event["timeUnixNano"], c["endTimeUnixNano"])

	logs := r.logs()
	if len(logs) != 2 {
		t.Fatalf("%d logs, want 2", len(logs))
	}
	for key, want := range map[string]any{
		"traceId": sc.TraceID.String(), "spanId": sc.SpanID.String(), "severityNumber": json.Number("13"), "severityText": "WARN",
		"body": map[string]any{"stringValue": "seat \x00 held"}, "flags": json.Number("3"),
	} {
		diff(t, "log's "+key, logs[0][key], want)
	}
	diff(t, "log's attributes", attrs(t, logs[0]["attributes"]), []string{
		`logger={"boolValue":true}`, `g.seat={"stringValue":"12A"}`, `g.price.euros={"doubleValue":99.5}`,
		`booking={"stringValue":"b-1"}`, `n={"intValue":"1"}`, `tenant={"stringValue":"acme"}`})
	if logs[1]["traceId"] != nil || logs[1]["spanId"] != nil {
		t.Errorf("the line outside has ids: %v", logs[1])
	}
	stats := h.Stats()
	if stats.Spans.Delivered != 2 || stats.Logs.Delivered != 2 {
		t.Errorf("%+v", stats)
	}
	for _, req := range r.requests {
		want := map[bool]string{true: "/v1/traces", false: "/v1/logs"}[req.body.(map[string]any)["resourceSpans"] != nil]
		diff(t, "path", req.path, want)
		diff(t, "content type", req.header.Get("Content-Type"), "application/json")
	}
}

type marshals struct{ A, B any }
type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

type lazy struct{ v any }

func (l lazy) LogValue() slog.Value { return slog.AnyValue(l.v) }

type panics struct{}

func (panics) Error() string { panic("at the disco") }

func TestValues(t *testing.T) {
	r := newReceiver(t)
	h, log := start(t, r, Options{})
	at := time.Date(2026, 3, 1, 9, 15, 0, 123456789, time.UTC)
	log.Info("m",
		"string", "a\xffb<\u2028", "int", int64(math.MinInt64), "uint", uint64(math.MaxUint64), "small", uint8(7), "float", 0.1, "big", 1e300,
		"nan", math.NaN(), "inf", math.Inf(-1), "bool", false, "duration", 1500*time.Millisecond, "time", at, "nil", nil,
		"bytes", []byte{1, 2, 255}, "strings", []string{"a", ""}, "ints", []int{1, 2}, "struct", marshals{"x", []any{1.5, nil, true}},
		"error", io.EOF, "failing", failing{}, "lazy", lazy{lazy{7}}, "panics", panics{}, "raw", json.RawMessage(`{"z":12345678901234567890,"a":1e2}`),
		slog.Group("empty"), slog.Attr{}, slog.Group("", "inline", 1), slog.Group("a", slog.Group("b", "c", 1)), "", "no key",
		"twice", 1, "twice", 2)
	flush(t, h)
	got := attrs(t, r.logs()[0]["attributes"])
	// The text of encoding/json differs between Go versions.
	got = slices.DeleteFunc(got, func(a string) bool {
		return strings.HasPrefix(a, `failing={"stringValue":"!ERROR:json: error calling MarshalJSON for type `) && strings.HasSuffix(a, `traceotlp.failing: no"}`)
	})
	diff(t, "attributes", got, []string{
		"string={\"stringValue\":\"a\ufffdb\\u003c\\u2028\"}", `int={"intValue":"-9223372036854775808"}`, `uint={"stringValue":"18446744073709551615"}`,
		`small={"intValue":"7"}`, `float={"doubleValue":0.1}`, `big={"doubleValue":1e+300}`, `nan={"doubleValue":"NaN"}`, `inf={"doubleValue":"-Infinity"}`,
		`bool={"boolValue":false}`, `duration={"intValue":"1500000000"}`, `time={"stringValue":"2026-03-01T09:15:00.123456789Z"}`, `nil={}`,
		`bytes={"bytesValue":"AQL/"}`, `strings={"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":""}]}}`,
		`ints={"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}`,
		`struct={"kvlistValue":{"values":[{"key":"A","value":{"stringValue":"x"}},{"key":"B","value":{"arrayValue":{"values":[{"doubleValue":1.5},{},{"boolValue":true}]}}}]}}`,
		`error={"stringValue":"EOF"}`, `lazy={"intValue":"7"}`,
		`panics={"stringValue":"!PANIC: at the disco"}`,
		`raw={"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":100}},{"key":"z","value":{"stringValue":"12345678901234567890"}}]}}`,
		`inline={"intValue":"1"}`, `a.b.c={"intValue":"1"}`, `={"stringValue":"no key"}`, `twice={"intValue":"2"}`,
	})
}

// The handler's chain is as slog wants it, and what derived handlers add stays theirs.
func TestChain(t *testing.T) {
	r := newReceiver(t)
	h, log := start(t, r, Options{Resource: []slog.Attr{slog.String("service.name", "api"), slog.Group("host", "name", "h1")}})
	base := log.With("a", 1, "service", "api", "host.name", "other")
	g := base.WithGroup("g").With("b", 2)
	g.With("c", 3).Info("first")
	g.With("d", 4).Info("second", "b", 5)
	base.WithGroup("").Info("third", "a", 9)
	flush(t, h)
	logs := r.logs()
	for i, want := range [][]string{
		{`a={"intValue":"1"}`, `host.name={"stringValue":"other"}`, `g.b={"intValue":"2"}`, `g.c={"intValue":"3"}`},
		{`a={"intValue":"1"}`, `host.name={"stringValue":"other"}`, `g.d={"intValue":"4"}`, `g.b={"intValue":"5"}`},
		{`host.name={"stringValue":"other"}`, `a={"intValue":"9"}`},
	} {
		diff(t, fmt.Sprint(logs[i]["body"]), attrs(t, logs[i]["attributes"]), want)
	}
	resource := r.requests[0].body.(map[string]any)["resourceLogs"].([]any)[0].(map[string]any)["resource"].(map[string]any)
	got := attrs(t, resource["attributes"])
	for _, want := range []string{`service.name={"stringValue":"api"}`, `host.name={"stringValue":"h1"}`, `telemetry.sdk.language={"stringValue":"go"}`} {
		if !slices.Contains(got, want) {
			t.Errorf("the resource has no %s: %v", want, got)
		}
	}
}

// Below and above other handlers there are no ids among the attributes, and nothing is hidden or lost.
func TestCombinations(t *testing.T) {
	secret := slog.String("password", "hunter2")
	for _, test := range []struct {
		name string
		wrap func(slog.Handler) slog.Handler
	}{
		{"alone", func(h slog.Handler) slog.Handler { return h }},
		{"Handler", func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) }},
		{"OTel", func(h slog.Handler) slog.Handler { return slogtrace.OTel.NewHandler(h) }},
		{"Multi", func(h slog.Handler) slog.Handler {
			return slog.NewMultiHandler(slogtrace.NewJSONHandler(io.Discard, nil), h)
		}},
		{"Tail", func(h slog.Handler) slog.Handler { return slogtrace.NewTailHandler(h, nil) }},
		{"Redact", func(h slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(h, nil) }},
		{"Redact, Tail, Handler", func(h slog.Handler) slog.Handler {
			return slogtrace.NewRedactHandler(slogtrace.NewTailHandler(slogtrace.NewHandler(h), nil), nil)
		}},
		{"Handler, Multi", func(h slog.Handler) slog.Handler {
			return slogtrace.NewHandler(slog.NewMultiHandler(slog.NewTextHandler(io.Discard, nil), h))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReceiver(t)
			h, _ := start(t, r, Options{})
			outer := test.wrap(h)
			tracer, log := slogtrace.NewTracer(outer, nil), slog.New(outer)
			ctx := slogtrace.With(t.Context(), slog.String("booking", "b-1"), secret)
			ctx, span := tracer.Start(ctx, "book", slog.String("seat", "12A"))
			for range 4 { // from the third record on, ids are bound
				log.With("bound", 1).WithGroup("g").InfoContext(ctx, "held", "x", 1)
				log.InfoContext(ctx, "held", "x", 1)
			}
			span.Fail(errors.New("password=hunter2 declined"))
			span.End()
			flush(t, h)
			want := func(attrs ...string) []string { return append(attrs, `booking={"stringValue":"b-1"}`, "password") }
			check := func(what string, list any, want []string) {
				t.Helper()
				got := attrs(t, list)
				for i, a := range got {
					if key, value, _ := strings.Cut(a, "="); key == "password" {
						got[i] = key
						if hidden := !strings.Contains(value, "hunter2"); hidden != strings.Contains(test.name, "Redact") {
							t.Errorf("%s: password is %s", what, value)
						}
					}
				}
				diff(t, what, got, want)
			}
			logs := r.logs()
			if len(logs) != 8 || len(r.spans()) != 1 {
				t.Fatalf("%d logs, %d spans, want 8 and 1", len(logs), len(r.spans()))
			}
			for i, l := range logs {
				w := want(`bound={"intValue":"1"}`, `g.x={"intValue":"1"}`)
				if i%2 == 1 {
					w = want(`x={"intValue":"1"}`)
				}
				check(fmt.Sprint("log ", i), l["attributes"], w)
				diff(t, "log's trace", l["traceId"], any(span.SpanContext().TraceID.String()))
				diff(t, "log's span", l["spanId"], any(span.SpanContext().SpanID.String()))
			}
			check("span", r.spans()[0]["attributes"], want(`seat={"stringValue":"12A"}`))
		})
	}
}

// An overrider embeds a Handler and has a Handle of its own, which gets every record, with the schema's attributes on those of spans.
type overrider struct {
	*Handler
	got *[]string
}

func (h overrider) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		for _, member := range a.Value.Resolve().Group() {
			*h.got = append(*h.got, member.Key)
		}
		return true
	})
	return h.Handler.Handle(ctx, r)
}

func TestEmbedded(t *testing.T) {
	h, err := NewHandler(&Options{Endpoint: "http://receiver.invalid", Transport: idle{}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	_, span := slogtrace.NewTracer(overrider{h, &got}, nil).Start(t.Context(), "op")
	span.End()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"trace", "span", "op", "start", "duration_ms"}, got); diff != "" || h.Stats().Spans.Delivered != 1 {
		t.Errorf("the schema's attributes (-want +got):\n%s\n%+v", diff, h.Stats().Spans)
	}
}

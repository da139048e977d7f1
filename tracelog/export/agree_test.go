package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracelog/export"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// A collector keeps the spans that are posted to it, by their ids, start and name, with their service.
type collector map[string]any

func (c collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.add(b)
	io.WriteString(w, "{}")
}

// add keeps the spans of a request.
func (c collector) add(request []byte) {
	var doc struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []any }
			ScopeSpans []struct{ Spans []map[string]any }
		}
	}
	if err := json.Unmarshal(request, &doc); err != nil {
		panic(err)
	}
	for _, r := range doc.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if m := a.(map[string]any); m["key"] == "service.name" {
				for _, s := range r.ScopeSpans {
					for _, span := range s.Spans {
						span["service"] = m["value"]
						c[fmt.Sprint(span["traceId"], span["spanId"], span["startTimeUnixNano"], span["name"])] = span
					}
				}
			}
		}
	}
}

// What export makes of a log is what traceotlp has sent of the same spans.
func TestOTLPAgrees(t *testing.T) {
	sent := collector{}
	server := httptest.NewServer(sent)
	defer server.Close()
	h, err := traceotlp.NewHandler(&traceotlp.Options{Endpoint: server.URL, Logs: traceotlp.LogNothing, Resource: []slog.Attr{slog.String("service.name", "api")}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	both := slog.NewMultiHandler(slogtrace.NewJSONHandler(&log, nil).WithAttrs([]slog.Attr{slog.String("service", "api")}), h)
	ctx := context.Background()
	tracer := slogtrace.NewTracer(both, nil)
	do := func(ctx context.Context, op string, err error, attrs ...slog.Attr) context.Context {
		ctx, span := tracer.Start(ctx, op, attrs...)
		span.Fail(err)
		time.Sleep(time.Millisecond)
		span.End()
		return ctx
	}
	root := do(ctx, "POST /bookings", nil, slogtrace.KindServer, slog.String("http.route", "/bookings"), slog.Int("http.response.status_code", 201))
	do(root, "charge", errors.New("declined"), slogtrace.KindClient, slog.Duration("limit", time.Second), slog.Float64("share", 0.25), slog.Bool("retry", true))
	do(root, "send", nil, slogtrace.KindProducer, slog.Group("order", slog.Int("id", 7), slog.Group("customer", slog.String("name", "Ann \"A\" \u202e"))),
		slogtrace.Link(slogtrace.SpanContextFromContext(root)))
	do(root, "receive", nil, slogtrace.KindConsumer, slog.Any("list", []int{1, 2}), slog.Any("nothing", nil), slog.Uint64("large", 1<<63),
		slog.Time("at", time.Date(2026, 3, 1, 9, 15, 0, 5, time.UTC)), slog.Int("again", 1), slog.Int("again", 2))
	func() {
		defer func() { _ = recover() }()
		_, span := tracer.Start(root, "explode")
		defer span.End()
		panic("no")
	}()
	if err := h.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	lines, _ := written(t, export.NewOTLP, nil, read(t, log.Bytes())...)
	exported := collector{}
	for line := range bytes.Lines(lines) {
		exported.add(line)
	}
	if len(sent) != 5 {
		t.Errorf("%d spans were sent", len(sent))
	}
	for _, spans := range []collector{sent, exported} {
		for _, span := range spans {
			asLogged(t, span.(map[string]any))
		}
	}
	if diff := cmp.Diff(map[string]any(sent), map[string]any(exported)); diff != "" {
		t.Errorf("(-sent +exported):\n%s", diff)
	}
}

// asLogged leaves of a span what a log has of it: durations in microseconds, and no flags.
func asLogged(t *testing.T, span map[string]any) {
	t.Helper()
	nanos := func(m map[string]any, key string) int64 {
		n, err := strconv.ParseInt(m[key].(string), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	start := nanos(span, "startTimeUnixNano")
	micros := func(m map[string]any, key string) {
		lasted := time.Duration(nanos(m, key) - start).Round(time.Microsecond)
		m[key] = strconv.FormatInt(start+int64(lasted), 10)
	}
	micros(span, "endTimeUnixNano")
	delete(span, "flags")
	events, _ := span["events"].([]any)
	for _, e := range events {
		micros(e.(map[string]any), "timeUnixNano")
	}
	links, _ := span["links"].([]any)
	for _, l := range links {
		delete(l.(map[string]any), "flags")
	}
}

// NewOTLPSender sends what NewOTLP writes.
func TestOTLPSender(t *testing.T) {
	sent, want := collector{}, collector{}
	server := httptest.NewServer(sent)
	defer server.Close()
	s, err := traceotlp.NewSender(&traceotlp.Options{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := export.NewOTLPSender(t.Context(), s, &export.Options{Logs: true})
	for _, traces := range fixtures(t) {
		for _, tr := range traces {
			if err := w.Trace(tr); err != nil {
				t.Fatal(err)
			}
			lines, _ := written(t, export.NewOTLP, &export.Options{Logs: true}, tr)
			for line := range bytes.Lines(lines) {
				want.add(line)
			}
		}
	}
	if err := errors.Join(w.Close(), s.Shutdown(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Delivered; int(n) != w.Counts().Spans || n == 0 {
		t.Errorf("%d delivered, %+v", n, w.Counts())
	}
	if diff := cmp.Diff(map[string]any(want), map[string]any(sent)); diff != "" {
		t.Errorf("(-written +sent):\n%s", diff)
	}
}

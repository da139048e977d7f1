package traceotlp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The spans of several services are in one request, each below its service's resource, and in order.
func TestSender(t *testing.T) {
	r := newReceiver(t)
	s, err := NewSender(&Options{Endpoint: r.URL, Resource: []slog.Attr{slog.String("deployment.environment.name", "test")}})
	if err != nil {
		t.Fatal(err)
	}
	for i, service := range []string{"api", "worker", "api", ""} {
		if err := s.Send(t.Context(), service, fmt.Appendf(nil, `{"name":"span %d"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.requests) != 1 {
		t.Fatalf("%d requests", len(r.requests))
	}
	var got []string
	for _, resource := range r.requests[0].body.(map[string]any)["resourceSpans"].([]any) {
		m := resource.(map[string]any)
		got = append(got, strings.Join(attrs(t, m["resource"].(map[string]any)["attributes"]), " "))
		scope := m["scopeSpans"].([]any)[0].(map[string]any)
		if len(scope["scope"].(map[string]any)) != 0 {
			t.Errorf("a scope that is not known: %v", scope["scope"])
		}
		for _, span := range scope["spans"].([]any) {
			got = append(got, span.(map[string]any)["name"].(string))
		}
	}
	const environment = `deployment.environment.name={"stringValue":"test"}`
	want := []string{
		environment + ` service.name={"stringValue":"api"}`, "span 0", "span 2",
		environment + ` service.name={"stringValue":"worker"}`, "span 1",
		environment, "span 3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if st := s.Stats(); st.Records != 4 || st.Delivered != 4 {
		t.Errorf("%+v", st)
	}
}

// The caller waits while the queue is full, so nothing is dropped.
func TestSenderWaits(t *testing.T) {
	r := newReceiver(t)
	s, err := NewSender(&Options{Endpoint: r.URL, MaxQueue: 10, MaxBatch: 3, MaxQueueBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if err := s.Send(t.Context(), "api", fmt.Appendf(nil, `{"name":"%d%s"}`, i, strings.Repeat("x", i%700))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := r.spans()
	if len(spans) != 500 || s.Stats().Delivered != 500 {
		t.Fatalf("%d spans, %+v", len(spans), s.Stats())
	}
	for i, span := range spans {
		if name := strings.TrimRight(span["name"].(string), "x"); name != fmt.Sprint(i) {
			t.Fatalf("span %d is %s", i, name)
		}
	}
}

// What a receiver does not take is counted, one by one.
func TestSenderLoses(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if len(r.requests) == 1 {
			io.WriteString(w, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"no"}}`)
		} else {
			w.WriteHeader(http.StatusBadRequest)
		}
		return true
	}
	s, err := NewSender(&Options{Endpoint: r.URL, MaxBatch: 4, MaxQueue: 4})
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if err := s.Send(t.Context(), "api", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(t.Context()); err == nil {
		t.Error("no error")
	}
	if st := s.Stats(); st.Delivered != 2 || st.Dropped["rejected"] != 2 || st.Dropped["status 400"] != 4 {
		t.Errorf("%+v", st)
	}
	if err := s.Send(t.Context(), "api", []byte(`{}`)); err != nil || s.Stats().Dropped["shut down"] != 1 {
		t.Errorf("after Shutdown: %v, %+v", err, s.Stats())
	}
}

// Against a receiver that is not there, Send waits no longer than its context.
func TestSenderContext(t *testing.T) {
	r := newReceiver(t)
	r.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	s, err := NewSender(&Options{Endpoint: r.URL, MaxQueue: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for err == nil {
		err = s.Send(ctx, "api", []byte(`{}`))
	}
	if ctx.Err() == nil {
		t.Error(err)
	}
	if err := s.Shutdown(ctx); err == nil || s.Stats().Dropped["shut down"] != 1 {
		t.Errorf("%v, %+v", err, s.Stats())
	}
}

func TestSenderOptions(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, err := NewSender(nil); err == nil || !strings.Contains(err.Error(), "http/json") {
		t.Errorf("got %v", err)
	}
}

// A batch can have more services than are kept, and services whose envelopes have just been dropped.
func TestSenderManyServices(t *testing.T) {
	r := newReceiver(t)
	s, err := NewSender(&Options{Endpoint: r.URL, MaxBatch: 512})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range 3 * maxEnvelopes {
		for _, service := range []string{"api", fmt.Sprint("service ", i)} {
			if err := s.Send(t.Context(), service, []byte(`{"name":"span"}`)); err != nil {
				t.Fatal(err)
			}
			want++
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(r.spans()); got != want {
		t.Errorf("%d spans, want %d", got, want)
	}
}

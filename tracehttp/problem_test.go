package tracehttp_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// The error behind a 500 never goes to the client.
func TestError(t *testing.T) {
	other := slogtrace.WithTrace(slogtrace.ContextWithRemoteSpanContext(t.Context(), slogtrace.SpanContext{
		TraceID: slogtrace.TraceID{1}, SpanID: slogtrace.SpanID{1}}), errors.New("elsewhere"))
	const otherTrace = "01000000000000000000000000000000"
	for _, test := range []struct {
		status int
		detail any
		want   map[string]any // without the trace id
		trace  string         // "" for the request's
		err    string
	}{
		{404, "no such <booking>", map[string]any{"title": "Not Found", "status": 404.0, "detail": "no such <booking>"}, "", ""},
		{404, errors.New("gone"), map[string]any{"title": "Not Found", "status": 404.0, "detail": "gone"}, "", ""},
		{409, nil, map[string]any{"title": "Conflict", "status": 409.0}, "", ""},
		{599, 7, map[string]any{"status": 599.0, "detail": "7"}, "", "599"},
		{503, "later", map[string]any{"title": "Service Unavailable", "status": 503.0, "detail": "later"}, "", "503 Service Unavailable"},
		{500, errors.New("disk full"), map[string]any{"title": "Internal Server Error", "status": 500.0}, "", "disk full"},
		{402, other, map[string]any{"title": "Payment Required", "status": 402.0, "detail": "elsewhere"}, otherTrace, ""},
		{500, other, map[string]any{"title": "Internal Server Error", "status": 500.0}, otherTrace, "elsewhere"},
	} {
		s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1")
			w.Header().Set("Content-Type", "text/html")
			tracehttp.Error(wrapper{w}, r, test.status, test.detail)
		}), nil)
		resp, body := do(t, s.Client(), "GET", s.URL)
		l := span(t, s.rec)
		if test.trace == "" {
			test.trace = l.text("trace")
		}
		test.want["trace_id"] = test.trace
		var got map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(body, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.detail, diff)
		}
		h := resp.Header
		if resp.StatusCode != test.status || h.Get("Content-Type") != "application/problem+json" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Trace-Id") != test.trace {
			t.Errorf("%d %v", resp.StatusCode, h)
		}
		l.has(t, map[string]string{"error": test.err})
	}
}

// Without NewHandler around it there is no trace id, and no X-Trace-Id header.
func TestErrorOutside(t *testing.T) {
	s := newSite(t, nil, nil)
	s.Config.Handler = serveWith(func(w http.ResponseWriter, r *http.Request) {
		tracehttp.Error(w, r, 500, errors.New("secret"))
	})
	resp, body := do(t, s.Client(), "GET", s.URL)
	if want := `{"title":"Internal Server Error","status":500}`; strings.TrimSpace(body) != want || resp.Header.Get("X-Trace-Id") != "" {
		t.Errorf("%s", body)
	}
}

// Extension members follow the others, each key once. They do not change status and trace_id.
func TestErrorMembers(t *testing.T) {
	seats := []string{"12A", "12B"}
	for _, test := range []struct {
		members []slog.Attr
		want    string // between status and trace_id
	}{
		{nil, `"title":"Conflict","status":409,"detail":"taken"`},
		{[]slog.Attr{slog.String("code", "seat_taken"), slog.Any("free", seats)}, `"title":"Conflict","status":409,"detail":"taken","code":"seat_taken","free":["12A","12B"]`},
		{[]slog.Attr{slog.String("title", "Seat taken"), slog.Any("detail", errors.New("12A")), slog.String("type", "https://example.com/seat")},
			`"title":"Seat taken","status":409,"detail":"12A","type":"https://example.com/seat"`},
		{[]slog.Attr{slog.Int("status", 200), slog.String("trace_id", "x"), slog.Int("n", 1), slog.Int("n", 2), slog.Int("", 3)}, `"title":"Conflict","status":409,"detail":"taken","n":2`},
		{[]slog.Attr{slog.Group("seat", "row", 12, "wait", time.Second, slog.Group("", "x", 1)), slog.Group("", slog.Bool("b", true)), slog.Group("none")},
			`"title":"Conflict","status":409,"detail":"taken","seat":{"row":12,"wait":1000000000,"x":1},"b":true,"none":{}`},
		{[]slog.Attr{slog.Any("c", make(chan int)), slog.Any("secret", slogtrace.Secret("x")), slog.Any("nothing", nil), slog.String("empty", "")},
			`"title":"Conflict","status":409,"detail":"taken","c":"!ERROR:json: unsupported type: chan int","secret":"[redacted]","nothing":null,"empty":""`},
	} {
		s := newSite(t, serveWith(func(w http.ResponseWriter, r *http.Request) {
			tracehttp.Error(w, r, 409, "taken", test.members...)
		}), nil)
		_, body := do(t, s.Client(), "GET", s.URL)
		if want := "{" + test.want + `,"trace_id":"` + span(t, s.rec).text("trace") + "\"}\n"; body != want {
			t.Errorf("got  %s\nwant %s", body, want)
		}
	}
}

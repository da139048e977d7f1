package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
)

const (
	traceText   = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceText + "-00f067aa0ba902b7-01"
)

// What the suite relies on: the posts are made in order, in the trace, each in a span of its own, before the answer.
func TestService(t *testing.T) {
	type post struct{ path, body, traceparent, tracestate string }
	var posts []post
	suite := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		posts = append(posts, post{r.Method + " " + r.URL.Path, string(b), r.Header.Get("traceparent"), r.Header.Get("tracestate")})
	}))
	defer suite.Close()
	service := newService(slogtrace.NewTracer(slog.DiscardHandler, nil))

	body := strings.ReplaceAll(`[{"url": "URL/a.0", "arguments": []}, {"url": "URL/a.1", "arguments": [{"x": 1}]}, {"url": "URL/a.2"}]`, "URL", suite.URL)
	r := httptest.NewRequest("POST", "/test", strings.NewReader(body))
	r.Header["Traceparent"], r.Header["Tracestate"] = []string{traceparent}, []string{"a=1", "b=2"}
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("want 200 and JSON, got %d %v", w.Code, w.Header())
	}
	if len(posts) != 3 {
		t.Fatalf("want 3 posts, got %v", posts)
	}
	spans := map[slogtrace.SpanID]bool{}
	for i, want := range []post{{path: "POST /a.0", body: "[]"}, {path: "POST /a.1", body: `[{"x": 1}]`}, {path: "POST /a.2", body: "[]"}} {
		got := posts[i]
		if got.path != want.path || got.body != want.body || got.tracestate != "a=1,b=2" {
			t.Errorf("want %s with %s, tracestate a=1,b=2, got %+v", want.path, want.body, got)
		}
		sc, err := slogtrace.ParseTraceparent(got.traceparent)
		if err != nil || sc.TraceID.String() != traceText || strings.Contains(traceparent, sc.SpanID.String()) {
			t.Errorf("want a span of the trace %s, got %s", traceText, got.traceparent)
		}
		spans[sc.SpanID] = true
	}
	if len(spans) != 3 {
		t.Errorf("want 3 spans, got %v", spans)
	}
}

func TestServiceRefuses(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	defer gone.Close()
	service := newService(slogtrace.NewTracer(slog.DiscardHandler, nil))
	for _, test := range []struct {
		method, body string
		want         int
	}{
		{"POST", "{", http.StatusBadRequest},
		{"GET", "[]", http.StatusMethodNotAllowed},
		{"POST", `[{"url": "nowhere:"}]`, http.StatusBadGateway},
		{"POST", `[{"url": "` + gone.URL + `/a"}]`, http.StatusBadGateway},
	} {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest(test.method, "/test", strings.NewReader(test.body)))
		if w.Code != test.want {
			t.Errorf("%s %s: want %d, got %d", test.method, test.body, test.want, w.Code)
		}
	}
}

func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	code := make(chan int)
	go func() { code <- run(ctx, []string{"-addr", "127.0.0.1:0"}, in, io.Discard) }()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(strings.TrimSpace(url), "application/json", strings.NewReader("[]"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("want 200, got %s", resp.Status)
	}
	stop()
	if c := <-code; c != 0 {
		t.Errorf("stopped: want exit status 0, got %d", c)
	}
	for _, test := range []struct {
		args []string
		want int
	}{
		{[]string{"-nothing"}, 2},
		{[]string{"here"}, 2},
		{[]string{"-addr", "127.0.0.1:-1"}, 1},
	} {
		if c := run(t.Context(), test.args, io.Discard, new(bytes.Buffer)); c != test.want {
			t.Errorf("%q: want exit status %d, got %d", test.args, test.want, c)
		}
	}
}

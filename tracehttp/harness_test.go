package tracehttp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

const (
	traceA = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanA  = "00f067aa0ba902b7"
	parent = "00-" + traceA + "-" + spanA + "-01"
)

// A site is a server with a traced handler. It keeps the records.
type site struct {
	*httptest.Server
	rec *tracetest.Recorder
}

// quiet drops what net/http logs about panics.
var quiet = log.New(io.Discard, "", 0)

func newSite(t *testing.T, next http.Handler, opts *tracehttp.HandlerOptions) *site {
	t.Helper()
	s := newUnstarted(next, opts)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func newUnstarted(next http.Handler, opts *tracehttp.HandlerOptions) *site {
	var o tracehttp.HandlerOptions
	if opts != nil {
		o = *opts
	}
	rec := tracetest.NewRecorder()
	if o.Tracer == nil {
		o.Tracer = slogtrace.NewTracer(rec, nil)
	}
	s := &site{httptest.NewUnstartedServer(tracehttp.NewHandler(next, &o)), rec}
	s.Config.ErrorLog = quiet
	return s
}

type line map[string]any

func (l line) text(key string) string {
	if l[key] == nil {
		return ""
	}
	return fmt.Sprint(l[key])
}

func linesOf(t testing.TB, rec *tracetest.Recorder) (lines []line) {
	t.Helper()
	for text := range bytes.Lines(rec.Lines()) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// spans waits for n span records, and fails if there are others.
func spans(t testing.TB, rec *tracetest.Recorder, n int) []line {
	t.Helper()
	var found []line
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		found = nil
		for _, l := range linesOf(t, rec) {
			if l["msg"] == "span end" {
				found = append(found, l)
			}
		}
		if len(found) >= n {
			break
		}
	}
	if len(found) != n {
		t.Fatalf("got %d spans, want %d:\n%s", len(found), n, rec.Lines())
	}
	return found
}

func span(t testing.TB, rec *tracetest.Recorder) line { t.Helper(); return spans(t, rec, 1)[0] }

// do sends a request with headers given as "Name: value", and returns the response and its body.
func do(t testing.TB, c *http.Client, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func serveWith(f func(w http.ResponseWriter, r *http.Request)) http.Handler {
	return http.HandlerFunc(f)
}

func nothing(http.ResponseWriter, *http.Request) {}

// has checks some of a line's members. A want of "" means that the member is absent.
func (l line) has(t testing.TB, want map[string]string) {
	t.Helper()
	for key, v := range want {
		if got := l.text(key); got != v {
			t.Errorf("%s: got %q, want %q, in\n%v", key, got, v, l)
		}
	}
}

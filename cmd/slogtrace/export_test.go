package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestExportEndpoint: what a receiver takes, and what it does not, is told and is the exit code.
func TestExportEndpoint(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(n int, w http.ResponseWriter)
		args   string
		code   int
		want   string // on stderr
	}{
		"all": {func(int, http.ResponseWriter) {}, "", 0, "slogtrace: 51 spans of 6 traces delivered\n"},
		"one": {func(int, http.ResponseWriter) {}, "--trace 8b77", 0, "slogtrace: 9 spans of 1 trace delivered\n"},
		"after a while": {func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, "", 0, "slogtrace: 51 spans of 6 traces delivered\n"},
		"refused": {func(_ int, w http.ResponseWriter) { http.Error(w, "bad\x1b[31m id", http.StatusBadRequest) }, "", 1,
			"slogtrace: 51 of 51 spans not delivered: 51 status 400; the last error: status 400: bad [31m id\n"},
		"partly": {func(_ int, w http.ResponseWriter) { io.WriteString(w, `{"partialSuccess":{"rejectedSpans":"3"}}`) }, "", 1,
			"slogtrace: 3 of 51 spans not delivered: 3 rejected; the last error: the receiver rejected 3\n"},
		"never": {func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "--give-up 30ms", 1,
			"slogtrace: 51 of 51 spans not delivered: 51 not sent; the last error: status 503; gave up after 30ms without a delivery\n"},
		"with a header": {func(int, http.ResponseWriter) {}, "--header Authorization=Bearer --gzip", 0, "slogtrace: 51 spans of 6 traces delivered\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(test.args, "--header") && (r.Header.Get("Authorization") != "Bearer" || r.Header.Get("Content-Encoding") != "gzip") {
					t.Errorf("headers %v", r.Header)
				}
				io.Copy(io.Discard, r.Body)
				test.answer(int(n.Add(1)), w)
			}))
			defer server.Close()
			args := append([]string{"export", "otlp", "testdata/booking", "--endpoint", server.URL}, strings.Fields(test.args)...)
			var stdout, stderr strings.Builder
			if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != test.code || stderr.String() != test.want || stdout.Len() > 0 {
				t.Errorf("exit code %d, stderr %q, stdout %q", code, stderr.String(), stdout.String())
			}
			stdout.Reset()
			run(t.Context(), append(args, "--json"), strings.NewReader(""), &stdout, &stderr)
			var counts struct {
				Spans, Delivered int
				Lost             map[string]int
			}
			if err := json.Unmarshal([]byte(stdout.String()), &counts); err != nil {
				t.Fatal(err)
			}
			lost := 0
			for _, n := range counts.Lost {
				lost += n
			}
			if counts.Delivered+lost != counts.Spans || (lost > 0) != (test.code == 1) {
				t.Errorf("%s", stdout.String())
			}
		})
	}
}

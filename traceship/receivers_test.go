package traceship

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A receiver refuses what a store's documentation does not allow, and keeps the lines of the rest.
type receiver struct {
	check func(r *http.Request, body []byte) (lines []string, answer string, err error)

	mu     sync.Mutex
	lines  []string
	errors []string
}

// A statusError is a refusal.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprint(e.status, " ", e.text) }

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var lines []string
	var answer string
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	if err == nil {
		lines, answer, err = s.check(r, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errors = append(s.errors, err.Error())
		status := http.StatusBadRequest
		if e, ok := errors.AsType[*statusError](err); ok {
			status = e.status
		}
		http.Error(w, err.Error(), status)
		return
	}
	s.lines = append(s.lines, lines...)
	io.WriteString(w, answer)
}

// unmarshal is json.Unmarshal that refuses unknown members.
func unmarshal(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("more than one value")
	}
	return nil
}

// newRelic is what New Relic's documentation says ("Introduction to the Log API", "Detailed JSON", "Limits and restricted attributes").
func newRelic(r *http.Request, body []byte) (lines []string, answer string, err error) {
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/log/v1":
		return nil, "", &statusError{404, r.URL.Path}
	case r.Header.Get("Api-Key") != "license":
		return nil, "", &statusError{403, "no license key"}
	case r.Header.Get("Content-Type") != "application/json":
		return nil, "", &statusError{415, r.Header.Get("Content-Type")}
	case len(body) > 1e6:
		return nil, "", &statusError{413, fmt.Sprint(len(body), " bytes")}
	}
	var payload []struct {
		Common struct {
			Attributes map[string]any `json:"attributes"`
		} `json:"common"`
		Logs []struct {
			Timestamp int64   `json:"timestamp"`
			Message   *string `json:"message"`
		} `json:"logs"`
	}
	if err := unmarshal(body, &payload); err != nil {
		return nil, "", err
	}
	for _, p := range payload {
		if len(p.Logs) == 0 || len(p.Common.Attributes) > 255 || p.Common.Attributes["service"] != "booking" {
			return nil, "", fmt.Errorf("%d logs, attributes %v", len(p.Logs), p.Common.Attributes)
		}
		for _, l := range p.Logs {
			if l.Message == nil || len(*l.Message) > 128<<10 {
				return nil, "", errors.New("no message, or a long one")
			}
			at := time.UnixMilli(l.Timestamp)
			if age := time.Since(at); age > 48*time.Hour || age < -24*time.Hour { // those are dropped
				return nil, "", fmt.Errorf("timestamp %v", at)
			}
			var line struct{ Time time.Time }
			if err := json.Unmarshal([]byte(*l.Message), &line); err != nil || line.Time.UnixMilli() != l.Timestamp {
				return nil, "", fmt.Errorf("timestamp %v, line %s: %v", at, *l.Message, err)
			}
			lines = append(lines, *l.Message)
		}
	}
	return lines, `{"requestId":"f0e7bfff-001a-b000-0000-01682bcf4565"}`, nil
}

// axiom is what Axiom's documentation says ("Ingest data", "Send data to Axiom via API", "Limits").
func axiom(r *http.Request, body []byte) (lines []string, answer string, err error) {
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/v1/datasets/bookings/ingest":
		return nil, "", &statusError{404, r.URL.Path}
	case r.Header.Get("Authorization") != "Bearer license":
		return nil, "", &statusError{401, "no token"}
	case r.Header.Get("Content-Type") != "application/x-ndjson":
		return nil, "", &statusError{415, r.Header.Get("Content-Type")}
	}
	failed := 0
	for line := range strings.Lines(string(body)) {
		var event map[string]any
		if err := unmarshal([]byte(line), &event); err != nil {
			return nil, "", err
		}
		if len(event) > 1000 || len(line) > 1e6 {
			return nil, "", errors.New("a large event")
		}
		text, _ := event[r.URL.Query().Get("timestamp-field")].(string)
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			failed++
			continue
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	failures := "[]"
	if failed > 0 {
		failures = `[{"timestamp":"2026-03-01T09:15:00Z","error":"no time"}]`
	}
	return lines, fmt.Sprintf(`{"ingested":%d,"failed":%d,"failures":%s,"processedBytes":%d,"blocksCreated":0,"walLength":2}`, len(lines), failed, failures, len(body)), nil
}

// All lines arrive at receivers as strict as the documentation of New Relic and Axiom, with full requests and long lines.
func TestReceivers(t *testing.T) {
	for _, test := range []struct {
		framing Framing
		path    string
		check   func(*http.Request, []byte) ([]string, string, error)
		gzip    bool
	}{
		{NewRelic, "/log/v1", newRelic, false},
		{NewRelic, "/log/v1", newRelic, true},
		{Axiom, "/v1/datasets/bookings/ingest?timestamp-field=time", axiom, false},
		{Axiom, "/v1/datasets/bookings/ingest?timestamp-field=time", axiom, true},
	} {
		t.Run(fmt.Sprint(test.framing, test.gzip), func(t *testing.T) {
			s := &receiver{check: test.check}
			server := httptest.NewServer(s)
			defer server.Close()
			w, err := NewWriter(server.URL+test.path, &Options{
				Framing: test.framing, Token: "license", Labels: map[string]string{"service": "booking"}, Gzip: test.gzip,
				MaxQueueBytes: 64 << 20,
			})
			if err != nil {
				t.Fatal(err)
			}
			var file bytes.Buffer
			h := slogtrace.NewJSONHandler(io.MultiWriter(&file, w), nil)
			tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
			requests := 1200
			if testing.Short() { // under the race detector it takes long
				requests = 200
			}
			for i := range requests {
				ctx, span := tracer.Start(t.Context(), "book")
				log.InfoContext(ctx, "seat \"held\"\n", "i", i, "text", strings.Repeat(`"x"`, i%500))
				span.End()
			}
			long := strings.Repeat("x", 127<<10)
			for range 20 {
				fmt.Fprintf(io.MultiWriter(&file, w), `{"time":"%s","msg":"%s"}`+"\n", time.Now().UTC().Format(time.RFC3339Nano), long)
			}
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if len(s.errors) > 0 {
				t.Errorf("%d refused: %.300s", len(s.errors), s.errors[0])
			}
			diff(t, "lines", strings.Join(s.lines, "\n")+"\n", file.String())
		})
	}
	// What the answer says is lost is counted.
	s := &receiver{check: axiom}
	server := httptest.NewServer(s)
	defer server.Close()
	w, err := NewWriter(server.URL+"/v1/datasets/bookings/ingest?timestamp-field=time", &Options{Framing: Axiom, Token: "license"})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, `{"time":"2026-03-01T09:15:00Z"}`+"\n{}\n"+`{"time":7}`+"\n")
	err = w.Shutdown(t.Context())
	diff(t, "Shutdown", fmt.Sprint(err), "traceship: 2 lost: 2 rejected; last error: no time")
	// So is what is refused.
	w, err = NewWriter(server.URL+"/v1/datasets/bookings/ingest", &Options{Framing: Axiom, Token: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "{}\n")
	err = w.Shutdown(t.Context())
	diff(t, "Shutdown", fmt.Sprint(err), "traceship: 1 lost: 1 status 401; last error: status 401: 401 no token")
}

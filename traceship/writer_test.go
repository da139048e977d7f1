package traceship

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
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
)

// A store keeps requests. It is a transport, so that no network is needed.
type store struct {
	mu     sync.Mutex
	bodies []string
	header http.Header
	url    string
	answer func(n int) (status int, body string, err error) // of the nth request; nil: 200
}

func (s *store) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	s.bodies, s.header, s.url = append(s.bodies, string(body)), req.Header, req.URL.String()
	w := httptest.NewRecorder()
	if s.answer != nil {
		status, text, err := s.answer(len(s.bodies))
		if err != nil {
			return nil, err
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
	return w.Result(), nil
}

func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// Each framing's request, byte for byte.
func TestFramings(t *testing.T) {
	const line = `{"time":"2026-03-01T09:15:00.123456789Z","msg":"a\"b"}`
	labels := map[string]string{"service": "api", "env": "a\"b"}
	for _, test := range []struct {
		opts   Options
		want   string
		header string // and its value
	}{
		{Options{}, line + "\n{}\n", "Authorization: Bearer t0ken"},
		{Options{KeepLine: "_msg"}, line[:len(line)-1] + `,"_msg":"{\"time\":\"2026-03-01T09:15:00.123456789Z\",\"msg\":\"a\\\"b\"}"}` + "\n" + `{"_msg":"{}"}` + "\n", "Content-Type: application/stream+json"},
		{Options{Framing: Elasticsearch}, "{\"create\":{}}\n" + line + "\n{\"create\":{}}\n{}\n", "Authorization: ApiKey t0ken"},
		{Options{Framing: Axiom}, line + "\n{}\n", "Authorization: Bearer t0ken"},
		{Options{Framing: Loki}, `{"streams":[{"stream":{"env":"a\"b","service":"api"},"values":[["1772356500123456789","{\"time\":\"2026-03-01T09:15:00.123456789Z\",\"msg\":\"a\\\"b\"}"],["946684800000000000","{}"]]}]}`, "Authorization: Bearer t0ken"},
		{Options{Framing: Datadog}, `[{"timestamp":1772356500123,"message":"{\"time\":\"2026-03-01T09:15:00.123456789Z\",\"msg\":\"a\\\"b\"}","env":"a\"b","service":"api"},{"timestamp":946684800000,"message":"{}","env":"a\"b","service":"api"}]`, "Dd-Api-Key: t0ken"},
		{Options{Framing: Splunk}, `{"time":1772356500.123,"event":"{\"time\":\"2026-03-01T09:15:00.123456789Z\",\"msg\":\"a\\\"b\"}","fields":{"env":"a\"b","service":"api"}}` + "\n" +
			`{"time":946684800.000,"event":"{}","fields":{"env":"a\"b","service":"api"}}` + "\n", "Authorization: Splunk t0ken"},
		{Options{Framing: NewRelic}, `[{"common":{"attributes":{"env":"a\"b","service":"api"}},"logs":[{"timestamp":1772356500123,"message":"{\"time\":\"2026-03-01T09:15:00.123456789Z\",\"msg\":\"a\\\"b\"}"},{"timestamp":946684800000,"message":"{}"}]}]`, "Api-Key: t0ken"},
	} {
		synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 here
			s := new(store)
			test.opts.Transport, test.opts.Token, test.opts.Labels = s, "t0ken", labels
			w, err := NewWriter("http://store/path?q=1", &test.opts)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(w, "%s\n\n{}\n", line)
			if err := w.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			name := string(test.opts.Framing)
			diff(t, name, s.bodies[0], test.want)
			key, value, _ := strings.Cut(test.header, ": ")
			diff(t, name+": "+key, s.header.Get(key), value)
			diff(t, name+": URL", s.url, "http://store/path?q=1")
		})
	}
}

// The time of a line, under each name that a preset gives it.
func TestTimeOf(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 15, 0, 123000000, time.UTC)
	for _, key := range []string{"time", "_time", "@timestamp", "timestamp"} {
		line := fmt.Sprintf(`{"%s":"2026-03-01T10:15:00.123+01:00"}`, key)
		if got := timeOf([]byte(line)); !got.Equal(at) {
			t.Errorf("%s: %v", line, got)
		}
	}
	if got := timeOf([]byte(`{"timestamp":1772356500123}`)); !got.Equal(at) {
		t.Errorf("in milliseconds: %v", got)
	}
	for _, line := range []string{"", "text", "{", `{"time":7}`[:9], `{"time":"soon"}`, `{"time":"0001-01-01T00:00:00Z"}`, `{"time":null}`, `[]`} {
		if got := timeOf([]byte(line)); time.Since(got) > time.Minute {
			t.Errorf("%s: %v, want now", line, got)
		}
	}
}

// What is no object, or no UTF-8, spoils no request.
func TestBadLines(t *testing.T) {
	for framing := range framings {
		s := new(store)
		w, err := NewWriter("http://store", &Options{Framing: framing, Transport: s, MaxLine: 100})
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{"text", `{"a":1`, `{"a":1}{"b":2}`, "[1]", "\xff\x00\u2028", `{"x":"\xff"}`, `{"fine":true}`, strings.Repeat("x", 101)}
		for _, line := range lines {
			if n, err := io.WriteString(w, line+"\n"); n != len(line)+1 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		}
		err = w.Shutdown(t.Context())
		diff(t, "Shutdown", fmt.Sprint(err), "traceship: 1 lost: 1 line too long")
		stats := w.Stats()
		if stats.Lines != 8 || stats.Delivered != 7 || stats.Dropped[lineTooLong] != 1 {
			t.Errorf("%s: %+v", framing, stats)
		}
		if !utf8.ValidString(s.bodies[0]) {
			t.Errorf("%s: not UTF-8: %q", framing, s.bodies[0])
		}
		dec := json.NewDecoder(strings.NewReader(s.bodies[0]))
		for {
			var v any
			if err := dec.Decode(&v); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: %v in\n%s", framing, err, s.bodies[0])
				break
			}
		}
	}
}

// What the store rejects in an answer with status 200 is counted.
func TestRejected(t *testing.T) {
	for _, test := range []struct {
		framing Framing
		answer  string
		want    string
	}{
		{Elasticsearch, `{"errors":false,"items":[]}`, ""},
		{Elasticsearch, `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"mapper","reason":"no date"}}}]}`, "traceship: 1 lost: 1 rejected; last error: mapper: no date"},
		{Elasticsearch, `{"took":1,"errors":true,"items":[{"create"`, "traceship: 1 lost: 1 rejected; last error: some items failed; the answer is too long to tell which"},
		{Elasticsearch, "garbage", ""},
		{Axiom, `{"ingested":1,"failed":1,"failures":[{"error":"no time"}]}`, "traceship: 1 lost: 1 rejected; last error: no time"},
		{Axiom, `{"ingested":2,"failed":0}`, ""},
		{Axiom, "", ""},
	} {
		s := &store{answer: func(int) (int, string, error) { return 200, test.answer, nil }}
		w, err := NewWriter("http://store", &Options{Framing: test.framing, Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "{}\n{}\n")
		got := ""
		if err := w.Shutdown(t.Context()); err != nil {
			got = err.Error()
		}
		diff(t, test.answer, got, test.want)
	}
}

// With KeepLine a line is sent twice as long and more. The limit is for what is sent.
func TestMaxLineOfMembers(t *testing.T) {
	for _, test := range []struct {
		opts Options
		line string
		size int // as it is sent
	}{
		{Options{}, `{"a":"` + strings.Repeat("x", 90) + `"}`, 98},
		{Options{}, `{"a":"` + strings.Repeat("x\xff", 22) + `"}`, 96},
		{Options{KeepLine: "_msg"}, `{"a":"` + strings.Repeat("x", 30) + `"}`, 90},
		{Options{Framing: Axiom, KeepLine: "_msg"}, `{"a":"` + strings.Repeat("x", 30) + `"}`, 90},
		{Options{Framing: Elasticsearch}, `{"a":"` + strings.Repeat("x", 90) + `"}`, 98},
		{Options{Framing: Loki}, "\xff" + strings.Repeat("x", 97), 98}, // the store counts the line, not how it is written
	} {
		for most, want := range map[int]uint64{test.size: 1, test.size - 1: 0} {
			s := new(store)
			test.opts.Transport, test.opts.MaxLine = s, most
			w, err := NewWriter("http://store", &test.opts)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, test.line+"\n")
			if err := w.Shutdown(t.Context()); (err == nil) != (want == 1) {
				t.Error(err)
			}
			if stats := w.Stats(); stats.Delivered != want || stats.Dropped[lineTooLong] != 1-want {
				t.Errorf("%s, at most %d: %+v; %d bytes sent: %q", test.opts.Framing, most, stats, len(strings.Join(s.bodies, ""))-1, s.bodies)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		url  string
		opts *Options
		want string
	}{
		{"http://store", &Options{Framing: "Lokki"}, `traceship: Options.Framing: there is no "Lokki"`},
		{"http://store", &Options{Framing: Loki, KeepLine: "x"}, "traceship: Options.KeepLine: with Loki the line is a string already"},
		{"store:9428", nil, `traceship: want a URL like https://host/path, got scheme "store" and host ""`},
	} {
		_, err := NewWriter(test.url, test.opts)
		diff(t, "error", fmt.Sprint(err), test.want)
	}
}

// Lines of each preset come out as they were written, in order, whatever the store does meanwhile; no secret is in an error.
func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "hunter2"
		s := &store{answer: func(n int) (int, string, error) {
			switch n % 4 {
			case 1:
				return 503, secret[:3], nil
			case 2:
				return 0, "", errors.New("connection reset")
			}
			return 200, "", nil
		}}
		w, err := NewWriter("http://user:"+secret+"@store/?key="+secret, &Options{Transport: s, Token: secret, MaxBatch: 10})
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		h := slogtrace.NewTailHandler(slogtrace.NewJSONHandler(io.MultiWriter(&file, w), nil), nil)
		tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
		for i := range 50 {
			ctx, span := tracer.Start(t.Context(), "s")
			log.InfoContext(ctx, "line", "i", i)
			span.End()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := w.Flush(ctx); err != nil {
			t.Error(err)
		}
		var got strings.Builder
		for n, body := range s.bodies {
			if status, _, err := s.answer(n + 1); err == nil && status == 200 {
				got.WriteString(body)
			}
		}
		diff(t, "lines", got.String(), file.String())
		if stats := w.Stats(); stats.Delivered != 100 || strings.Contains(fmt.Sprint(stats), secret) {
			t.Errorf("%+v", stats)
		}
		if err := w.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

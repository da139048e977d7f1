package victorialogs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// serve returns a Store whose server answers queries by fn.
func serve(t *testing.T, address string, env map[string]string, fn http.HandlerFunc) *Store {
	t.Helper()
	server := httptest.NewServer(fn)
	t.Cleanup(server.Close)
	s, err := New(strings.Replace(server.URL, "http:", "victorialogs:", 1)+address, func(key string) string { return env[key] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var trace = &backend.Query{From: time.Unix(0, 0), To: time.Unix(1, 1), Cond: backend.Trace{IDs: []string{"4bf9"}}}

// lines returns what the store writes for a query of one trace.
func lines(t *testing.T, s *Store) (string, backend.Sum, error) {
	t.Helper()
	var b bytes.Buffer
	sum, err := s.Lines(t.Context(), trace, &b)
	return b.String(), sum, err
}

// Rows become lines of the record schema.
func TestLines(t *testing.T) {
	for name, test := range map[string]struct{ row, want string }{
		"members": {
			`{"_msg":"m \"é\\n","_stream":"{service=\"a\"}","_stream_id":"00","_time":"2026-03-01T09:15:00.1Z","a":"1.50","b":"true","c":"x","d":"[1,\"2\"]","e":"01","f":"-","g.h":"-1e3","level":"INFO","op":"404","trace":"12"}`,
			`{"time":"2026-03-01T09:15:00.1Z","msg":"m \"é\\n","a":1.50,"b":true,"c":"x","d":[1,"2"],"e":"01","f":"-","g.h":-1e3,"level":"INFO","op":"404","trace":"12"}`,
		},
		"an error without a text": {
			`{"_msg":"span end","_time":"2026-03-01T09:15:00Z","level":"ERROR","duration_ms":"1.5"}`,
			`{"time":"2026-03-01T09:15:00Z","msg":"span end","level":"ERROR","duration_ms":1.5,"error":""}`,
		},
		"no message": {
			`{"_msg":"missing _msg field; see https://docs.victoriametrics.com/","_time":"2026-03-01T09:15:00Z","a":"b"}`,
			`{"time":"2026-03-01T09:15:00Z","a":"b"}`,
		},
		"the line itself": {
			`{"_msg":"{\"time\":\"2026-03-01T09:15:00Z\",\"msg\":\"x\\n\",\"n\":null}","_stream":"{}","_time":"2026-03-01T09:15:00Z","host":"h"}`,
			`{"time":"2026-03-01T09:15:00Z","msg":"x\n","n":null}`,
		},
		"the line itself on many lines": {`{"_msg":"{\n \"msg\": \"x\"\n}","_time":"2026-03-01T09:15:00Z"}`, `{"msg":"x"}`},
		"a message that is an object":   {`{"_msg":"{\"a\":1}","_time":"2026-03-01T09:15:00Z"}`, `{"time":"2026-03-01T09:15:00Z","msg":"{\"a\":1}"}`},
		"its own time":                  {`{"_msg":"m","_time":"2026-03-01T09:15:00Z","time":"2026-03-01T09:15:00.000000001Z"}`, `{"msg":"m","time":"2026-03-01T09:15:00.000000001Z"}`},
		"nothing":                       {`{}`, `{}`},
	} {
		s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, test.row) })
		s.names = new(names)
		q := *trace
		q.Cond = nil // whatever trace they are of
		var got bytes.Buffer
		sum, err := s.Lines(t.Context(), &q, &got)
		if err != nil || got.String() != test.want+"\n" || sum.Lines != 1 {
			t.Errorf("%s: %v, %d lines\ngot  %swant %s", name, err, sum.Lines, &got, test.want)
		}
	}
}

// Whatever is not a whole answer is an error, and one that says whether to ask again.
func TestLinesFail(t *testing.T) {
	const row = `{"_msg":"m","_time":"2026-03-01T09:15:00Z"}` + "\n"
	abort := func() { panic(http.ErrAbortHandler) }
	for name, test := range map[string]struct {
		answer    func(w http.ResponseWriter)
		err       string
		cut, away bool
	}{
		"an end in mid-stream": {func(w http.ResponseWriter) {
			io.WriteString(w, row+"the request couldn&#39;t be executed in 30.000 seconds; possible solutions: to pass bigger value to &#34;timeout&#34; query arg\n")
			w.(http.Flusher).Flush()
			abort()
		}, `the request couldn't be executed in 30.000 seconds; possible solutions: to pass bigger value to "timeout" query arg`, true, false},
		"an end behind a row": {func(w http.ResponseWriter) {
			io.WriteString(w, row[:len(row)-1]+"cannot execute query")
			w.(http.Flusher).Flush()
			abort()
		}, "cannot execute query", true, false},
		"a broken connection": {func(w http.ResponseWriter) {
			io.WriteString(w, row)
			w.(http.Flusher).Flush()
			abort()
		}, "the answer was cut off: unexpected EOF", true, false},
		"half a row":                   {func(w http.ResponseWriter) { io.WriteString(w, row+row[:10]) }, `{"_msg":"m`, true, false},
		"a row that is something else": {func(w http.ResponseWriter) { io.WriteString(w, `{"a":1}`+"\n") }, "the answer was cut off", true, false},
		"no time left": {func(w http.ResponseWriter) {
			http.Error(w, "the request couldn't be executed in 30 seconds", http.StatusServiceUnavailable)
		}, "status 503: the request couldn't be", true, false},
		"too many others": {func(w http.ResponseWriter) {
			http.Error(w, "couldn't start executing the request in 10 seconds", http.StatusServiceUnavailable)
		}, "status 503: couldn't start", false, true},
		"too many requests": {func(w http.ResponseWriter) { w.WriteHeader(429) }, "status 429", false, true},
		"a dead node": {func(w http.ResponseWriter) {
			http.Error(w, "cannot connect to storage node at \"http://n2\"", http.StatusBadGateway)
		}, `status 502: cannot connect to storage node at "http://n2"`, false, false},
		"not allowed":   {func(w http.ResponseWriter) { w.WriteHeader(401) }, "credentials come from SLOGTRACE_USER and", false, false},
		"another place": {func(w http.ResponseWriter) { w.Header().Set("Location", "http://evil/"); w.WriteHeader(307) }, `status 307: a redirect to "http://evil/", which is not followed`, false, false},
		"a long row":    {func(w http.ResponseWriter) { io.WriteString(w, `{"a":"`+strings.Repeat("x", (16<<20))+`"}`+"\n") }, "a row of more than 16 MB", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) { test.answer(w) })
			_, _, err := lines(t, s)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %s", err, test.err)
			}
			cut, away := new(backend.CutError), new(backend.AwayError)
			if errors.As(err, &cut) != test.cut || errors.As(err, &away) != test.away {
				t.Errorf("%T: cut %t, away %t", err, test.cut, test.away)
			}
		})
	}
}

// A server that is not there is away. The error has no URL.
func TestAway(t *testing.T) {
	s := serve(t, "", nil, nil)
	s.access.URL.Host = "127.0.0.1:1"
	_, _, err := lines(t, s)
	if away := new(backend.AwayError); !errors.As(err, &away) || strings.Contains(err.Error(), "http") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Lines(ctx, trace, io.Discard); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

// Requests name the tenant, and carry what the environment says.
func TestRequest(t *testing.T) {
	for _, test := range []struct {
		address string
		env     map[string]string
		want    http.Header
	}{
		{"", nil, http.Header{}},
		{"?tenant=7", nil, http.Header{"Accountid": {"7"}}},
		{"/prefix/?tenant=1:2", map[string]string{"SLOGTRACE_TOKEN": "abc"}, http.Header{"Accountid": {"1"}, "Projectid": {"2"}, "Authorization": {"Bearer abc"}}},
		{"", map[string]string{"SLOGTRACE_USER": "u", "SLOGTRACE_PASSWORD": "p"}, http.Header{"Authorization": {"Basic dTpw"}}},
	} {
		var got http.Header
		var path, query string
		s := serve(t, test.address, test.env, func(w http.ResponseWriter, r *http.Request) {
			got, path, query = r.Header.Clone(), r.URL.Path, r.FormValue("query")
		})
		s.Query = "a:b or c"
		if _, _, err := lines(t, s); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"Accept-Encoding", "Content-Length", "Content-Type", "User-Agent"} {
			got.Del(key)
		}
		prefix, _, _ := strings.Cut(test.address, "?")
		if diff := cmp.Diff(test.want, got); diff != "" || path != strings.TrimSuffix(prefix, "/")+"/select/logsql/query" {
			t.Errorf("%s: %s (-want +got):\n%s", test.address, path, diff)
		}
		want := `_time:[1970-01-01T00:00:00.000000000Z, 1970-01-01T00:00:01.000000001Z) (a:b or c) (`
		if !strings.HasPrefix(query, want) {
			t.Errorf("query %s", query)
		}
		if strings.Contains(s.Name(), "abc") || !strings.HasPrefix(s.Name(), "victorialogs://127.0.0.1:") {
			t.Errorf("name %s", s.Name())
		}
	}
}

// A line in _msg that mentions another trace is returned once: with its own. Rows with members are not examined.
func TestOtherTraces(t *testing.T) {
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	line := func(trace, span, text string) string {
		return fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":%q,"trace":%q,"span":"%016s"}`, text, trace, span)
	}
	all := []string{line(a, "1", "x"), line(a, "2", "like "+b), line(b, "3", "y")}
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) {
		for i, l := range all {
			fmt.Fprintf(w, `{"_msg":%q,"_time":"2026-03-01T09:15:00.%dZ"}`+"\n", l, i+1)
		}
		fmt.Fprintln(w, `{"_msg":"m","_time":"2026-03-01T09:15:00.4Z","trace":"c"}`)
	})
	member := `{"time":"2026-03-01T09:15:00.4Z","msg":"m","trace":"c"}`
	for _, c := range []struct {
		cond  backend.Cond
		want  []string
		first string
	}{
		{backend.Trace{IDs: []string{a}}, all[:2], "09:15:00.1"},
		{backend.All{backend.Trace{IDs: []string{b}}, backend.Any{backend.Unread{}}}, all[2:], "09:15:00.3"},
		{backend.Trace{IDs: []string{"bb"}, Prefix: true}, all[2:], "09:15:00.3"},
		{backend.Any{backend.Unread{}, backend.Test{Key: backend.Traced}}, all, "09:15:00.1"},
	} {
		q := *trace
		q.Cond = c.cond
		s.names = &names{text: true, traceIDs: []string{"trace"}}
		var got bytes.Buffer
		sum, err := s.Lines(t.Context(), &q, &got)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(got.String()), "\n")
		slices.Sort(lines)
		want := append([]string{member}, c.want...)
		slices.Sort(want)
		if diff := cmp.Diff(want, lines); diff != "" || sum.Lines != len(want) || sum.First.Format("15:04:05.999") != c.first || sum.Last.Format(".9") != ".4" {
			t.Errorf("%v: %+v, -want +got\n%s", c.cond, sum, diff)
		}
	}
}

// Traces asks for no more ids than are enough, stops when it has them, and nothing is being read when it returns.
func TestTracesEnough(t *testing.T) {
	var queries []string
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.FormValue("query"))
		if !strings.Contains(r.FormValue("query"), `_msg:="{"*`) {
			return // no member is an id
		}
		for i := 0; r.Context().Err() == nil; i++ {
			if _, err := fmt.Fprintf(w, `{"_msg":"{\"time\":\"2026-03-01T09:15:00Z\",\"msg\":\"m\",\"trace\":\"%032x\"}"}`+"\n", i+1); err != nil {
				return
			}
		}
	})
	s.names = &names{text: true, traceIDs: []string{"trace"}}
	reading := func() bool {
		stacks := make([]byte, 1<<20)
		return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("TracesInLines.func"))
	}
	q := *trace
	q.Cond, q.Limit = nil, 3
	n := 0
	if err := s.Traces(t.Context(), &q, func(string) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("%d ids, %v", n, err)
	}
	if reading() {
		t.Error("the lines are still being read")
	}
	if len(queries) != 2 || !strings.HasSuffix(queries[0], ` | uniq by ("trace") limit 4`) || strings.Contains(queries[1], "limit") {
		t.Errorf("%q", queries)
	}
}

// A span's line comes without its time if it has a start. If that is no time, the store is asked again.
func TestUntimed(t *testing.T) {
	start := "2026-03-01T09:15:00.1Z"
	var queries []string
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) {
		q := r.FormValue("query")
		queries = append(queries, q)
		at := `"_time":"2026-03-01T09:15:01Z",`
		if strings.Contains(q, "format if") {
			at = ""
		}
		fmt.Fprintf(w, `{%s"_msg":"span end","duration_ms":"1","start":%q}`+"\n", at, start)
	})
	s.names = &names{there: map[string]struct{}{"start": {}, "duration_ms": {}, "_msg": {}, "_time": {}}}
	q := *trace
	q.Fields = []string{"start", "duration_ms"}
	ask := func(want string) {
		t.Helper()
		var got bytes.Buffer
		_, err := s.Lines(t.Context(), &q, &got)
		if away := new(backend.AwayError); errors.As(err, &away) { // a Source does so
			got.Reset()
			_, err = s.Lines(t.Context(), &q, &got)
		}
		if err != nil || got.String() != want+"\n" {
			t.Errorf("%v, %s", err, &got)
		}
	}
	ask(`{"msg":"span end","duration_ms":1,"start":"2026-03-01T09:15:00.1Z"}`)
	start = "2026-03-01 09:15"
	ask(`{"time":"2026-03-01T09:15:01Z","msg":"span end","duration_ms":1,"start":"2026-03-01 09:15"}`)
	ask(`{"time":"2026-03-01T09:15:01Z","msg":"span end","duration_ms":1,"start":"2026-03-01 09:15"}`)
	want := ` | format if ("start":"" or "duration_ms":"") "<_time>" as "time" | fields "time","_msg","start","duration_ms"`
	if len(queries) != 4 || !strings.HasSuffix(queries[0], want) || !strings.HasSuffix(queries[3], ` | fields "_time","_msg","start","duration_ms"`) {
		t.Errorf("%q", queries)
	}
}

// A count of all lines needs no times.
func TestCountAll(t *testing.T) {
	var query string
	answer := ""
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) {
		query = r.FormValue("query")
		w.Write([]byte(answer))
	})
	s.names = new(names)
	q := &backend.Query{From: time.Unix(1, 0), To: time.Unix(11, 0)}
	count := func(step time.Duration, pipe string, want ...backend.Bucket) {
		t.Helper()
		got, err := s.Count(t.Context(), q, step)
		if _, asked, _ := strings.Cut(query, " | "); err != nil || asked != pipe {
			t.Errorf("%v, %s, want %s", err, asked, pipe)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	answer = `{"lines":"7"}` + "\n"
	count(10*time.Second, "stats count() lines", backend.Bucket{From: q.From, Lines: 7})
	answer = `{"_time":"1970-01-01T00:00:04Z","lines":"7"}` + "\n"
	count(2*time.Second, "stats by (_time:2000000000ns) count() lines", backend.Bucket{From: time.Unix(4, 0).UTC(), Lines: 7})
}

// Traces returns all ids that are members of rows, without their escapes. What is no row is an error.
func TestTraces(t *testing.T) {
	rows := `{"trace":"a\"\u00e9","trace_id":"c"}` + "\n" + `{"trace":""}` + "\n{}\n" + `{"trace_id":"d"}` + "\n"
	s := serve(t, "", nil, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, rows) })
	s.names = &names{traceIDs: []string{"trace", "trace_id"}}
	traces := func() (ids []string, err error) {
		q := *trace
		q.Cond = nil
		err = s.Traces(t.Context(), &q, func(id string) bool {
			ids = append(ids, id)
			return true
		})
		return ids, err
	}
	ids, err := traces()
	if diff := cmp.Diff([]string{`a"é`, "c", "d"}, ids); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	rows += "the query took too long\n"
	if _, err := traces(); !errors.As(err, new(*backend.CutError)) || !strings.Contains(err.Error(), "too long") {
		t.Errorf("error %v", err)
	}
}

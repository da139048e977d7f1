package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

const columnsOfLogs = `{"name":"time","type":"UInt64","default_type":""}
{"name":"level","type":"String","default_type":""}
{"name":"msg","type":"String","default_type":""}
{"name":"trace","type":"String","default_type":""}
{"name":"start","type":"Nullable(UInt64)","default_type":""}
{"name":"duration_ms","type":"Float64","default_type":""}
{"name":"sampled","type":"Nullable(UInt8)","default_type":""}
{"name":"n","type":"Nullable(Int64)","default_type":""}
{"name":"error","type":"Nullable(String)","default_type":""}
{"name":"labels","type":"Map(String, String)","default_type":""}
{"name":"skipped","type":"String","default_type":"EPHEMERAL"}
`

// A fake answers queries like ClickHouse.
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	queries []*http.Request // with the text of the query in the header Query
}

// serve starts a server that answers DESCRIBE itself.
func serve(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	f := new(fake)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		r.Header.Set("Query", string(text))
		f.mu.Lock()
		f.queries = append(f.queries, r)
		f.mu.Unlock()
		switch {
		case strings.HasPrefix(string(text), "describe"):
			io.WriteString(w, columnsOfLogs)
		case strings.HasPrefix(string(text), "kill"):
		default:
			answer(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// asked returns the requests so far whose query begins with a word.
func (f *fake) asked(word string) (all []*http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.queries {
		if strings.HasPrefix(r.Header.Get("Query"), word) {
			all = append(all, r)
		}
	}
	return all
}

func (f *fake) store(t *testing.T, env map[string]string) *Store {
	t.Helper()
	s, err := New(strings.Replace(f.URL, "http:", "clickhouse:", 1)+"/shop/logs", func(name string) string { return env[name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var anHour = &backend.Query{From: time.Unix(0, 1), To: time.Unix(3600, 0)}

func TestLines(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"0":"1772356500000000001","1":"ERROR","2":"span end","3":"ab","4":"1772356500000000000","5":0,"6":0,"7":"-3","8":"","9":{"a":"x\"","b.c":"1","span":"12","d":"","e":"1x"}}
{"0":1772356500500000000,"1":"INFO","2":"} \" , \\","3":"","4":null,"5":0,"6":null,"7":null,"8":null,"9":{}}
`)
	})
	var b bytes.Buffer
	sum, err := f.store(t, nil).Lines(t.Context(), anHour, &b)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-03-01T09:15:00.000000001Z","level":"ERROR","msg":"span end","trace":"ab","start":"2026-03-01T09:15:00Z","duration_ms":0,"sampled":false,"n":-3,"error":"","a":"x\"","b.c":1,"span":"12","e":"1x"}
{"time":"2026-03-01T09:15:00.5Z","level":"INFO","msg":"} \" , \\"}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error("-want +got\n", diff)
	}
	if sum.Lines != 2 || sum.Last.Sub(sum.First) != 499999999 {
		t.Error(sum)
	}
	const query = "select toInt64(`time`) as `0`, `level` as `1`, `msg` as `2`, `trace` as `3`, toInt64(`start`) as `4`, `duration_ms` as `5`, " +
		"`sampled` as `6`, `n` as `7`, `error` as `8`, `labels` as `9` from `shop`.`logs` where `time` >= 1 and `time` < 3600000000000 format JSONEachRow"
	if diff := cmp.Diff(query, f.asked("select")[0].Header.Get("Query")); diff != "" {
		t.Error("-want +got\n", diff)
	}
}

// Whatever ends an answer too early is an error, also with status 200.
func TestEndsEarly(t *testing.T) {
	const row = `{"0":"1","1":"","2":"","3":"","4":null,"5":0,"6":null,"7":null,"8":null,"9":{}}` + "\n"
	for _, c := range []struct {
		name, answer string
		status       int
		cut, away    bool
		want         string
	}{
		{"an exception among rows", row + "Code: 159, e.displayText() = DB::Exception: Timeout exceeded: elapsed 30 seconds, e.what() = DB::Exception\n", 200, true, false, "Timeout exceeded: elapsed 30 seconds"},
		{"an exception in a row", row + row[:20] + "Code: 241, e.displayText() = DB::Exception: Memory limit (total) exceeded, e.what() = DB::Exception", 200, true, false, "Memory limit (total) exceeded"},
		{"an exception in a text", row + `{"0":"1","1":"a Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED) (version 25.8.1.1)`, 200, true, false, "Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"},
		{"an exception with a frame", row + "\r\n__exception__\r\nabcdefgh\r\nCode: 395. DB::Exception: Bad: while executing. (FUNCTION_THROW_IF) (version 25.8)\n61 abcdefgh\r\n__exception__\r\n", 200, false, false, "Bad: while executing. (FUNCTION_THROW_IF)"},
		{"an exception as a row", row + `{"exception": "Code: 395. DB::Exception: Bad: while executing. (version 24.1)"}` + "\n", 200, false, false, "Bad: while executing"},
		{"half a row", row + row[:30], 200, true, false, "cut off"},
		{"a row with other columns", row + `{"0":"1"}` + "\n", 200, true, false, "cut off"},
		{"a row with more", row[:len(row)-1] + "x\n", 200, true, false, "cut off"},
		{"busy", "Code: 202, e.displayText() = DB::Exception: Too many simultaneous queries, e.what() = DB::Exception", 500, false, true, "Too many simultaneous queries"},
		{"a dead shard", "Code: 279, e.displayText() = DB::NetException: All connection tries failed. Log: \n\nCode: 210, e.displayText() = DB::NetException: Connection refused (h:9000), e.what() = DB::NetException\nCode: 210, e.displayText() = DB::NetException: Connection refused (h:9000), e.what() = DB::NetException\n\n, e.what() = DB::NetException",
			500, false, false, "All connection tries failed. Log: Connection refused (h:9000)"},
		{"credentials", "Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED) (version 24.3)", 403, false, false, "Authentication failed. (AUTHENTICATION_FAILED) (credentials come from SLOGTRACE_USER"},
		{"a terminal", "Code: 62, e.displayText() = DB::Exception: Syntax error: \x1b[31m red\x9b, e.what() = DB::Exception", 400, false, false, "Syntax error: ?[31m red?"},
		{"a proxy", "<html>", 503, true, false, "status 503: <html>"},
	} {
		f := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.answer)
		})
		_, err := f.store(t, nil).Lines(t.Context(), anHour, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
			continue
		}
		if got := errors.As(err, new(*backend.CutError)); got != c.cut {
			t.Errorf("%s: a CutError: %t, want %t", c.name, got, c.cut)
		}
		if got := errors.As(err, new(*backend.AwayError)); got != c.away {
			t.Errorf("%s: an AwayError: %t, want %t", c.name, got, c.away)
		}
	}
}

// A query that nobody waits for ends at the server.
func TestInterrupt(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s := f.store(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := s.Lines(ctx, anHour, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	id := f.asked("select")[0].URL.Query().Get("query_id")
	if kills := f.asked("kill"); len(kills) != 1 || id == "" || !strings.Contains(kills[0].Header.Get("Query"), id) {
		t.Errorf("query %q, kills %v", id, kills)
	}
}

// Each request has the credentials, none is in its URL, and only queries for lines change a setting.
func TestRequests(t *testing.T) {
	f := serve(t, func(http.ResponseWriter, *http.Request) {})
	s := f.store(t, map[string]string{backend.EnvUser: "reader", backend.EnvPassword: "secret"})
	s.Partial, s.Query = true, "level = 'INFO' -- a comment"
	if _, err := s.Count(t.Context(), anHour, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.Missing(t.Context()); err != nil {
		t.Fatal(err)
	}
	var partial []string
	for _, r := range f.asked("") {
		user, password, _ := r.BasicAuth()
		if user != "reader" || password != "secret" || strings.Contains(r.URL.String(), "secret") {
			t.Errorf("%s by %s %s", r.URL, user, password)
		}
		partial = append(partial, r.URL.Query().Get("skip_unavailable_shards"))
	}
	if diff := cmp.Diff([]string{"", "1", ""}, partial); diff != "" {
		t.Error("-want +got\n", diff)
	}
	const query = "select intDiv(toInt64(`time`) - 1, 1000000000) as `0`, count() as `1` from `shop`.`logs` where `time` >= 1 and `time` < 3600000000000 and (level = 'INFO' -- a comment\n) group by `0` format JSONEachRow"
	if diff := cmp.Diff(query, f.asked("select intDiv")[0].Header.Get("Query")); diff != "" {
		t.Error("-want +got\n", diff)
	}
}

func TestNew(t *testing.T) {
	for address, want := range map[string]string{
		"clickhouse://h:8123/logs":                     "http://h:8123 ``.`logs`",
		"clickhouse://h:8123/shop/logs":                "http://h:8123 `shop`.`logs`",
		"clickhouse+https://h/a/b/shop/logs/?line=raw": "https://h/a/b `shop`.`logs` raw",
		"clickhouse://h/a%20b/c%2Fd":                   "http://h `a b`.`c/d`",
		"clickhouse://h:8123":                          "want clickhouse://host:8123/DATABASE/TABLE or clickhouse://host:8123/TABLE",
		"clickhouse:///shop/logs":                      "want clickhouse://host:8123/DATABASE/TABLE or clickhouse://host:8123/TABLE",
		"clickhouse://h/logs?body=x":                   `unknown parameter "body" in the URL: want line=COLUMN or time=COLUMN`,
		"clickhouse://h/logs?line=x&line=y":            "line is given 2 times in the URL",
		"clickhouse://u:p@h/logs":                      "want no user or password in the URL, where others can see it: set SLOGTRACE_USER and SLOGTRACE_PASSWORD_FILE, or SLOGTRACE_TOKEN_FILE",
		"clickhouse+ftp://h/logs":                      `unknown "+ftp" in the URL: want +https or nothing`,
	} {
		s, err := New(address, func(string) string { return "" }, nil)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.TrimSpace(s.access.URL.String() + " " + ident(s.database) + "." + ident(s.name) + " " + s.options.line)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// The columns of a table say what it is.
func TestRead(t *testing.T) {
	for _, c := range []struct{ name, columns, options, want string }{
		{"text", "line String; time DateTime64(9, 'UTC')", "", "line, time by time"},
		{"text of another name", "body LowCardinality(String); at DateTime", "line=body&time=at", "body, time by at"},
		{"nanoseconds", "ts Int64", "", "members, ts by ts"},
		{"a time that is text", "time String", "", "no column with the time, such as time: want UInt64 (nanoseconds), DateTime or DateTime64, or time=COLUMN in the address"},
		{"another time", "time String; timestamp Nullable(DateTime('UTC'))", "", "members, timestamp by timestamp"},
		{"no such time", "time UInt64", "time=at", `no column "at" with a time: want UInt64 (nanoseconds), DateTime or DateTime64`},
		{"no such line", "time UInt64", "line=body", `no column "body" of text: want line=COLUMN with the lines`},
		{"collector", "Timestamp DateTime64(9); TraceId String; SpanId String; TraceFlags UInt8; SeverityText LowCardinality(String); ServiceName String; Body String; LogAttributes Map(LowCardinality(String), String)", "", "members, time by Timestamp"},
	} {
		var all []described
		for column := range strings.SplitSeq(c.columns, "; ") {
			if name, typ, ok := strings.Cut(column, " "); ok {
				all = append(all, described{Name: name, Type: typ})
			}
		}
		var o options
		for part := range strings.SplitSeq(c.options, "&") {
			switch key, value, _ := strings.Cut(part, "="); key {
			case "line":
				o.line = value
			case "time":
				o.time = value
			}
		}
		tab := new(table)
		got := "members"
		if err := tab.read(all, o); err != nil {
			got = err.Error()
		} else {
			if tab.line != nil {
				got = tab.line.name
			}
			got += ", " + tab.time.key + " by " + tab.time.name
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

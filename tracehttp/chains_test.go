package tracehttp_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// A chainEnd is one way in which the work of a span ends.
type chainEnd struct {
	name string
	work func(ctx context.Context) error
}

var chainEnds = []chainEnd{
	{"return", func(context.Context) error { return nil }},
	{"error", func(context.Context) error { return errors.New("card declined") }},
	{"panic", func(context.Context) error { panic("boom") }},
	{"Goexit", func(context.Context) error { runtime.Goexit(); return nil }},
	{"abort", func(context.Context) error { panic(http.ErrAbortHandler) }},
	{"deadline", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
}

// A chainSpan is one way to have a span around some work. run returns when the work and the span have ended.
type chainSpan struct {
	name string
	run  func(t *testing.T, tracer *slogtrace.Tracer, limit time.Duration, work func(context.Context) error)

	want map[string]chainWant // by the name of the end
}

// A chainWant is the content of the span's record.
type chainWant struct {
	err     string
	stack   bool
	aborted string
}

// limit returns how long the work may take. Only work that waits for that end gets little.
func (e chainEnd) limit() time.Duration {
	if e.name == "deadline" || e.name == "Goexit" { // http.TimeoutHandler does not notice Goexit
		return 5 * time.Millisecond
	}
	return time.Hour
}

// alone runs f in a goroutine of its own, which may end in any way.
func alone(f func()) {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		defer func() { _ = recover() }()
		f()
	}()
	done.Wait()
}

// plainWants are the records of a plain deferred End.
var plainWants = map[string]chainWant{
	"return":   {},
	"error":    {err: "card declined"},
	"panic":    {err: "panic: boom", stack: true},
	"Goexit":   {},
	"abort":    {err: "panic: net/http: abort Handler", stack: true},
	"deadline": {err: "context deadline exceeded"},
}

// serverWants are the records of NewHandler: the status counts, and http.ErrAbortHandler is not a failure.
var serverWants = map[string]chainWant{
	"return":   {},
	"error":    {err: "500 Internal Server Error"},
	"panic":    {err: "panic: boom", stack: true},
	"Goexit":   {aborted: "handler"},
	"abort":    {aborted: "handler"},
	"deadline": {err: "500 Internal Server Error"},
}

// timeoutWants are the records of NewHandler around http.TimeoutHandler. It runs the work in a goroutine of its own, passes on
// that goroutine's panic, and answers itself if the work takes too long. It does so after Goexit too.
var timeoutWants = map[string]chainWant{
	"return":   {},
	"error":    {err: "500 Internal Server Error"},
	"panic":    {err: "panic: boom", stack: true},
	"Goexit":   {err: "503 Service Unavailable"},
	"abort":    {aborted: "handler"},
	"deadline": {err: "503 Service Unavailable"},
}

var chainSpans = []chainSpan{
	{"Start", func(t *testing.T, tracer *slogtrace.Tracer, limit time.Duration, work func(context.Context) error) {
		alone(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_ = func() (err error) {
				ctx, span := tracer.Start(ctx, "op")
				defer span.End(&err)
				return work(ctx)
			}()
		})
	}, plainWants},
	{"NewTransport", func(t *testing.T, tracer *slogtrace.Tracer, limit time.Duration, work func(context.Context) error) {
		sender := base(func(r *http.Request) (*http.Response, error) {
			if err := work(r.Context()); err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})
		client := &http.Client{Transport: tracehttp.NewTransport(sender, &tracehttp.TransportOptions{Tracer: tracer})}
		alone(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://shop.example", nil)
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		})
	}, plainWants},
	{"NewHandler", func(t *testing.T, tracer *slogtrace.Tracer, limit time.Duration, work func(context.Context) error) {
		serve(t, tracer, work, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), limit)
				defer cancel()
				h.ServeHTTP(w, r.WithContext(ctx))
			})
		})
	}, serverWants},
	{"TimeoutHandler", func(t *testing.T, tracer *slogtrace.Tracer, limit time.Duration, work func(context.Context) error) {
		serve(t, tracer, work, func(h http.Handler) http.Handler { return http.TimeoutHandler(h, limit, "") })
	}, timeoutWants},
}

// serve lets a server do work for one request.
func serve(t *testing.T, tracer *slogtrace.Tracer, work func(context.Context) error, around func(http.Handler) http.Handler) {
	var working sync.WaitGroup
	working.Add(1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer working.Done()
		if work(r.Context()) != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s := httptest.NewUnstartedServer(tracehttp.NewHandler(around(h), &tracehttp.HandlerOptions{Tracer: tracer}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	defer s.Close()
	if resp, err := s.Client().Get(s.URL); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	working.Wait()
}

// chainLinks are the handlers that chains are made of, by name.
var chainLinks = map[string]func(w io.Writer, next slog.Handler) slog.Handler{
	"Tail":    func(_ io.Writer, next slog.Handler) slog.Handler { return slogtrace.NewTailHandler(next, nil) },
	"Redact":  func(_ io.Writer, next slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(next, nil) },
	"Handler": func(_ io.Writer, next slog.Handler) slog.Handler { return slogtrace.NewHandler(next) },
	"Multi": func(_ io.Writer, next slog.Handler) slog.Handler {
		return slog.NewMultiHandler(next, slogtrace.NewJSONHandler(io.Discard, nil))
	},
	"JSON": func(w io.Writer, _ slog.Handler) slog.Handler {
		return slogtrace.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	},
}

// chains returns all chains of up to n links, JSON at the end only. Those without it end in slog's JSONHandler.
func chains(n int) (all [][]string) {
	if n == 0 {
		return nil
	}
	all = append(all, []string{"JSON"})
	for _, first := range []string{"Tail", "Redact", "Handler", "Multi"} {
		all = append(all, []string{first})
		for _, rest := range chains(n - 1) {
			all = append(all, append([]string{first}, rest...))
		}
	}
	return all
}

func newChain(w io.Writer, links []string) slog.Handler {
	var h slog.Handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	for _, link := range slices.Backward(links) {
		h = chainLinks[link](w, h)
	}
	return h
}

// However the work of a span ends, and whatever ends the span, each chain of handlers writes the records of a plain
// deferred End, except where NewHandler's doc says otherwise.
func TestChains(t *testing.T) {
	for _, links := range chains(3) {
		t.Run(strings.Join(links, "-"), func(t *testing.T) {
			t.Parallel()
			for _, span := range chainSpans {
				for _, end := range chainEnds {
					var b bytes.Buffer
					var mu sync.Mutex
					tracer := slogtrace.NewTracer(newChain(lockedWriter{&mu, &b}, links), nil)
					span.run(t, tracer, end.limit(), func(ctx context.Context) error {
						log := slogtrace.Logger(ctx)
						log.Debug("detail")
						log.Info("note")
						return end.work(ctx)
					})
					mu.Lock()
					got := b.String()
					mu.Unlock()
					want := span.want[end.name]
					if err := checkChain(got, want, slices.Contains(links, "Tail")); err != nil {
						t.Errorf("%s, %s: %v:\n%s", span.name, end.name, err, got)
					}
				}
			}
		})
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}

// checkChain reports what is wrong with the lines of one span and of the two records made in it.
func checkChain(lines string, want chainWant, tail bool) error {
	messages := []string{"detail", "note", "span end"}
	if tail && want.err == "" {
		messages = messages[1:]
	}
	var got []string
	var end struct{ Level, Error, Stack, Aborted string }
	for line := range strings.Lines(lines) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return err
		}
		got = append(got, fmt.Sprint(m["msg"]))
		if m["msg"] == "span end" {
			text := func(key string) string { s, _ := m[key].(string); return s }
			end.Level, end.Error, end.Stack, end.Aborted = text("level"), text("error"), text("stack"), text("http.aborted")
		}
	}
	slices.SortFunc(got, func(a, b string) int { return cmp.Compare(slices.Index(messages, a), slices.Index(messages, b)) })
	level := "INFO"
	if want.err != "" {
		level = "ERROR"
	}
	switch {
	case !slices.Equal(got, messages):
		return fmt.Errorf("got records %q, want %q", got, messages)
	case end.Level != level:
		return fmt.Errorf("got level %q, want %q", end.Level, level)
	case end.Error != want.err:
		return fmt.Errorf("got error %q, want %q", end.Error, want.err)
	case (end.Stack != "") != want.stack:
		return fmt.Errorf("got stack %q, want one: %t", end.Stack, want.stack)
	case end.Aborted != want.aborted:
		return fmt.Errorf("got http.aborted %q, want %q", end.Aborted, want.aborted)
	}
	return nil
}

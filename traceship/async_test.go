package traceship

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A sink is a slow writer that keeps what each call was given.
type sink struct {
	takes time.Duration // for each call
	mu    sync.Mutex
	calls []string
}

func (s *sink) Write(p []byte) (int, error) {
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, string(p))
	return len(p), nil
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.calls, "")
}

// Neither the end of a span nor a log call waits for a slow writer, and the writer gets every line.
func TestAsyncSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{takes: time.Minute}
		w := NewAsyncWriter(s, nil)
		h := slogtrace.NewJSONHandler(w, nil)
		tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
		start := time.Now()
		const spans = 1000
		for i := range spans {
			ctx, span := tracer.Start(t.Context(), "s", slog.Int("i", i))
			log.InfoContext(ctx, "line")
			span.End()
			if i%100 == 0 {
				time.Sleep(time.Second) // not the caller's: the goroutine gets its turn
				start = start.Add(time.Second)
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the callers waited for %v", waited)
		}
		if err := w.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := strings.Count(s.text(), "\n"); got != 2*spans {
			t.Errorf("%d lines after Flush, want %d", got, 2*spans)
		}
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, call := range s.calls {
			if len(call) > 64<<10 || !strings.HasSuffix(call, "}\n") || !strings.HasPrefix(call, "{") {
				t.Errorf("a call with %d bytes: %.60q … %q", len(call), call, call[max(0, len(call)-20):])
			}
		}
		stats := w.Stats()
		diff(t, "Stats", stats, Stats{Lines: 2 * spans, Delivered: 2 * spans, Dropped: map[string]uint64{}, Batches: uint64(len(s.calls)), HeldBytes: stats.HeldBytes})
	})
}

// A line is written after the delay, or at once without one.
func TestAsyncDelay(t *testing.T) {
	for _, test := range []struct{ delay, want time.Duration }{{0, 100 * time.Millisecond}, {time.Second, time.Second}, {-1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			s := new(sink)
			w := NewAsyncWriter(s, &AsyncOptions{Delay: test.delay})
			defer w.Shutdown(context.Background())
			io.WriteString(w, "a\nb\n")
			if test.want > 0 {
				time.Sleep(test.want - time.Nanosecond)
				synctest.Wait()
				diff(t, "before the delay", s.text(), "")
				time.Sleep(time.Nanosecond)
			}
			synctest.Wait()
			diff(t, "after the delay", s.text(), "a\nb\n")
		})
	}
}

// What finds no room is dropped, as whole lines, and counted.
func TestAsyncFull(t *testing.T) {
	for _, opts := range []AsyncOptions{{MaxQueue: 10, MaxBatchBytes: 40}, {MaxQueueBytes: 2000}} {
		synctest.Test(t, func(t *testing.T) {
			s := &sink{takes: time.Hour}
			w := NewAsyncWriter(s, &opts)
			const lines = 1000
			for i := range lines / 2 {
				fmt.Fprintf(w, "line %d\nline %d\n", 2*i, 2*i+1)
			}
			synctest.Wait()
			stats := w.Stats()
			waiting, dropped := stats.Waiting, int(stats.Dropped["queue full"])
			if waiting == 0 || dropped == 0 || waiting+dropped != lines || stats.HeldBytes > 8<<20 {
				t.Errorf("with %+v: %+v", opts, stats)
			}
			want := fmt.Sprintf("traceship: %d lost: %[1]d queue full", dropped)
			if err := w.Shutdown(t.Context()); err == nil || err.Error() != want {
				t.Errorf("Shutdown: %v, want %s", err, want)
			}
			var text strings.Builder
			for i := range waiting {
				fmt.Fprintf(&text, "line %d\n", i)
			}
			diff(t, "written", s.text(), text.String())
			io.WriteString(w, "late\n")
			if got := w.Stats().Dropped["shut down"]; got != 1 {
				t.Errorf("%d dropped after Shutdown, want 1", got)
			}
		})
	}
}

// Of a writer that never returns, Shutdown returns an error, and nobody else waits.
func TestAsyncHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan struct{})
		w := NewAsyncWriter(writerFunc(func(p []byte) (int, error) { <-never; return len(p), nil }), &AsyncOptions{Delay: -1})
		io.WriteString(w, "a\n")
		synctest.Wait()
		io.WriteString(w, "b\nc\n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := w.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 still in the queue") {
			t.Errorf("Flush: %v", err)
		}
		if err := w.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "it does not stop sending; what became of 3 is not known") {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(start); took != time.Minute+time.Second {
			t.Errorf("Flush and Shutdown took %v", took)
		}
		close(never)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Of a writer that fails or takes too little, what is lost is counted, and no line is spoilt by another one.
func TestAsyncFailing(t *testing.T) {
	var got bytes.Buffer
	calls := 0
	w := NewAsyncWriter(writerFunc(func(p []byte) (int, error) {
		calls++
		switch calls {
		case 2:
			return 0, errors.New("disk full")
		case 3:
			n, _ := got.Write(p[:4]) // "bb\n" and a part of the next line
			return n, nil
		}
		return got.Write(p)
	}), &AsyncOptions{Delay: time.Hour})
	write := func(text, want string) {
		t.Helper()
		io.WriteString(w, text)
		err := w.Flush(t.Context())
		if err == nil {
			err = errors.New("")
		}
		diff(t, "Flush", err.Error(), want)
	}
	write("a1\na2\n", "")
	write("x1\nx2\n", "traceship: 2 lost: 2 not written; last error: disk full")
	write("bb\ncc\ndd\n", "traceship: 2 lost: 2 not written; last error: short write")
	write("ee\n", "")
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	diff(t, "written", got.String(), "a1\na2\nbb\nc\nee\n")
	s := w.Stats()
	if s.Lines != 8 || s.Delivered != 4 || s.Dropped["not written"] != 4 {
		t.Errorf("Stats: %+v", s)
	}
}

// Many callers share a Writer. Each call's lines stay together, whole and in order.
func TestAsyncConcurrent(t *testing.T) {
	var got bytes.Buffer // used by one goroutine at a time
	w := NewAsyncWriter(writerFunc(func(p []byte) (int, error) {
		if len(p) == 0 || p[len(p)-1] != '\n' {
			t.Errorf("a call with %q", p)
		}
		return got.Write(p)
	}), &AsyncOptions{MaxQueue: 1 << 20, MaxQueueBytes: 64 << 20, MaxBatchBytes: 1000, Delay: time.Microsecond})
	const callers, calls = 8, 500
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for i := range calls {
				fmt.Fprintf(w, "caller %d call %d\nsecond line\n", c, i)
				if i%100 == 0 {
					w.Stats()
					if err := w.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if err := w.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	var next [callers]int
	lines := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
	if len(lines) != 2*callers*calls {
		t.Fatalf("%d lines, want %d", len(lines), 2*callers*calls)
	}
	for i := 0; i < len(lines); i += 2 {
		var c, n int
		if _, err := fmt.Sscanf(lines[i], "caller %d call %d", &c, &n); err != nil || next[c] != n || lines[i+1] != "second line" {
			t.Fatalf("lines %d and %d: %q, %q", i, i+1, lines[i], lines[i+1])
		}
		next[c]++
	}
}

package traceotlp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A fault is what a transport does with a request in place of delivering it. Nil: it delivers it.
type fault func(*http.Request) (*http.Response, error)

// A transport delivers requests to a receiver without a network, in no time.
type transport struct {
	receiver *receiver
	fault    func() fault // of the next request
}

func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if f := tr.fault(); f != nil {
		return f(req)
	}
	w := httptest.NewRecorder()
	tr.receiver.ServeHTTP(w, req)
	return w.Result(), nil
}

func answer(status int, header, body string) fault {
	return func(*http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return w.Result(), nil
	}
}

func refused(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }
func reset(*http.Request) (*http.Response, error)   { return nil, syscall.ECONNRESET }

func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// newFaulty returns a handler whose requests meet faults.
func newFaulty(t *testing.T, opts Options, next func() fault) (*Handler, *receiver) {
	t.Helper()
	setenv(t, nil)
	r := new(receiver)
	opts.Transport = &transport{r, next}
	h, err := NewHandler(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return h, r
}

// arrivals returns how often each span and each log record came, by span id and by body.
func arrivals(r *receiver) (spans, logs map[string]int) {
	spans, logs = map[string]int{}, map[string]int{}
	for _, s := range r.spans() {
		spans[s["spanId"].(string)]++
	}
	for _, l := range r.logs() {
		logs[fmt.Sprint(l["body"])]++
	}
	return spans, logs
}

// checkArrivals checks that so many different spans and logs came, none of them more often than most.
func checkArrivals(t *testing.T, h *Handler, r *receiver, want, most int) {
	t.Helper()
	spans, logs := arrivals(r)
	stats := h.Stats()
	for what, signal := range map[string]struct {
		came  map[string]int
		stats Delivery
	}{"spans": {spans, stats.Spans}, "logs": {logs, stats.Logs}} {
		for id, n := range signal.came {
			if n > most {
				t.Errorf("%s: %s came %d times", what, id, n)
			}
		}
		if s := signal.stats; len(signal.came) != want || s.Delivered != uint64(want) || s.Waiting != 0 || len(s.Dropped) != 0 {
			t.Errorf("%d %s came, want %d: %+v", len(signal.came), what, want, s)
		}
	}
}

// All that fits the queue arrives once the receiver is back, whatever was wrong with it. Nothing comes twice.
func TestFaults(t *testing.T) {
	start := time.Time{}
	for name, next := range map[string]func() fault{
		"down at start, for a minute": func() fault {
			if time.Since(start) < time.Minute {
				return refused
			}
			return nil
		},
		"refused for a minute, later": func() fault {
			if d := time.Since(start); d > 3*time.Second && d < 63*time.Second {
				return refused
			}
			return nil
		},
		"503 with Retry-After": func() fault {
			if time.Since(start) < time.Minute {
				return answer(503, "20", "maintenance")
			}
			return nil
		},
		"503 with a date": func() fault {
			if time.Since(start) < time.Minute {
				return answer(503, time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat), "")
			}
			return nil
		},
		"a storm of 429": func() fault {
			if rand.N(10) > 0 && time.Since(start) < time.Hour {
				return answer(429, "1", "")
			}
			return nil
		},
		"hangs": func() fault {
			if time.Since(start) < 5*time.Minute {
				return hangs
			}
			return nil
		},
		"resets": func() fault {
			if rand.N(3) > 0 {
				return reset
			}
			return nil
		},
		"each": func() fault {
			return [...]fault{nil, nil, refused, reset, hangs, answer(502, "", ""), answer(504, "soon", ""), answer(429, "-1", "")}[rand.N(8)]
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start = time.Now()
				h, r := newFaulty(t, Options{MaxQueue: 5000, MaxBatch: 100}, next)
				tracer, log := slogtrace.NewTracer(h, nil), slog.New(h)
				for i := range 1000 {
					ctx, span := tracer.Start(t.Context(), "s")
					log.InfoContext(ctx, fmt.Sprint(i))
					span.End()
					time.Sleep(10 * time.Millisecond)
				}
				if err := h.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				checkArrivals(t, h, r, 1000, 1)
			})
		})
	}
}

// What is lost is what the statistics say, by name.
func TestLosses(t *testing.T) {
	for _, test := range []struct {
		fault fault
		want  string // of Shutdown, after "traceotlp: traces: "
	}{
		{answer(404, "", "no such path"), "10 lost: 10 status 404; last error: status 404: no such path"},
		{answer(400, "", "<html>\x1b[2J"), "10 lost: 10 status 400; last error: status 400: <html> [2J"},
		{answer(413, "", ""), "10 lost: 10 too large; last error: too large: status 413"},
		{answer(200, "", `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`), "3 lost: 3 rejected; last error: too old"},
		{answer(200, "", `{"partialSuccess":{"rejectedSpans":4}}`), "4 lost: 4 rejected; last error: the receiver rejected 4"},
		{answer(200, "", `{"partialSuccess":{"rejectedSpans":"99"}}`), "10 lost: 10 rejected; last error: the receiver rejected 99"},
		{answer(200, "", `{"partialSuccess":{"rejectedSpans":"0","errorMessage":"deprecated"}}`), ""},
		{answer(200, "", `{"partialSuccess":{}}`), ""},
		{answer(200, "", "garbage"), ""},
		{answer(200, "", ""), ""},
		{answer(204, "", ""), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := newFaulty(t, Options{}, func() fault { return test.fault })
			tracer := slogtrace.NewTracer(h, nil)
			for range 10 {
				_, span := tracer.Start(t.Context(), "s")
				span.End()
			}
			got := ""
			if err := h.Shutdown(t.Context()); err != nil {
				got = strings.TrimPrefix(err.Error(), "traceotlp: traces: ")
			}
			diff(t, "Shutdown", got, test.want)
		})
	}
}

// One record that no receiver takes does not take others with it, and one that is larger than a request may be is not sent.
func TestLargeRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 10_000
		h, r := newFaulty(t, Options{MaxQueueBytes: 256 << 20}, func() fault { return nil })
		r.answer = func(w http.ResponseWriter, req *http.Request) bool {
			if req.ContentLength > most {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				r.requests = r.requests[:len(r.requests)-1]
				return true
			}
			return false
		}
		log := slog.New(h)
		for i := range 100 {
			log.Info("m", "i", i)
		}
		log.Info("large", "x", strings.Repeat("x", most))
		lost := 1
		if !testing.Short() { // under the race detector it takes long
			log.Info("larger", "x", strings.Repeat("x", maxRequest))
			lost++
		}
		log.Info("last")
		want := fmt.Sprintf("traceotlp: logs: %d lost: %[1]d too large; last error: too large: ", lost)
		if err := h.Shutdown(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Shutdown: got %v, want %s…", err, want)
		}
		if got := len(r.logs()); got != 101 {
			t.Errorf("%d logs came, want 101", got)
		}
	})
}

// With a receiver that hangs, refuses or puts off, no time passes for the caller, and memory is bounded.
func TestHungReceiver(t *testing.T) {
	for name, next := range map[string]fault{"hangs": hangs, "refused": refused, "put off": answer(429, "300", "later")} {
		for _, gzip := range []bool{false, true} {
			t.Run(fmt.Sprint(name, gzip), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const queue = 4 << 20
					h, _ := newFaulty(t, Options{MaxQueue: 1 << 30, MaxQueueBytes: queue, Gzip: gzip}, func() fault { return next })
					log, tracer := slog.New(h), slogtrace.NewTracer(h, nil)
					start, before := time.Now(), heap()
					text := strings.Repeat("x", 10_000)
					for h.Stats().Logs.Dropped["queue full"] < 100 || h.Stats().Spans.Dropped["queue full"] < 100 {
						for range 10 {
							log.Info("m", "text", text)
							_, span := tracer.Start(t.Context(), "s", slog.String("text", text))
							span.End()
						}
					}
					if d := time.Since(start); d != 0 {
						t.Errorf("%v passed for the callers", d)
					}
					time.Sleep(time.Minute) // attempts
					if held, most := heap()-before, 2*2*queue+8<<20; held > most {
						t.Errorf("%d bytes held, want at most %d", held, most)
					} else {
						t.Logf("%d bytes held by two queues of %d", held, queue)
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if err := h.Shutdown(ctx); err == nil {
						t.Error("Shutdown did not say what was lost")
					}
				})
			})
		}
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Log records as events of their spans: at most 128 each, and those of spans that never end go when there are too many.
func TestEvents(t *testing.T) {
	r := newReceiver(t)
	h, log := start(t, r, Options{Logs: LogEvents})
	tracer := slogtrace.NewTracer(h, nil)
	ctx, span := tracer.Start(t.Context(), "book")
	log.WarnContext(ctx, "seat held", "seat", "12A")
	log.Info("outside")
	other, never := tracer.Start(ctx, "other")
	log.InfoContext(other, "of another span")
	for i := range 130 {
		log.InfoContext(ctx, "many", "i", i)
	}
	span.Fail(errors.New("declined"))
	span.End()
	flush(t, h)
	got := r.spans()[0]
	events := got["events"].([]any)
	if len(events) != maxEvents+1 || fmt.Sprint(got["droppedEventsCount"]) != "3" {
		t.Errorf("%d events, %v dropped, want %d with the exception, and 3", len(events), got["droppedEventsCount"], maxEvents+1)
	}
	first := events[0].(map[string]any)
	diff(t, "event", first["name"], any("seat held"))
	diff(t, "attributes", attrs(t, first["attributes"]), []string{`level={"stringValue":"WARN"}`, `seat={"stringValue":"12A"}`})
	if len(r.logs()) != 0 {
		t.Errorf("logs: %v", r.logs())
	}
	for range 2000 {
		ctx, _ := tracer.Start(t.Context(), "open")
		log.InfoContext(ctx, "kept for now", "text", strings.Repeat("x", 10_000))
	}
	if h.events.bytes > maxEventBytes || h.Stats().DroppedEvents == 0 {
		t.Errorf("%d bytes held, %d dropped", h.events.bytes, h.Stats().DroppedEvents)
	}
	never.End() // its events went first
	flush(t, h)
	if got := r.spans()[1]["events"]; got != nil {
		t.Errorf("events: %v", got)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := h.Stats().DroppedEvents; got != 3+1+2000 || h.events.bytes != 0 { // each event is somewhere
		t.Errorf("%d dropped, %d bytes held", got, h.events.bytes)
	}
}

package interop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracemetrics"
	"github.com/slogtrace/slogtrace/tracesql"
)

// The code of docs/guide/metrics.md. It is a booking service that has everything that the dashboard shows.

// A bookingService is a service with a database, a cache, two external services, background tasks and webhooks.
type bookingService struct {
	metrics *tracemetrics.Handler
	tracer  *slogtrace.Tracer
	db      *sql.DB
	client  *http.Client
	breaker breaker
	others  string       // the URL of the external services
	jobs    chan func()  // a queue
	n       atomic.Int64 // requests so far
}

func newBookingService(t *testing.T) *bookingService {
	s := &bookingService{metrics: tracemetrics.NewHandler(nil), jobs: make(chan func(), 1000), breaker: breaker{name: "calendar"}}
	h := slog.NewMultiHandler(slogtrace.NewJSONHandler(io.Discard, nil), s.metrics)
	s.tracer = slogtrace.NewTracer(slog.New(h).With("service", "bookings").Handler(), nil)
	s.metrics.ExportTracer("", s.tracer.Stats)

	// A bookingService is one of several in this process. A program calls SetDefault instead.
	var err error
	if s.db, err = tracesql.Open("sqlite", filepath.Join(t.TempDir(), "bookings.db"), &tracesql.Options{Tracer: s.tracer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	s.db.SetMaxOpenConns(1)
	if _, err := s.db.Exec("CREATE TABLE bookings (id INTEGER PRIMARY KEY, seat TEXT)"); err != nil {
		t.Fatal(err)
	}
	others := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/calendar" && s.n.Load()%4 == 0 || r.URL.Path == "/customer" && s.n.Load()%3 == 0 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(others.Close)
	s.others = others.URL
	s.client = &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: s.tracer})}
	return s
}

func (s *bookingService) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /bookings", s.book)
	mux.HandleFunc("GET /bookings/{id}", s.show)
	traced := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: s.tracer})
	all := http.NewServeMux() // a scrape is no request of the service's
	all.Handle("/", traced)
	all.Handle("/metrics", s.metrics)
	return all
}

func (s *bookingService) book(w http.ResponseWriter, r *http.Request) {
	ctx, n := r.Context(), s.n.Add(1)
	if _, err := s.db.ExecContext(ctx, "INSERT INTO bookings (seat) VALUES (?)", "12A"); err != nil {
		http.Error(w, "no database", http.StatusInternalServerError)
		return
	}
	calendarErr := s.reserve(ctx)
	if err := s.call(ctx, strings.Replace(s.others, "127.0.0.1", "localhost", 1)+"/payments"); err != nil || n%5 == 0 {
		http.Error(w, "no payment", http.StatusServiceUnavailable)
		return
	}
	carrier := slogtrace.NewCarrier(ctx)
	s.jobs <- func() { s.deliver(carrier, "booking.confirmed", s.others+"/customer") }
	if calendarErr != nil {
		s.jobs <- func() { s.run(carrier, "calendar.retry", func(context.Context) error { return calendarErr }) }
	}
	s.jobs <- func() { s.run(carrier, "receipt.print", func(context.Context) error { return nil }) }
}

func (s *bookingService) show(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if hit := s.cached(ctx, r.PathValue("id")); !hit {
		var seat string
		if err := s.db.QueryRowContext(ctx, "SELECT seat FROM bookings WHERE id = ?", r.PathValue("id")).Scan(&seat); err != nil {
			http.NotFound(w, r)
		}
	}
}

// cached asks the cache.
func (s *bookingService) cached(ctx context.Context, id string) (hit bool) {
	_, span := s.tracer.Start(ctx, "GET", slogtrace.KindClient,
		slog.String("db.system.name", "redis"), slog.String("db.operation.name", "GET"))
	defer span.End()
	return len(id) > 1
}

// reserve calls the calendar, unless its circuit breaker is open.
func (s *bookingService) reserve(ctx context.Context) (err error) {
	ctx, span := s.tracer.Start(ctx, "calendar.reserve",
		slog.String("circuit_breaker.name", s.breaker.name), slog.String("circuit_breaker.state", s.breaker.state()))
	defer span.End(&err)
	return s.breaker.do(func() error { return s.call(ctx, s.others+"/calendar") })
}

// deliver sends a webhook.
func (s *bookingService) deliver(job slogtrace.Carrier, webhook, url string) (err error) {
	ctx, err := job.Context(context.Background())
	if err != nil {
		slog.WarnContext(ctx, "webhook without its trace", "err", err)
	}
	ctx, span := s.tracer.Start(ctx, "webhook.deliver", slogtrace.KindConsumer, slog.String("webhook", webhook))
	defer span.End(&err)
	return s.call(ctx, url)
}

// run runs a background task.
func (s *bookingService) run(job slogtrace.Carrier, task string, do func(context.Context) error) (err error) {
	ctx, err := job.Context(context.Background())
	if err != nil {
		slog.WarnContext(ctx, "task without its trace", "err", err)
	}
	ctx, span := s.tracer.Start(ctx, "task.run", slogtrace.KindConsumer, slog.String("task", task))
	defer span.End(&err)
	return do(ctx)
}

func (s *bookingService) call(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, "POST", url, nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return nil
}

// A breaker opens after a failure, for two calls.
type breaker struct {
	name string
	mu   sync.Mutex
	wait int
}

var errOpen = errors.New("circuit breaker open")

func (b *breaker) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wait > 0 {
		return "open"
	}
	return "closed"
}

func (b *breaker) do(f func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wait > 0 {
		b.wait--
		return errOpen
	}
	err := f()
	if err != nil {
		b.wait = 2
	}
	return err
}

// use uses the service until stop is closed.
func (s *bookingService) use(t *testing.T, url string, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case job := <-s.jobs:
			job()
		case <-time.After(5 * time.Millisecond):
			var resp *http.Response
			var err error
			switch i % 3 {
			case 0:
				resp, err = http.Post(url+"/bookings", "application/json", nil)
			case 1:
				resp, err = http.Get(url + "/bookings/1")
			default:
				resp, err = http.Get(url + "/bookings/22")
			}
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		}
	}
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// A kind is what happens in a trip.
type kind string

const (
	books   kind = "books"   // all goes well
	fails   kind = "fails"   // a statement of the rooms service fails, so its request and all above fail
	refuses kind = "refuses" // the rooms service answers 409: only the clients' spans fail
	warns   kind = "warns"   // a record of the api reaches KeepLevel
	panics  kind = "panics"  // the api panics
	leaves  kind = "leaves"  // the client goes away while the api works
)

// pick returns a kind; most trips go well.
func pick(r *rand.Rand) kind {
	switch n := r.IntN(100); {
	case n < 3:
		return fails
	case n < 6:
		return refuses
	case n < 9:
		return warns
	case n < 10:
		return panics
	case n < 11:
		return leaves
	}
	return books
}

// A service is one of the two: its tracer and logger write to its own sinks, with the numbers of its series.
type service struct {
	series *series
	tracer *slogtrace.Tracer
	log    *slog.Logger
	level  slog.Level // of spans
	busy   sync.WaitGroup
}

func newService(s *series, h slog.Handler, level slog.Level, sampler slogtrace.Sampler) *service {
	return &service{
		series: s, log: slog.New(h), level: level,
		tracer: slogtrace.NewTracer(h, &slogtrace.TracerOptions{Level: level, Sampler: sampler}),
	}
}

func (s *service) unit() *unit { return &unit{series: s.series, spanLevel: s.level} }

// serve returns a handler for requests, each in its span. busy counts those whose span has not ended.
func (s *service) serve(f func(w http.ResponseWriter, r *http.Request, u *unit, span int)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{kind}", func(w http.ResponseWriter, r *http.Request) {
		u := s.unit()
		defer u.close()
		u.of(slogtrace.SpanContextFromContext(r.Context()))
		number, span := u.span()
		slogtrace.SpanFromContext(r.Context()).SetAttrs(number)
		f(w, r, u, span)
	})
	traced := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: s.tracer})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.busy.Add(1)
		defer s.busy.Done()
		traced.ServeHTTP(w, r)
	})
}

// A card has secrets.
type card struct {
	Owner    string `json:"owner"`
	Password string `json:"password"`
}

// loot returns attributes with secrets.
func loot() []slog.Attr {
	return []slog.Attr{
		slog.String("password", secret), slog.Group("auth", slog.String("token", secret)), slog.Any("card", card{"ada", secret}),
	}
}

// town is both services and their clients.
type town struct {
	api, rooms *service
	apiURL     string
	roomsURL   string
	outside    *http.Client // the trips'
	inside     *http.Client // the api's
	db         *sql.DB
	leaving    sync.Map // of chan struct{}, by trip: closed when the api is at work for a client that will go away
}

// post sends a request in a span of its own and reads the answer. It returns the index of that span.
func (t *town) post(ctx context.Context, client *http.Client, u *unit, url string) (status, span int, err error) {
	number, span := u.span()
	req, err := http.NewRequestWithContext(slogtrace.With(ctx, number), http.MethodPost, url, nil)
	if err != nil {
		return 0, span, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, span, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, span, errors.Join(err, resp.Body.Close())
}

// An unexpected outcome is a mistake of the soak, or a bug.
type unexpected struct{ text string }

func (e *unexpected) Error() string { return "soak: " + e.text }

// trip is a client's: the root of a trace.
func (t *town) trip(id uint64, k kind, items int) error {
	s := t.api
	u := s.unit()
	defer u.close()
	number, root := u.span()
	ctx, span := s.tracer.Start(context.Background(), "trip", number, slog.String("kind_of_trip", string(k)))
	var err error
	defer span.End(&err)
	u.of(span.SpanContext())
	s.log.LogAttrs(ctx, slog.LevelDebug, "a trip begins", append(loot(), u.log(slog.LevelDebug))...)

	call := ctx
	if k == leaves {
		var cancel context.CancelFunc
		call, cancel = context.WithCancel(ctx)
		defer cancel()
		works := make(chan struct{})
		t.leaving.Store(id, works)
		go func() { // the api is at work before the client goes
			<-works
			cancel()
		}()
	}
	status, span1, err := t.post(call, t.outside, u, fmt.Sprintf("%s/%s?trip=%d&items=%d", t.apiURL, k, id, items))
	want := map[kind]int{books: 200, warns: 200, fails: 502, refuses: 409}[k]
	if status != want || (err != nil) != (want == 0) {
		return &unexpected{fmt.Sprintf("%s: status %d, %v", k, status, err)}
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "a trip ends", slog.Int("status", status), u.log(slog.LevelInfo))
	if status != http.StatusOK {
		u.fail(span1, root) // the client's span fails with any status of 400 and above
	}
	if k == fails {
		err = errors.New("no room")
		u.fail(root)
	} else {
		err = nil // it is none of the trip
	}
	return nil
}

// serveAPI asks the rooms service.
func (t *town) serveAPI(w http.ResponseWriter, r *http.Request, u *unit, server int) {
	s, k, ctx := t.api, kind(r.PathValue("kind")), r.Context()
	s.log.LogAttrs(ctx, slog.LevelInfo, "asked", append(loot(), u.log(slog.LevelInfo))...)
	if k == leaves {
		id, _ := strconv.ParseUint(r.FormValue("trip"), 10, 64)
		works, _ := t.leaving.LoadAndDelete(id)
		close(works.(chan struct{}))
		<-ctx.Done()
		s.log.LogAttrs(ctx, slog.LevelDebug, "the client has gone", u.log(slog.LevelDebug))
		return
	}
	status, err := t.book(ctx, r, u, server, k)
	if err != nil {
		u.fail(server)
		status = http.StatusBadGateway
	}
	w.WriteHeader(status)
}

// book is a span of the api, which asks the rooms service.
func (t *town) book(ctx context.Context, r *http.Request, u *unit, server int, k kind) (status int, err error) {
	s := t.api
	number, own := u.span()
	ctx, span := slogtrace.Start(ctx, "book", number)
	defer span.End(&err)
	for range 2 {
		s.log.LogAttrs(ctx, slog.LevelDebug, "thinking", u.log(slog.LevelDebug), slog.String("seat", "12A"), slog.Float64("price", 129.5))
	}
	switch k {
	case warns:
		s.log.LogAttrs(ctx, slog.LevelWarn, "slow provider", u.log(slog.LevelWarn))
	case panics:
		u.fail(own, server)
		u.fail(server)
		panic("no such seat")
	}
	status, call, err := t.post(ctx, t.inside, u, fmt.Sprintf("%s/%s?items=%s", t.roomsURL, k, r.FormValue("items")))
	if err != nil {
		panic(&unexpected{fmt.Sprintf("%s: %v", k, err)})
	}
	if status >= 400 {
		u.fail(call, own, server)
	}
	if status >= 500 {
		u.fail(own, server)
		return status, fmt.Errorf("the rooms service answers %d", status)
	}
	return status, nil
}

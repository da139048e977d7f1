package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracemetrics"
	"github.com/slogtrace/slogtrace/traceotlp"
	"github.com/slogtrace/slogtrace/traceship"
)

// A soak is everything of one run.
type soak struct {
	config
	town
	apiSeries, roomsSeries *series

	apiTail, roomsTail                 *slogtrace.TailHandler
	async, ship                        *traceship.Writer
	otlp                               *traceotlp.Handler
	metrics                            *tracemetrics.Handler
	metricsURL                         string
	scraper                            http.Client
	scrapes                            atomic.Uint64
	apiFiles, roomsFiles               *rotator
	apiFile, roomsFile, spans, shipped *sink
	sinks                              []*sink
	accounts                           []account // by sink
	receivers                          []*receiver
	listener                           *listener
	servers                            []*http.Server

	trips    atomic.Uint64
	problems []string
	laps     []lap
	begun    time.Time
}

// A lap is what is known when a part of the records has been accounted for.
type lap struct {
	records    uint64 // in all
	heap       uint64 // bytes, after garbage collection
	goroutines int
	took       time.Duration
}

// mostOfTrip is more than the records of a service in one trip.
const mostOfTrip = 200

func newSoak(c config) (_ *soak, err error) {
	s := &soak{config: c, begun: time.Now()}
	room := c.lap + c.goroutines*mostOfTrip + 1
	s.apiSeries, s.roomsSeries = newSeries("api", room), newSeries("rooms", room)
	s.apiFile = newSink("api: files", s.apiSeries, true)
	s.roomsFile = newSink("rooms: files, by NewAsyncWriter", s.roomsSeries, true)
	s.spans = newSink("rooms: OTLP", s.roomsSeries, false)
	s.shipped = newSink("rooms: shipped lines", s.roomsSeries, false)
	s.sinks = []*sink{s.apiFile, s.roomsFile, s.spans, s.shipped}
	s.accounts = make([]account, len(s.sinks))
	if s.apiFiles, err = newRotator(filepath.Join(c.dir, "api"), s.apiFile, c.fileSize); err != nil {
		return nil, err
	}
	if s.roomsFiles, err = newRotator(filepath.Join(c.dir, "rooms"), s.roomsFile, c.fileSize); err != nil {
		return nil, err
	}
	s.apiFiles.spoil = c.spoil

	if err := s.receive(); err != nil {
		return nil, err
	}
	if err := s.wire(); err != nil {
		return nil, err
	}
	return s, nil
}

// receive starts the receivers.
func (s *soak) receive() (err error) {
	if s.listener, err = listen(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	for i, path := range []string{"/v1/traces", "/v1/logs", "/insert"} {
		r := &receiver{sink: s.spans, otlp: true, every: s.faultEvery, hangs: s.hang, random: rand.New(rand.NewPCG(s.seed, uint64(i)))}
		if path == "/insert" {
			r.sink, r.otlp = s.shipped, false
		}
		r.down = func() {
			if err := s.listener.refuse(r.pause()); err != nil {
				r.sink.problem("%v", err)
			}
		}
		s.receivers = append(s.receivers, r)
		mux.Handle(path, r)
	}
	s.start(server, s.listener)
	return nil
}

// wire makes the handlers, from the sinks to the services.
func (s *soak) wire() (err error) {
	base := "http://" + s.listener.Addr().String()
	if s.otlp, err = traceotlp.NewHandler(&traceotlp.Options{
		Endpoint: base, Level: slog.LevelDebug, Resource: []slog.Attr{slog.String("service.name", "rooms")},
		MaxQueue: s.queue, MaxQueueBytes: s.queue * 512, Delay: 100 * time.Millisecond, Timeout: s.timeout,
	}); err != nil {
		return err
	}
	if s.ship, err = traceship.NewWriter(base+"/insert", &traceship.Options{
		MaxQueue: s.queue, MaxQueueBytes: s.queue * 512, Delay: 100 * time.Millisecond, Timeout: s.timeout,
	}); err != nil {
		return err
	}
	s.async = traceship.NewAsyncWriter(s.roomsFiles, &traceship.AsyncOptions{MaxQueue: s.queue, MaxQueueBytes: s.queue * 512})

	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	tail := func(next slog.Handler) *slogtrace.TailHandler {
		return slogtrace.NewTailHandler(next, &slogtrace.TailOptions{
			PassLevel: passLevel, KeepLevel: keepLevel, Share: share, MaxAge: time.Hour, MaxBytes: 1 << 30,
		})
	}
	s.apiTail = tail(slogtrace.NewJSONHandler(s.apiFiles, debug))
	s.roomsTail = tail(slogtrace.NewJSONHandler(s.async, debug))
	s.metrics = tracemetrics.NewHandler(nil)
	s.metrics.ExportTail("rooms", s.roomsTail.Stats)
	s.metrics.ExportOTLP("otlp", s.otlp.Stats)
	s.metrics.ExportShip("ship", s.ship.Stats)
	redact := func(h slog.Handler) slog.Handler { return slogtrace.NewRedactHandler(h, nil) }
	s.api = newService(s.apiSeries, redact(s.apiTail), slog.LevelDebug, slogtrace.Ratio(ratio))
	s.rooms = newService(s.roomsSeries, redact(slog.NewMultiHandler(
		s.roomsTail, s.otlp, slogtrace.NewJSONHandler(s.ship, debug), s.metrics,
	)), slog.LevelInfo, nil)

	client := func() *http.Client {
		return &http.Client{Transport: tracehttp.NewTransport(&http.Transport{MaxIdleConnsPerHost: s.goroutines}, &tracehttp.TransportOptions{Tracer: s.api.tracer})}
	}
	s.outside, s.inside = client(), client()
	if s.db, err = openRooms(context.Background(), s.dir, s.rooms.tracer); err != nil {
		return err
	}
	for _, one := range []struct {
		url *string
		h   http.Handler
	}{{&s.apiURL, s.api.serve(s.serveAPI)}, {&s.roomsURL, s.rooms.serve(s.serveRooms)}, {&s.metricsURL, s.metrics}} {
		l, err := listen()
		if err != nil {
			return err
		}
		*one.url = "http://" + l.Addr().String()
		s.start(&http.Server{Handler: one.h, ErrorLog: log.New(io.Discard, "", 0)}, l)
	}
	return nil
}

func (s *soak) start(server *http.Server, l *listener) {
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }()
}

// records returns how many records there are so far.
func (s *soak) records() uint64 { return s.apiSeries.last.Load() + s.roomsSeries.last.Load() }

// run makes laps until there are enough records. It returns whether everything is accounted for.
func (s *soak) run(progress io.Writer) bool {
	for s.records() < uint64(s.config.records) && len(s.problems) == 0 {
		if err := s.lap(); err != nil {
			s.problems = append(s.problems, err.Error())
		}
		l := s.laps[len(s.laps)-1]
		fmt.Fprintf(progress, "soak: %d of %d records, %.0f a second; %.1f MB of heap, %d goroutines\n",
			l.records, s.config.records, float64(l.records)/time.Since(s.begun).Seconds(), float64(l.heap)/1e6, l.goroutines)
	}
	s.checkMetrics()
	if err := s.close(); err != nil {
		s.problems = append(s.problems, err.Error())
	}
	s.checkCounters()
	s.checkFlat()
	for _, k := range s.sinks {
		s.problems = append(s.problems, k.problems...)
		if k.more > 0 {
			s.problems = append(s.problems, fmt.Sprintf("%s: %d more problems", k.name, k.more))
		}
	}
	return len(s.problems) == 0
}

// lap makes records, waits until they have arrived wherever they go, and takes the account.
func (s *soak) lap() error {
	start, target := time.Now(), min(s.records()+uint64(s.config.lap), uint64(s.config.records))
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	done, scraped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(scraped)
		s.scrape(done)
	}()
	for g := range s.goroutines {
		r := rand.New(rand.NewPCG(s.seed, uint64(len(s.laps)*s.goroutines+g)))
		group.Go(func() {
			for s.records() < target {
				id := s.trips.Add(1)
				if err := s.trip(id, pick(r), 1+r.IntN(12)); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	group.Wait()
	close(done)
	<-scraped
	s.api.busy.Wait()
	s.rooms.busy.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	failed = errors.Join(failed, s.apiTail.Flush(ctx), s.roomsTail.Flush(ctx))
	// Their errors name what was lost, which the account must find.
	_, _, _ = s.async.Flush(ctx), s.otlp.Flush(ctx), s.ship.Flush(ctx)
	failed = errors.Join(failed, ctx.Err(), s.apiFiles.flush(), s.roomsFiles.flush())
	for i, k := range s.sinks {
		s.accounts[i].add(k.lap())
		k.nextLap()
	}
	s.apiSeries.nextLap()
	s.roomsSeries.nextLap()
	s.outside.CloseIdleConnections()
	s.inside.CloseIdleConnections()
	s.scraper.CloseIdleConnections()
	s.laps = append(s.laps, s.measure(time.Since(start)))
	return failed
}

// measure returns the memory and the goroutines that are left.
func (s *soak) measure(took time.Duration) lap {
	goroutines := runtime.NumGoroutine()
	for range 50 { // connections that have just been closed still have theirs
		time.Sleep(10 * time.Millisecond)
		goroutines = min(goroutines, runtime.NumGoroutine())
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return lap{records: s.records(), heap: m.HeapAlloc, goroutines: goroutines, took: took}
}

// close shuts everything down.
func (s *soak) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := errors.Join(s.async.Shutdown(ctx), s.otlp.Shutdown(ctx), s.ship.Shutdown(ctx))
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	return errors.Join(err, s.apiTail.Close(), s.roomsTail.Close(), s.db.Close(), s.apiFiles.close(), s.roomsFiles.close())
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A system is everything but the worker: four HTTP servers in one process.
type system struct {
	api, calendar, payments, customer *server

	provider *payments
	files    *files
	cancel   context.CancelFunc
}

// startSystem requires that slog's default is the API's logger.
func startSystem(ctx context.Context, o options, log *logFile) (_ *system, err error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &system{cancel: cancel}
	s.provider = &payments{ctx: ctx, pace: o.pace, log: slog.New(log.service("payments"))}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.files, err = openFiles(o.dir); err != nil {
		return nil, err
	}
	if s.customer, err = serve(func(string) http.Handler { return new(customer) }); err != nil {
		return nil, err
	}
	if s.calendar, err = serve(func(string) http.Handler { return newCalendar(log.service("calendar"), o.pace) }); err != nil {
		return nil, err
	}
	if s.payments, err = serve(func(string) http.Handler { return s.provider.routes() }); err != nil {
		return nil, err
	}
	s.api, err = serve(func(url string) http.Handler {
		a := &api{url, s.calendar.url, s.payments.url, o.pace, s.files, queue{s.files}, newHall(o.pace)}
		return a.routes()
	})
	return s, err
}

// settled waits until the payment provider has made its callbacks.
func (s *system) settled() { s.provider.settled.Wait() }

// close waits for current requests, but not for long. A second call does nothing.
func (s *system) close() {
	s.cancel()
	for _, server := range []*server{s.api, s.payments, s.calendar, s.customer} {
		if server != nil {
			server.close()
		}
	}
	s.settled()
	if s.files != nil {
		s.files.root.Close()
	}
}

// A server is an HTTP server on a port of its own.
type server struct {
	url  string
	http http.Server
	done chan struct{}
}

// serve starts a server. The function that makes its handler gets the URL.
func serve(handler func(url string) http.Handler) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + ln.Addr().String(), done: make(chan struct{})}
	s.http.Handler = handler(s.url)
	go func() {
		defer close(s.done)
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("server ended", "url", s.url, "err", err)
		}
	}()
	return s, nil
}

func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	<-s.done
}

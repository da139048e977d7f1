package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// A shop is a service with many debug lines.
type shop struct {
	log  *slog.Logger
	fail int
}

type server struct {
	url  string
	http http.Server
	done chan error
}

func startShop(log *slog.Logger, fail int) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &shop{log, fail}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", s.order)
	tracer := slogtrace.NewTracer(log.Handler(), nil)
	srv := &server{url: "http://" + listener.Addr().String(), done: make(chan error, 1)}
	srv.http.Handler = tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer})
	go func() { srv.done <- srv.http.Serve(listener) }()
	return srv, nil
}

// stop returns when the last request has been served and its span has ended.
func (s *server) stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if e := <-s.done; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.Error(w, "want a number", http.StatusBadRequest)
		return
	}
	s.log.DebugContext(ctx, "request", "order", n, "accept", r.Header.Get("Accept-Encoding"))
	price := s.price(ctx, n)
	if err := s.charge(ctx, n, price); err != nil {
		http.Error(w, "the payment failed", http.StatusBadGateway)
		return
	}
	s.log.InfoContext(ctx, "order paid", "order", n, "price", price)
	_, _ = w.Write([]byte("paid\n"))
}

func (s *shop) price(ctx context.Context, n int) int {
	ctx, span := slogtrace.Start(ctx, "calculate", slog.Int("order", n))
	defer span.End()
	s.log.DebugContext(ctx, "cache", "key", "price:"+strconv.Itoa(n), "hit", false)
	s.log.DebugContext(ctx, "query", "sql", "select net, vat from prices where article = $1", "rows", 1)
	net := 1000 + n
	s.log.DebugContext(ctx, "computed", "net", net, "vat", net/5, "discounts", []string{})
	return net + net/5
}

var errDeclined = errors.New("card declined")

func (s *shop) charge(ctx context.Context, n, price int) (err error) {
	ctx, span := slogtrace.Start(ctx, "charge", slogtrace.KindClient, slog.Int("order", n))
	defer span.End(&err)
	s.log.DebugContext(ctx, "asking the bank", "amount", price, "currency", "EUR", "card", "**** "+strconv.Itoa(1000+n%9000))
	if s.fail > 0 && n%s.fail == 0 {
		s.log.DebugContext(ctx, "the bank answered", "status", 402, "code", "do_not_honor", "retry", false)
		return errDeclined
	}
	s.log.DebugContext(ctx, "the bank answered", "status", 200, "code", "approved", "retry", false)
	return nil
}

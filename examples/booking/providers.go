package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// The other services. A calendar and a payment provider are HTTP services with loggers and Tracers of their own.
// A mail server and a customers' server are not traced. As with test cards, names decide what fails:
// those of the room, the card, the mail address and the customer.

type event struct {
	Room string `json:"room"`
}

// newCalendar returns a calendar that refuses the room "popular" because of a rate limit.
func newCalendar(log slog.Handler, p pace) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /events", handler(func(w http.ResponseWriter, r *http.Request) error {
		var e event
		if err := readJSON(w, r, &e); err != nil {
			return err
		}
		if err := p.sleep(r.Context(), 12*time.Millisecond); err != nil {
			return err
		}
		if e.Room == "popular" {
			return &httpError{Status: http.StatusTooManyRequests, Text: "rate limit exceeded"}
		}
		return writeJSON(w, http.StatusCreated, e)
	}))
	return tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(log, nil)})
}

// voucher begins the token of a voucher, which pays at once. Any other token is a card's.
const voucher = "voucher:"

type charge struct {
	Payment  string `json:"payment"`
	Card     string `json:"card"`
	Callback string `json:"callback"`
}

type chargeAnswer struct {
	Paid bool `json:"paid"`
}

type refund struct {
	Payment string `json:"payment"`
}

// payments is a provider whose cards "slow", "later", "declined" and "broken" behave as they are named.
type payments struct {
	ctx     context.Context // of callbacks, which outlive their request
	pace    pace
	log     *slog.Logger
	settled sync.WaitGroup
	made    sync.Map // the payments that may be refunded
}

func (p *payments) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /charges", handler(p.charge))
	mux.Handle("POST /refunds", handler(p.refund))
	return tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: slogtrace.NewTracer(p.log.Handler(), nil)})
}

func (p *payments) charge(w http.ResponseWriter, r *http.Request) error {
	var c charge
	if err := readJSON(w, r, &c); err != nil {
		return err
	}
	ctx := r.Context()
	// The spans below are this service's, because Start takes the Tracer of the request's span from ctx.
	if strings.HasPrefix(c.Card, voucher) {
		err := slogtrace.Do(ctx, "voucher.redeem", func(ctx context.Context) error {
			return p.pace.sleep(ctx, 15*time.Millisecond)
		})
		if err != nil {
			return err
		}
		p.made.Store(c.Payment, true)
		return writeJSON(w, http.StatusOK, chargeAnswer{Paid: true})
	}
	err := slogtrace.Do(ctx, "fraud.check", func(ctx context.Context) error {
		return p.pace.sleep(ctx, 35*time.Millisecond)
	})
	if err != nil {
		return err
	}
	if c.Card == "later" {
		slogtrace.Logger(ctx).Info("bank transfer ordered")
		p.settled.Go(func() { p.settle(c.Callback) })
		return writeJSON(w, http.StatusAccepted, chargeAnswer{Paid: false})
	}
	err = slogtrace.Do(ctx, "bank.authorize", func(ctx context.Context) error {
		takes := 60 * time.Millisecond
		if c.Card == "slow" {
			takes = 4200 * time.Millisecond
		}
		if err := p.pace.sleep(ctx, takes); err != nil {
			return err
		}
		switch c.Card {
		case "declined":
			return &httpError{Status: http.StatusPaymentRequired, Text: "card declined"}
		case "broken":
			return errors.New("bank: tls: handshake failure")
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.made.Store(c.Payment, true)
	return writeJSON(w, http.StatusOK, chargeAnswer{Paid: true})
}

func (p *payments) refund(w http.ResponseWriter, r *http.Request) error {
	var in refund
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := p.pace.sleep(r.Context(), 30*time.Millisecond); err != nil {
		return err
	}
	if _, made := p.made.LoadAndDelete(in.Payment); !made {
		return &httpError{Status: http.StatusNotFound, Text: "no such payment was made"}
	}
	return writeJSON(w, http.StatusOK, in)
}

// settle calls back when the money has arrived. As with any other company, nothing of our trace is in the callback.
func (p *payments) settle(callback string) {
	if p.pace.sleep(p.ctx, 1500*time.Millisecond) != nil {
		return
	}
	req, err := http.NewRequestWithContext(p.ctx, "POST", callback, nil)
	if err == nil {
		var resp *http.Response
		if resp, err = client.Do(req); err == nil {
			resp.Body.Close()
			p.log.Info("called back", "status", resp.StatusCode)
			return
		}
	}
	p.log.Error("callback failed", "err", err)
}

// sendMail is a mail server that knows nobody at bounce.example.
func sendMail(ctx context.Context, p pace, to string) error {
	if err := p.sleep(ctx, 25*time.Millisecond); err != nil {
		return err
	}
	if strings.HasSuffix(to, "@bounce.example") {
		return permanentError("550 mailbox unavailable") // 5xx: RFC 5321, 4.2.1
	}
	return nil
}

// The customers: flaky's server refuses each webhook twice, the others' work.
var customers = []string{"acme", "globex", "flaky"}

// customer is the server of all customers. It is not ours: it logs nothing into our files.
type customer struct{ seen sync.Map } // counts by Webhook-Id

func (c *customer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := c.seen.LoadOrStore(r.Header.Get("Webhook-Id"), new(atomic.Int32))
	if n.(*atomic.Int32).Add(1) <= 2 && r.URL.Path == "/hooks/flaky" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

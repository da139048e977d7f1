package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// A Booking is the JSON that the API accepts and returns.
type Booking struct {
	ID         string     `json:"id"`
	Status     string     `json:"status"`
	Customer   string     `json:"customer"`
	Room       string     `json:"room"`
	Price      int        `json:"price,omitempty"` // in euros; of a room that is not the hall nothing is said
	Attendees  []Attendee `json:"attendees"`
	Remind     bool       `json:"remind,omitempty"`
	Unmailed   []string   `json:"unmailed,omitempty"` // seats whose confirmation was not sent
	NoCalendar bool       `json:"no_calendar,omitempty"`
}

// A bookingRequest is the part of a Booking that the client may choose, and the means of payment.
type bookingRequest struct {
	Customer  string     `json:"customer"`
	Room      string     `json:"room"`
	Attendees []Attendee `json:"attendees"`
	Remind    bool       `json:"remind"`
	Voucher   string     `json:"voucher"` // pays a part of the price, before the card is asked for the rest
	Card      string     `json:"card"`    // a token; without one the booking is free
}

// An Attendee sits on one seat of a Booking.
type Attendee struct {
	Seat string `json:"seat"`
	Mail string `json:"mail"`
}

// A Payment waits on disk until the provider reports that it was made.
// The Carrier leads back into the trace of the booking, whoever brings the report, and whenever.
type Payment struct {
	slogtrace.Carrier
	ID      string  `json:"id"`
	Booking Booking `json:"booking"`
}

type api struct {
	url, calendar, payments string
	pace                    pace
	files                   *files
	queue                   queue
	hall                    *hall
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /bookings", handler(a.createBooking))
	mux.Handle("POST /payments/{id}/paid", handler(a.paymentPaid))
	// The public calls this handler. It must not choose the trace of our records.
	return tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{
		Trust: func(*http.Request) tracehttp.Trust { return tracehttp.TrustIgnore },
	})
}

func (a *api) createBooking(w http.ResponseWriter, r *http.Request) error {
	var req bookingRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	if !slices.Contains(customers, req.Customer) || len(req.Attendees) < 1 || len(req.Attendees) > 20 {
		return &httpError{Status: http.StatusBadRequest, Text: "want a known customer and 1 to 20 attendees"}
	}
	if req.Room == hallRoom {
		if err := checkSeats(req.Attendees); err != nil {
			return err
		}
	}
	b := Booking{ID: newID("b"), Customer: req.Customer, Room: req.Room, Attendees: req.Attendees, Remind: req.Remind}

	// SetAttrs adds to the span of this request. With adds to every line and span below, so no code need repeat it.
	ctx, booking := r.Context(), slog.String("booking.reference", b.ID)
	slogtrace.SpanFromContext(ctx).SetAttrs(booking, slog.String("booking.customer", b.Customer))
	ctx = slogtrace.With(ctx, booking)

	var undo rollback
	paid, err := a.sell(ctx, &b, &req, &undo)
	if err != nil {
		if undone := undo.run(ctx); undone != nil { // its span has the error, too
			err = errors.Join(err, undone)
		}
		return err
	}
	if !paid {
		b.Status = "waiting for payment"
		return writeJSON(w, http.StatusAccepted, b)
	}
	if err := a.confirm(ctx, &b); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, b)
}

// sell does everything that can be taken back, and adds to undo how. It reports whether the booking is paid.
func (a *api) sell(ctx context.Context, b *Booking, req *bookingRequest, undo *rollback) (paid bool, err error) {
	if b.Room == hallRoom {
		if err := a.hall.hold(ctx, b, undo); err != nil {
			return false, err
		}
	}
	if req.Voucher != "" {
		if _, err := a.pay(ctx, *b, voucher+req.Voucher, undo); err != nil {
			return false, err
		}
	}
	if req.Card != "" {
		return a.pay(ctx, *b, req.Card, undo)
	}
	return true, nil
}

// pay reports whether the card has paid. If not, the provider will call back.
func (a *api) pay(ctx context.Context, b Booking, card string, undo *rollback) (paid bool, err error) {
	ctx, span := slogtrace.Start(ctx, "payment.take")
	defer span.End(&err)

	// Write the payment before the provider gets it, because the provider may call back before it answers.
	p := Payment{Carrier: slogtrace.NewCarrier(ctx), ID: newID("p"), Booking: b}
	if err := a.files.write("payments/waiting", p.ID, p); err != nil {
		return false, err
	}
	charge := charge{Payment: p.ID, Card: card, Callback: a.url + "/payments/" + p.ID + "/paid"}
	var answer chargeAnswer
	err = call(ctx, "payment.charge", a.payments+"/charges", charge, &answer)
	if e, ok := errors.AsType[*httpError](err); ok && e.Status == http.StatusPaymentRequired {
		// Move the payment, so that a late callback does not find it. The client may see this error.
		return false, errors.Join(fmt.Errorf("payment: %w", e), a.files.move(p.ID, "payments/waiting", "payments/declined"))
	}
	if err != nil {
		// The client may see only that the provider failed. %v keeps the provider's own text in our log.
		return false, fmt.Errorf("%w: %v", &httpError{Status: http.StatusBadGateway, Text: "payment provider out of order"}, err)
	}
	if !answer.Paid {
		slog.InfoContext(ctx, "not paid yet, the provider will call back", "payment.id", p.ID)
		return false, nil
	}
	undo.add(func(ctx context.Context) error { return a.refund(ctx, p.ID) })
	return true, a.files.move(p.ID, "payments/waiting", "payments/paid")
}

// refund undoes pay.
func (a *api) refund(ctx context.Context, payment string) error {
	if err := call(ctx, "payment.refund", a.payments+"/refunds", refund{payment}, nil); err != nil {
		return err
	}
	return a.files.move(payment, "payments/paid", "payments/refunded")
}

// paymentPaid is the provider's callback. (A real one is signed.)
func (a *api) paymentPaid(w http.ResponseWriter, r *http.Request) error {
	var p Payment
	id := r.PathValue("id")
	err := a.files.read("payments/waiting", id, &p)
	if err == nil {
		err = a.files.move(id, "payments/waiting", "payments/paid") // if two callbacks come at the same time, one succeeds
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errBadID) {
		return &httpError{Status: http.StatusNotFound, Text: "no such payment is waiting"}
	}
	if err != nil {
		return err
	}

	// This request began a trace of its own. The booking's trace began in another request.
	// From here on, spans are in the booking's trace. The next span links to this request's span.
	ctx, err := p.Carrier.Context(r.Context())
	if err != nil {
		slog.WarnContext(ctx, "payment without its trace", "payment.id", id, "err", err)
	}
	ctx = slogtrace.With(ctx, slog.String("booking.reference", p.Booking.ID))
	if err := a.confirm(ctx, &p.Booking); err != nil {
		// The provider gets the failure and will call again. That call must find the payment.
		err = errors.Join(err, a.files.move(id, "payments/paid", "payments/waiting"))
		return slogtrace.WithTrace(ctx, err)
	}
	return writeJSON(w, http.StatusOK, p.Booking)
}

const remindAfter = 800 * time.Millisecond // a day in real life

// confirm does the work that follows a confirmed booking.
func (a *api) confirm(ctx context.Context, b *Booking) (err error) {
	ctx, span := slogtrace.Start(ctx, "booking.confirm")
	defer span.End(&err)

	if err := call(ctx, "calendar.reserve", a.calendar+"/events", event{b.Room}, nil); err != nil {
		slog.WarnContext(ctx, "booking goes on without a calendar entry", "err", err)
		b.NoCalendar = true
	}
	a.mail(ctx, b)
	b.Status = "confirmed"
	if err := a.queue.add(ctx, Job{Kind: "webhook", Booking: *b}); err != nil {
		return err
	}
	if !b.Remind {
		return nil
	}
	// A job for each attendee. So one who cannot be reached does not keep the others waiting.
	when := time.Now().Add(a.pace.of(remindAfter))
	for _, attendee := range b.Attendees {
		if err := a.queue.add(ctx, Job{Kind: "reminder", Booking: *b, Attendee: attendee, NotBefore: when}); err != nil {
			return err
		}
	}
	return nil
}

// mail sends the confirmations, all at the same time. A confirmation that fails does not fail the booking.
func (a *api) mail(ctx context.Context, b *Booking) {
	var wg sync.WaitGroup
	errs := make([]error, len(b.Attendees))
	for i, to := range b.Attendees {
		wg.Go(func() {
			errs[i] = slogtrace.Do(ctx, "mail.confirmation", func(ctx context.Context) error {
				return sendMail(ctx, a.pace, to.Mail)
			}, slog.String("seat.id", to.Seat))
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			b.Unmailed = append(b.Unmailed, b.Attendees[i].Seat)
		}
	}
}

package main

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace"
)

// The room "hall" sells its seats one by one, so two bookings can want the same one.
// The others are booked as a whole. What happens if two bookings want one of them is not part of this example.
const hallRoom = "hall"

const (
	hallSeats = 72  // 1A to 12F
	seatPrice = 129 // euros
	seatQuery = 4 * time.Millisecond
)

var hallSeat = regexp.MustCompile(`^([1-9]|1[0-2])[A-F]$`)

// A hall is what is left to sell of the hall, and which booking has locked which seat.
// It is in memory, as there is one API process, but each step takes as long as a query would. A real lock also expires.
type hall struct {
	pace    pace
	mu      sync.Mutex
	left    int
	holders map[string]string // ids of bookings, by seat
}

func newHall(p pace) *hall { return &hall{pace: p, left: hallSeats, holders: make(map[string]string)} }

// checkSeats returns an error unless each attendee has a seat of their own in the hall.
func checkSeats(attendees []Attendee) error {
	wanted := make(map[string]bool)
	for _, a := range attendees {
		if !hallSeat.MatchString(a.Seat) || wanted[a.Seat] {
			return &httpError{Status: http.StatusBadRequest, Text: "want a seat from 1A to 12F for each attendee"}
		}
		wanted[a.Seat] = true
	}
	return nil
}

// hold locks a seat for each attendee, and sets the price.
func (h *hall) hold(ctx context.Context, b *Booking, undo *rollback) error {
	n := len(b.Attendees)
	left, err := h.available(ctx, n)
	if err != nil {
		return err
	}
	if left < n {
		return &httpError{Status: http.StatusConflict, Text: "not enough seats left"}
	}
	if b.Price, err = h.quote(ctx, n); err != nil {
		return err
	}
	for _, a := range b.Attendees {
		holder, err := h.lock(ctx, a.Seat, b.ID)
		if err != nil {
			return err
		}
		if holder != b.ID { // which is none of the customer's business
			return &httpError{Status: http.StatusConflict, Text: "seat " + a.Seat + " is taken"}
		}
		undo.add(func(ctx context.Context) error { return h.release(ctx, a.Seat) })
	}
	if err := h.move(ctx, "inventory.take", -n); err != nil {
		return err
	}
	undo.add(func(ctx context.Context) error { return h.move(ctx, "inventory.restore", n) })
	return nil
}

// available returns how many seats are left. It promises nothing: others are buying too.
func (h *hall) available(ctx context.Context, wanted int) (left int, err error) {
	ctx, span := slogtrace.Start(ctx, "availability.check", slog.Int("hall.seats.wanted", wanted))
	defer span.End(&err)
	if left, err = h.change(ctx, 0); err == nil {
		span.SetAttrs(slog.Int("hall.seats.left", left))
	}
	return left, err
}

// quote returns the price of n seats.
func (h *hall) quote(ctx context.Context, n int) (euros int, err error) {
	ctx, span := slogtrace.Start(ctx, "price.quote")
	defer span.End(&err)
	euros = n * seatPrice
	span.SetAttrs(slog.Int("price.amount", euros), slog.String("price.currency", "EUR"))
	return euros, h.pace.sleep(ctx, seatQuery)
}

// lock takes a seat for a booking, if nobody else has it, and returns the booking that has it then.
//
// That somebody else has the seat is an answer and not a failure. So it is no error, and the span does not fail.
// It is an event: a line of the span, whose message is the event's name.
func (h *hall) lock(ctx context.Context, seat, booking string) (holder string, err error) {
	ctx, span := slogtrace.Start(ctx, "seat.lock", slog.String("seat.id", seat))
	defer span.End(&err)
	if err := h.pace.sleep(ctx, seatQuery); err != nil {
		return "", err
	}
	if holder = h.take(seat, booking); holder != booking {
		slog.WarnContext(ctx, "lock_contention", "seat.id", seat, "seat.holder", holder)
	}
	return holder, nil
}

func (h *hall) take(seat, booking string) (holder string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, taken := h.holders[seat]; !taken {
		h.holders[seat] = booking
	}
	return h.holders[seat]
}

// release undoes lock.
func (h *hall) release(ctx context.Context, seat string) (err error) {
	ctx, span := slogtrace.Start(ctx, "seat.release", slog.String("seat.id", seat))
	defer span.End(&err)
	if err := h.pace.sleep(ctx, seatQuery); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.holders, seat)
	return nil
}

// move adds n seats to those that are left, in a span named op.
func (h *hall) move(ctx context.Context, op string, n int) (err error) {
	ctx, span := slogtrace.Start(ctx, op)
	defer span.End(&err)
	left, err := h.change(ctx, n)
	if err == nil {
		span.SetAttrs(slog.Int("hall.seats.left", left))
	}
	return err
}

func (h *hall) change(ctx context.Context, n int) (left int, err error) {
	if err := h.pace.sleep(ctx, seatQuery); err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left += n
	return h.left, nil
}

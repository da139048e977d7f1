package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
)

const declinedBody = `{"customer": "acme", "room": "hall", "voucher": "gift", "card": "declined", "attendees": [{"seat": "7C", "mail": "ann@mail.example"}]}`

// startTestAPI starts an API whose payment provider is s's, except that refund answers refunds.
// refund also gets the context of the booking's request, as the HTTP server made it.
func startTestAPI(t *testing.T, s *system, refund func(booking context.Context, w http.ResponseWriter, r *http.Request)) (a *api, url string) {
	bookings := make(chan context.Context, 1)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refunds" {
			refund(<-bookings, w, r)
			return
		}
		s.provider.routes().ServeHTTP(w, r)
	}))
	t.Cleanup(provider.Close)
	a = &api{"", s.calendar.url, provider.URL, 1000, s.files, queue{s.files}, newHall(1000)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bookings <- r.Context()
		a.routes().ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return a, srv.URL
}

// rolledBack are the edges of a rollback whose refund may fail.
func rolledBack(tr *tracelog.Trace) []string {
	all := edges(tr)
	return slices.DeleteFunc(all, func(edge string) bool {
		return !strings.Contains(edge, "rollback") && !strings.Contains(edge, "refund")
	})
}

// The customer leaves during the refund. The HTTP server cancels the request's context. The rollback goes on, in the trace.
func TestCustomerLeaves(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	ctx, leave := context.WithCancel(t.Context())
	a, url := startTestAPI(t, s, func(booking context.Context, w http.ResponseWriter, r *http.Request) {
		leave()
		<-booking.Done()
		s.provider.routes().ServeHTTP(w, r)
	})
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/bookings", strings.NewReader(declinedBody))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Do(req); !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v, want no response", resp, err)
	}
	awaitLog(t, o.dir, "api", `"op":"POST /bookings","kind":"server"`) // the end of the request's span
	s.close()
	var tr *tracelog.Trace
	for _, tr = range logs(t, o.dir) {
		if got := attr(tr.Roots[0], "http.aborted"); got != "client" {
			t.Errorf("http.aborted %q, want client", got)
		}
		if got := attr(tr.Roots[0], "http.response.status_code"); got != "402" {
			t.Errorf("status %s, want 402", got)
		}
	}
	want := []string{
		"POST /bookings > booking.rollback [api]",
		"booking.rollback > inventory.restore [api]",
		"booking.rollback > payment.refund [api]",
		"booking.rollback > seat.release [api] seat.id=7C",
		"payment.refund > POST /refunds [payments]",
	}
	if diff := cmp.Diff(want, rolledBack(tr)); diff != "" {
		t.Errorf("rollback (-want +got):\n%s", diff)
	}
	checkNothingHeld(t, a)
}

// A refund that fails does not keep the seat from the others. The response is that of the decline.
func TestRefundFails(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	a, url := startTestAPI(t, s, func(_ context.Context, w http.ResponseWriter, r *http.Request) {
		http.Error(w, "{}", http.StatusServiceUnavailable)
	})
	status, header, answer := post(t, url+"/bookings", declinedBody)
	if status != http.StatusPaymentRequired || answer["error"] != "card declined" {
		t.Errorf("%d %v", status, answer)
	}
	s.close()
	want := []string{
		"POST /bookings > booking.rollback [api] FAILED Service Unavailable",
		"booking.rollback > inventory.restore [api]",
		"booking.rollback > payment.refund [api] FAILED Service Unavailable",
		"booking.rollback > seat.release [api] seat.id=7C",
	}
	if diff := cmp.Diff(want, rolledBack(logs(t, o.dir)[header.Get("X-Trace-Id")])); diff != "" {
		t.Errorf("rollback (-want +got):\n%s", diff)
	}
	checkNothingHeld(t, a)
}

func checkNothingHeld(t *testing.T, a *api) {
	t.Helper()
	a.hall.mu.Lock()
	defer a.hall.mu.Unlock()
	if len(a.hall.holders) > 0 || a.hall.left != hallSeats {
		t.Errorf("locked seats %v, %d left", a.hall.holders, a.hall.left)
	}
}

// Every seat or none: if the second is taken, the first is released.
func TestSecondSeatTaken(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	seats := func(seats ...string) string {
		var attendees []string
		for _, seat := range seats {
			attendees = append(attendees, `{"seat": "`+seat+`", "mail": "ann@mail.example"}`)
		}
		return `{"customer": "acme", "room": "hall", "attendees": [` + strings.Join(attendees, ", ") + `]}`
	}
	var traces []string
	for _, test := range []struct {
		body   string
		status int
		text   any
	}{
		{seats("1A"), 201, nil},
		{seats("2B", "1A", "3C"), 409, "seat 1A is taken"},
		{seats("2B"), 201, nil},
		{seats("2C", "2C"), 400, "want a seat from 1A to 12F for each attendee"},
		{seats("13A"), 400, "want a seat from 1A to 12F for each attendee"},
	} {
		status, header, answer := post(t, s.api.url+"/bookings", test.body)
		if status != test.status || answer["error"] != test.text {
			t.Errorf("%s: %d %v, want %d", test.body, status, answer, test.status)
		}
		if price := answer["price"]; status == 201 && price != float64(seatPrice) {
			t.Errorf("%s: price %v, want %d", test.body, price, seatPrice)
		}
		traces = append(traces, header.Get("X-Trace-Id"))
	}
	s.close()
	want := []string{
		"- > POST /bookings [api]",
		"POST /bookings > availability.check [api]",
		"POST /bookings > booking.rollback [api]",
		"POST /bookings > price.quote [api]",
		"POST /bookings > seat.lock [api] seat.id=1A",
		"POST /bookings > seat.lock [api] seat.id=2B",
		"booking.rollback > seat.release [api] seat.id=2B",
	}
	if diff := cmp.Diff(want, edges(logs(t, o.dir)[traces[1]])); diff != "" {
		t.Errorf("parents and children (-want +got):\n%s", diff)
	}
}

// When the hall is sold out, nobody waits for a lock.
func TestSoldOut(t *testing.T) {
	h := newHall(1000)
	h.left = 1
	var undo rollback
	err := h.hold(t.Context(), &Booking{ID: "b-1", Attendees: []Attendee{{Seat: "1A"}, {Seat: "1B"}}}, &undo)
	if e, ok := errors.AsType[*httpError](err); !ok || e.Status != http.StatusConflict || len(undo) > 0 || len(h.holders) > 0 {
		t.Errorf("%v, %d steps, locked %v", err, len(undo), h.holders)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A scenario is one booking, or several at the same time, with names that make the other services fail.
type scenario struct {
	title  string
	bodies []string // of POST /bookings
	want   []int    // the statuses of the responses, in ascending order
	see    string   // what the log shows
	show   draw.Options
}

var scenarios = []scenario{
	// Another process delivers the webhook after the request has ended, and the request id has ended with it.
	// By request id, the calendar's refusal and the delivered webhook would be unrelated.
	{
		title:  "The calendar is rate limited, the booking goes on",
		bodies: []string{`{"customer": "acme", "room": "popular", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`},
		want:   []int{201},
		see: "The calendar refused. The worker, another process, delivered the webhook all\n" +
			"the same. A request id ends with its request: the worker's lines would not have\n" +
			"it.",
		show: draw.Options{Logs: true},
	},

	// The callback is a request from a company that knows nothing of our ids, so it has a request id
	// of its own. The carrier that is stored with the payment leads into the trace of the booking.
	{
		title:  "A bank transfer is confirmed by a callback, much later",
		bodies: []string{`{"customer": "acme", "room": "blue", "card": "later", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`},
		want:   []int{202},
		see: "booking.confirm ran in the callback's request, long after the response 202. It\n" +
			"is still part of the booking's trace. \"queued\" is how long the payment took. The\n" +
			"link names the callback's own span. By request id these would be two requests.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// A process that never saw the request makes three attempts, and runs other jobs between them.
	// Its lines would have no request id: nobody could tell which attempt a line belongs to, or which booking.
	{
		title:  "A webhook is delivered at the third attempt",
		bodies: []string{`{"customer": "flaky", "room": "blue", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`},
		want:   []int{201},
		see: "Three spans of the worker are below the span that ordered the job. Two failed,\n" +
			"the third did not. Each has the number of its attempt, and how long after the\n" +
			"order it began.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// Three mails are sent at the same time, under one request id. The line "mailbox unavailable" would have that request id
	// like the other two, which succeeded. Each span has its seat.
	{
		title: "One of three attendees cannot be mailed",
		bodies: []string{`{"customer": "acme", "room": "blue", "remind": true, "attendees": [{"seat": "A1", "mail": "ann@mail.example"},
			{"seat": "A2", "mail": "bob@bounce.example"}, {"seat": "A3", "mail": "cleo@mail.example"}]}`},
		want: []int{201},
		see: "Seat A2 got no confirmation. A1 and A3 did, at the same time. Later each\n" +
			"attendee got a reminder, in a span of its own. A2's was refused like the first\n" +
			"mail. Under one request id the three could not be distinguished.",
		show: draw.Options{Attrs: true},
	},

	// A request id finds this booking's lines. But the time passed between them, in another service.
	{
		title:  "A booking takes long: which step was it?",
		bodies: []string{`{"customer": "acme", "room": "blue", "card": "slow", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`},
		want:   []int{201},
		see: "It was bank.authorize, in the payment provider, and not the fraud check, the\n" +
			"network or the calendar. A request id finds lines. Spans have durations.",
	},

	// Each request would have its own id, and its own lines. Nothing would lead from the loser to the winner.
	{
		title: "Two customers want the same seat",
		bodies: []string{
			`{"customer": "acme", "room": "hall", "card": "visa", "attendees": [{"seat": "12A", "mail": "ann@mail.example"}]}`,
			`{"customer": "globex", "room": "hall", "card": "visa", "attendees": [{"seat": "12A", "mail": "bob@mail.example"}]}`,
		},
		want: []int{201, 409},
		see: "Seats were available to both, and both had a price. Only the lock decided. In\n" +
			"the loser's trace, lock_contention is an event: a log line of the span\n" +
			"seat.lock. It names the holder, which is the winner's booking. No span failed: a\n" +
			"seat that somebody else has is an answer, not a failure.",
		show: draw.Options{Logs: true},
	},

	// The refund is made by another service, the rest by code that may run after the customer has left.
	{
		title:  "A card is declined, and everything is taken back",
		bodies: []string{`{"customer": "acme", "room": "hall", "voucher": "gift", "card": "declined", "attendees": [{"seat": "7C", "mail": "ann@mail.example"}]}`},
		want:   []int{402},
		see: "The bank declined the card. By then the seat was locked, and a voucher had paid\n" +
			"a part. booking.rollback took it all back, the last step first. It runs under\n" +
			"context.WithoutCancel, so a customer who leaves does not stop it.",
		show: draw.Options{Logs: true},
	},
}

// choose returns the indexes of the scenarios that a flag asks for.
func choose(which string) ([]int, error) {
	if which == "all" {
		all := make([]int, len(scenarios))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	n, err := strconv.Atoi(which)
	if err != nil || n < 1 || n > len(scenarios) {
		return nil, fmt.Errorf("scenario: want all or 1 to %d, got %q", len(scenarios), which)
	}
	return []int{n - 1}, nil
}

// A played is a scenario with the API's responses, in ascending order of their status.
type played struct {
	index   int
	answers []answer
}

type answer struct {
	code         int
	status, text string
	booking      string // "" after an error
	trace        string // X-Trace-Id
}

// play runs the chosen scenarios at the same time, as customers do. So their lines are mixed in the log.
func play(ctx context.Context, api string, chosen []int) ([]played, error) {
	runs, errs := make([]played, len(chosen)), make([]error, len(chosen))
	var wg sync.WaitGroup
	for i, index := range chosen {
		wg.Go(func() {
			runs[i], errs[i] = playOne(ctx, api, index)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("scenario %d: %w", chosen[i]+1, err)
		}
	}
	return runs, nil
}

func playOne(ctx context.Context, api string, index int) (played, error) {
	s := &scenarios[index]
	answers, errs := make([]answer, len(s.bodies)), make([]error, len(s.bodies))
	var wg sync.WaitGroup
	for i, body := range s.bodies {
		wg.Go(func() {
			answers[i], errs[i] = book(ctx, api, body)
		})
	}
	wg.Wait()
	slices.SortFunc(answers, func(a, b answer) int { return a.code - b.code })
	err := errors.Join(errs...)
	if !slices.EqualFunc(answers, s.want, func(a answer, code int) bool { return a.code == code }) && err == nil {
		err = fmt.Errorf("want statuses %v, got %+v", s.want, answers)
	}
	return played{index, answers}, err
}

// book is a customer's program. It knows nothing of traces, except that it keeps a header.
func book(ctx context.Context, api, body string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", api+"/bookings", strings.NewReader(body))
	if err != nil {
		return a, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	var got struct{ ID, Status, Error string } // of a Booking, or of an httpError
	err = json.NewDecoder(resp.Body).Decode(&got)
	return answer{resp.StatusCode, resp.Status, got.Status + got.Error, got.ID, resp.Header.Get("X-Trace-Id")}, err
}

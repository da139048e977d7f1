package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A scenario is one booking, with names that make the other services fail.
type scenario struct {
	title string
	body  string // of POST /bookings
	see   string // what the log shows
	show  draw.Options
}

var scenarios = []scenario{
	// Another process delivers the webhook after the request has ended, and the request id has ended with it.
	// By request id, the calendar's refusal and the delivered webhook would be unrelated.
	{
		title: "The calendar is rate limited, the booking goes on",
		body:  `{"customer": "acme", "room": "popular", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "The calendar refused. The worker, another process, delivered the webhook all\n" +
			"the same. A request id ends with its request: the worker's lines would not have\n" +
			"it.",
		show: draw.Options{Logs: true},
	},

	// The callback is a request from a company that knows nothing of our ids, so it has a request id
	// of its own. The carrier that is stored with the payment leads into the trace of the booking.
	{
		title: "A bank transfer is confirmed by a callback, much later",
		body:  `{"customer": "acme", "room": "blue", "card": "later", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "booking.confirm ran in the callback's request, long after the response 202. It\n" +
			"is still part of the booking's trace. \"queued\" is how long the payment took. The\n" +
			"link names the callback's own span. By request id these would be two requests.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// A process that never saw the request makes three attempts, and runs other jobs between them.
	// Its lines would have no request id: nobody could tell which attempt a line belongs to, or which booking.
	{
		title: "A webhook is delivered at the third attempt",
		body:  `{"customer": "flaky", "room": "blue", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "Three spans of the worker are below the span that ordered the job. Two failed,\n" +
			"the third did not. Each has the number of its attempt, and how long after the\n" +
			"order it began.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// Three mails are sent at the same time, under one request id. The line "mailbox unavailable" would have that request id
	// like the other two, which succeeded. Each span has its seat.
	{
		title: "One of three attendees cannot be mailed",
		body: `{"customer": "acme", "room": "blue", "remind": true, "attendees": [{"seat": "A1", "mail": "ann@mail.example"},
			{"seat": "A2", "mail": "bob@bounce.example"}, {"seat": "A3", "mail": "cleo@mail.example"}]}`,
		see: "Seat A2 got no confirmation. A1 and A3 did, at the same time. Later the worker\n" +
			"reminded every attendee, each in a span of its own: the mail server refused A2's\n" +
			"again. Under one request id the three could not be distinguished.",
		show: draw.Options{Attrs: true},
	},

	// A request id finds this booking's lines. But the time passed between them, in another service.
	{
		title: "A booking takes long: which step was it?",
		body:  `{"customer": "acme", "room": "blue", "card": "slow", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "It was bank.authorize, in the payment provider, and not the fraud check, the\n" +
			"network or the calendar. A request id finds lines. Spans have durations.",
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

// A played is a scenario with the API's response.
type played struct {
	index  int
	status string
	trace  string // the response's X-Trace-Id
	answer Booking
}

// play runs the chosen scenarios at the same time, as customers do. So their lines are mixed in the log.
func play(ctx context.Context, api string, chosen []int) ([]played, error) {
	runs, errs := make([]played, len(chosen)), make([]error, len(chosen))
	var wg sync.WaitGroup
	for i, index := range chosen {
		wg.Go(func() {
			runs[i], errs[i] = bookOne(ctx, api, index)
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

// bookOne is a customer's program. It knows nothing of traces, except that it keeps a header.
func bookOne(ctx context.Context, api string, index int) (played, error) {
	p := played{index: index}
	req, err := http.NewRequestWithContext(ctx, "POST", api+"/bookings", bytes.NewBufferString(scenarios[index].body))
	if err != nil {
		return p, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return p, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return p, err
	}
	p.status, p.trace = resp.Status, resp.Header.Get("X-Trace-Id")
	if resp.StatusCode >= 300 {
		return p, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return p, json.Unmarshal(body, &p.answer)
}

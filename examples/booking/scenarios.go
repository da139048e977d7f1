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

// A scenario is one booking, made with what makes the others misbehave.
type scenario struct {
	title string
	body  string // of POST /bookings
	see   string // what the log shows
	show  draw.Options
}

var scenarios = []scenario{
	// The webhook is delivered by another process, after the request is over and its request id with it.
	// By request id, the calendar's refusal and the webhook that went out all the same are two unrelated stories.
	{
		title: "The calendar is rate limited, the booking goes on",
		body:  `{"customer": "acme", "room": "popular", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "The calendar refused, and still the worker, another process, delivered this booking's webhook.\n" +
			"A request id ends with its request: the worker's lines would not have it.",
		show: draw.Options{Logs: true},
	},

	// The callback is a request like any other, from a company that knows nothing of our ids, so it has a request id
	// of its own. The carrier stored with the payment leads from it into the trace of the booking.
	{
		title: "A bank transfer is confirmed by a callback, much later",
		body:  `{"customer": "acme", "room": "blue", "card": "later", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "booking.confirm ran in the callback's request, long after the answer 202, and is yet a part of the booking:\n" +
			"\"queued\" is how long the payment took, the link names the callback's own span. By request id these are two.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// Three attempts by a process that never saw the request, which between them serves other jobs.
	// By request id there is nothing here at all: nobody can say which try a line belongs to, or of what.
	{
		title: "A webhook is delivered at the third attempt",
		body:  `{"customer": "flaky", "room": "blue", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "Three spans of the worker below the one that ordered the job: two failed, the third did not. Each says\n" +
			"its attempt, and how long after the order it began.",
		show: draw.Options{Attrs: true, Logs: true},
	},

	// Three mails go out at the same time, under one request id. The line "mailbox unavailable" has that request id
	// like the other two, which succeeded; a span has a seat.
	{
		title: "One of three attendees cannot be mailed",
		body: `{"customer": "acme", "room": "blue", "remind": true, "attendees": [{"seat": "A1", "mail": "ann@mail.example"},
			{"seat": "A2", "mail": "bob@bounce.example"}, {"seat": "A3", "mail": "cleo@mail.example"}]}`,
		see: "Seat A2 got no confirmation, A1 and A3 did, at the same time; the reminder follows from the worker.\n" +
			"Under one request id the three cannot be told apart.",
		show: draw.Options{Attrs: true},
	},

	// A request id finds this booking's lines, but the time went by between them, in another service.
	{
		title: "A booking takes long: which step was it?",
		body:  `{"customer": "acme", "room": "blue", "card": "slow", "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`,
		see: "It was bank.authorize, within the payment provider; not the fraud check, nor the network, nor the calendar.\n" +
			"A request id finds lines. Durations stand on spans.",
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

// A played is a scenario with the API's answer.
type played struct {
	index  int
	status string
	trace  string // the answer's X-Trace-Id
	answer Booking
}

// play runs the chosen scenarios at the same time, as customers do: in the log their lines are mixed.
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

// bookOne is a customer's program. It knows nothing of traces, except to write down a header.
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

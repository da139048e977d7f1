package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/slogtrace/slogtrace"
)

// payloadJobs are those of a job on a queue, with and without a carrier.
func payloadJobs() []job {
	floor := "static strings"
	return []job{{
		name: "J3j", title: "a JSON payload with an embedded carrier, marshal and unmarshal",
		notes: []string{"The floor has fields of its own with the same keys and the same strings."},
		tools: []tool{
			{name: floor, open: noSession}, {name: "slogtrace.Carrier", open: noSession},
			{name: "slogtrace.Carrier, NewCarrier and Context too", open: noSession},
		},
		subjects: func(t tool) []subject {
			return []subject{{t.name, floor, map[string]func(*session) work{
				floor: staticPayload, "slogtrace.Carrier": carrierPayload, "slogtrace.Carrier, NewCarrier and Context too": carriedPayload,
			}[t.name]}}
		},
	}}
}

type delivery struct {
	Booking string `json:"booking"`
	URL     string `json:"url"`
	Try     int    `json:"try"`
}

type staticJob struct {
	Traceparent string `json:"traceparent"`
	Op          string `json:"trace_op"`
	Sent        string `json:"trace_sent"`
	delivery
}

type carrierJob struct {
	slogtrace.Carrier
	delivery
}

var theDelivery = delivery{Booking: booking, URL: "https://example.org/hooks/17", Try: 1}

const sentText = "2026-11-21T10:19:52.896835892Z"

func staticPayload(*session) work {
	in := staticJob{Traceparent: remoteText, Op: root, Sent: sentText, delivery: theDelivery}
	return roundTrip(in)
}

func carrierPayload(*session) work {
	in := carrierJob{Carrier: slogtrace.Carrier{Traceparent: remoteText, Op: root, Sent: sentText}, delivery: theDelivery}
	return roundTrip(in)
}

// carriedPayload makes the carrier and continues from it.
func carriedPayload(*session) work {
	remote, _ := slogtrace.ParseTraceparent(remoteText)
	ctx, _ := slogtrace.Start(slogtrace.ContextWithRemoteSpanContext(context.Background(), remote), root)
	var got context.Context
	w := each(func() {
		b, _ := json.Marshal(carrierJob{Carrier: slogtrace.NewCarrier(ctx), delivery: theDelivery})
		var out carrierJob
		_ = json.Unmarshal(b, &out)
		got, _ = out.Carrier.Context(context.Background())
	})
	w.check = func() error {
		if slogtrace.SpanContextFromContext(got) != slogtrace.SpanContextFromContext(ctx) {
			return errors.New("the payload did not go out and in")
		}
		return nil
	}
	return w
}

func roundTrip[T comparable](in T) work {
	var out T
	w := each(func() {
		b, _ := json.Marshal(in)
		out = *new(T)
		_ = json.Unmarshal(b, &out)
	})
	w.check = func() error {
		if in != out {
			return errors.New("the payload did not go out and in")
		}
		return nil
	}
	return w
}

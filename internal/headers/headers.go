// Package headers lets tracehttp reach what package slogtrace keeps to itself: a context as header values, and back,
// without the detour over values that users see. Package slogtrace sets the functions before main begins.
package headers

import "context"

var (
	// Inject returns what a message sent under ctx takes along, each as one header line; "" where there is none.
	// There can be baggage without a trace.
	Inject func(ctx context.Context) (traceparent, tracestate, baggage string)

	// Extract returns ctx continued by what a message brought along: the lines of its headers, in their order.
	// A traceparent that is valid makes the baggage the message's, also if it brought none; without one that holds only
	// where there are lines of it. Whoever does not trust the sender passes none.
	// It returns a context that can be used also with an error, which says, in one line, what was not valid and left out.
	Extract func(ctx context.Context, traceparent, tracestate, baggage []string) (context.Context, error)

	// Continue is Extract for headers other than traceparent: B3's. The baggage is gone then; pass the message's to Extract after it.
	// Where one of the ids is zero there is only the decision:
	// it counts for the trace that begins under ctx.
	Continue func(ctx context.Context, trace [16]byte, span [8]byte, s Sampling) context.Context

	// EndPanicked ends span, a *slogtrace.Span, failed with the panic of the given value.
	// The deferred function that recovered it calls EndPanicked and panics again.
	EndPanicked func(span, value any)

	// Rename renames span, a *slogtrace.Span or a nil one, to op, unless somebody else has done so by SetOp:
	// last is what Rename returned the time before, nil at first. It returns what is to be handed in next time.
	Rename func(span any, last *string, op string) *string
)

// A Sampling is what the caller decided of its trace. Unlike traceparent, B3 can leave that to us, or say no more than that.
type Sampling uint8

const (
	Defer Sampling = iota // the Sampler is asked
	Deny
	Accept
)

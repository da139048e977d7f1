package slogtrace

import (
	"context"
	"log/slog"
)

// A Sampler decides whether a new trace is written.
// It must be safe for concurrent use.
type Sampler interface {
	// Sample is called at the start of a span that begins a trace.
	// rate is the share, above 0 and at most 1, in which traces like this one are sampled;
	// readers weight a sampled trace by 1/rate.
	Sample(SampleInput) (sampled bool, rate float64)
}

// SampleInput is what a [Sampler] may base its decision on.
type SampleInput struct {
	Context context.Context
	TraceID TraceID
	Op      string
	Attrs   []slog.Attr // of Start; not to be kept or changed
}

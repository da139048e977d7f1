package slogtrace

import (
	"log/slog"
	"time"
)

// SpanInfo is what a span record says, for handlers that do something else with it than write a line.
type SpanInfo struct {
	SpanContext
	Parent     SpanID // zero on a root
	Op         string
	Kind       string // server, client, producer, consumer; "" is internal
	Start      time.Time
	Duration   time.Duration // zero unless Ended
	Err        error         // nil unless the span failed
	Stack      string        // of a panic, on the innermost span
	Links      []SpanContext // not to be changed
	Queued     time.Duration // how long the work waited; valid if HasQueued
	HasQueued  bool
	SampleRate float64 // 1 where every trace is sampled
	Ended      bool    // false in a record "span start"
}

// SpanOf reports whether r is a span record, and what it says.
// The span's attributes are r's own, save the first, which stands for the schema's.
// That one has an empty key: to read it yourself, resolve its value, which is a group then, and those in it.
// It recognises records of this process only: lines that were read back are package tracelog's.
func SpanOf(r slog.Record) (SpanInfo, bool) {
	span, e := spanOf(&r)
	if span == nil {
		return SpanInfo{}, false
	}
	return span.info(e), true
}

func spanOf(r *slog.Record) (span *Span, e event) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "" {
			span, e, _ = markOf(a)
		}
		return span == nil
	})
	return span, e
}

func (s *Span) info(e event) SpanInfo {
	info := SpanInfo{
		SpanContext: s.SpanContext(),
		Parent:      s.parentID,
		Op:          s.Op(),
		Kind:        string(kinds[s.kind]),
		Start:       s.start,
		SampleRate:  1,
		Ended:       e == eventEnd,
	}
	if s.env.rate != 0 {
		info.SampleRate = s.env.rate
	}
	if !info.Ended {
		info.Op = s.op // as the record says, even if the span was renamed since
	}
	if r := s.rare.Load(); r != nil {
		info.Links, info.Queued, info.HasQueued = r.links, r.queued, r.waited
		if info.Ended {
			info.Err, info.Stack = r.err, r.stack
		}
	}
	if info.Ended {
		info.Duration = s.duration
	}
	return info
}

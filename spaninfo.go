package slogtrace

import (
	"log/slog"
	"time"
)

// SpanInfo is the content of a span record, for handlers that do more with it than write a line.
type SpanInfo struct {
	SpanContext
	Parent     SpanID // zero on a root
	Op         string
	Kind       string // server, client, producer, consumer; "" is internal
	Start      time.Time
	Duration   time.Duration // zero unless Ended
	Err        error         // nil unless the span failed
	Stack      string        // of a panic, on the innermost span
	Links      []SpanContext // do not change it
	Queued     time.Duration // how long the work waited; valid if HasQueued
	HasQueued  bool
	SampleRate float64 // 1 if every trace is sampled
	Ended      bool    // false in a record "span start"
}

// SpanOf reports whether r is a span record, and returns its content.
// r's first attribute holds the schema's attributes. All others are the span's own.
// The first one has an empty key. To read it yourself, resolve its value to a group, and then the values in that group.
// SpanOf recognises only records made in this process. To read lines back, use package tracelog.
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
		info.Op = s.op // as in the record, even if the span was renamed later
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

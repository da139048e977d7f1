package main

import (
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A summary is an element of what ls --json writes, and the beginning of one of show --json.
type summary struct {
	Trace    string    `json:"trace"`
	Op       string    `json:"op"`                        // of the trace's Root
	Service  string    `json:"service"`                   // likewise
	External bool      `json:"external_parent,omitempty"` // the parent of Root, or Root itself, is in another system
	Services []string  `json:"services,omitempty"`
	Start    time.Time `json:"start,omitzero"` // after Span.Shift, as a waterfall shows it
	Duration float64   `json:"duration_ms"`    // from Start to the last moment of any span or line, likewise

	Spans      int `json:"spans"`
	Lines      int `json:"lines"` // log lines, copies not counted
	Errors     int `json:"errors"`
	Unfinished int `json:"unfinished,omitempty"`
	Open       int `json:"open,omitempty"`      // of the unfinished ones
	Abandoned  int `json:"abandoned,omitempty"` // of the unfinished ones
	Shifted    int `json:"shifted,omitempty"`

	// OpenFor is Trace.OpenFor.
	OpenFor float64 `json:"open_ms,omitempty"`

	// Failed reports that the root failed, so the caller did not get what it asked for.
	Failed bool `json:"failed"`
	// Error and ErrorOp are those of the span that failed first: the failed one that ended first,
	// and of those that ended at one moment the one furthest from the root.
	Error   string `json:"error,omitempty"`
	ErrorOp string `json:"error_op,omitempty"`
}

// summarize returns the summary of a trace.
func summarize(t *tracelog.Trace) summary {
	sum := summary{
		Trace: t.ID, Services: t.Services, Spans: t.Spans, Lines: len(t.Logs), Errors: t.Errors,
		OpenFor: exactMillis(t.OpenFor()),
	}
	if root := t.Root(); root != nil {
		sum.Op, sum.Service, sum.Failed = root.Op, root.Service, root.Failed
		sum.External = root.External || root.ParentElsewhere()
	}
	var first *tracelog.Span
	var firstEnd time.Time
	deepest := 0
	for depth, s := range t.All() {
		sum.Lines += len(s.Logs)
		sum.countState(s)
		if !s.Failed {
			continue
		}
		_, end := s.Interval()
		if c := compareStarts(end, firstEnd); first == nil || c < 0 || c == 0 && depth > deepest {
			first, firstEnd, deepest = s, end, depth
		}
	}
	if first != nil {
		sum.Error, sum.ErrorOp = first.Error, first.Op
	}
	start, end := query.Interval(t)
	sum.Start, sum.Duration = start, exactMillis(end.Sub(start))
	return sum
}

// countState counts a span that has not ended, or was shifted.
func (sum *summary) countState(s *tracelog.Span) {
	if s.State != tracelog.Ended && !s.External {
		sum.Unfinished++
	}
	switch s.State {
	case tracelog.Open:
		sum.Open++
	case tracelog.Abandoned:
		sum.Abandoned++
	}
	if s.Shift != 0 {
		sum.Shifted++
	}
}

// summaryOf returns the summary of an outline. An outline does not know spans that have not ended, nor clocks that disagree,
// so the summary is as if there were none. Each copy of a log line counts. If the parent of an ended span is missing, the
// root may differ from Trace.Root.
func summaryOf(o *tracelog.Outline) summary {
	return summary{
		Trace: o.ID, Op: o.Op, Service: o.Service, Services: o.Services, Start: o.Start, Duration: exactMillis(o.End.Sub(o.Start)),
		Spans: o.Spans, Lines: o.Logs, Errors: o.Errors, Failed: o.Failed, External: o.External, Error: o.Error, ErrorOp: o.ErrorOp,
	}
}

// exactMillis is millis without rounding.
func exactMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

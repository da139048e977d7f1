package main

import (
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A spanJSON is a span with the spans below it.
type spanJSON struct {
	Span       string         `json:"span"`
	Parent     string         `json:"parent,omitempty"`
	ParentKind string         `json:"parent_kind,omitempty"`
	Op         string         `json:"op"`
	Kind       string         `json:"kind,omitempty"`
	Service    string         `json:"service,omitempty"`
	State      string         `json:"state"`           // of tracelog.State
	Level      string         `json:"level,omitempty"` // of its record, unless it is the usual one: ERROR if it failed, else INFO
	Start      term.TimeJSON  `json:"start"`
	Time       *term.TimeJSON `json:"time,omitempty"` // of the record of an ended span, if it is more than a microsecond from the start plus the duration
	DurationMS *float64       `json:"duration_ms"`    // null if it has not ended
	QueuedMS   float64        `json:"queued_ms,omitempty"`
	SampleRate float64        `json:"sample_rate,omitempty"`
	Sampled    *bool          `json:"sampled,omitempty"` // false for a span that was written because it failed
	Failed     bool           `json:"failed"`
	Error      string         `json:"error,omitempty"`
	Stack      string         `json:"stack,omitempty"`
	Attrs      term.AttrsJSON `json:"attrs"`
	Links      []linkJSON     `json:"links,omitempty"`
	Logs       []lineJSON     `json:"logs"`
	Children   []spanJSON     `json:"children"` // written one by one
}

type linkJSON struct {
	Trace string `json:"trace"`
	Span  string `json:"span"`
}

// deepest limits how deep show --json nests spans. It leaves out the spans below, and says so.
const deepest = 1000

// showJSON writes traces. Each is its summary, and then its spans as a tree, and the lines that name no span. Each span is written
// as it is made: the JSON of a large trace takes more memory than the trace.
func (s *session) showJSON(traces []*tracelog.Trace) error {
	defer collectOften(traces)()
	w := term.NewPieces(s.out)
	w.Text("[")
	for i, t := range traces {
		if i > 0 {
			w.Text(",")
		}
		w.Text("\n")
		w.Value(summarize(t), "}")
		w.Text(`,"tree":[`)
		if cut := spansJSON(w, t.Roots, 1); cut > 0 {
			s.Fail("trace %s: %s below level %d left out", t.ID, tell.Plural(cut, "span"), deepest)
		}
		w.Text(`],"logs":`)
		w.Value(linesJSON(t.Logs), "")
		w.Text("}")
	}
	if len(traces) > 0 {
		w.Text("\n")
	}
	w.Text("]\n")
	return w.Err()
}

// spansJSON writes spans with a comma between them. It returns how many it left out.
func spansJSON(w *term.Pieces, spans []*tracelog.Span, level int) (cut int) {
	for i, s := range spans {
		if i > 0 {
			w.Text(",")
		}
		w.Value(newSpanJSON(s), "]}")
		if level < deepest {
			cut += spansJSON(w, s.Children, level+1)
		} else {
			below := tracelog.Trace{Roots: s.Children}
			for range below.All() {
				cut++
			}
		}
		w.Text("]}")
	}
	return cut
}

// newSpanJSON returns a span without those below it.
func newSpanJSON(s *tracelog.Span) *spanJSON {
	j := &spanJSON{
		Span: s.ID, Parent: s.ParentID, ParentKind: s.ParentKind, Op: s.Op, Kind: s.Kind, Service: s.Service, State: s.State.String(),
		Start: term.TimeJSON(s.Start), QueuedMS: query.Millis(s.Queued), Failed: s.Failed, Error: s.Error, Stack: s.Stack,
		Attrs: s.Attrs, Logs: linesJSON(s.Logs), Children: []spanJSON{},
	}
	if s.State == tracelog.Ended {
		ms := exactMillis(s.Duration)
		j.DurationMS = &ms
	}
	if e := query.EntryOf(s); e != nil {
		if j.SampleRate = e.SampleRate; e.Level != usualLevel(s) {
			j.Level = e.Level
		}
		if e.Unsampled {
			j.Sampled = new(bool)
		}
		if s.State == tracelog.Ended && !e.Time.IsZero() && e.Time.Sub(s.Start.Add(s.Duration)).Abs() > time.Microsecond {
			at := term.TimeJSON(e.Time)
			j.Time = &at
		}
	}
	for _, l := range s.Links {
		j.Links = append(j.Links, linkJSON(l))
	}
	return j
}

// usualLevel is the level of a span's record, unless TracerOptions set another one.
func usualLevel(s *tracelog.Span) string {
	if s.Failed {
		return "ERROR"
	}
	return "INFO"
}

func linesJSON(entries []tracelog.Entry) []lineJSON {
	list := make([]lineJSON, 0, len(entries))
	for i := range entries {
		list = append(list, newLineJSON(&entries[i]))
	}
	return list
}

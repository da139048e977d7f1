package main

import (
	"context"
	"fmt"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
)

// A storeReport is what check found about a store.
type storeReport struct {
	Store   string        `json:"store"`
	Oldest  term.TimeJSON `json:"oldest"`           // about when its first line is from
	Ahead   int           `json:"ahead"`            // lines that are later than the clock here
	Retyped int           `json:"values_from_text"` // values that came back as text and were read as numbers, true, false or lists
	CutOff  int           `json:"cut_off"`          // lines that are kept as text and end too early
}

// examine asks a store about its lines. Without a store it returns nil.
func (f *from) examine(ctx context.Context, now time.Time) (*storeReport, error) {
	if f.source == nil {
		return nil, nil
	}
	h, err := f.source.Examine(ctx, now)
	if err != nil {
		return nil, err
	}
	return &storeReport{f.source.Store.Name(), term.TimeJSON(h.Oldest), h.Ahead, h.Retyped, h.CutOff}, nil
}

func (s *session) writeStore(r *storeReport) {
	fmt.Fprintf(s.out, "\n%s\n", s.painter().Paint(term.Bold, "The store"))
	say := func(format string, args ...any) { fmt.Fprintf(s.out, "- "+format+"\n", args...) }
	if oldest := time.Time(r.Oldest); !oldest.IsZero() {
		say("its first line is from about %s: older ones were not kept, or never written", s.timestamp(oldest)[:len("2006-01-02 15:04")])
	}
	if r.Ahead > 0 {
		say("%s in the future: the clock of a service is wrong, or the one here", tell.Plural(r.Ahead, "line"))
	}
	if r.CutOff > 0 {
		say("%s cut off: they were longer than a shipper or the store takes", tell.Plural(r.CutOff, "line"))
	}
	if r.Retyped > 0 {
		say("%s came back as text and look like numbers, true, false or lists, so they are read as such: text that only looks so cannot be told apart. Keep the line beside its members to avoid that", tell.Plural(r.Retyped, "value"))
	}
}

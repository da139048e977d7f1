package backend

import (
	"context"
	"io"
	"time"
)

// A Health is what a store says about its lines, beyond what is in them.
type Health struct {
	Oldest  time.Time // about when the first line is from, to the hour; zero if there is none
	Ahead   int       // lines that are more than a minute later than the clock here
	Retyped int       // of the lines that were read: see Sum
	CutOff  int       // likewise
}

const (
	// eldest is how far back the first line is looked for.
	eldest = 20 * 365 * 24 * time.Hour
	// furthest is how far ahead lines are looked for.
	furthest = 10 * 365 * 24 * time.Hour
	// tolerated is how far ahead a clock may be.
	tolerated = time.Minute
)

// Examine looks for the first line and for lines that are ahead of time. It begins no query that returns many lines.
func (s *Source) Examine(ctx context.Context, now time.Time) (Health, error) {
	s.Tell.StartWaiting(s.Store.Name())
	defer s.Tell.StopProgress()
	h := Health{Retyped: s.total.Retyped, CutOff: s.total.CutOff}
	low, high := now.Add(-eldest), now // the first line is between them
	any, err := s.exists(ctx, low, high)
	if err != nil {
		return h, s.named(err)
	}
	for any && high.Sub(low) > time.Hour {
		middle := low.Add(high.Sub(low) / 2)
		before, err := s.exists(ctx, low, middle)
		switch {
		case err != nil:
			return h, s.named(err)
		case before:
			high = middle
		default:
			low = middle
		}
	}
	if any {
		h.Oldest = low
	}
	buckets, err := s.Store.Count(ctx, &Query{From: now.Add(tolerated), To: now.Add(furthest)}, furthest)
	for _, b := range buckets {
		h.Ahead += b.Lines
	}
	return h, s.named(err)
}

// exists reports whether there is a line.
func (s *Source) exists(ctx context.Context, from, to time.Time) (found bool, err error) {
	err = s.patient(ctx, func() error {
		sum, err := s.Store.Lines(ctx, &Query{From: from, To: to, Fields: []string{"time"}, Limit: 1}, io.Discard)
		found = sum.Lines > 0
		return err
	})
	return found, err
}

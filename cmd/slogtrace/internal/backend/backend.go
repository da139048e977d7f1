// Package backend reads the lines of log stores, so that the commands can answer from them as from files. It narrows a
// question before it asks, cuts it into windows of time, goes on after a failure, and counts before it reads much.
//
// A store is a [Store]. Package victorialogs has one.
package backend

import (
	"context"
	"io"
	"time"
)

// A Store answers queries about lines. Its methods may be called by several goroutines.
type Store interface {
	// Name is what messages call the store. It contains no secret.
	Name() string

	// Lines writes the lines that match to w, each as a line of JSON that package tracelog reads, in any order. An error
	// means that lines may be missing. It is a [CutError] if fewer lines may succeed, and an [AwayError] if waiting may help.
	Lines(ctx context.Context, q *Query, w io.Writer) (Sum, error)

	// Count returns how many lines match in each step of time. Steps without lines may be missing. It takes least if the step is
	// the whole time of the query.
	Count(ctx context.Context, q *Query, step time.Duration) ([]Bucket, error)

	// Traces calls fn with the id of each trace that has a line that matches, at least once, until fn returns false. If the
	// query has a Limit, that is how many ids are enough.
	Traces(ctx context.Context, q *Query, fn func(id string) bool) error

	// Text returns the query that Lines sends, TracesText that of Traces.
	Text(ctx context.Context, q *Query) (string, error)
	TracesText(ctx context.Context, q *Query) (string, error)

	// MaxIDs returns how many ids a [Trace] may have.
	MaxIDs(ctx context.Context, q *Query) (int, error)

	// Missing returns an error that names the parts of the store that do not answer, or nil.
	Missing(ctx context.Context) error
}

// A Subqueries is a Store that may know [TracesOf].
type Subqueries interface {
	Store
	// Subqueries reports whether it knows TracesOf for the lines in the time of a query.
	Subqueries(ctx context.Context, q *Query) (bool, error)
}

// A Grouper is a Store that may know [Groups].
type Grouper interface {
	Store
	// Groups returns the ends of spans that a query's condition allows, whose fields are in q.Fields. It returns nil if lines are
	// such that the store cannot say which are alike. Since and until are the times between which a span surely is one of those
	// that are asked for.
	Groups(ctx context.Context, q *Query, since, until time.Time) (Groups, error)
}

// Groups are the ends of spans, of which those that are alike come as one line.
type Groups interface {
	// Texts returns the queries that are sent.
	Texts() []string

	// Ends writes the ends whose lines have a time between two, as Store.Lines does, but all as one line that differ only in
	// their ids and times, if they surely began in time. Such a line has any ids and such a start; [Copies] returns how many ends
	// it is.
	Ends(ctx context.Context, from, to time.Time, w io.Writer) (Sum, error)

	// IDs calls fn with the id of each span that is asked for, once for each line, until fn returns an error. Of a line without
	// the trace's or the span's id, or with one that has no digit but 0, it is empty.
	IDs(ctx context.Context, want *IDs, fn func(id []byte) error) error

	// Unfinished writes a line for each span that has a start and no end, of those with some ids, in any trace; nil: of all.
	Unfinished(ctx context.Context, spans []string, w io.Writer) (Sum, error)
}

// A Query says which lines are wanted.
type Query struct {
	From, To time.Time // of the lines; To is exclusive
	Cond     Cond      // nil: all lines
	Fields   []string  // the members of a line that are needed; nil: all. Without "time", a line with a start needs none
	Limit    int       // how many lines are enough, whichever they are; 0: all
	Live     bool      // more lines will come: what members lines have by now says nothing of them
}

// A Sum is what Lines tells about the lines that it has written.
type Sum struct {
	Lines       int
	Ends        int // of spans, which the lines are
	First, Last time.Time

	Retyped int // values that came back as text and were read as numbers, true, false or lists
	CutOff  int // lines that were kept as text and end too early
}

func (s *Sum) Add(other Sum) {
	s.Lines += other.Lines
	s.Ends += other.Ends
	s.Retyped += other.Retyped
	s.CutOff += other.CutOff
	if s.First.IsZero() || !other.First.IsZero() && other.First.Before(s.First) {
		s.First = other.First
	}
	if other.Last.After(s.Last) {
		s.Last = other.Last
	}
}

// early reports whether there is a line less than d after a time; late, less than d before it.
func (s *Sum) early(from time.Time, d time.Duration) bool {
	return s.Lines > 0 && s.First.Before(from.Add(d))
}
func (s *Sum) late(to time.Time, d time.Duration) bool {
	return s.Lines > 0 && s.Last.After(to.Add(-d))
}

// A Bucket is a number of lines from a time on.
type Bucket struct {
	From  time.Time
	Lines int
}

// A CutError means that the store ended a query before its end. It may answer one for fewer lines.
type CutError struct{ Err error }

func (e *CutError) Error() string { return e.Err.Error() }
func (e *CutError) Unwrap() error { return e.Err }

// An AwayError means that the store could not be reached, or has too much to do at the moment.
type AwayError struct{ Err error }

func (e *AwayError) Error() string { return e.Err.Error() }
func (e *AwayError) Unwrap() error { return e.Err }

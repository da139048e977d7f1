package backend

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// A Tail asks a store for new lines again and again. Lines become visible some time after their time: those of the last
// Delay are left for later, and the Delay before them is asked for twice. Lines that come even later are counted.
type Tail struct {
	Source *Source
	Files  *input.Files
	Parts  *query.Parts // of the filter of lines; its Since is where to begin, if not zero
	Lines  int          // without Since, how many lines to begin with
	Follow bool
	Delay  time.Duration
	Line   func(*input.Line) error // called with each line, in order of time between two calls of Idle
	Idle   func() error            // called when there is no more to read at the moment

	poll  time.Duration // between questions; 0: a second
	audit time.Duration // between counts of late lines; 0: half a minute
	begun time.Time     // where lines begin
	upTo  time.Time     // where they end that were asked for
	seed  maphash.Seed
	seen  map[uint64]int    // how often lines of the last Delay before upTo were shown
	shown map[time.Time]int // how many lines were shown of each second that is still counted
	late  int               // how many were not shown, as far as that has been said
}

// counted is for how long late lines are counted.
const counted = 10 * time.Minute

// Run shows lines until ctx is done, or without Follow those that are there.
func (t *Tail) Run(ctx context.Context, now func() time.Time) error {
	t.seed, t.shown = maphash.MakeSeed(), make(map[time.Time]int)
	if t.poll == 0 {
		t.poll, t.audit = time.Second, 30*time.Second
	}
	horizon := now()
	if t.Follow {
		horizon = horizon.Add(-t.Delay)
	}
	if err := t.begin(ctx, horizon); err != nil || !t.Follow {
		return err
	}
	next := now().Add(t.audit)
	away := false
	for {
		if err := t.Idle(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(t.poll):
		}
		err := t.read(ctx, t.upTo, now().Add(-t.Delay))
		if err == nil && now().After(next) {
			next = now().Add(t.audit)
			err = t.countLate(ctx)
		}
		switch unreachable := new(AwayError); {
		case ctx.Err() != nil:
			return nil
		case err == nil && away:
			away = false
			t.Source.Tell.Talk("%s: back", t.Source.Store.Name())
		case errors.As(err, &unreachable):
			if !away {
				away = true
				t.Source.Tell.Talk("%v: waiting for it", err)
			}
		case err != nil:
			return err
		}
	}
}

// begin shows the lines to begin with.
func (t *Tail) begin(ctx context.Context, horizon time.Time) error {
	from := t.Parts.Since
	most := -1
	var lines []tailLine
	var err error
	t.Source.Tell.StartWaiting(t.Source.Store.Name())
	if from.IsZero() {
		most = t.Lines
		from, err = t.lastLines(ctx, horizon)
	}
	if err == nil {
		t.begun, t.upTo = from, from
		lines, err = t.fetch(ctx, from, horizon)
	}
	t.Source.Tell.StopProgress()
	if err != nil {
		return err
	}
	skip := 0
	if most >= 0 {
		skip = max(0, len(lines)-most)
	}
	return t.show(ctx, lines, skip, horizon)
}

// lastLines returns a time after which there are enough lines to begin with.
func (t *Tail) lastLines(ctx context.Context, horizon time.Time) (time.Time, error) {
	if t.Lines == 0 {
		return horizon, nil
	}
	const back, step = 24 * time.Hour, time.Minute
	var buckets []Bucket
	q := t.query(horizon.Add(-back), horizon)
	err := t.Source.patient(ctx, func() (err error) {
		buckets, err = t.Source.Store.Count(ctx, q, step)
		return err
	})
	if err != nil || t.Lines < 0 {
		return q.From, t.Source.named(err)
	}
	slices.SortFunc(buckets, func(a, b Bucket) int { return b.From.Compare(a.From) })
	n := 0
	for _, b := range buckets {
		if n += b.Lines; n >= t.Lines {
			return b.From, nil
		}
	}
	return q.From, nil
}

func (t *Tail) query(from, to time.Time) *Query {
	q := &Query{From: from, To: to, Live: true}
	if c := candidates(t.Parts, t.Source.Shape); c != nil && !t.Source.hidden() {
		q.Cond = Any{Unread{}, c}
	}
	return q
}

// A tailLine is a line and the hash of its text.
type tailLine struct {
	input.Line
	hash uint64
}

// fetch returns the lines of a time, in order.
func (t *Tail) fetch(ctx context.Context, from, to time.Time) ([]tailLine, error) {
	buf := t.Files.NewBuffer()
	if _, err := t.Source.read(ctx, t.query(from, to), false, buf); err != nil {
		buf.Close()
		return nil, err
	}
	t.Source.lines = 0 // the limit is for one question
	r := t.Files.OpenBuffer(ctx, t.Source.Store.Name(), buf)
	defer r.Close()
	var lines []tailLine
	err := r.EachFile(func(f *input.File) error {
		_, err := f.Lines(func(l input.Line) { lines = append(lines, tailLine{Line: l, hash: t.hash(&l)}) })
		return err
	})
	slices.SortStableFunc(lines, func(a, b tailLine) int { return a.Time.Compare(b.Time) })
	return lines, err
}

func (t *Tail) hash(l *input.Line) uint64 {
	var h maphash.Hash
	h.SetSeed(t.seed)
	fmt.Fprintf(&h, "%d %q %q %q %q %q %d %q %s", l.Time.UnixNano(), l.Level, l.Message, l.Trace, l.Span, l.Op, l.Duration, l.Error, l.Text)
	for _, a := range l.Attrs() {
		fmt.Fprintf(&h, " %q=%s", a.Key, a.Value)
	}
	return h.Sum64()
}

// read shows the lines up to a time that were not shown before.
func (t *Tail) read(ctx context.Context, upTo, to time.Time) error {
	if !to.After(upTo) {
		return nil
	}
	from := upTo.Add(-t.Delay)
	if from.Before(t.begun) {
		from = t.begun
	}
	lines, err := t.fetch(ctx, from, to)
	if err != nil {
		return err
	}
	return t.show(ctx, lines, 0, to)
}

// show shows lines, except those of the last time that were shown already. The first skip lines count as shown.
func (t *Tail) show(ctx context.Context, lines []tailLine, skip int, to time.Time) error {
	seen := t.seen
	t.seen, t.upTo = make(map[uint64]int), to
	for i := range lines {
		l := &lines[i]
		if !l.Time.Before(to.Add(-t.Delay)) {
			t.seen[l.hash]++
		}
		if seen[l.hash] > 0 {
			seen[l.hash]--
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		t.shown[l.Time.UTC().Truncate(time.Second)]++
		if i < skip {
			continue
		}
		if err := t.Line(&l.Line); err != nil {
			return err
		}
	}
	return nil
}

// countLate tells how many lines have come too late to be shown.
func (t *Tail) countLate(ctx context.Context) error {
	to := t.upTo.Add(-t.Delay).Truncate(time.Second)
	from := to.Add(-counted)
	if first := t.begun.Truncate(time.Second).Add(time.Second); from.Before(first) {
		from = first
	}
	for at := range t.shown {
		if at.Before(from) {
			delete(t.shown, at)
		}
	}
	if !from.Before(to) {
		return nil
	}
	buckets, err := t.Source.Store.Count(ctx, t.query(from, to), time.Second)
	if err != nil {
		return t.Source.named(err)
	}
	late := 0
	for _, b := range buckets {
		late += max(0, b.Lines-t.shown[b.From.UTC()])
	}
	if late > t.late {
		t.Source.Tell.Talk("%s: %d lines came more than %v late and are not shown: --delay waits longer", t.Source.Store.Name(), late-t.late, 2*t.Delay)
	}
	t.late = late
	return nil
}

package backend

import (
	"context"
	"io"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// streamedLines is how many lines a query of a Stream should search.
const streamedLines = 250_000

// A Stream reads the lines that a plan needs, once. While a window of time is read, it asks for the next one, so the lines of two
// are held. It is not safe for concurrent use.
type Stream struct {
	source *Source
	asking *asking
	cancel context.CancelFunc
	lack   string // before the first query

	buffers [2]*input.Buffer
	free    chan *input.Buffer // those that may be written to
	windows chan streamed      // closed at the end
	reading *input.Buffer      // nil if all windows so far were read
	at      int64              // how much of it was read
	err     error              // the end
}

// A streamed is a window that was asked for.
type streamed struct {
	buf *input.Buffer
	err error
}

// Stream returns a reader of the lines that Fetch would write to an empty Buffer, or nil if the plan needs more than one query for
// them.
func (s *Source) Stream(ctx context.Context, plan *Plan, p *query.Parts, from, to time.Time, newBuffer func() *input.Buffer) (*Stream, error) {
	if plan.Whole || len(plan.Wanted) > 0 {
		return nil, nil
	}
	s.Tell.StartWaiting(s.Store.Name())
	r := &Stream{source: s, free: make(chan *input.Buffer, 2), windows: make(chan streamed)}
	ctx, r.cancel = context.WithCancel(ctx)
	var err error
	if r.lack, err = s.missing(ctx); err == nil {
		r.asking, err = s.ask(ctx, s.single(plan, p, from, to), true, streamedLines)
	}
	if err != nil {
		r.cancel()
		s.Tell.StopProgress()
		return nil, err
	}
	for i := range r.buffers {
		r.buffers[i] = newBuffer()
		r.free <- r.buffers[i]
	}
	go r.ask(ctx)
	return r, nil
}

// ask asks for one window after the other, as buffers become free, until the end.
func (r *Stream) ask(ctx context.Context) {
	defer close(r.windows)
	for len(r.asking.todo) > 0 {
		var w streamed
		select {
		case w.buf = <-r.free:
		case <-ctx.Done():
			r.windows <- streamed{nil, ctx.Err()}
			return
		}
		if w.err = w.buf.Truncate(0); w.err == nil {
			w.err = r.asking.next(ctx, w.buf)
		}
		r.windows <- w
		if w.err != nil {
			return
		}
	}
	if err := r.source.tellMissing(ctx, r.lack); err != nil {
		r.windows <- streamed{nil, err}
	}
}

func (r *Stream) Read(b []byte) (int, error) {
	for r.err == nil && (r.reading == nil || r.at == r.reading.Size()) {
		if r.reading != nil {
			r.free <- r.reading
		}
		w, more := <-r.windows
		if r.reading, r.at, r.err = w.buf, 0, w.err; !more {
			r.err = io.EOF
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.reading.ReadAt(b, r.at)
	r.at += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// Close ends the query, and drops the lines.
func (r *Stream) Close() error {
	r.cancel()
	for range r.windows { // until nobody writes to a buffer
	}
	for _, buf := range r.buffers {
		buf.Close()
	}
	return nil
}

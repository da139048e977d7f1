package backend

import (
	"context"
	"io"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// streamedLines is how many lines a query of a Stream should search.
const streamedLines = 500_000

// A Stream reads the lines that a plan needs, once. It asks for a window of time when the one before has been read, so the lines of
// one are held. It is not safe for concurrent use.
type Stream struct {
	ctx    context.Context
	source *Source
	asking *asking
	buf    *input.Buffer
	at     int64  // how much of buf was read
	lack   string // before the first query
	err    error  // the end
}

// Stream returns a reader of the lines that Fetch would write to an empty buf, or nil if the plan needs more than one query for them.
// Buf is then the Stream's.
func (s *Source) Stream(ctx context.Context, plan *Plan, p *query.Parts, from, to time.Time, buf *input.Buffer) (*Stream, error) {
	if plan.Whole || len(plan.Wanted) > 0 {
		return nil, nil
	}
	s.Tell.StartWaiting(s.Store.Name())
	r := &Stream{ctx: ctx, source: s, buf: buf}
	var err error
	if r.lack, err = s.missing(ctx); err == nil {
		r.asking, err = s.ask(ctx, s.single(plan, p, from, to), true, streamedLines)
	}
	if err != nil {
		s.Tell.StopProgress()
		return nil, err
	}
	return r, nil
}

func (r *Stream) Read(b []byte) (int, error) {
	for r.err == nil && r.at == r.buf.Size() {
		r.at = 0
		switch r.err = r.buf.Truncate(0); {
		case r.err != nil:
		case len(r.asking.todo) > 0:
			r.err = r.asking.next(r.ctx, r.buf)
		default:
			r.err = io.EOF
			if err := r.source.tellMissing(r.ctx, r.lack); err != nil {
				r.err = err
			}
		}
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.buf.ReadAt(b, r.at)
	r.at += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// Close drops the lines.
func (r *Stream) Close() error {
	r.buf.Close()
	return nil
}

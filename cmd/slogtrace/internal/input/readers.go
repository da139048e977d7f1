package input

import (
	"context"
	"errors"
	"io"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// closers closes what was opened last first.
type closers struct {
	io.ReadCloser
	below io.Closer
}

func (c closers) Close() error { return errors.Join(c.ReadCloser.Close(), c.below.Close()) }

// A progressReader counts what is read.
type progressReader struct {
	io.Reader
	p *tell.Progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.Add(n)
	return n, err
}

// A cancelReader fails when its context is done.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

// NewCancelReader returns a reader of r that fails when ctx is done.
func NewCancelReader(ctx context.Context, r io.Reader) io.Reader { return &cancelReader{ctx, r} }

func (r *cancelReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

package backend

import (
	"context"
	"io"

	"github.com/slogtrace/slogtrace/tracelog"
)

// TracesInLines is Store.Traces for lines that a store keeps as text: it reads them.
func TracesInLines(ctx context.Context, s Store, q *Query, shape *tracelog.Shape, fn func(id string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, w := io.Pipe()
	read := make(chan error, 1)
	lines := *q
	lines.Limit = 0 // it is one of ids
	go func() {
		_, err := s.Lines(ctx, &lines, w)
		w.CloseWithError(err)
		read <- err
	}()
	enough := false
	_, err := tracelog.ScanLines(r, "", &tracelog.LineOptions{Shape: shape}, func(e tracelog.Entry) {
		if !enough && e.Trace != "" && !fn(e.Trace) {
			enough = true
			cancel()
			r.Close()
		}
	})
	r.Close()
	switch failed := <-read; {
	case enough:
		return nil
	case err != nil:
		return err
	default:
		return failed
	}
}

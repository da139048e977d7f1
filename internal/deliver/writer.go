package deliver

import (
	"bytes"
	"context"
	"io"
	"slices"
)

// Writer returns a Send that writes each batch to w, in one call. What w did not take is dropped:
// a local file is not there again after a pause, as a server is.
//
// Records should be lines. If w took only a part of one, the next batch begins with a line break. So that part spoils no other line.
func Writer(w io.Writer) func(context.Context, Batch) error {
	return (&lineWriter{to: w}).send
}

// A lineWriter is used by one goroutine.
type lineWriter struct {
	to  io.Writer
	cut bool // the last byte that was written is not the end of a record
}

func (w *lineWriter) send(_ context.Context, b Batch) error {
	text, breaks := b.text[b.from:b.ends[len(b.ends)-1]], 0
	if w.cut {
		breaks = 1
		text = slices.Concat([]byte("\n"), text)
	}
	n, err := w.to.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err == nil {
		w.cut = false
		return nil
	}
	if n = min(max(n, 0), len(text)); n < breaks {
		return &RejectedError{Records: b.Len(), Reason: notWritten, Err: err}
	}
	whole, found := slices.BinarySearch(b.ends, b.from+n-breaks)
	switch {
	case found:
		whole++
		w.cut = false
	case n == breaks:
		w.cut = false
	default:
		w.cut = true
		if bytes.Equal(text[n:b.ends[whole]-b.from+breaks], []byte("\n")) {
			whole++ // all but its end, which the next batch begins with
		}
	}
	return &RejectedError{Records: b.Len() - whole, Reason: notWritten, Err: err}
}

const notWritten = "not written"

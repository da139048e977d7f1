package deliver

import (
	"context"
	"io"
	"slices"
)

// Writer returns a Send that writes each batch to w, in one call. What w did not take is dropped:
// a local file is not there again after a pause, as a server is.
func Writer(w io.Writer) func(context.Context, Batch) error {
	return func(_ context.Context, b Batch) error {
		text := b.text[b.from:b.ends[len(b.ends)-1]]
		n, err := w.Write(text)
		if err == nil && n < len(text) {
			err = io.ErrShortWrite
		}
		if err == nil {
			return nil
		}
		whole, found := slices.BinarySearch(b.ends, b.from+max(n, 0))
		if found {
			whole++
		}
		return &RejectedError{Records: b.Len() - whole, Reason: "not written", Err: err}
	}
}

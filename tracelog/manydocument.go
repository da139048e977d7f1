package tracelog

import (
	"bytes"
	"context"
	"io"
)

// An input with documents is read by one goroutine: where a document ends is not known before it has been read. What is in the
// documents is read by all workers, see [documentLines].

// sniff reports whether r begins with documents, see [document]. It reads no more than it must. The shape may be nil.
func sniff(r io.Reader, shape *Shape) bool {
	s := scanner{fn: func(Entry) {}, sniffs: true}
	s.parser.shape = shape
	s.scan(r, func() bool { return s.documents || s.doc == nil && !s.mayBegin() })
	s.afterCSV(s.csv.end())
	for s.doc != nil {
		s.endOfDocument(false)
	}
	s.giveUpPrinted()
	return s.documents
}

// openInput returns a reader of the input if that begins with documents; else nil, and in.Reader can still be read.
func openInput(ctx context.Context, in *Input, shape *Shape) io.Reader {
	if at, size := parts(in.Reader); at != nil {
		if sniff(&contextReader{ctx, io.NewSectionReader(at, 0, size)}, shape) {
			return &contextReader{ctx, io.NewSectionReader(at, 0, size)}
		}
		return nil
	}
	t := &taster{r: in.Reader}
	documents := sniff(&contextReader{ctx, t}, shape)
	t.tasted = true
	in.Reader = t
	if documents {
		return &contextReader{ctx, t}
	}
	return nil
}

// A taster keeps what is read at first, and returns it again.
type taster struct {
	r      io.Reader
	kept   bytes.Buffer
	err    error
	tasted bool
}

func (t *taster) Read(b []byte) (n int, err error) {
	if t.tasted {
		if t.kept.Len() > 0 {
			return t.kept.Read(b)
		}
		if t.err != nil {
			return 0, t.err
		}
		t.kept = bytes.Buffer{}
		return t.r.Read(b)
	}
	n, err = t.r.Read(b)
	t.kept.Write(b[:n])
	t.err = err
	return n, err
}

// A contextReader fails when its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// scanDocument reads an input from its beginning to its end.
func (s *sequencer) scanDocument(input int, r io.Reader, workers []blockReader, chunk int) error {
	s.first = []int{1}
	lines := newDocumentLines(s, input, workers, chunk)
	s.scanner.lines = lines
	err := s.scanner.scan(r, nil)
	s.scanner.finish()
	s.scanner.lines = nil
	lines.close()
	return err
}

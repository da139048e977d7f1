package main

import (
	"cmp"
	"context"
	"io"
	"os"
)

// What can be read only once, a pipe, a terminal or standard input, is opened once, and both opening and reading it
// may wait for ever. Who waits can leave: the goroutine in which the system waits is left behind then.
// To open a FIFO without waiting would not do, as one without a writer would seem to be at its end.

// isOnce reports whether an argument stands for what can be read only once, and is not to be touched before.
func isOnce(arg string) bool {
	info, err := os.Stat(arg)
	return arg == "-" || err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// openOnce opens a file that may make it wait.
func openOnce(ctx context.Context, files *pool, path string) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := files.os(path)
		done <- opened{file, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				o.file.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// A patientReader can be left although the read below it, of a pipe or a terminal, waits for ever.
type patientReader struct {
	ctx    context.Context
	chunks chan []byte
	err    error // once chunks is closed
	rest   []byte
}

func newPatientReader(ctx context.Context, r io.Reader) *patientReader {
	p := &patientReader{ctx: ctx, chunks: make(chan []byte)}
	go func() {
		defer close(p.chunks)
		for {
			b := make([]byte, 64<<10)
			n, err := r.Read(b)
			select {
			case p.chunks <- b[:n]:
			case <-ctx.Done():
				return
			}
			if err != nil {
				p.err = err
				return
			}
		}
	}()
	return p
}

func (p *patientReader) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		select {
		case chunk, ok := <-p.chunks:
			if !ok {
				return 0, cmp.Or(p.ctx.Err(), p.err)
			}
			p.rest = chunk
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

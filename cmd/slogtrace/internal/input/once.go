package input

import (
	"cmp"
	"context"
	"io"
	"os"
)

// Pipes, terminals and standard input can be read only once, so they are opened once. Both opening and reading them may
// block forever. Each happens in a goroutine of its own, which is abandoned when the context is done.
// Opening a FIFO with O_NONBLOCK would not do: without a writer it would seem to be at its end.

// IsOnce reports whether an argument is standard input or another file that can be read only once. Such a file must not
// be opened before it is read.
func IsOnce(arg string) bool {
	info, err := os.Stat(arg)
	return arg == "-" || err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// openWaiting opens a file. It returns when ctx is done, even if opening blocks.
func openWaiting(ctx context.Context, files *Pool, path string) (*os.File, error) {
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := files.Open(path)
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

// A patientReader reads from a pipe or a terminal. Its Read returns when ctx is done, even if the pipe's blocks forever.
type patientReader struct {
	ctx    context.Context
	chunks chan []byte
	err    error // valid once chunks is closed
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

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A reading is files that are read by all cores, once or more often.
type reading struct {
	s       *session
	ctx     context.Context
	sources []*source
	total   int64 // bytes; 0 if not known

	records int  // in all of them
	told    bool // what cannot be read
}

// A source is one file of a reading.
type source struct {
	name  string
	plain *plainFile                    // read in parts
	open  func() (io.ReadCloser, error) // else, from its beginning
	err   error                         // of reading it the first time
	close func()
}

// A plainFile is text that can be read in parts and more than once.
type plainFile struct {
	io.ReaderAt
	size     int64
	progress *progress
}

func (f *plainFile) Size() int64 { return f.size }

func (f *plainFile) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (f *plainFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(b, off)
	f.progress.add(n)
	return n, err
}

// reading opens what the arguments stand for. If it is to be read again, standard input and pipes are kept:
// in memory up to a size, beyond that in a temporary file. What cannot be opened is told. Close it in the end.
func (s *session) reading(ctx context.Context, args []string, again bool) (*reading, error) {
	ins, err := s.inputs(args)
	if err != nil {
		return nil, err
	}
	r := &reading{s: s, ctx: ctx, total: totalSize(ins)}
	for _, in := range ins {
		src, err := s.source(ctx, in, again)
		if ctx.Err() != nil {
			r.close()
			return nil, ctx.Err()
		}
		if err != nil {
			s.fail("%s: %v", in.path, reason(err))
			continue
		}
		r.sources = append(r.sources, src)
	}
	if len(r.sources) == 0 {
		return nil, errTold
	}
	return r, nil
}

func (r *reading) close() {
	for _, src := range r.sources {
		if src.close != nil {
			src.close()
		}
	}
}

func (s *session) source(ctx context.Context, in input, again bool) (*source, error) {
	if in.size > 0 {
		f, err := os.Open(in.path)
		if err != nil {
			return nil, err
		}
		head := make([]byte, 4)
		f.ReadAt(head, 0)
		text, err := decompress(io.NewSectionReader(f, 0, in.size))
		if err != nil {
			f.Close()
			return nil, err
		}
		text.Close()
		if !isGzip(head) && !isZstd(head) && !bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
			return &source{name: in.path, plain: &plainFile{ReaderAt: f, size: in.size}, close: func() { f.Close() }}, nil
		}
		f.Close()
	} else if again {
		return s.spool(ctx, in)
	}
	return &source{name: in.path, open: func() (io.ReadCloser, error) { return s.open(ctx, in) }}, nil
}

// maxSpooled is how much of standard input is kept in memory.
const maxSpooled = 64 << 20

// spool keeps what can be read only once.
func (s *session) spool(ctx context.Context, in input) (*source, error) {
	r, err := s.open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	src := &source{name: in.path}
	var text bytes.Buffer
	n, err := io.CopyN(&text, r, maxSpooled)
	if err != nil {
		if err != io.EOF {
			src.err = err
		}
		src.plain = &plainFile{ReaderAt: bytes.NewReader(text.Bytes()), size: n}
		return src, nil
	}
	f, err := os.CreateTemp("", "slogtrace")
	if err != nil {
		return nil, fmt.Errorf("more than %d MB of what can be read only once: %w", maxSpooled>>20, err)
	}
	src.close = func() {
		f.Close()
		os.Remove(f.Name())
	}
	if _, err := text.WriteTo(f); err != nil {
		src.close()
		return nil, err
	}
	more, err := io.Copy(f, r)
	src.err = err
	src.plain = &plainFile{ReaderAt: f, size: n + more}
	return src, nil
}

// pass reads everything once: fn does, and returns what it found and an error of the inputs.
// What is no record, and what cannot be read, is told the first time.
func (r *reading) pass(fn func([]tracelog.Input) ([]tracelog.Source, error)) error {
	r.s.startProgress(r.total)
	defer r.s.stopProgress()
	inputs := make([]tracelog.Input, len(r.sources))
	for i, src := range r.sources {
		inputs[i].Name = src.name
		if src.plain != nil {
			src.plain.progress = r.s.progress
			inputs[i].Reader = src.plain
		} else {
			inputs[i].Reader = &lazyReader{src: src}
		}
	}
	found, err := fn(inputs)
	if e := r.ctx.Err(); e != nil {
		return e
	}
	if r.told {
		return nil
	}
	r.told = true
	for _, err := range unjoin(err) {
		var path *fs.PathError
		for _, src := range r.sources {
			if src.plain != nil && (errors.As(err, &path) && path.Path == src.name) {
				src.err = err
			}
		}
	}
	for i, src := range r.sources {
		if src.err != nil {
			r.s.fail("%s: %v", src.name, reason(src.err))
		}
		if found == nil {
			continue
		}
		f := &found[i]
		r.records += f.Records
		if f.Bad > 0 && (src.err == nil || f.Bad > 1) { // the one may be where the file was cut off
			first := f.BadLines[0]
			r.s.talk("%s: %d of %d lines are no record, the first of them line %d: %s", src.name, f.Bad, f.Lines, first.Line, first.Reason)
		}
	}
	return nil
}

func unjoin(err error) []error {
	if err, ok := err.(interface{ Unwrap() []error }); ok {
		return err.Unwrap()
	}
	return []error{err}
}

// nothing says why there is no trace.
func (r *reading) nothing() error {
	switch {
	case r.s.failed && r.records == 0:
		return errTold
	case r.records == 0:
		return errors.New("no log records found")
	}
	return fmt.Errorf("%s, but none carries a trace id: see slogtrace check", plural(r.records, "record"))
}

// A lazyReader opens its source when it is its turn.
type lazyReader struct {
	src  *source
	file io.ReadCloser
	err  error
}

func (r *lazyReader) Read(b []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.file == nil {
		r.file, err = r.src.open()
	}
	if err == nil {
		n, err = r.file.Read(b)
	}
	if err != nil {
		if r.err = err; err != io.EOF {
			r.src.err = err
		}
		if r.file != nil {
			r.file.Close()
		}
	}
	return n, err
}

// outlines makes outlines of all traces, and counts the records that match says.
func (r *reading) outlines(match, filter func(*tracelog.Record) bool) (*tracelog.Outlines, error) {
	var o *tracelog.Outlines
	err := r.pass(func(in []tracelog.Input) (found []tracelog.Source, err error) {
		o, err = tracelog.ScanOutlines(r.ctx, in, &tracelog.OutlineOptions{ScanOptions: tracelog.ScanOptions{Filter: filter}, Match: match})
		return o.Sources, err
	})
	return o, err
}

// traces calls fn with each trace of which keep wants the outline.
func (r *reading) traces(o *tracelog.Outlines, opts tracelog.TracesOptions, keep func(*tracelog.Outline) bool, fn func(*tracelog.Trace)) error {
	return r.pass(func(in []tracelog.Input) ([]tracelog.Source, error) {
		return nil, o.Traces(r.ctx, in, &opts, keep, fn)
	})
}

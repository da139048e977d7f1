package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"sync"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A reading is files that are read by all cores, once or more often.
type reading struct {
	s       *session
	ctx     context.Context
	sources []*source
	total   int64 // bytes; 0 if not known

	records int  // in all of them
	told    bool // what is no record
}

// A source is one file of a reading.
type source struct {
	name  string
	plain *plainFile                    // read in parts
	open  func() (io.ReadCloser, error) // else, from its beginning
	once  bool                          // which can be read only once
	state *fileState                    // nil if it cannot change
	close func()

	err  error // of reading it
	told bool
}

// A plainFile is text that can be read in parts and more than once.
type plainFile struct {
	io.ReaderAt
	size     int64
	progress *tell.Progress

	mu  sync.Mutex
	err error // the first one
}

func (f *plainFile) Size() int64 { return f.size }

func (f *plainFile) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// ReadAt fails where the file has become shorter.
func (f *plainFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(b[:min(int64(len(b)), max(0, f.size-off))], off)
	f.progress.Add(n)
	end := off + int64(n)
	switch {
	case err == io.EOF && end < f.size:
		err = shrunkError{f.size}
	case err == nil && n < len(b):
		err = io.EOF
	}
	if err != nil && err != io.EOF {
		f.mu.Lock()
		f.err = cmp.Or(f.err, err)
		f.mu.Unlock()
	}
	return n, err
}

func (f *plainFile) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// reading opens the files that the arguments name. If again is set, they can be read more than once: standard input and
// pipes are copied to memory, or to a temporary file if they are large. It reports files that cannot be opened.
// The caller must call close.
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
			s.Fail("%s: %v", in.path, reason(err))
			continue
		}
		r.sources = append(r.sources, src)
	}
	if len(r.sources) == 0 {
		return nil, tell.ErrTold
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

// once reports whether a part of what was read is gone.
func (r *reading) once() bool {
	return slices.ContainsFunc(r.sources, func(src *source) bool { return src.once })
}

func (s *session) source(ctx context.Context, in input, again bool) (*source, error) {
	switch {
	case in.once:
		if f, ok := s.stdin.(*os.File); ok && in.stdin {
			// A shell's < file is a file like any other.
			if begin, err := f.Seek(0, io.SeekCurrent); err == nil && begin == 0 && regularSize(s.stdinInfo()) > 0 {
				return s.fileSource(ctx, in.path, f, s.stdinInfo(), "")
			}
		}
		if again {
			return s.spool(ctx, in)
		}
		opened := false
		return &source{name: in.path, once: true, open: func() (io.ReadCloser, error) {
			if opened {
				return nil, errors.New("can be read only once")
			}
			opened = true
			return s.open(ctx, in)
		}}, nil
	}
	h, err := s.files.openFile(in.path)
	if err != nil {
		return nil, err
	}
	src, err := s.fileSource(ctx, in.path, h, h.info, in.path)
	if err != nil {
		h.Close()
		return nil, err
	}
	src.close = func() { h.Close() }
	return src, nil
}

// fileSource is of a regular file. Path is where to look whether another one has taken its name, if not "".
func (s *session) fileSource(ctx context.Context, name string, f statReaderAt, info fs.FileInfo, path string) (*source, error) {
	size := info.Size()
	state := newFileState(f, info, path)
	src := &source{name: name, state: state}
	if size == 0 { // empty, or without a size as in /proc
		src.open = func() (io.ReadCloser, error) {
			return s.lines(ctx, io.NewSectionReader(f, 0, math.MaxInt64), io.NopCloser(nil))
		}
		return src, nil
	}
	text, err := decompress(io.NewSectionReader(f, 0, size))
	if err != nil {
		return nil, err
	}
	text.Close()
	plain := &plainFile{ReaderAt: f, size: size}
	if compressed(f) || bytes.HasPrefix(state.head, []byte("\xef\xbb\xbf")) {
		src.open = func() (io.ReadCloser, error) {
			return s.lines(ctx, io.NewSectionReader(plain, 0, size), io.NopCloser(nil))
		}
		return src, nil
	}
	src.plain = plain
	return src, nil
}

// pass reads everything once: fn does, and returns what it found and an error of the inputs.
// What cannot be read is told, and the first time what is no record.
func (r *reading) pass(fn func([]tracelog.Input) ([]tracelog.Source, error)) error {
	r.s.StartProgress(r.total)
	defer r.s.StopProgress()
	inputs := make([]tracelog.Input, len(r.sources))
	for i, src := range r.sources {
		inputs[i].Name = src.name
		if src.plain != nil {
			src.plain.progress = r.s.Progress()
			inputs[i].Reader = src.plain
		} else {
			inputs[i].Reader = &lazyReader{src: src}
		}
	}
	found, _ := fn(inputs) // the sources have the error
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for i, src := range r.sources {
		r.settle(src)
		if r.told || found == nil {
			continue
		}
		f := &found[i]
		r.records += f.Records
		if f.Bad > 0 && (src.err == nil || f.Bad > 1) { // the one may be where the file was cut off
			first := f.BadLines[0]
			r.s.Talk("%s: %d of %d lines are no record, the first of them line %d: %s", src.name, f.Bad, f.Lines, first.Line, first.Reason)
		}
	}
	r.told = true
	return nil
}

// settle tells, once, what went wrong while a source was read, and what changed in it.
func (r *reading) settle(src *source) {
	if src.plain != nil {
		src.err = cmp.Or(src.err, src.plain.failed())
	}
	if src.state != nil && src.err == nil {
		src.err = src.state.changed()
	}
	if src.err != nil && !src.told {
		src.told = true
		r.s.Fail("%s: %v", src.name, reason(src.err))
	}
}

// nothing says why there is no trace.
func (r *reading) nothing() error {
	switch {
	case r.s.Failed() && r.records == 0:
		return tell.ErrTold
	case r.records == 0:
		return errors.New("no log records found")
	}
	return fmt.Errorf("%s, but none carries a trace id: see slogtrace check", tell.Plural(r.records, "record"))
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

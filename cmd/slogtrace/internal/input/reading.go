package input

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
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A Reading reads files on all cores, once or more often.
type Reading struct {
	files   *Files
	ctx     context.Context
	sources []*source
	total   int64 // bytes; 0 if not known

	Records int  // in all files
	told    bool // lines that are not records have been reported
}

// A source is one file of a reading.
type source struct {
	name   string
	plain  *plainFile                    // read in parts
	open   func() (io.ReadCloser, error) // else, from its beginning
	once   bool                          // which can be read only once
	remote bool                          // lines of a store: records have no file
	state  *fileState                    // nil if it cannot change
	close  func()

	err  error // of reading it
	told bool
}

// fileName is the File of records.
func (s *source) fileName() string {
	if s.remote {
		return ""
	}
	return s.name
}

// A plainFile is the text of a file up to a size, which can be read in parts and more than once.
type plainFile struct {
	io.ReaderAt
	size     int64
	progress *tell.Progress

	mu  sync.Mutex
	err error // the first one
}

// NewPlainFile returns a reader of a file up to a size. It fails where the file has become shorter.
func NewPlainFile(f io.ReaderAt, size int64) io.ReaderAt { return &plainFile{ReaderAt: f, size: size} }

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

// Open opens the files that the arguments name. If again is set, they can be read more than once: standard input and
// pipes are copied to memory, or to a temporary file if they are large. It reports the files that it cannot open.
// The caller must call Close.
func (f *Files) Open(ctx context.Context, args []string, again bool) (*Reading, error) {
	if f.Store != nil {
		return f.Store(ctx, args, again)
	}
	ins, err := f.Inputs(args)
	if err != nil {
		return nil, err
	}
	r := &Reading{files: f, ctx: ctx, total: totalSize(ins)}
	for _, in := range ins {
		src, err := f.source(ctx, in, again)
		if ctx.Err() != nil {
			r.Close()
			return nil, ctx.Err()
		}
		if err != nil {
			f.Tell.Fail("%s: %v", in.Path, Reason(err))
			continue
		}
		r.sources = append(r.sources, src)
	}
	if len(r.sources) == 0 {
		return nil, tell.ErrTold
	}
	return r, nil
}

// Close closes the files.
func (r *Reading) Close() {
	for _, src := range r.sources {
		if src.close != nil {
			src.close()
		}
	}
}

// Once reports whether the reading has a file that cannot be read again.
func (r *Reading) Once() bool {
	return slices.ContainsFunc(r.sources, func(src *source) bool { return src.once })
}

func (f *Files) source(ctx context.Context, in Input, again bool) (*source, error) {
	switch {
	case in.Once:
		if file, ok := f.Stdin.(*os.File); ok && in.stdin {
			// A shell's < file is a file like any other.
			if begin, err := file.Seek(0, io.SeekCurrent); err == nil && begin == 0 && regularSize(f.stdinInfo()) > 0 {
				return f.fileSource(ctx, in.Path, file, f.stdinInfo(), "")
			}
		}
		if again {
			return f.spool(ctx, in)
		}
		opened := false
		return &source{name: in.Path, once: true, open: func() (io.ReadCloser, error) {
			if opened {
				return nil, errors.New("can be read only once")
			}
			opened = true
			return f.OpenOnce(ctx, in)
		}}, nil
	}
	h, err := f.Pool.OpenFile(in.Path)
	if err != nil {
		return nil, err
	}
	src, err := f.fileSource(ctx, in.Path, h, h.Info, in.Path)
	if err != nil {
		h.Close()
		return nil, err
	}
	src.close = func() { h.Close() }
	return src, nil
}

// fileSource is of a regular file. Path is where to look whether another one has taken its name, if not "".
func (f *Files) fileSource(ctx context.Context, name string, file statReaderAt, info fs.FileInfo, path string) (*source, error) {
	size := info.Size()
	state := newFileState(file, info, path)
	src := &source{name: name, state: state}
	if size == 0 { // empty, or without a size as in /proc
		src.open = func() (io.ReadCloser, error) {
			return f.Decompress(ctx, io.NewSectionReader(file, 0, math.MaxInt64), io.NopCloser(nil))
		}
		return src, nil
	}
	text, err := decompress(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, err
	}
	text.Close()
	plain := &plainFile{ReaderAt: file, size: size}
	if Compressed(file) || bytes.HasPrefix(state.head, []byte("\xef\xbb\xbf")) {
		src.open = func() (io.ReadCloser, error) {
			return f.Decompress(ctx, io.NewSectionReader(plain, 0, size), io.NopCloser(nil))
		}
		return src, nil
	}
	src.plain = plain
	return src, nil
}

// Pass reads everything once: fn does, and returns what it found and an error of the inputs.
// What cannot be read of a file is told, and the first time what is no record.
func (r *Reading) Pass(fn func([]tracelog.Input) ([]tracelog.Source, error)) error {
	r.files.Tell.StartProgress(r.total)
	defer r.files.Tell.StopProgress()
	inputs := make([]tracelog.Input, len(r.sources))
	for i, src := range r.sources {
		inputs[i].Name = src.fileName()
		if src.plain != nil {
			src.plain.progress = r.files.Tell.Progress()
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
		if src.remote && src.err != nil { // there is no answer without all lines
			return src.err
		}
		r.settle(src)
		if r.told || found == nil {
			continue
		}
		in := &found[i]
		r.Records += in.Records
		if in.Bad > 0 && (src.err == nil || in.Bad > 1) { // the one may be where the file was cut off
			first := in.BadLines[0]
			r.files.Tell.Talk("%s: %d of %d lines are not records, the first one is line %d: %s", src.name, in.Bad, in.Lines, first.Line, first.Reason)
		}
	}
	r.told = true
	return nil
}

// EachFile calls fn with each file. Unlike Pass it does not report lines that are not records.
func (r *Reading) EachFile(fn func(f *File) error) error {
	r.told = true
	r.files.Tell.StartProgress(r.total)
	defer r.files.Tell.StopProgress()
	for _, src := range r.sources {
		if err := fn(&File{r, src}); err != nil {
			return err
		}
	}
	return nil
}

// A File is one of a reading.
type File struct {
	reading *Reading
	source  *source
}

// Name is what messages call the file.
func (f *File) Name() string { return f.source.name }

// Lines calls fn with each line that is not blank. It reports the error that it returns, unless that is the context's.
func (f *File) Lines(fn func(Line)) (tracelog.Source, error) {
	src, r := f.source, f.reading
	var text io.Reader = &lazyReader{src: src}
	if src.plain != nil {
		src.plain.progress = r.files.Tell.Progress()
		text = io.NewSectionReader(src.plain, 0, src.plain.size)
	}
	found, err := ReadLines(text, src.fileName(), r.files.Shape, fn)
	if r.ctx.Err() != nil {
		return found, r.ctx.Err()
	}
	src.err = cmp.Or(src.err, err)
	r.settle(src)
	return found, src.err
}

// Head returns the beginning of the text, at most n bytes of it. What it cannot read, Lines reports.
func (f *File) Head(n int64) []byte {
	src := f.source
	var text io.Reader = &lazyReader{src: src}
	if src.plain != nil {
		text = io.NewSectionReader(src.plain, 0, src.plain.size)
	}
	b, _ := io.ReadAll(io.LimitReader(text, n))
	return b
}

// Last returns the latest time in the last lines of the files, of those that can be read in parts.
func (r *Reading) Last() (last time.Time) {
	for _, src := range r.sources {
		if src.plain == nil {
			continue
		}
		from := max(0, src.plain.size-sniffed)
		tracelog.Scan(io.NewSectionReader(src.plain, from, src.plain.size-from), "", func(e tracelog.Entry) {
			if e.Time.After(last) {
				last = e.Time
			}
		})
	}
	return last
}

// settle reports, once, what went wrong while a source was read, and how the source changed.
func (r *Reading) settle(src *source) {
	if src.plain != nil {
		src.err = cmp.Or(src.err, src.plain.failed())
	}
	if src.state != nil && src.err == nil {
		src.err = src.state.changed()
	}
	if src.err != nil && !src.told {
		src.told = true
		r.files.Tell.Fail("%s: %v", src.name, Reason(src.err))
	}
}

// Nothing returns an error that says why there is no trace.
func (r *Reading) Nothing() error {
	switch {
	case r.files.Tell.Failed() && r.Records == 0:
		return tell.ErrTold
	case r.Records == 0 && r.sources[0].remote:
		return errors.New("no line matches in the time of the question")
	case r.Records == 0:
		return errors.New("no log records found")
	}
	return fmt.Errorf("%s, but none carries a trace id: see slogtrace check", tell.Plural(r.Records, "record"))
}

// A lazyReader opens its source at its first Read.
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

// Options returns the options with which the files are to be scanned. Filter may be nil.
func (r *Reading) Options(filter func(*tracelog.Record) bool) tracelog.ScanOptions {
	return tracelog.ScanOptions{Filter: filter, Shape: r.files.Shape}
}

// Outlines makes outlines of all traces. It counts the records for which match is true.
func (r *Reading) Outlines(match, filter func(*tracelog.Record) bool) (*tracelog.Outlines, error) {
	var o *tracelog.Outlines
	err := r.Pass(func(in []tracelog.Input) (found []tracelog.Source, err error) {
		o, err = tracelog.ScanOutlines(r.ctx, in, &tracelog.OutlineOptions{ScanOptions: r.Options(filter), Match: match})
		return o.Sources, err
	})
	return o, err
}

// Traces calls fn with each trace for whose outline keep is true.
func (r *Reading) Traces(o *tracelog.Outlines, opts tracelog.TracesOptions, keep func(*tracelog.Outline) bool, fn func(*tracelog.Trace)) error {
	opts.Shape = r.files.Shape
	return r.Pass(func(in []tracelog.Input) ([]tracelog.Source, error) {
		return nil, o.Traces(r.ctx, in, &opts, keep, fn)
	})
}

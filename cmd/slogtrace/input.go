package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/slogtrace/slogtrace/tracelog"
)

// sniffed is how much of a file is looked at to find out what it is.
const sniffed = 64 << 10

// An input is a file, or standard input, whose path is "-".
type input struct {
	path string
	size int64 // 0 if unknown
}

func (in input) stdin() bool { return in.path == "-" }

// inputs returns what the arguments stand for: files, globs, directories, standard input; that one if there are none.
// What it does not find it tells, and goes on with the rest.
func (s *session) inputs(args []string) ([]input, error) {
	if len(args) == 0 {
		if s.stdinTerm {
			return nil, usagef("no FILE given, and standard input is a terminal")
		}
		args = []string{"-"}
	}
	var ins []input
	seen := make(map[string]bool)
	add := func(path string, size int64) {
		if !seen[path] { // a file named twice would count twice
			seen[path] = true
			ins = append(ins, input{path, size})
		}
	}
	for _, arg := range args {
		if arg == "-" {
			add("-", 0)
			continue
		}
		paths := []string{arg}
		if _, err := os.Stat(arg); errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?[") {
			if paths, _ = filepath.Glob(arg); len(paths) == 0 {
				s.fail("%s: no file matches", arg)
				continue
			}
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			switch {
			case err != nil:
				s.fail("%s: %v", path, reason(err))
			case info.IsDir():
				s.directory(path, add)
			default:
				add(filepath.Clean(path), regularSize(info))
			}
		}
	}
	if len(ins) == 0 {
		return nil, errTold
	}
	return ins, nil
}

func regularSize(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// directory adds the files below dir that have log records at their beginning, in order of their names.
func (s *session) directory(dir string, add func(string, int64)) {
	files, found := 0, 0
	err := walk(dir, func(path string, err error) { s.fail("%s: %v", path, reason(err)) }, func(path string, info fs.FileInfo) {
		if info.Size() == 0 {
			return
		}
		files++
		if hasRecords(path) {
			found++
			add(path, info.Size())
		}
	})
	if err != nil {
		s.fail("%s: %v", dir, reason(err))
	} else if files == 0 {
		s.fail("%s: nothing to read in this directory", dir)
	} else if found == 0 {
		s.fail("%s: no log records in the %s of this directory", dir, plural(files, "file"))
	}
}

// walk calls fn with the files below dir, in order of their names. Hidden files and directories are left out.
func walk(dir string, fail func(path string, err error), fn func(path string, info fs.FileInfo)) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			fail(path, err)
			return nil
		case path != dir && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		// Through symbolic links, as in /var/log/containers.
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			fn(filepath.Clean(path), info)
		}
		return nil
	})
}

func hasRecords(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return true // so that opening it again tells why
	}
	defer f.Close()
	r, err := decompress(f)
	if err != nil {
		return false
	}
	defer r.Close()
	src, _ := tracelog.Scan(io.LimitReader(r, sniffed), "", func(tracelog.Entry) {})
	return src.Records > 0
}

// open returns the lines of an input, decompressed.
func (s *session) open(ctx context.Context, in input) (io.ReadCloser, error) {
	var file io.ReadCloser
	var err error
	if in.stdin() {
		file = io.NopCloser(newPatientReader(ctx, s.stdin))
	} else if file, err = os.Open(in.path); err != nil {
		return nil, err
	}
	r, err := decompress(cancelReader{ctx, progressReader{file, s.progress}})
	if err != nil {
		file.Close()
		return nil, err
	}
	return closers{r, file}, nil
}

// closers closes what was opened last first.
type closers struct {
	io.ReadCloser
	below io.Closer
}

func (c closers) Close() error { return errors.Join(c.ReadCloser.Close(), c.below.Close()) }

// A cancelReader fails when its context is done.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (r cancelReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
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

// foreign are compressed forms that are told, not read.
var foreign = []struct{ magic, name string }{
	{"\xfd7zXZ", "xz"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"}, {"\x04\x22\x4d\x18", "lz4"}, {"7z\xbc\xaf", "7-Zip"},
}

// decompress returns the text of r: what it is compressed with is told from its first bytes, not from a name.
// It refuses what is no text.
func decompress(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(r, sniffed)
	magic, _ := in.Peek(4) // an error comes again
	switch {
	case isGzip(magic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return text(z, z.Close)
	case isZstd(magic):
		// A file may ask for as much memory as it likes; zstd's own limit for that is 128 MiB.
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return text(z, func() error { z.Close(); return nil })
	}
	for _, f := range foreign {
		if bytes.HasPrefix(magic, []byte(f.magic)) {
			return nil, fmt.Errorf("compressed with %s, which is not read here: unpack it first", f.name)
		}
	}
	return text(in, func() error { return nil })
}

// text refuses what is binary. A crash, or a writer that does not append where its file was truncated, leaves
// NULs in logs, so those alone do not make it binary.
func text(r io.Reader, closer func() error) (io.ReadCloser, error) {
	in, ok := r.(*bufio.Reader)
	if !ok {
		in = bufio.NewReaderSize(r, sniffed)
	}
	in.Peek(1) // not more: standard input may be live
	head, _ := in.Peek(in.Buffered())
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		in.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		closer()
		return nil, errors.New("UTF-16 text, which is not read here: convert it to UTF-8 first")
	case bytes.IndexByte(head, 0) >= 0 && len(bytes.Trim(head, "\x00")) > 0:
		src, _ := tracelog.Scan(bytes.NewReader(head), "", func(tracelog.Entry) {})
		if src.Records == 0 {
			closer()
			return nil, errors.New("a binary file, not a log")
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{in, closerFunc(closer)}, nil
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// reason leaves out of an error the path, which is told anyway.
func reason(err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("damaged or cut off: %w", err)
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// totalSize is 0 if it is not known.
func totalSize(ins []input) int64 {
	var total int64
	for _, in := range ins {
		if in.size == 0 {
			return 0
		}
		total += in.size
	}
	return total
}

// plural writes "1 file", "2 files".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// compressed reports whether a file begins as one that open decompresses.
func compressed(f io.ReaderAt) bool {
	var magic [4]byte
	f.ReadAt(magic[:], 0)
	return isGzip(magic[:]) || isZstd(magic[:])
}

func isGzip(magic []byte) bool { return bytes.HasPrefix(magic, []byte("\x1f\x8b")) }

// isZstd knows the frames that decoders skip, too.
func isZstd(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")) ||
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18"
}

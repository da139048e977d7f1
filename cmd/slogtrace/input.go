package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// sniffed is how much of a file is looked at to find out what it is.
const sniffed = 64 << 10

// An input is a file, or standard input.
type input struct {
	path  string // "-" of standard input, unless it is called /dev/stdin
	stdin bool
	once  bool  // what can be read only once: standard input, a pipe, a device
	size  int64 // 0 if unknown
}

// inputs returns the files that the arguments name: files, globs, directories and standard input. Without arguments it
// is standard input. It reports what it does not find and goes on with the rest. A file with several names is there once.
func (s *session) inputs(args []string) ([]input, error) {
	if len(args) == 0 {
		if s.stdinTerm {
			return nil, usagef("no FILE given, and standard input is a terminal")
		}
		args = []string{"-"}
	}
	var ins []input
	var seen fileSet
	stdin := s.stdinInfo()
	isStdin := false // it is an input already
	addStdin := func(path string) {
		if !isStdin && (stdin == nil || seen.add(stdin)) {
			ins = append(ins, input{path: path, stdin: true, once: true})
		}
		isStdin = true
	}
	add := func(path string, info fs.FileInfo) {
		if path = filepath.Clean(path); path == "-" {
			path = "./-"
		}
		regular := info.Mode().IsRegular()
		switch {
		case !regular && stdin != nil && os.SameFile(info, stdin): // /dev/stdin
			addStdin(path)
		case seen.add(info): // a file read twice would count twice
			ins = append(ins, input{path: path, once: !regular, size: regularSize(info)})
		}
	}
	for _, arg := range args {
		if arg == "-" {
			addStdin("-")
			continue
		}
		paths := []string{arg}
		if _, err := os.Stat(arg); errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?[") {
			if paths, _ = filepath.Glob(arg); len(paths) == 0 {
				s.Fail("%s: no file matches", arg)
				continue
			}
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			switch {
			case err != nil:
				s.Fail("%s: %v", path, reason(err))
			case info.IsDir():
				s.directory(path, add)
			default:
				add(path, info)
			}
		}
	}
	if len(ins) == 0 {
		return nil, tell.ErrTold
	}
	return ins, nil
}

// stdinInfo returns the FileInfo of standard input; nil if that is not a file of the system.
func (s *session) stdinInfo() fs.FileInfo {
	f, ok := s.stdin.(*os.File)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	return info
}

// A fileSet is a set of files. A file with two names is one.
type fileSet map[uint64][]fs.FileInfo

func (set fileSet) has(info fs.FileInfo) bool {
	return slices.ContainsFunc(set[inode(info)], func(other fs.FileInfo) bool { return os.SameFile(other, info) })
}

// add reports whether the file was not there before.
func (set *fileSet) add(info fs.FileInfo) bool {
	if set.has(info) {
		return false
	}
	if *set == nil {
		*set = make(fileSet)
	}
	key := inode(info)
	(*set)[key] = append((*set)[key], info)
	return true
}

func regularSize(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// directory adds the files below dir that have log records at their beginning, in order of their names.
func (s *session) directory(dir string, add func(string, fs.FileInfo)) {
	files, found := 0, 0
	err := walk(dir, nil, func(path string, err error) { s.Fail("%s: %v", path, reason(err)) }, func(path string, info fs.FileInfo) {
		if info.Size() == 0 {
			return
		}
		files++
		if s.hasRecords(path) {
			found++
			add(path, info)
		}
	})
	if err != nil {
		s.Fail("%s: %v", dir, reason(err))
	} else if files == 0 {
		s.Fail("%s: nothing to read in this directory", dir)
	} else if found == 0 {
		s.Fail("%s: no log records in the %s of this directory", dir, tell.Plural(files, "file"))
	}
}

// walk calls fn with the files below dir that are not known, if that is not nil, in order of their names.
// Hidden files and directories are left out.
func walk(dir string, known map[string]bool, fail func(path string, err error), fn func(path string, info fs.FileInfo)) error {
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
		case d.IsDir(), known[path]:
			return nil
		}
		// Through symbolic links, as in /var/log/containers.
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			fn(filepath.Clean(path), info)
		}
		return nil
	})
}

func (s *session) hasRecords(path string) bool {
	f, err := s.files.os(path)
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

// open opens an input that can be read only once. What it returns is decompressed.
func (s *session) open(ctx context.Context, in input) (io.ReadCloser, error) {
	if in.stdin {
		return s.lines(ctx, newPatientReader(ctx, s.stdin), io.NopCloser(nil))
	}
	file, err := openOnce(ctx, &s.files, in.path)
	if err != nil {
		return nil, err
	}
	return s.lines(ctx, newPatientReader(ctx, file), file)
}

// lines decompresses r. Closing what it returns also closes file.
func (s *session) lines(ctx context.Context, r io.Reader, file io.Closer) (io.ReadCloser, error) {
	text, err := decompress(cancelReader{ctx, progressReader{r, s.Progress()}})
	if err != nil {
		file.Close()
		return nil, err
	}
	return closers{text, file}, nil
}

// closers closes what was opened last first.
type closers struct {
	io.ReadCloser
	below io.Closer
}

func (c closers) Close() error { return errors.Join(c.ReadCloser.Close(), c.below.Close()) }

// A progressReader counts what is read.
type progressReader struct {
	io.Reader
	p *tell.Progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.Add(n)
	return n, err
}

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

// foreign are compressed forms that are recognized but not read.
var foreign = []struct{ magic, name string }{
	{"\xfd7zXZ", "xz"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"}, {"\x04\x22\x4d\x18", "lz4"}, {"7z\xbc\xaf", "7-Zip"},
}

// decompress returns the text of r. It recognizes the form of compression by the first bytes, not by a name.
// It returns an error for a binary file.
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

// text returns an error for a binary file. NULs alone do not make a file binary: a crash leaves some in logs, and so does
// a writer that does not append when its file is truncated.
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

// reason removes the path from an error: the message has it anyway.
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

// totalSize returns 0 if a size is not known.
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

// compressed reports whether a file begins as one that open decompresses.
func compressed(f io.ReaderAt) bool {
	var magic [4]byte
	f.ReadAt(magic[:], 0)
	return isGzip(magic[:]) || isZstd(magic[:])
}

func isGzip(magic []byte) bool { return bytes.HasPrefix(magic, []byte("\x1f\x8b")) }

// isZstd also accepts the frames that decoders skip.
func isZstd(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")) ||
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18"
}

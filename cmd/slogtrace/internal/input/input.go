// Package input reads the files that the arguments of a command name: also globs, directories and standard input, and
// compressed files. It keeps what can be read only once, so that it can be read again. It reads more files than a process
// may have open. It reports files that change while they are read.
package input

import (
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

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// sniffed is how much of a file is looked at to find out what it is.
const sniffed = 64 << 10

// Files finds, opens and reads the files that the arguments of a command name.
type Files struct {
	Stdin         io.Reader
	StdinTerminal bool // then standard input is read only if an argument names it
	Tell          *tell.Teller
	Shape         *tracelog.Shape // of the lines; nil if they tell it themselves

	// Store, if not nil, makes Open read the lines of a store instead of files. Its arguments are those of Open.
	Store func(ctx context.Context, args []string, again bool) (*Reading, error)

	Spooled    int64                    // how many bytes of an input that can be read only once to keep in memory; 0: 64 MB
	CreateTemp func() (*os.File, error) // nil: in the directory for temporary files

	Pool  Pool
	temps temps
}

// ErrNoFile is a mistake in the command line.
var ErrNoFile = errors.New("no FILE given, and standard input is a terminal")

// An Input is a file, or standard input.
type Input struct {
	Path  string // "-" for standard input, unless the argument is /dev/stdin
	stdin bool
	Once  bool  // it can be read only once: standard input, a pipe, a device
	size  int64 // 0 if unknown
}

// Inputs returns the files that the arguments name: files, globs, directories and standard input. Without arguments it
// returns standard input. It reports what it does not find, and goes on. It returns a file with several names once.
func (f *Files) Inputs(args []string) ([]Input, error) {
	if len(args) == 0 {
		if f.StdinTerminal {
			return nil, ErrNoFile
		}
		args = []string{"-"}
	}
	var ins []Input
	var seen FileSet
	stdin := f.stdinInfo()
	isStdin := false // it is an input already
	addStdin := func(path string) {
		if !isStdin && (stdin == nil || seen.Add(stdin)) {
			ins = append(ins, Input{Path: path, stdin: true, Once: true})
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
		case seen.Add(info): // a file read twice would count twice
			ins = append(ins, Input{Path: path, Once: !regular, size: regularSize(info)})
		}
	}
	for _, arg := range args {
		if arg == "-" {
			addStdin("-")
			continue
		}
		paths := expand(arg)
		if len(paths) == 0 {
			f.Tell.Fail("%s: no file matches", arg)
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			switch {
			case err != nil:
				f.Tell.Fail("%s: %v", path, Reason(err))
			case info.IsDir():
				f.directory(path, add)
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

// expand returns the paths that an argument names: those that match if it is a glob and no file has its name.
func expand(arg string) []string {
	if _, err := os.Stat(arg); errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?[") {
		paths, _ := filepath.Glob(arg)
		return paths
	}
	return []string{arg}
}

// Reads reports whether the file at path is one of those that Inputs returns for the arguments. It reports no mistakes in them.
func (f *Files) Reads(args []string, path string, file fs.FileInfo) bool {
	if stdin := f.stdinInfo(); stdin != nil && (len(args) == 0 || slices.Contains(args, "-")) && os.SameFile(stdin, file) {
		return true
	}
	for _, arg := range args {
		for _, name := range expand(arg) {
			info, err := os.Stat(name)
			if err != nil {
				continue
			}
			found := os.SameFile(info, file)
			if info.IsDir() {
				_ = Walk(name, nil, func(string, error) {}, func(_ string, info fs.FileInfo) { found = found || os.SameFile(info, file) })
				found = found && f.HasRecords(path)
			}
			if found {
				return true
			}
		}
	}
	return false
}

// stdinInfo returns the FileInfo of standard input; nil if that is not a file of the system.
func (f *Files) stdinInfo() fs.FileInfo {
	file, ok := f.Stdin.(*os.File)
	if !ok {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	return info
}

func regularSize(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// directory adds the files below dir that begin with log records, in order of their names.
func (f *Files) directory(dir string, add func(string, fs.FileInfo)) {
	files, found := 0, 0
	err := Walk(dir, nil, func(path string, err error) { f.Tell.Fail("%s: %v", path, Reason(err)) }, func(path string, info fs.FileInfo) {
		if info.Size() == 0 {
			return
		}
		files++
		if f.HasRecords(path) {
			found++
			add(path, info)
		}
	})
	if err != nil {
		f.Tell.Fail("%s: %v", dir, Reason(err))
	} else if files == 0 {
		f.Tell.Fail("%s: nothing to read in this directory", dir)
	} else if found == 0 {
		f.Tell.Fail("%s: no log records in the %s of this directory", dir, tell.Plural(files, "file"))
	}
}

// Walk calls fn with the files below dir, in order of their names. It leaves out known files, and hidden files and directories.
func Walk(dir string, known map[string]bool, fail func(path string, err error), fn func(path string, info fs.FileInfo)) error {
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

// HasRecords reports whether there are log records at the beginning of a file.
func (f *Files) HasRecords(path string) bool {
	file, err := f.Pool.Open(path)
	if err != nil {
		return true // so that opening it again tells why
	}
	defer file.Close()
	r, err := decompress(file)
	if err != nil {
		return false
	}
	defer r.Close()
	known := false // a record has something that is known
	src, _ := tracelog.ScanLines(io.LimitReader(r, sniffed), "", &tracelog.LineOptions{Shape: f.Shape}, func(e tracelog.Entry) {
		known = known || e.Trace != "" || e.Message != "" || e.Level != "" || !e.Time.IsZero()
	})
	// Any JSON object is a record. One that is printed on many lines is more often a file of settings.
	return src.Records > 0 && (known || src.Joined == 0)
}

// OpenOnce opens an input that can be read only once. What it returns is decompressed.
func (f *Files) OpenOnce(ctx context.Context, in Input) (io.ReadCloser, error) {
	if in.stdin {
		return f.Decompress(ctx, newPatientReader(ctx, f.Stdin), io.NopCloser(nil))
	}
	file, err := openWaiting(ctx, &f.Pool, in.Path)
	if err != nil {
		return nil, err
	}
	return f.Decompress(ctx, newPatientReader(ctx, file), file)
}

// OpenLog opens a regular file that is a log.
func (f *Files) OpenLog(path string) (*Handle, error) {
	file, err := f.Pool.OpenFile(path)
	if err != nil {
		return nil, err
	}
	text, err := decompress(io.NewSectionReader(file, 0, file.Info.Size()))
	if err != nil {
		file.Close()
		return nil, err
	}
	text.Close()
	return file, nil
}

// Decompress decompresses r. Closing what it returns also closes file.
func (f *Files) Decompress(ctx context.Context, r io.Reader, file io.Closer) (io.ReadCloser, error) {
	text, err := decompress(&cancelReader{ctx, progressReader{r, f.Tell.Progress()}})
	if err != nil {
		file.Close()
		return nil, err
	}
	return closers{text, file}, nil
}

// Reason returns the reason of an error, without the path, which the message already has.
func Reason(err error) error {
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
func totalSize(ins []Input) int64 {
	var total int64
	for _, in := range ins {
		if in.size == 0 {
			return 0
		}
		total += in.size
	}
	return total
}

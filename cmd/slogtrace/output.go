package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// An output is where a command writes: standard output, or a file that gets its name when it is complete.
type output struct {
	*bufio.Writer
	file *os.File // nil: standard output
	path string
}

// create returns the output for -o. Without a path that is standard output. It refuses a file that
// the command reads, because an argument names it or its directory, or is a glob that matches it.
func (s *session) create(path string, inputs []string) (*output, error) {
	if path == "" || path == "-" || path == "/dev/stdout" {
		return &output{Writer: s.out}, nil
	}
	// A link stays, and the file that it names is replaced.
	target := path
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
	}
	mode := os.FileMode(0) // of the file that is replaced; else the umask decides
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() { // a pipe, /dev/null
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return nil, usagef("-o %s: %v", path, input.Reason(err))
			}
			return &output{Writer: bufio.NewWriter(file), file: file}, nil
		}
		if s.files.Reads(inputs, path, info) {
			return nil, usagef("-o %s is one of the files to read", path)
		}
		mode = info.Mode().Perm()
	}
	temporary := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"."+rand.Text())
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("-o %s: there is no directory %s", path, filepath.Dir(target))
	case err != nil:
		return nil, usagef("-o %s: %v", path, input.Reason(err))
	}
	if mode != 0 {
		if err := file.Chmod(mode); err != nil {
			file.Close()
			os.Remove(temporary)
			return nil, err
		}
	}
	name := file.Name()
	s.unfinished.Store(&name)
	return &output{bufio.NewWriter(file), file, target}, nil
}

// dropOutput removes the file of a command that is abandoned while it writes.
func (s *session) dropOutput() {
	if name := s.unfinished.Load(); name != nil {
		os.Remove(*name) // once it has its own name, there is none
	}
}

// done completes the output, unless err is an error of the command, which it returns. An incomplete file is removed.
func (o *output) done(err error) error {
	if o.file == nil {
		return err
	}
	if err == nil {
		err = o.Flush()
	}
	if closeErr := o.file.Close(); err == nil {
		err = closeErr
	}
	if o.path == "" {
		return err
	}
	if err == nil {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		os.Remove(o.file.Name())
	}
	return err
}

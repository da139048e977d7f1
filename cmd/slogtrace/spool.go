package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxSpooled is how many bytes of standard input are kept in memory. More go to a temporary file.
const maxSpooled = 64 << 20

// spool copies an input that can be read only once, so that it can be read again.
func (s *session) spool(ctx context.Context, in input) (*source, error) {
	r, err := s.open(ctx, in)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	src := &source{name: in.path}
	var text bytes.Buffer
	n, err := io.CopyN(&text, r, s.spooled)
	if err != nil {
		if err != io.EOF {
			src.err = err
		}
		src.plain = &plainFile{ReaderAt: bytes.NewReader(text.Bytes()), size: n}
		return src, nil
	}
	file, remove, err := s.tempFile()
	if err != nil {
		return nil, s.spoolError(err)
	}
	src.close = remove
	w := &errorWriter{w: file}
	size, err := io.Copy(w, io.MultiReader(&text, r))
	if w.err != nil {
		err = s.spoolError(w.err)
	}
	src.err = err
	src.plain = &plainFile{ReaderAt: file, size: size}
	return src, nil
}

// spoolError names the directory that has no room. It hides the type of err: callers would take a missing temporary file
// for a missing input.
func (s *session) spoolError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("more than %d MB of what can be read only once do not fit into %s, the directory for temporary files (TMPDIR): %v",
		s.spooled>>20, os.TempDir(), err)
}

// An errorWriter keeps its error, so that it can be told from a reader's.
type errorWriter struct {
	w   io.Writer
	err error
}

func (w *errorWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.err = err
	return n, err
}

func createTemp() (*os.File, error) { return os.CreateTemp("", "slogtrace") }

// tempFile creates a temporary file. It is removed by remove, or else when the command ends.
func (s *session) tempFile() (file *os.File, remove func(), err error) {
	err = s.files.withRoom(func() error {
		file, err = s.createTemp()
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	s.tempMu.Lock()
	defer s.tempMu.Unlock()
	if s.ended {
		file.Close()
		os.Remove(file.Name())
		return nil, nil, context.Canceled
	}
	s.temps = append(s.temps, file)
	return file, func() { s.removeTemps(false) }, nil
}

// removeTemps removes the temporary files. If ended is set, tempFile makes no more of them.
func (s *session) removeTemps(ended bool) {
	s.tempMu.Lock()
	defer s.tempMu.Unlock()
	for _, file := range s.temps {
		file.Close() // Windows removes no file that is open
		os.Remove(file.Name())
	}
	s.temps = nil
	s.ended = s.ended || ended
}

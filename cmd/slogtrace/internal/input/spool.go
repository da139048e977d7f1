package input

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// maxSpooled is how many bytes of standard input are kept in memory. More go to a temporary file.
func (f *Files) maxSpooled() int64 { return cmp.Or(f.Spooled, 64<<20) }

// spool copies an input that can be read only once, so that it can be read again.
func (f *Files) spool(ctx context.Context, in Input) (*source, error) {
	r, err := f.OpenOnce(ctx, in)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	src := &source{name: in.Path}
	var text bytes.Buffer
	n, err := io.CopyN(&text, r, f.maxSpooled())
	if err != nil {
		if err != io.EOF {
			src.err = err
		}
		src.plain = &plainFile{ReaderAt: bytes.NewReader(text.Bytes()), size: n}
		return src, nil
	}
	file, remove, err := f.temps.create(&f.Pool, f.CreateTemp)
	if err != nil {
		return nil, f.spoolError(err)
	}
	src.close = remove
	w := &errorWriter{w: file}
	size, err := io.Copy(w, io.MultiReader(&text, r))
	if w.err != nil {
		err = f.spoolError(w.err)
	}
	src.err = err
	src.plain = &plainFile{ReaderAt: file, size: size}
	return src, nil
}

// spoolError names the directory that has no room. It hides the type of err: callers would take a missing temporary file
// for a missing input.
func (f *Files) spoolError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("no room for more than %d MB of input in %s, the directory for temporary files (TMPDIR): %v",
		f.maxSpooled()>>20, os.TempDir(), err)
}

// An errorWriter keeps its error, to distinguish it from an error of the reader.
type errorWriter struct {
	w   io.Writer
	err error
}

func (w *errorWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.err = err
	return n, err
}

// temps are temporary files. The zero value has none. It is safe for concurrent use.
type temps struct {
	mu    sync.Mutex
	files []*os.File
	ended bool // no more of them may be made
}

// create creates a temporary file. If the function create is not nil, it uses that. Call remove, or [Files.Close], to remove
// the file.
func (t *temps) create(files *Pool, create func() (*os.File, error)) (file *os.File, remove func(), err error) {
	if create == nil {
		create = func() (*os.File, error) { return os.CreateTemp("", "slogtrace") }
	}
	err = files.withRoom(func() error {
		file, err = create()
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		file.Close()
		os.Remove(file.Name())
		return nil, nil, context.Canceled
	}
	t.files = append(t.files, file)
	return file, func() { t.remove(false) }, nil
}

// remove removes the files. If ended is set, create makes no more of them.
func (t *temps) remove(ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, file := range t.files {
		file.Close() // Windows removes no file that is open
		os.Remove(file.Name())
	}
	t.files = nil
	t.ended = t.ended || ended
}

// Close removes the temporary files. No more of them can be made. Close may be called at any time, and more than once.
func (f *Files) Close() { f.temps.remove(true) }

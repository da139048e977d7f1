package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// A statReaderAt is an open file.
type statReaderAt interface {
	io.ReaderAt
	Stat() (fs.FileInfo, error)
}

// A fileState is the state of a file when reading began. Only what the file had then is read, so that several passes and
// several readers see the same, even if the file is written to meanwhile.
type fileState struct {
	file statReaderAt
	info fs.FileInfo
	path string // where another file may take its place; "" if it has no name
	head []byte // its beginning
	tail []byte // its end
}

// printLength is how many bytes of a file's beginning and end are compared to see whether the file was written anew.
const printLength = 256

func newFileState(f statReaderAt, info fs.FileInfo, path string) *fileState {
	s := &fileState{file: f, info: info, path: path}
	s.head, s.tail = s.print()
	return s
}

// print reads the beginning, and the end of what there was.
func (s *fileState) print() (head, tail []byte) {
	size := s.info.Size()
	head, tail = make([]byte, min(size, printLength)), make([]byte, min(size, printLength))
	n, _ := s.file.ReadAt(head, 0)
	m, _ := s.file.ReadAt(tail, size-int64(len(tail)))
	return head[:n], tail[:m]
}

// changed returns an error that says how the file has changed, or nil.
func (s *fileState) changed() error {
	now, err := s.file.Stat()
	if err != nil {
		return err
	}
	was := s.info.Size()
	if now.Size() < was {
		return shrunkError{was}
	}
	if was == 0 {
		if now.Size() > 0 {
			return grownError{now.Size()}
		}
		return nil
	}
	if now.Size() > was || !now.ModTime().Equal(s.info.ModTime()) {
		head, tail := s.print()
		switch {
		case !bytes.Equal(head, s.head), !bytes.Equal(tail, s.tail):
			return errors.New("overwritten while it was read: the output may mix both versions")
		case now.Size() > was:
			return grownError{now.Size() - was}
		default:
			return errors.New("written to while it was read")
		}
	}
	if s.path != "" {
		if other, err := os.Stat(s.path); err == nil && !os.SameFile(other, s.info) {
			return errors.New("replaced by another file while it was read: the output is from the old one")
		}
	}
	return nil
}

// A shrunkError means that a file has become shorter than size.
type shrunkError struct{ size int64 }

func (e shrunkError) Error() string {
	return fmt.Sprintf("truncated while it was read, from %d bytes: the output is incomplete", e.size)
}

// A grownError means that a file has become longer, by more bytes.
type grownError struct{ more int64 }

func (e grownError) Error() string {
	return fmt.Sprintf("grew while it was read: the output lacks the last %s", tell.Plural(int(e.more), "byte"))
}

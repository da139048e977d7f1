package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
)

// printed is how many bytes of a file are compared to see whether it is still the same, or whose copy it is.
const printed = 256

// A tracked is a file that a follower reads, and how far it is.
type tracked struct {
	file   *handle
	path   string // its name when it was found
	info   fs.FileInfo
	offset int64
	head   []byte // the beginning of what is before offset, and the end
	tail   []byte

	goesOn bool // what is read of it continues what was read before it
	idle   int  // of one that was left: how often it was looked at since
}

// newTracked begins to read at an offset.
func newTracked(path string, file *handle, offset int64) *tracked {
	d := &tracked{file: file, path: path, info: file.info}
	d.seek(offset)
	return d
}

func (d *tracked) seek(offset int64) {
	n := min(offset, printed)
	d.head, d.tail = make([]byte, n), make([]byte, n)
	h, _ := d.file.ReadAt(d.head, 0)
	t, _ := d.file.ReadAt(d.tail, offset-n)
	if d.offset = offset; h < int(n) || t < int(n) { // it is shorter by now
		d.offset, d.head, d.tail = 0, nil, nil
	}
}

// is reports whether info is of this file.
func (d *tracked) is(info fs.FileInfo) bool { return os.SameFile(d.info, info) }

// read reads what comes next. At the end that is nothing.
func (d *tracked) read(b []byte) (int, error) {
	n, err := d.file.ReadAt(b, d.offset)
	if err == io.EOF {
		err = nil
	}
	if n > 0 {
		if more := printed - len(d.head); more > 0 && d.offset == int64(len(d.head)) {
			d.head = append(d.head, b[:min(n, more)]...)
		}
		d.offset += int64(n)
		d.tail = append(d.tail, b[:n]...)
		d.tail = append(d.tail[:0], d.tail[max(0, len(d.tail)-printed):]...)
		return n, nil
	}
	return 0, err
}

// changed reports whether what was read is no longer there: the file is shorter now, or it was truncated
// and has grown again to at least the same length.
func (d *tracked) changed() bool {
	info, err := d.file.Stat()
	if err != nil || d.offset == 0 {
		return false
	}
	return info.Size() < d.offset || !hasAt(d.file, d.tail, d.offset) && d.readable()
}

// readable reports whether the file can be read up to the offset: else nothing is known of it.
func (d *tracked) readable() bool {
	n, _ := d.file.ReadAt(make([]byte, 1), d.offset-1)
	return n == 1
}

// isCopy reports whether another file begins as this one did.
func (d *tracked) isCopy(other io.ReaderAt) bool {
	return len(d.head) > 0 && hasAt(other, d.head, int64(len(d.head)))
}

// breakLines makes of NULs, which are where a file was truncated that is not appended to, the end of a line, if one has
// begun, as torn says. It returns what is left of b, which it changes.
func breakLines(b []byte, torn bool) []byte {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return b
	}
	kept := b[:i]
	for _, c := range b[i:] {
		if c != 0 {
			kept = append(kept, c)
		} else if len(kept) > 0 && kept[len(kept)-1] != '\n' || len(kept) == 0 && torn {
			kept = append(kept, '\n')
		}
	}
	return kept
}

// A lineBreaker is breakLines for a reader.
type lineBreaker struct {
	r    io.Reader
	torn bool
}

func (l *lineBreaker) Read(b []byte) (int, error) {
	for {
		n, err := l.r.Read(b)
		kept := breakLines(b[:n], l.torn)
		if len(kept) > 0 {
			l.torn = kept[len(kept)-1] != '\n'
		}
		if len(kept) > 0 || err != nil || len(b) == 0 {
			return len(kept), err
		}
	}
}

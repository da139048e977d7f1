package follow

import (
	"bytes"
	"io"
	"io/fs"
	"os"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/internal/limits"
)

// printed is how many bytes are compared to see whether a file is still the same, or a copy of another.
const printed = 256

// A tracked is a file that a follower reads, and how far it has read it.
type tracked struct {
	file   *input.Handle
	path   string // its name when it was found
	info   fs.FileInfo
	offset int64
	head   []byte // the first bytes before offset
	tail   []byte // the last bytes before offset

	goesOn bool // its text continues that of the file before it
	idle   int  // how many looks at it, after its end was read, found nothing
}

// newTracked returns a file that is read from an offset on.
func newTracked(path string, file *input.Handle, offset int64) *tracked {
	d := &tracked{file: file, path: path, info: file.Info}
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

// read reads what comes next. At the end it returns 0 and no error.
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

// wholeLines returns where the last whole line ends that b can hold, or else the first line. It is the offset if no line
// has an end yet, unless what is there is too long for a line. It uses b.
func (d *tracked) wholeLines(b []byte) int64 {
	for at := d.offset; at-d.offset <= limits.MaxLine; {
		n, _ := d.file.ReadAt(b, at)
		if end := bytes.LastIndexByte(b[:n], '\n') + 1; end > 0 {
			return at + int64(end)
		}
		if at += int64(n); n < len(b) {
			return d.offset
		}
	}
	return d.offset + limits.MaxLine + 1
}

// changed reports whether the file was truncated: it is shorter than the offset, or it has grown again and its text
// before the offset is another.
func (d *tracked) changed() bool {
	info, err := d.file.Stat()
	if err != nil || d.offset == 0 {
		return false
	}
	return info.Size() < d.offset || !hasAt(d.file, d.tail, d.offset) && d.readable()
}

// readable reports whether the file can be read up to the offset. If not, its text cannot be compared.
func (d *tracked) readable() bool {
	n, _ := d.file.ReadAt(make([]byte, 1), d.offset-1)
	return n == 1
}

// isCopy reports whether another file begins as this one did.
func (d *tracked) isCopy(other io.ReaderAt) bool {
	return len(d.head) > 0 && hasAt(other, d.head, int64(len(d.head)))
}

// hasAt reports whether a file has that text before an offset.
func hasAt(file io.ReaderAt, text []byte, offset int64) bool {
	now := make([]byte, len(text))
	n, _ := file.ReadAt(now, offset-int64(len(now)))
	return n == len(now) && bytes.Equal(now, text)
}

// breakLines removes NULs from b, in place. A file has NULs if it was truncated and its writer does not append.
// A NUL ends a line that has begun. Torn means that a line has begun before b.
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

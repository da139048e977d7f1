package input

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"regexp"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A Line is one line of a log. It need not be a record.
type Line struct {
	tracelog.Entry
	Unreadable bool
	Text       []byte // of an unreadable line; only its beginning if it is long
}

// keptText is how many bytes of a line that is not a record are kept.
const keptText = 4096

// ReadLines calls fn for each line of r that is not blank, in order, as soon as it has been read.
// Unlike Scan it also passes lines that are not records.
func ReadLines(r io.Reader, file string, fn func(Line)) (tracelog.Source, error) {
	f := &feeder{in: bufio.NewReaderSize(r, 64<<10), file: file, fn: fn}
	src, err := tracelog.Scan(f, file, func(e tracelog.Entry) {
		f.taken = true
		fn(Line{Entry: e})
	})
	f.settle()
	return src, err
}

// A feeder gives Scan one line at a time. When Scan asks for the next line, it has finished the line before. If that did not
// become a record, it is not one.
type feeder struct {
	in   *bufio.Reader
	file string
	fn   func(Line)

	number int    // of the line that was given last
	text   []byte // its beginning
	size   int
	taken  bool // it became a record
	begun  bool // its end was not given yet
}

func (f *feeder) Read(b []byte) (int, error) {
	if !f.begun {
		f.settle()
	}
	if f.in.Buffered() == 0 {
		if _, err := f.in.Peek(1); err != nil {
			return 0, err
		}
	}
	part, _ := f.in.Peek(min(f.in.Buffered(), len(b)))
	end := bytes.IndexByte(part, '\n')
	if end >= 0 {
		part = part[:end+1]
	}
	if !f.begun {
		f.number++
	}
	f.begun = end < 0
	f.text = append(f.text, part[:min(len(part), keptText-len(f.text))]...)
	f.size += len(part)
	n := copy(b, part)
	f.in.Discard(n)
	return n, nil
}

// partial matches a line that a container runtime cut. Together with the next line it becomes a record.
var partial = regexp.MustCompile(`^\S+ (stdout|stderr) P `)

// settle passes on the line if it did not become a record.
func (f *feeder) settle() {
	text, whole := bytes.TrimRight(f.text, "\r\n"), f.size <= keptText
	if !f.taken && len(bytes.TrimSpace(text)) > 0 && !partial.Match(text) && !(whole && text[0] == '{' && json.Valid(text)) {
		l := Line{Unreadable: true, Text: bytes.Clone(text)}
		l.File, l.Line = f.file, f.number
		f.fn(l)
	}
	f.text, f.size, f.taken, f.begun = f.text[:0], 0, false, false
}

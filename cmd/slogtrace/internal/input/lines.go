package input

import (
	"bytes"
	"io"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A Line is one line of a log. It need not be a record.
type Line struct {
	tracelog.Entry
	Unreadable bool
	Text       []byte // of an unreadable line; only its beginning if it is long
}

// ReadLines calls fn for each line of r that is not blank, in order, as soon as it has been read.
// Unlike Scan it also passes lines that are not records. Shape may be nil.
func ReadLines(r io.Reader, file string, shape *tracelog.Shape, fn func(Line)) (tracelog.Source, error) {
	o := &tracelog.LineOptions{Shape: shape, Bad: func(number int, text []byte) {
		l := Line{Unreadable: true, Text: bytes.Clone(bytes.TrimRight(text, "\r\n"))}
		l.File, l.Line = file, number
		fn(l)
	}}
	return tracelog.ScanLines(r, file, o, func(e tracelog.Entry) { fn(Line{Entry: e}) })
}

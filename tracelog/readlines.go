package tracelog

import "io"

// LineOptions are the options of [ScanLines]. Nil means the zero value.
type LineOptions struct {
	// Shape, if not nil, is that of the lines.
	Shape *Shape

	// Bad, if not nil, is called with each line that is not a record, in order, with its number. The text is the
	// beginning of the line, at most 4096 bytes of it. It is valid until Bad returns.
	Bad func(line int, text []byte)
}

// maxText is how many bytes of a bad line are passed on.
const maxText = 4096

// ScanLines is [Scan] with options. It passes lines on as soon as they have been read: those of a document of many
// lines with its last one.
func ScanLines(r io.Reader, file string, o *LineOptions, fn func(Entry)) (Source, error) {
	s := scanner{tally: tally{Source: Source{File: file}}, fn: fn, parser: lineParser{in: make(interner)}}
	if o != nil {
		s.parser.shape, s.unreadable = o.Shape, o.Bad
	}
	err := s.scan(r, nil)
	s.finish()
	return s.Source, err
}

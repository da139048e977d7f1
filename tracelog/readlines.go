package tracelog

import "io"

// Scan reads lines from r until its end and calls fn for each line that is a record, in order. File is the name of
// the input in the entries and the Source. Scan does not open it. The forms of records are described in the package's
// comment, under "Input formats".
//
// A line that is not a record never stops Scan. The Source counts such lines and describes the first ones. A JSON
// object is always a record: lines of other programs have no Trace, and whatever else could be read. A line of text
// is a record only if it has one of the known forms. A line of more than 16 MiB is not a record.
//
// The error is the reader's, except io.EOF. The Source then covers what was read before it, and the line that was
// being read counts as the last one.
func Scan(r io.Reader, file string, fn func(Entry)) (Source, error) {
	return ScanLines(r, file, nil, fn)
}

// LineOptions are the options of [ScanLines]. Nil means the zero value.
type LineOptions struct {
	// Shape, if not nil, is that of the lines.
	Shape *Shape

	// Bad, if not nil, is called with each line that is not a record, in order, with its number. The text is the
	// beginning of the line, at most 4096 bytes of it. It is valid until Bad returns.
	Bad func(line int, text []byte)
}

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

package tracelog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A csvRow is a row of CSV while its lines are read, as RFC 4180 has it: a cell may be in quotes, with a quote as two, and then it may have
// separators and newlines. A quote inside of a cell that does not begin with one is text.
type csvRow struct {
	text  []byte // of the cells, one after the other
	ends  []int  // where each of them ends in text
	head  []byte // the beginning of the first line
	first int    // its number
	lines int
	size  int  // of the lines
	open  bool // the last cell goes on, on the next line
	long  bool // it is too long: its text is not kept
	slash bool // before a quote in one of the cells is a backslash
}

// mostHead is how many bytes of a row are kept as they were, for those who want to see bad lines.
const mostHead = 4096

// begin begins a row on a line with its number.
func (r *csvRow) begin(number int, line []byte) {
	if cap(r.text) > mostKept {
		r.text = nil
	}
	*r = csvRow{text: r.text[:0], ends: r.ends[:0], head: append(r.head[:0], line[:min(len(line), mostHead)]...), first: number}
}

// line reads the row's next line. It returns false if that is not CSV. The row is complete unless it is open then.
func (r *csvRow) line(line []byte, separator byte) bool {
	r.lines++
	r.size += len(line) + 1
	for i := 0; ; i++ {
		if r.open || i < len(line) && line[i] == '"' {
			if !r.open {
				i++
			}
			if i = r.quoted(line, i); r.open {
				r.text = append(r.text, '\n')
				return true
			}
			if i < len(line) && line[i] != separator {
				return false
			}
		} else {
			n := bytes.IndexByte(line[i:], separator)
			if n < 0 {
				n = len(line) - i
			}
			r.text = append(r.text, line[i:i+n]...)
			i += n
		}
		if r.ends = append(r.ends, len(r.text)); i == len(line) {
			return true
		}
	}
}

// quoted reads a cell in quotes whose text goes on at i. It returns the index behind it.
func (r *csvRow) quoted(line []byte, i int) (end int) {
	out, slash, start := r.text, r.slash, i
	for {
		if i+wordSize <= len(line) {
			x := load8(line, i)
			out = binary.LittleEndian.AppendUint64(out, x)
			n := bits.TrailingZeros64(^differ(x, '"')&highs) >> 3
			if i += n; n == wordSize {
				continue
			}
			out = out[:len(out)-wordSize+n]
		} else {
			for ; i < len(line) && line[i] != '"'; i++ {
				out = append(out, line[i])
			}
			if r.open = i == len(line); r.open {
				break
			}
		}
		slash = slash || i > start && line[i-1] == '\\'
		if i++; i == len(line) || line[i] != '"' {
			r.open = false
			break
		}
		out = append(out, '"')
		i++
		start = i
	}
	r.text, r.slash = out, slash
	return i
}

// cell returns the text of a cell.
func (r *csvRow) cell(i int) []byte {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.text[from:r.ends[i]:r.ends[i]]
}

// isBlank reports whether all cells are empty.
func (r *csvRow) isBlank() bool { return len(r.text) == 0 }

// is reports whether the cells are these texts.
func (r *csvRow) is(texts [][]byte) bool {
	if len(r.ends) != len(texts) {
		return false
	}
	for i := range texts {
		if !bytes.Equal(r.cell(i), texts[i]) {
			return false
		}
	}
	return true
}

// tabbed reads a line of cells that have tabs between them, as ClickHouse and PostgreSQL write them: no cell is in quotes, and a tab, a
// newline and a backslash are escaped with a backslash. It returns false unless there are as many cells as columns. Others put cells in
// quotes: a cell that is a whole one of these is read so.
func (r *csvRow) tabbed(line []byte, columns int) bool {
	if bytes.Count(line, []byte("\t"))+1 != columns {
		return false
	}
	r.lines++
	r.size += len(line) + 1
	for cell := range bytes.SplitSeq(line, []byte("\t")) {
		if len(cell) > 1 && cell[0] == '"' {
			from := len(r.text)
			if end := r.quoted(cell, 1); end == len(cell) && !r.open {
				r.ends = append(r.ends, len(r.text))
				continue
			}
			r.text, r.open = r.text[:from], false
		}
		r.text = appendWithoutSlashes(r.text, cell)
		r.ends = append(r.ends, len(r.text))
	}
	return true
}

// appendWithoutSlashes appends a cell without its backslashes. The one of null stays: \N.
func appendWithoutSlashes(b, cell []byte) []byte {
	for {
		i := bytes.IndexByte(cell, '\\')
		if i < 0 || i+1 == len(cell) || string(cell) == `\N` {
			return append(b, cell...)
		}
		b = append(b, cell[:i]...)
		switch c := cell[i+1]; c {
		case 't':
			b = append(b, '\t')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'v':
			b = append(b, '\v')
		case '0':
			b = append(b, 0)
		case '\\', '\'':
			b = append(b, c)
		default:
			b = append(b, '\\', c)
		}
		cell = cell[i+2:]
	}
}

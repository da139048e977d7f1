package follow

import (
	"bytes"
	"io"
	"iter"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/tracelog"
)

// isDocument reports whether a file begins with JSON that is printed on many lines, or with the names of columns. Its last lines
// cannot be read alone. There may be other lines before it if its own lines have a prefix.
func isDocument(f io.ReaderAt) bool {
	buf := make([]byte, 64<<10)
	n, _ := f.ReadAt(buf, 0)
	if isTable(buf[:n]) {
		return true
	}
	first := true
	left := mostBefore
	for line := range bytes.Lines(buf[:n]) {
		switch line = bytes.TrimSpace(line); {
		case len(line) == 0, string(line) == "[":
			continue
		case len(line) == n: // one line, without an end so far
			return n == len(buf) && line[0] == '['
		case bytes.HasSuffix(line, []byte(" {")), bytes.Contains(line, []byte(`:"{\n"`)), bytes.Contains(line, []byte(`:"{"`)):
			return true
		case first && bytes.HasPrefix(line, []byte(`["`)) && bytes.HasSuffix(line, []byte(`"]`)):
			return true // the names of columns, without which rows cannot be read
		case first && (line[len(line)-1] == '{' || line[len(line)-1] == '[' || line[0] == '{' && bytes.HasSuffix(line, []byte(","))):
			return true
		}
		first = false
		if left--; left == 0 {
			return false
		}
	}
	return false
}

// isTable reports whether lines are rows of CSV: they are records that have a text of their own.
func isTable(lines []byte) bool {
	first, _, _ := bytes.Cut(bytes.TrimSpace(lines), []byte("\n"))
	if len(first) == 0 || first[0] == '{' || first[0] == '[' || !bytes.ContainsAny(first, ",\t") {
		return false
	}
	var text []byte
	_, _ = tracelog.Scan(bytes.NewReader(lines), "", func(e tracelog.Entry) { // reading from memory cannot fail
		if text == nil {
			text = e.Raw
		}
	})
	return text != nil && !bytes.Contains(lines, text)
}

// mostBefore is how many lines that are not blank may be before such JSON, about as in package tracelog.
const mostBefore = 200

// lastOf yields the last n lines of a sequence; all of them if n is less than 0.
func lastOf(n int, lines iter.Seq[input.Line]) iter.Seq[input.Line] {
	if n < 0 {
		return lines
	}
	return func(yield func(input.Line) bool) {
		var last []input.Line
		for l := range lines {
			if last = append(last, l); len(last) > 2*n+64 {
				last = append(last[:0], last[len(last)-n:]...)
			}
		}
		for _, l := range last[max(0, len(last)-n):] {
			if !yield(l) {
				return
			}
		}
	}
}

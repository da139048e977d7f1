package tracelog

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	minReach = 1 << 9
	maxReach = 64 << 10
)

// An ahead is a copy of lines that follow, with their marks.
type ahead struct {
	buf   []byte
	marks marks
	reach int // how many bytes are copied at once: few, if lines had to be read one by one
}

// marked returns a copy of b with a newline and padding, and its marks.
func (a *ahead) marked(b []byte) ([]byte, marks) {
	a.buf = append(append(append(a.buf[:0], b...), '\n'), make([]byte, padding)...)
	a.marks.mark(a.buf, 0, len(b)+1) // a string ends there at the latest
	return a.buf, a.marks
}

// isWhole reports whether there is a whole value in b, if it is long. That is faster than with a docLexer.
func (a *ahead) isWhole(b []byte) bool {
	if len(b) < maxReach {
		return false
	}
	buf, m := a.marked(b)
	if a.buf = nil; len(b) <= mostKept {
		a.buf = buf
	}
	return m.scanValue(buf, 0) >= 0
}

// takeLine takes a line of the document that takeLines had no more of than its beginning. It does not try if there is another kind of
// line among the elements already: then nothing depends on who takes the line.
func (a *ahead) takeLine(d *document, line []byte) bool {
	if open := d.lexer.arrays; len(open) == 0 || d.loose > d.start+open[0].head {
		return false
	}
	buf, m := a.marked(line)
	return d.takeLines(m, buf, len(line)+1) > 0
}

// takeLines takes the lines of b[:n], up to the first that does not have one of the usual forms of printed JSON: a member, or a
// bracket, each with a comma or without. It returns where that line begins. Each line ends with a newline.
func (d *document) takeLines(m marks, b []byte, n int) (taken int) {
	l := &d.lexer
	out := slices.Grow(roomOfPart(d.text), n+2*wordSize)
	j := len(out)
	out = out[:cap(out)]
	for taken < n {
		if l.want == wantKey {
			if j, taken = m.copyTexts(out, j, b, taken, n); taken == n {
				break
			}
		}
		i := taken
		if x := notSpaces(load8(b, i)); x != 0 {
			i += bits.TrailingZeros64(x) >> 3
		} else {
			i = endOfBlanks(b, i)
		}
		from, bracket, isElement := i, byte(0), false
		switch c := b[i]; {
		case c == '{' || c == '[' || c == '}' || c == ']':
			bracket = c
			i++
		case c != '"':
			i = -1
		case l.want == wantKey || l.want == wantKeyOrEnd:
			i, bracket = m.printedMember(b, i)
		case l.want == wantValue || l.want == wantValueOrEnd:
			if isElement = l.stack[len(l.stack)-1] == '['; isElement {
				i, _ = m.scanString(b, i+1)
				i++
			}
		default:
			i = -1
		}
		if i <= from {
			break
		}
		end := i
		if b[end] == ',' && bracket != '{' && bracket != '[' {
			end++
		}
		if b[end] != '\n' {
			break
		}
		if bracket == 0 {
			if l.want, l.word = wantCommaOrEnd, b[i-1] != '"'; isElement {
				l.note('"', j+i-from-d.start)
			}
		} else if !l.bracket(bracket, from < i-1, j+i-from-d.start) {
			break
		}
		if end > i {
			l.comma()
		}
		copy(out[j:], b[from:end])
		j += end - from
		taken = end + 1
	}
	if d.text = out[:j]; d.parts == 0 {
		d.raw = append(roomOfPart(d.raw), b[:taken]...)
	}
	d.size += taken
	l.at = j - d.start
	return taken
}

// copyTexts copies lines of an object, from the one at i on, to out[j:], as long as they have the most usual form: a text behind a key,
// and a comma. It returns what j and i are then. Lines end at n.
func (m marks) copyTexts(out []byte, j int, b []byte, i, n int) (to, from int) {
	for i < n {
		start := i
		x := notSpaces(load8(b, start))
		for x == 0 {
			start += wordSize
			x = notSpaces(load8(b, start))
		}
		if start += bits.TrailingZeros64(x) >> 3; b[start] != '"' {
			return j, i
		}
		w := m.from(start + 1)
		key := start + 1 + bits.TrailingZeros64(w) // where it ends
		text := key + len(`": "`)
		switch load4(b, key) {
		case '"' | ':'<<8 | ' '<<16 | '"'<<24:
		case '"' | ' '<<8 | ':'<<16 | ' '<<24: // as Elasticsearch prints it
			text++
		default:
			return j, i
		}
		if w == 0 || b[text-1] != '"' {
			return j, i
		}
		w &= w - 1
		w &= w - 1 // of the text's first quote, if it is in w
		end := start + 1 + bits.TrailingZeros64(w)
		if w == 0 {
			end = m.next(text)
		}
		if load4(b, end)<<8 != '"'<<8|','<<16|'\n'<<24 {
			return j, i
		}
		for k := start; k < end+2; k += 2 * wordSize { // it may copy some bytes more
			at := j + k - start
			src, dst := (*[2 * wordSize]byte)(b[k:k+2*wordSize:k+2*wordSize]), (*[2 * wordSize]byte)(out[at:at+2*wordSize:at+2*wordSize])
			binary.LittleEndian.PutUint64(dst[:], binary.LittleEndian.Uint64(src[:]))
			binary.LittleEndian.PutUint64(dst[wordSize:], binary.LittleEndian.Uint64(src[wordSize:]))
		}
		i, j = end+3, j+end+2-start
	}
	return j, i
}

// printedMember returns where the member of an object that begins at i ends, and the bracket that is its value, if it is one. It returns
// -1 if the member does not have the usual form.
func (m marks) printedMember(b []byte, i int) (end int, bracket byte) {
	if i, _ = m.scanString(b, i+1); i < 0 {
		return -1, 0
	}
	if i++; b[i] == ' ' { // as Elasticsearch prints it
		i++
	}
	if b[i] != ':' {
		return -1, 0
	}
	if i++; b[i] == ' ' {
		i++
	}
	switch c := b[i]; c {
	case '"':
		if i, _ = m.scanString(b, i+1); i < 0 {
			return -1, 0
		}
		return i + 1, 0
	case '{', '[':
		return i + 1, c
	}
	return m.scanValue(b, i), 0 // a number or a word
}

// comma reads a comma behind a value, where one may be.
func (d *docLexer) comma() {
	if d.want, d.word = wantValue, false; d.stack[len(d.stack)-1] == '{' {
		d.want = wantKey
	}
}

// bracket reads a bracket, behind which the place is at, unless it is not the one that may be there, or the last one. IsValue means that
// it follows a key.
func (d *docLexer) bracket(c byte, isValue bool, at int) bool {
	switch c {
	case '{', '[':
		if !isValue && d.want != wantValue && d.want != wantValueOrEnd || len(d.stack) == maxDepth {
			return false
		}
		d.want = wantValue
	default:
		n := len(d.stack)
		if n < 2 || d.stack[n-1]+2 != c || d.want != wantCommaOrEnd && (d.want != wantKeyOrEnd || c != '}') && (d.want != wantValueOrEnd || c != ']') {
			return false
		}
	}
	d.next(c)
	d.note(c, at)
	return true
}

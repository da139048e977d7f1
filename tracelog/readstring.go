package tracelog

import "bytes"

// quotedLine returns the text of a line that is a JSON string, as jq writes one without -r, also in an array with a
// string on each line. The text must be longer than a word.
func quotedLine(line []byte) (text []byte, ok bool) {
	line = bytes.TrimRight(line, " \t\r,]")
	if len(line) < len(`"{\"a\":1}"`) || line[len(line)-1] != '"' {
		return nil, false
	}
	if l := (lexer{b: line}); !l.str() || l.i < len(line) {
		return nil, false
	}
	text = bytes.TrimRight(plain(line[1:len(line)-1]), "\r\n")
	return text, len(bytes.TrimSpace(text)) > 0
}

// linesOf returns the lines of a text of several lines that begins with an object, if each of them that is not blank is
// an object.
func linesOf(text []byte) (lines [][]byte) {
	if bytes.IndexByte(text, '\n') < 0 {
		return nil
	}
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if l := (lexer{b: line}); line[0] != '{' || !l.value() || l.i < len(line) {
			return nil
		}
		lines = append(lines, line)
	}
	return lines
}

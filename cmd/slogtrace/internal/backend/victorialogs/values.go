package victorialogs

import (
	"bytes"
	"encoding/json"
	"slices"
)

// typed reports whether a value is the text of a number, of true or false, or of a list, and returns that as JSON.
func (c *converter) typed(value []byte) ([]byte, bool) {
	switch b := value[0]; {
	case string(value) == "true", string(value) == "false":
		return value, true
	case b == '-' || '0' <= b && b <= '9':
		return value, isNumber(value)
	case b == '[':
		if !c.unquote(value) || !json.Valid(c.text) {
			return nil, false
		}
		c.oneLine()
		return c.text, true
	}
	return nil, false
}

// oneLine puts valid JSON in c.text on one line.
func (c *converter) oneLine() {
	if bytes.IndexByte(c.text, '\n') < 0 {
		return
	}
	var b bytes.Buffer
	json.Compact(&b, c.text)
	c.text = append(c.text[:0], b.Bytes()...)
}

// isNumber reports whether b is a number of JSON.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && '0' <= b[n] && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && '0' <= b[1] && b[1] <= '9' || !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		if b = b[1:]; len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// unquote leaves the text of a JSON string in c.text.
func (c *converter) unquote(value []byte) bool {
	if bytes.IndexByte(value, '\\') < 0 {
		c.text = append(c.text[:0], value...)
		return true
	}
	quoted := slices.Concat([]byte{'"'}, value, []byte{'"'})
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return false
	}
	c.text = append(c.text[:0], s...)
	return true
}

// isDuration reports whether text is a number of milliseconds as a span's duration is one: not below 0, and in range.
func isDuration(text []byte) bool {
	const most = 20 // digits
	return isNumber(text) && text[0] != '-' && len(text) <= most && !bytes.ContainsAny(text, "eE")
}

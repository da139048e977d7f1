package jsontext

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Unquote returns the string that quoted, a valid JSON string, encodes.
func Unquote(quoted []byte) string {
	if raw := quoted[1 : len(quoted)-1]; bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // cannot fail: it is a valid string
	return s
}

// A Scanner walks over the members of the outermost object of valid JSON.
// It takes time linear in its length and does not recurse.
type Scanner struct {
	data        []byte
	Start       int // where the member begins: its comma, or its key if it is the first
	Key, KeyEnd int // including the quotes
	Value, End  int
}

// NewScanner returns a Scanner of data, whose outermost object begins at open.
func NewScanner(data []byte, open int) Scanner {
	return Scanner{data: data, End: open + 1}
}

// Next goes to the next member. It returns false if there is none.
func (s *Scanner) Next() bool {
	s.Start = Space(s.data, s.End)
	s.Key = s.Start
	switch s.data[s.Start] {
	case '}':
		return false
	case ',':
		s.Key = Space(s.data, s.Start+1)
	}
	s.KeyEnd = StringEnd(s.data, s.Key)
	s.Value = Space(s.data, Space(s.data, s.KeyEnd)+1)
	s.End = ValueEnd(s.data, s.Value)
	return true
}

// Space returns the index just after the white space at i.
func Space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

// StringEnd returns the index just after the string at i. data must be valid JSON.
func StringEnd(data []byte, i int) int {
	for {
		i++
		i += bytes.IndexByte(data[i:], '"')
		// An odd number of backslashes escapes the quote. The opening quote stops the loop.
		b := i
		for data[b-1] == '\\' {
			b--
		}
		if (i-b)%2 == 0 {
			return i + 1
		}
	}
}

// ValueEnd returns the index just after the value at i. data must be valid JSON.
func ValueEnd(data []byte, i int) int {
	switch data[i] {
	case '"':
		return StringEnd(data, i)
	case '{', '[':
		for depth := 0; ; {
			switch data[i] {
			case '"':
				i = StringEnd(data, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			i++
			if depth == 0 {
				return i
			}
		}
	}
	for { // a literal or a number: at the latest the enclosing object or array ends it
		switch data[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
		i++
	}
}

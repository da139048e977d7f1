package tracelog

import "bytes"

// parseText is parse for a line of key=value pairs, without its newline, which begins at i in b.
// It takes values that stand as they are, with or without quotes, and lines that lineParser could not take for others.
func (f *fastLine) parseText(b []byte, i, end int) bool {
	if c := b[i] | 0x20; c < 'a' || c > 'z' || bytes.Contains(b[i:end], bracketStart) {
		return false
	}
	f.begin()
	f.isText = true
	for {
		start := i
		for i < end && isKeyByte[b[i]] {
			i++
		}
		if i == start || i == end || b[i] != '=' {
			return false
		}
		known := slot(0)
		if n := i - start; n <= f.keys.longest {
			known = f.keys.findText(b[start:i])
		}
		i++
		p := spot{line: f.line, kind: '"', plain: true, from: int32(i)}
		decides := true
		if i < end && b[i] == '"' {
			var plain bool
			p.from++
			if i, plain = scanString(b, i+1); i < 0 || i >= end || !plain {
				return false
			}
			p.to = int32(i)
			i++
		} else {
			start := i
			for i < end && b[i] > ' ' && b[i] < 0x80 {
				i++
			}
			p.to = int32(i)
			if known != 0 && i > start {
				decides = isDigit(b[start]) || !isScalar(b[start:i])
			}
		}
		if m := &f.members[known]; known != 0 && m.line != f.line {
			*m = p
			if decides {
				f.mask |= known.bit()
			}
		}
		if i == end {
			return true
		}
		if b[i] != ' ' {
			return false
		}
		for i < end && b[i] == ' ' {
			i++
		}
		if i == end {
			return true
		}
	}
}

var bracketStart = []byte("[trace")

// isKeyByte tells what keys consist of that need no quotes.
var isKeyByte = func() (is [256]bool) {
	for c := range is {
		is[c] = c > ' ' && c < 0x7f && c != '=' && c != '"'
	}
	return is
}()

// findText is find for a key that may stand at the end of its buffer.
func (t *keyTable) findText(key []byte) slot { return t.find(keyWord(key), key) }

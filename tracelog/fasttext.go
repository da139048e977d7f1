package tracelog

import (
	"bytes"
	"math"
	"math/bits"
)

// parseBracket is parse for a text line with a time, a level and the ids in brackets, and nothing more before the
// message:
//
//	2026-03-01T09:15:00.123Z INFO [trace:4bf9 span:00f0 op:POST /bookings] seat held
//
// It accepts messages that are not those of span records.
func (f *fastLine) parseBracket(b []byte, i, end int) bool {
	f.begin()
	f.isText = true
	set := func(s slot, from, to int) {
		f.members[s] = spot{line: f.line, kind: '"', plain: true, at: math.MaxUint16, from: int32(from), to: int32(to)}
	}
	n := bytes.IndexByte(b[i:min(end, i+36)], ' ')
	if n < 0 {
		return false
	}
	if _, ok := f.clock.nanos(b[i : i+n]); !ok {
		return false
	}
	set(slotTime, i, i+n)
	i += n + 1
	start := i
	for i < end && 'A' <= b[i] && b[i] <= 'Z' {
		i++
	}
	if !isQuickLevel(b[start:i]) || !bytes.HasPrefix(b[i:end], []byte(" [trace:")) {
		return false
	}
	set(slotLevel, start, i)
	i += len(" [trace:")
	start = i
	for isIDByte[b[i]] {
		i++
	}
	if i == start {
		return false
	}
	set(slotTrace, start, i)
	f.mask |= slotTrace.bit()
	if bytes.HasPrefix(b[i:end], []byte(" span:")) {
		i += len(" span:")
		start = i
		for isIDByte[b[i]] {
			i++
		}
		if i == start {
			return false
		}
		set(slotSpan, start, i)
		f.mask |= slotSpan.bit()
	}
	if bytes.HasPrefix(b[i:end], []byte(" op:")) {
		i += len(" op:")
		start = i
		for isIDByte[b[i]] || b[i] == ' ' || b[i] == '/' {
			i++
		}
		if i == start || b[start] == ' ' || b[i-1] == ' ' {
			return false
		}
		set(slotOp, start, i)
	}
	if !bytes.HasPrefix(b[i:end], []byte("] ")) {
		return false
	}
	for i += 2; i < end && (b[i] == ' ' || b[i] == '\t' || b[i] == ':'); i++ {
	}
	if bytes.HasPrefix(b[i:end], []byte("span ")) || i < end && (b[i] == '-' || b[i] == '|') {
		return false
	}
	for _, c := range b[i:end] {
		if c < ' ' || c >= 0x80 {
			return false
		}
	}
	set(slotMessage, i, end)
	return true
}

func isQuickLevel(b []byte) bool {
	switch string(b) {
	case "DEBUG", "INFO", "WARN", "ERROR":
		return true
	}
	return false
}

// isIDByte is true for the bytes of ids that parseBracket accepts.
var isIDByte = func() (is [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") {
		is[c] = true
	}
	return is
}()

// parseText is parse for a line of key=value pairs, without its newline, which begins at i in b. It accepts values
// that need no unescaping, with or without quotes, and lines that lineParser could not read as another form.
func (f *fastLine) parseText(b []byte, i, end int) bool {
	if c := b[i] | 0x20; c < 'a' || c > 'z' || end-i > maxPairs {
		return false
	}
	f.begin()
	f.isText = true
	first := i
	for at := 0; at <= maxAt; at++ {
		start := i
		if i = endOfKey(b, i); i == start || i >= end || b[i] != '=' {
			return false
		}
		if start == first && (bytes.ContainsAny(b[start:i], "[(") || string(b[start:i]) == "MESSAGE") {
			return false // the line may be bracketed (brackets never follow an equals sign), or the journal's
		}
		known := f.keys.find(b, start, i)
		i++
		from, decides, quoted := i, true, b[i] == '"'
		if quoted {
			from++
			var plain bool
			if i, plain = f.marks.scanString(b, from); i < 0 || i >= end || !plain {
				return false
			}
		} else if i = endOfWord(b, i); known != 0 && i > from {
			decides = isDigit(b[from]) || !isScalar(b[from:i])
		}
		if m := &f.members[known]; known != 0 && m.line != f.line {
			m.line, m.from, m.to, m.kind, m.plain, m.at = f.line, int32(from), int32(i), '"', true, uint16(at)
			if decides {
				f.mask |= known.bit()
			}
		}
		if quoted {
			i++
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
	return false
}

// endOfKey returns the end of the key that begins at i: the first byte that it may not contain without quotes.
func endOfKey(b []byte, i int) int {
	for {
		x := load8(b, i)
		more := differ(x, '=') & differ(x, '"') & (x&^highs + ones*(0x7f-' ')) &^ x & highs
		if more != highs {
			return i + bits.TrailingZeros64(^more&highs)>>3
		}
		i += 8
	}
}

// endOfWord returns the index, from i on, of the next space, control character or byte that is not ASCII.
func endOfWord(b []byte, i int) int {
	for {
		x := load8(b, i)
		if m := (^(x&^highs + ones*(0x7f-' ')) | x) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
}

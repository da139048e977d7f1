package redact

import (
	"encoding/binary"
	"math/bits"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// This file reads JSON where nothing but its keys decides what to replace. That is most of the JSON that methods
// write, and all of what is read of it where there is nothing to replace.

// unguided is value without a guide, a Hiding and card numbers. It is one loop with its position in a register: since
// Go 1.27 encoding/json reads as fast as a parser that calls a function for each value.
func (r *rewriter) unguided(depth int) bool {
	src, i, outermost := r.src, r.i, depth
	var objects [maxDepth + 1]bool // by depth: values there are members of an object
	inObject, isName := false, false
	for {
		read := false // the value has been read with its key
		if inObject {
			n, role, ok := r.plainKey(src[i:])
			if ok && role != pairValue {
				i, isName = i+n, role == pairName
			} else {
				r.i = i
				m, ok := r.member(nil, Shown)
				if !ok {
					return false
				}
				if isName = m.role == pairName; m.hides != Shown || m.role == pairValue {
					if !r.memberValue(&m, depth) {
						return false
					}
					read = true
				}
				i = r.i
			}
		}
		if !read {
			var c byte
			if i < len(src) {
				c = src[i]
			}
			if c <= ' ' {
				r.i = i
				c = r.space()
				i = r.i
			}
			switch {
			case c == '"':
				start := i
				if n := shortText(src[i:]); n > 0 {
					i += n
				} else {
					r.i = i
					if !r.text() {
						return false
					}
					i = r.i
				}
				if isName {
					r.noteName(depth, start, i)
				}
			case c == '{' || c == '[':
				if i++; i < len(src) && src[i] <= ' ' {
					r.i = i
					r.space()
					i = r.i
				}
				if i < len(src) && src[i] == c+2 { // the end
					i++
					break
				}
				if depth++; depth > maxDepth {
					r.deep = true
					return false
				}
				inObject, isName = c == '{', false
				objects[depth] = inObject
				continue
			case '1' <= c && c <= '9':
				start := i
				for i++; i < len(src) && isDigit(src[i]); i++ {
				}
				if i < len(src) && (src[i] == '.' || src[i] == 'e' || src[i] == 'E') {
					r.i = start
					if !r.number() {
						return false
					}
					i = r.i
				}
			default:
				r.i = i
				if !r.word() {
					return false
				}
				i = r.i
			}
		}
		for { // after a value
			if depth == outermost {
				r.i = i
				return true
			}
			var c byte
			if i < len(src) {
				c = src[i]
			}
			if c <= ' ' {
				r.i = i
				c = r.space()
				i = r.i
			}
			i++
			if c == ',' {
				break
			}
			switch {
			case c == '}' && inObject:
				r.closeObject(depth)
			case c == ']' && !inObject:
			default:
				return false
			}
			depth--
			inObject = objects[depth]
		}
	}
}

// shortText returns the length of the JSON string at the start of b, with its quotes, if it is a usual one of up to 8
// bytes. Otherwise it returns 0.
func shortText(b []byte) int {
	if len(b) < 10 {
		return 0
	}
	n := bits.TrailingZeros64(jsontext.Unsafe8(binary.LittleEndian.Uint64(b[1:]))) / 8
	if b[n+1] != '"' {
		return 0
	}
	return n + 2
}

// plainKey returns the length of the key and the colon at the start of b, if it is one that is known to be plain.
func (r *rewriter) plainKey(b []byte) (n int, role pairRole, ok bool) {
	if len(b) < 11 || b[0] != '"' {
		return 0, noPair, false
	}
	word := binary.LittleEndian.Uint64(b[1:])
	n = bits.TrailingZeros64(jsontext.Unsafe8(word)) / 8
	if n == 0 || b[n+1] != '"' || b[n+2] != ':' || !r.keys.isPlainNumber(word, uint(n)) {
		return 0, noPair, false
	}
	return n + 3, pairRoleOf(b[1 : n+1]), true
}

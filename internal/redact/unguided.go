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
	var objects [maxDepth + 1]bool  // by depth: values there are members of an object
	inObject, role := false, noPair // of the member

	for {
		read := false // the value has been read with its key
		if inObject {
			if i < len(src) && src[i] <= ' ' {
				r.i = i
				r.space()
				i = r.i
			}
			var n int
			if n, role = r.plainKey(src[i:]); n > 0 {
				i += n
			} else {
				r.i = i
				m, ok := r.member(nil, Shown)
				if !ok {
					return false
				}
				if role = m.role; m.hides == hidesAll && role == noPair && r.at('"') {
					start := r.i
					if !r.text() {
						return false
					}
					if !r.isReplacementText(src[start:r.i]) {
						r.replace(start, r.replacement)
					}
					read = true
				} else if m.hides != Shown {
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
			start := i
			switch {
			case c == '"':
				if n := shortText(src[i:]); n > 0 {
					i += n
				} else {
					r.i = i
					if !r.text() {
						return false
					}
					i = r.i
				}
				if role == pairName {
					r.noteName(depth, start, i)
				}
			case (c == '{' || c == '[') && role == pairValue:
				r.i = i
				if !r.memberValue(&readMember{role: role}, depth) {
					return false
				}
				i, role = r.i, noPair
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
				inObject, role = c == '{', noPair
				objects[depth] = inObject
				continue
			case '1' <= c && c <= '9':
				for i++; i < len(src) && isDigit(src[i]); i++ {
				}
				if i < len(src) && (src[i] == '.' || src[i] == 'e' || src[i] == 'E') {
					r.i = start
					if !r.number() {
						return false
					}
					i = r.i
				}
			case c == 't' && i+4 <= len(src) && string(src[i:i+4]) == "true", c == 'n' && i+4 <= len(src) && string(src[i:i+4]) == "null":
				i += 4
			default:
				r.i = i
				if !r.word() {
					return false
				}
				i = r.i
			}
			if role == pairValue {
				if r.spaced {
					r.i = start
					r.flush()
				}
				at := len(r.b) - r.done
				r.noteValue(depth, at+start, at+i)
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
				if n := len(r.pairs); n > 0 && r.pairs[n-1].depth == depth {
					r.i = i
					r.closeObject(depth)
				}
			case c == ']' && !inObject:
			default:
				return false
			}
			depth--
			inObject, role = objects[depth], noPair
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
func (r *rewriter) plainKey(b []byte) (n int, role pairRole) {
	if len(b) < 11 || b[0] != '"' {
		return 0, noPair
	}
	word := binary.LittleEndian.Uint64(b[1:])
	n = bits.TrailingZeros64(jsontext.Unsafe8(word)) / 8
	if n == 0 || b[n+1] != '"' || b[n+2] != ':' || !r.keys.isPlainNumber(word, uint(n)) {
		return 0, noPair
	}
	return n + 3, pairRoleOf(b[1 : n+1])
}

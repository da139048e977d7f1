package tracelog

import (
	"hash/maphash"
	"slices"
)

// The content of a record is a keyed hash of its parsed members. It does not depend on their order, on what a
// transport put around the record, or on how strings are escaped and numbers written. Two records are the same if
// their contents are equal. Two different records have the same content with a probability of 2⁻⁶⁴.

// Kinds of values, so that 5 is not "5".
const (
	contentString = iota + 1
	contentNumber
	contentWord
	contentObject
	contentArray
)

// hashMembers is the content of the record that was parsed last.
func (p *lineParser) hashMembers() uint64 {
	sum := uint64(0)
	for i := range p.members {
		if m := &p.members[i]; m.outer == 0 && !m.around {
			sum += hashValue(m.value, hashName(m.key))
		}
	}
	if p.stamped && !p.at.IsZero() {
		sum += mix(uint64(p.at.Unix())^contentKeys[0], uint64(p.at.Nanosecond())^contentKeys[1])
	}
	return sum
}

// hashValue hashes a valid JSON value. The seed is the hash of its key.
func hashValue(v []byte, seed uint64) uint64 {
	switch c := v[0]; c {
	case '{', '[':
		var m marks
		b := append(slices.Clip(v), make([]byte, padding)...)
		m.mark(b, 0, len(v))
		sum, _ := m.hash(b, 0, seed)
		return sum
	case '"':
		return hashText(plain(v[1:len(v)-1]), seed+contentString)
	default:
		if c == '-' || isDigit(c) {
			var buf [64]byte
			return hashText(canonicalNumber(buf[:], v), seed+contentNumber)
		}
		return hashText(v, seed+contentWord)
	}
}

// hash is hashValue of the value at i. It returns where the value ends, too. After b there must be padding.
func (m marks) hash(b []byte, i int, seed uint64) (sum uint64, end int) {
	switch c := b[i]; c {
	case '"':
		return m.hashString(b, i+1, seed+contentString)
	case '{':
		for i = behindSpace(b, i+1); b[i] != '}'; {
			var value uint64
			value, i = m.hashString(b, i+1, contentKeys[0])
			i = behindSpace(b, i) + 1 // the colon
			value, i = m.hash(b, behindSpace(b, i), value)
			sum += value
			if i = behindSpace(b, i); b[i] == ',' {
				i = behindSpace(b, i+1)
			}
		}
		return mix(sum, seed+contentObject), i + 1
	case '[':
		sum = seed + contentArray
		for i = behindSpace(b, i+1); b[i] != ']'; {
			sum, i = m.hash(b, i, mix(sum, contentKeys[1]))
			if i = behindSpace(b, i); b[i] == ',' {
				i = behindSpace(b, i+1)
			}
		}
		return mix(sum, contentKeys[0]), i + 1
	default:
		end = i
		for b[end] > ' ' && b[end] != ',' && b[end] != '}' && b[end] != ']' {
			end++
		}
		if isDigit(c) && isCanonical(b, i, end) {
			return hashPadded(b, i, end-i, seed+contentNumber), end
		}
		return hashValue(b[i:end], seed), end
	}
}

// hashString hashes the text of the string that begins at i, behind its quote.
func (m marks) hashString(b []byte, i int, seed uint64) (sum uint64, end int) {
	end, isPlain := m.scanString(b, i)
	if isPlain {
		return hashPadded(b, i, end-i, seed), end + 1
	}
	return hashText(plain(b[i:end]), seed), end + 1
}

// behindSpace returns the index, from i on, of the first byte that is no white space. There must be one.
func behindSpace(b []byte, i int) int {
	for b[i] <= ' ' {
		i++
	}
	return i
}

// hashMembers is the content of the JSON line that parse has accepted and recorded.
func (f *fastLine) hashMembers(b []byte) uint64 {
	sum := uint64(0)
	for i := range f.notes[:f.noted] {
		m := &f.notes[i]
		from, to := int(m.from), int(m.to)
		key := f.keys.hashes[m.slot]
		switch {
		case m.slot != 0:
		case f.escaped && f.marks.next(int(m.key)) < int(m.keyEnd):
			f.key = appendWords(f.key[:0], b, int(m.key), int(m.keyEnd))
			key = hashName(f.key)
		default:
			key = hashPadded(b, int(m.key), int(m.keyEnd-m.key), contentKeys[0])
		}
		switch n := to - from; {
		case m.plain:
			sum += hashPadded(b, from, n, key+contentString)
		case m.kind == '"':
			f.key = appendWords(f.key[:0], b, from, to)
			sum += hashText(f.key, key+contentString)
		case isDigit(m.kind) && isCanonical(b, from, to):
			sum += hashPadded(b, from, n, key+contentNumber)
		default:
			value, _ := f.marks.hash(b, from, key)
			sum += value
		}
	}
	return sum
}

// isCanonical reports whether an unsigned number has at most eight bytes and is written as canonicalNumber returns
// it. It may return false for a number that is.
func isCanonical(b []byte, from, to int) bool {
	x := load8(b, from) & keyMasks[min(to-from, 8)]
	return to-from <= 8 && (b[to-1] != '0' || differ(x, '.')&highs == highs) && differ(x|ones*0x20, 'e')&highs == highs
}

// hashPairs is the content of a line of key=value pairs that ends at end. parseText must have accepted the line.
func (f *fastLine) hashPairs(b []byte, i, end int) uint64 {
	sum := uint64(0)
	for {
		for i < end && b[i] == ' ' {
			i++
		}
		if i >= end {
			return sum
		}
		from := i
		i = endOfKey(b, i)
		key := hashPadded(b, from, i-from, contentKeys[0])
		i++
		var value uint64
		if b[i] == '"' {
			from := i + 1
			i, _ = f.marks.scanString(b, from)
			value = hashPadded(b, from, i-from, key+contentString)
			i++
		} else {
			from := i
			i = endOfWord(b, i)
			value = hashBare(b[from:i], key)
		}
		sum += value
	}
}

// hashBare is hashValue of the result of bareText for a word of ASCII.
func hashBare(w []byte, key uint64) uint64 {
	if isScalar(w) {
		return hashValue(w, key)
	}
	return hashText(w, key+contentString)
}

// textHash is a hash of the record's own text, without what a transport put around it. Records whose text is the same have the same
// content, and it takes less time than that.
func (r *Record) textHash() uint64 {
	f := r.fast
	switch {
	case r.entry != nil || !f.isText && f.noted < 1:
		return r.content()
	case f.isText:
		return maphash.Bytes(textSeed, r.line)
	}
	return maphash.Bytes(textSeed, r.buf[f.notes[0].key:f.notes[f.noted-1].to])
}

// textSeed is random for each process, as contentKeys are.
var textSeed = maphash.MakeSeed()

// content is the content of the record.
func (r *Record) content() uint64 {
	switch {
	case r.entry == nil && r.fast.isText:
		return r.fast.hashPairs(r.buf, r.from, r.from+len(r.line))
	case r.entry == nil && r.fast.noted >= 0:
		return r.fast.hashMembers(r.buf)
	case !r.parsed:
		var same Entry
		r.parser.parse(r.line, &same)
	}
	return r.parser.hashMembers()
}

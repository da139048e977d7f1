package tracelog

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
	l := lexer{b: v}
	return l.hash(seed)
}

// hash hashes the value at i, which is valid and not nested deeper than maxDepth.
func (l *lexer) hash(seed uint64) uint64 {
	start := l.i
	switch c := l.b[l.i]; {
	case c == '"':
		l.str()
		return hashText(plain(l.b[start+1:l.i-1]), seed+contentString)
	case c == '-' || isDigit(c):
		l.number()
		return hashText(canonicalNumber(l.b[start:l.i]), seed+contentNumber)
	case c == '{':
		sum := uint64(0)
		l.i++
		for l.space(); !l.peek('}'); l.space() {
			start := l.i
			l.str()
			key := hashName(plain(l.b[start+1 : l.i-1]))
			l.space()
			l.i++ // the colon
			l.space()
			sum += l.hash(key)
			if l.space(); l.peek(',') {
				l.i++
			}
		}
		l.i++
		return mix(sum, seed+contentObject)
	case c == '[':
		seed += contentArray
		l.i++
		for l.space(); !l.peek(']'); l.space() {
			seed = l.hash(mix(seed, contentKeys[1]))
			if l.space(); l.peek(',') {
				l.i++
			}
		}
		l.i++
		return mix(seed, contentKeys[0])
	}
	for l.i < len(l.b) && 'a' <= l.b[l.i] && l.b[l.i] <= 'z' {
		l.i++
	}
	return hashText(l.b[start:l.i], seed+contentWord)
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
		case f.escaped:
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
			sum += hashValue(b[from:to:to], key)
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

package tracelog

import "slices"

// A listed is the longest array of an object, of those that are in no other array, and whose elements are all objects or all
// arrays.
type listed struct {
	at, end int     // of the array, with its brackets; if at is 0, there is none
	ends    []int32 // of the elements
	spare   []int32

	inner *listed      // of elements; nil at the last level
	kept  map[int]list // of long elements that have been searched, by where they begin; all levels share it
}

// A list is what a listed has found.
type list struct {
	at, end int
	ends    []int32
}

// minKept is how long an element must be to be searched only once.
const minKept = 32 << 10

// find searches the object that begins at i, and returns where it ends. It returns -1 if it is not valid, or nested deep.
func (l *listed) find(m marks, b []byte, i int) int {
	l.at, l.end, l.ends = 0, 0, l.ends[:0]
	if cap(l.ends)+cap(l.spare) > 1<<16 {
		l.ends, l.spare = nil, nil // of a line with very many
	}
	return l.object(m, b, i, 0)
}

func (l *listed) object(m marks, b []byte, i, depth int) int {
	if i = skipSpace(b, i+1); b[i] == '}' {
		return i + 1
	}
	for {
		if i = m.scanKey(b, i); i < 0 {
			return -1
		}
		switch {
		case b[i] == '{' && depth < maxWrap:
			i = l.object(m, b, i, depth+1)
		case b[i] == '[':
			i = l.array(m, b, i)
		default:
			i = m.scanValue(b, i)
		}
		if i < 0 {
			return -1
		}
		if i = skipSpace(b, i); b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if b[i] != '}' {
		return -1
	}
	return i + 1
}

func (l *listed) array(m marks, b []byte, at int) int {
	ends := l.spare[:0]
	i := skipSpace(b, at+1)
	first, alike := b[i], true
	if first == ']' {
		return i + 1
	}
	for long := l.inner != nil; ; {
		alike = alike && b[i] == first
		if long && b[i] == '{' { // as the one before it, or it is the first
			from := i
			if i = l.inner.find(m, b, i); i-from < minKept {
				long = false
			} else {
				l.kept[from] = list{l.inner.at, l.inner.end, slices.Clone(l.inner.ends)}
			}
		} else {
			i = m.scanValue(b, i)
		}
		if i < 0 {
			return -1
		}
		if alike {
			ends = append(ends, int32(i))
		}
		if i = skipSpace(b, i); b[i] != ',' {
			break
		}
		i = skipSpace(b, i+1)
	}
	if b[i] != ']' {
		return -1
	}
	i++
	if l.spare = ends; alike && (first == '{' || first == '[') && i-at > l.end-l.at {
		l.at, l.end = at, i
		l.ends, l.spare = ends, l.ends
	}
	return i
}

// element returns where element n is.
func (l *listed) element(b []byte, n int) (from, to int) {
	from = l.at + 1
	if n > 0 {
		from = skipSpace(b, int(l.ends[n-1])) + 1
	}
	return skipSpace(b, from), int(l.ends[n])
}

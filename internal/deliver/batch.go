package deliver

import "iter"

// A Batch is records in the order in which they were added. It must not be changed, nor kept after Send has returned.
type Batch struct {
	text []byte // the records, one after the other
	ends []int  // where each of them ends in text
	from int    // where the first one begins in text
}

// Len returns the number of records, at least 1.
func (b Batch) Len() int { return len(b.ends) }

// Bytes returns the number of bytes of all records.
func (b Batch) Bytes() int { return b.ends[len(b.ends)-1] - b.from }

// All yields the records.
func (b Batch) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := b.from
		for _, end := range b.ends {
			if !yield(b.text[start:end:end]) {
				return
			}
			start = end
		}
	}
}

// halves splits b, which has at least two records.
func (b Batch) halves() (Batch, Batch) {
	n := len(b.ends) / 2
	return Batch{b.text, b.ends[:n], b.from}, Batch{b.text, b.ends[n:], b.ends[n-1]}
}

// A chunk is a part of the queue, and becomes a batch.
type chunk struct {
	text []byte
	ends []int
}

// size returns how many bytes c really holds.
func (c *chunk) size() int { return cap(c.text) + 8*cap(c.ends) }

func (c *chunk) batch() Batch { return Batch{text: c.text, ends: c.ends} }

// add adds a record and returns by how many bytes c has grown. If that would be more than room, it returns false.
// c is full when it has most bytes: it has no room for more.
func (c *chunk) add(record []byte, most, room int) (grown int, ok bool) {
	text, okText := grow(len(c.text), cap(c.text), len(record), 1<<10, most, room)
	ends, okEnds := grow(len(c.ends), cap(c.ends), 1, 16, 1<<30, (room-(text-cap(c.text)))/8)
	if !okText || !okEnds {
		return 0, false
	}
	before := c.size()
	c.text = append(resize(c.text, text), record...)
	c.ends = append(resize(c.ends, ends), len(c.text))
	return c.size() - before, true
}

// grow returns the capacity that a slice must have for n elements more. It is twice the present one, at least least,
// no more than most if that is enough, and no more than room above the present one.
func grow(length, capacity, n, least, most, room int) (int, bool) {
	need := length + n
	if need <= capacity {
		return capacity, true
	}
	want := max(need, min(max(2*capacity, least), most))
	want = min(want, capacity+room)
	return want, need <= want
}

// resize returns s with exactly that capacity.
func resize[E any](s []E, capacity int) []E {
	if capacity == cap(s) {
		return s
	}
	return append(make([]E, 0, capacity), s...)
}

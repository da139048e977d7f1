package tracelog

import (
	"math/bits"
	"sync"
)

// A wordKeys finds the known keys of up to 16 bytes, which are most of those on a line, with one multiplication: as
// numbers they have a perfect hash.
type wordKeys struct {
	short  shortKeys
	long   longKeys
	hashes [maxSlots]uint64 // hashName of each slot's key
}

// A shortKeys holds the keys of less than eight bytes, padded with zeros, which no key contains.
type shortKeys struct {
	factor  uint64
	entries [1 << shortBits]struct {
		word uint64
		slot slot
	}
}

// A longKeys holds the keys of 8 to 16 bytes: their first eight bytes, and their last eight.
type longKeys struct {
	factor  uint64
	entries [1 << longBits]struct {
		first, last uint64
		size        uint8
		slot        slot
	}
}

const (
	shortBits = 8
	longBits  = 8
)

// wordKeysOf makes them when they are first needed, after the init functions that number the slots.
var wordKeysOf = sync.OnceValue(func() *wordKeys {
	k := new(wordKeys)
	perfect(shortFactor, func(factor uint64) bool {
		k.short = shortKeys{factor: factor}
		return k.short.add(slots)
	})
	perfect(longFactor, func(factor uint64) bool {
		k.long = longKeys{factor: factor}
		return k.long.add(slots)
	})
	for key, slot := range slots {
		k.hashes[slot] = hashName([]byte(key))
	}
	return k
})

// The numbers of the factors that are tried first: the first perfect ones for the keys of today. The search for them takes
// longer than to read a small file.
const (
	shortFactor = 26
	longFactor  = 115
)

// perfect tries factors, from number first on, until each key has its own place.
func perfect(first uint64, try func(factor uint64) bool) {
	for i := range uint64(1 << 20) {
		if try(0x9e3779b97f4a7c15 * (2*(first+i) + 1)) {
			return
		}
	}
	panic("tracelog: the tables of keys are too small")
}

// find returns the slot of the key b[from:to], or 0 if the key is not known. After it, b must have padding.
func (k *wordKeys) find(b []byte, from, to int) slot {
	switch n := uint(to - from); {
	case n < 8:
		return k.short.find(load8(b, from) & keyMasks[n])
	case n <= 16:
		return k.long.find(load8(b, from), load8(b, to-8), n)
	}
	return keySlot(b[from:to])
}

func (t *shortKeys) add(known map[string]slot) bool {
	for key, slot := range known {
		if len(key) >= 8 {
			continue
		}
		var b [8]byte
		copy(b[:], key)
		word := load8(b[:], 0)
		e := &t.entries[word*t.factor>>(64-shortBits)]
		if e.slot != 0 {
			return false
		}
		e.word, e.slot = word, slot
	}
	return true
}

// find returns the slot of a key, or 0 if the key is not known.
func (t *shortKeys) find(word uint64) slot {
	e := &t.entries[word*t.factor>>(64-shortBits)]
	return e.slot &^ slot(int64(nonzero(e.word^word))>>63)
}

// nonzero has the highest bit set if x is not 0.
func nonzero(x uint64) uint64 { return x | -x }

func (t *longKeys) add(known map[string]slot) bool {
	for key, slot := range known {
		if len(key) < 8 || len(key) > 16 {
			continue
		}
		first, last := load8([]byte(key), 0), load8([]byte(key), len(key)-8)
		e := &t.entries[t.place(first, last)]
		if e.slot != 0 {
			return false
		}
		e.first, e.last, e.size, e.slot = first, last, uint8(len(key)), slot
	}
	return true
}

func (t *longKeys) place(first, last uint64) uint64 {
	return (first ^ bits.RotateLeft64(last, 29)) * t.factor >> (64 - longBits)
}

// find returns the slot of a key, or 0 if the key is not known.
func (t *longKeys) find(first, last uint64, size uint) slot {
	if e := &t.entries[t.place(first, last)]; e.first == first && e.last == last && uint(e.size) == size {
		return e.slot
	}
	return 0
}

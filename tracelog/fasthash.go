package tracelog

import (
	"hash/maphash"
	"math/bits"
)

// contentKeys are random for each process, so that no log can be made to have contents in common.
var contentKeys = func() (k [2]uint64) {
	for i := range k {
		k[i] = maphash.String(maphash.MakeSeed(), "content")
	}
	return k
}()

// hashText hashes a text. The seed is the hash of what precedes it.
func hashText(text []byte, seed uint64) uint64 {
	n := len(text)
	if n < 16 {
		var short [16]byte
		copy(short[:], text)
		return hashPadded(short[:], 0, n, seed)
	}
	return hashPadded(text, 0, n, seed)
}

// hashPadded is hashText of b[i:i+n]. If n is less than 16, b must have padding after that.
func hashPadded(b []byte, i, n int, seed uint64) uint64 {
	size := uint64(n)
	if n < 16 {
		return mix(load8(b, i)&shortMasks[n].first^seed, load8(b, i+8)&shortMasks[n].last^contentKeys[1]^size)
	}
	end := i + n
	for ; i < end-16; i += 16 {
		seed = mix(load8(b, i)^seed, load8(b, i+8)^contentKeys[1])
	}
	// The last 16 bytes, of which some may have been hashed before.
	return mix(load8(b, end-16)^seed, load8(b, end-8)^contentKeys[1]^size)
}

// shortMasks are masks of the first and the second eight bytes of a text. The index is the text's length.
var shortMasks = func() (m [16]struct{ first, last uint64 }) {
	for n := range m {
		m[n].first, m[n].last = ^uint64(0)>>(64-8*min(n, 8)), ^uint64(0)>>(64-8*max(n-8, 0))
	}
	return m
}()

// hashName hashes the key of a member.
func hashName(key []byte) uint64 { return hashText(key, contentKeys[0]) }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}

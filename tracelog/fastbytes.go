package tracelog

import "encoding/binary"

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// differ sets the highest bit of each byte that is not c.
func differ(x uint64, c byte) uint64 {
	x ^= ones * uint64(c)
	return x&^highs + ^uint64(highs) | x
}

// keyMasks are masks of the first bytes of a word. The index is the number of bytes.
var keyMasks = func() (m [9]uint64) {
	for n := range m {
		m[n] = ^uint64(0) >> (64 - 8*n)
	}
	return m
}()

// load8 returns eight bytes of b. Slicing with a capacity of eight saves half of the instructions.
func load8(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// load4 returns four bytes of b.
func load4(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i : i+4 : i+4]) }

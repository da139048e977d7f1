package slogtrace

import "encoding/binary"

// hexIDs are a trace id and a span id in the form in which they are written most: as text.
type hexIDs [48]byte

func (h *hexIDs) set(t TraceID, s SpanID) {
	b := appendHex(h[:0], t[:])
	appendHex(b, s[:])
}

func (h *hexIDs) traceText() []byte { return h[:32] }
func (h *hexIDs) spanText() []byte  { return h[32:] }

func (h *hexIDs) trace() (t TraceID) { decodeHex(t[:], h[:32]); return t }
func (h *hexIDs) span() (s SpanID)   { decodeHex(s[:], h[32:]); return s }

const lowerHex = "0123456789abcdef"

// notHex is what hexValues has for a byte that is no lower-case hex digit.
// Its bit is in no digit's value, so one test finds it in many values or-ed together.
const notHex = 0x80

var hexValues = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range lowerHex {
		t[lowerHex[i]] = byte(i)
	}
	return t
}()

const eachByte = 0x0101010101010101

// appendHex appends src, whose length must be a multiple of four, as lower-case hex, eight digits at a time:
// in a word they stand as in memory, the first in the lowest byte.
func appendHex(b, src []byte) []byte {
	for ; len(src) >= 4; src = src[4:] {
		v := uint64(binary.LittleEndian.Uint32(src))
		v = (v | v<<16) & 0x0000ffff0000ffff
		v = (v | v<<8) & 0x00ff00ff00ff00ff
		v = v>>4&0x000f000f000f000f | v&0x000f000f000f000f<<8 // a byte for each digit's value
		letters := (v + eachByte*6) >> 4 & eachByte           // 1 where that is 10 or more
		b = binary.LittleEndian.AppendUint64(b, v+eachByte*'0'+letters*('a'-10-'0'))
	}
	return b
}

// parseHex fills dst from s, two lower-case hex digits a byte, and reports whether s consists of such digits.
// len(s) must be 2*len(dst).
func parseHex(dst []byte, s string) bool {
	var seen byte
	for i, j := 0, 1; j < len(s); i, j = i+1, j+2 {
		hi, lo := hexValues[s[j-1]], hexValues[s[j]]
		seen |= hi | lo
		dst[i] = hi<<4 | lo
	}
	return seen < notHex
}

// decodeHex is parseHex for digits of our own making. It does what appendHex does, backwards.
func decodeHex(dst, src []byte) {
	for ; len(dst) >= 4 && len(src) >= 8; dst, src = dst[4:], src[8:] {
		v := binary.LittleEndian.Uint64(src)
		v = v&(eachByte*0x0f) + v>>6&eachByte*9 // a letter has bit 6
		v = v&0x000f000f000f000f<<4 | v>>8&0x000f000f000f000f
		v = (v | v>>8) & 0x0000ffff0000ffff
		binary.LittleEndian.PutUint32(dst, uint32(v|v>>16))
	}
}

package w3c

import "encoding/binary"

// IDs are a trace id and a span id as hex text, the form in which they are mostly written.
type IDs [48]byte

// Set sets both ids.
func (h *IDs) Set(t [16]byte, s [8]byte) {
	b := AppendHex(h[:0], t[:])
	AppendHex(b, s[:])
}

// TraceText returns the digits of the trace id, in h's memory.
func (h *IDs) TraceText() []byte { return h[:32] }

// SpanText returns the digits of the span id, in h's memory.
func (h *IDs) SpanText() []byte { return h[32:] }

// Trace returns the trace id.
func (h *IDs) Trace() (t [16]byte) { DecodeHex(t[:], h[:32]); return t }

// Span returns the span id.
func (h *IDs) Span() (s [8]byte) { DecodeHex(s[:], h[32:]); return s }

// LowerHex are the digits.
const LowerHex = "0123456789abcdef"

// notHex is the value in hexValues of a byte that is not a lower-case hex digit. No digit's value has its bit.
const notHex = 0x80

var hexValues = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range LowerHex {
		t[LowerHex[i]] = byte(i)
	}
	return t
}()

const eachByte = 0x0101010101010101

// AppendHex appends src as lower-case hex. The length of src must be a multiple of four. It writes eight digits at a time:
// in a word they have the order of memory, the first in the lowest byte.
func AppendHex(b, src []byte) []byte {
	for ; len(src) >= 4; src = src[4:] {
		v := uint64(binary.LittleEndian.Uint32(src))
		v = (v | v<<16) & 0x0000ffff0000ffff
		v = (v | v<<8) & 0x00ff00ff00ff00ff
		v = v>>4&0x000f000f000f000f | v&0x000f000f000f000f<<8 // a byte for each digit's value
		b = binary.LittleEndian.AppendUint64(b, hexDigits(v))
	}
	return b
}

// CheckHex reports whether b contains only lower-case hex digits, and whether only zeros. The length of b must be a multiple
// of eight. It computes the value of each byte and compares the digit of that value with the byte.
func CheckHex(b []byte) (valid, zero bool) {
	var wrong, all uint64
	for ; len(b) >= 8; b = b[8:] {
		digits := binary.LittleEndian.Uint64(b)
		v := hexDigitValues(digits)
		wrong |= v&(eachByte*0x10) | digits ^ hexDigits(v)
		all |= v
	}
	return wrong == 0, all == 0
}

// hexDigitValues returns the values of eight digits, one in each byte. A letter has bit 6.
func hexDigitValues(digits uint64) uint64 { return digits&(eachByte*0x0f) + digits>>6&eachByte*9 }

// hexDigits returns the digits of eight values below 16, one in each byte.
func hexDigits(v uint64) uint64 {
	letters := (v + eachByte*6) >> 4 & eachByte // 1 in each byte where v is 10 or more
	return v + eachByte*'0' + letters*('a'-10-'0')
}

// DecodeHex fills dst from src, two lower-case hex digits per byte. It reverses AppendHex.
func DecodeHex(dst, src []byte) {
	for ; len(dst) >= 4 && len(src) >= 8; dst, src = dst[4:], src[8:] {
		binary.LittleEndian.PutUint32(dst, DecodeHex8(binary.LittleEndian.Uint64(src)))
	}
}

// DecodeHex8 returns the four bytes of eight digits. In digits and in the result, the first is the lowest byte.
func DecodeHex8(digits uint64) uint32 {
	v := hexDigitValues(digits)
	v = v&0x000f000f000f000f<<4 | v>>8&0x000f000f000f000f
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

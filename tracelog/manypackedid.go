package tracelog

import "github.com/slogtrace/slogtrace/internal/w3c"

// packID returns the 16 bytes that 32 lower-case hexadecimal digits represent.
func packID(b []byte) (id [16]byte, ok bool) {
	if len(b) != 32 {
		return id, false
	}
	for i := range id {
		hi, lo := digits[b[2*i]], digits[b[2*i+1]]
		if hi|lo > 15 {
			return [16]byte{}, false
		}
		id[i] = hi<<4 | lo
	}
	return id, true
}

func unpackID(id [16]byte) string {
	var b [32]byte
	return string(w3c.AppendHex(b[:0], id[:]))
}

// digits are the values of lower-case hexadecimal digits, and 255 for all other bytes.
var digits = func() (d [256]uint8) {
	for i := range d {
		d[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = uint8(i)
	}
	return d
}()

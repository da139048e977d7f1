package tracelog

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// mostKept is how large a buffer may be to be kept for the next block. That of a very long line is let go.
const mostKept = 4 << 20

// hexDigits are the values of hexadecimal digits, and -1 for all other bytes. A table needs no branches, which would
// be unpredictable.
var hexDigits = func() (d [256]int8) {
	for i := range d {
		d[i] = -1
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = int8(i)
	}
	for i, c := range []byte("ABCDEF") {
		d[c] = int8(i) + 10
	}
	return d
}()

func hex(c byte) rune { return rune(hexDigits[c]) }

func isHex(s string) bool {
	for i := range len(s) {
		if hex(s[i]) < 0 {
			return false
		}
	}
	return true
}

func hasFolded(b, folded []byte) bool {
	if len(b) < len(folded) {
		return false
	}
	for i, c := range folded {
		if b[i]|0x20 != c {
			return false
		}
	}
	return true
}

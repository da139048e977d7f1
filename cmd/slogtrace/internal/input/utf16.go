package input

import (
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// A utf16Reader returns UTF-16 as UTF-8. A surrogate without its other half, and half of a character at the end, become U+FFFD.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder
	in    []byte // read, and not yet in out
	out   []byte
	buf   []byte // whose end out is
	err   error
}

// utf16Marks are the byte order marks of UTF-16.
var utf16Marks = [...]struct {
	mark  string
	order binary.ByteOrder
}{{"\xff\xfe", binary.LittleEndian}, {"\xfe\xff", binary.BigEndian}}

// utf16Order returns the order of the bytes of a text that begins with a mark, or nil.
func utf16Order(head []byte) binary.ByteOrder {
	for _, m := range utf16Marks {
		if len(head) >= 2 && string(head[:2]) == m.mark {
			return m.order
		}
	}
	return nil
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 && len(p) > 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill reads once, and decodes what is complete.
func (u *utf16Reader) fill() {
	if u.buf == nil {
		u.in, u.buf = make([]byte, 0, 8<<10), make([]byte, 0, 16<<10)
	}
	n, err := u.r.Read(u.in[len(u.in):cap(u.in)])
	u.in, u.err = u.in[:len(u.in)+n], err
	out := u.buf[:0]
	i := 0
	for ; i+2 <= len(u.in); i += 2 {
		r := rune(u.order.Uint16(u.in[i:]))
		if utf16.IsSurrogate(r) {
			if i+4 > len(u.in) && err == nil {
				break // its other half may follow
			}
			pair := rune(utf8.RuneError)
			if i+4 <= len(u.in) {
				pair = utf16.DecodeRune(r, rune(u.order.Uint16(u.in[i+2:])))
			}
			if r = pair; r != utf8.RuneError {
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	u.in = u.in[:copy(u.in, u.in[i:])]
	if err != nil && len(u.in) > 0 {
		out, u.in = utf8.AppendRune(out, utf8.RuneError), u.in[:0]
	}
	u.buf, u.out = out, out
}

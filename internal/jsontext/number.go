package jsontext

import (
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// AppendInt is strconv.AppendInt, faster for small numbers.
func AppendInt(b []byte, v int64) []byte {
	if v < 0 || v >= 1e8 {
		return strconv.AppendInt(b, v, 10)
	}
	if v < 1e4 {
		return appendTo9999(b, uint32(v))
	}
	lo := uint32(v) % 1e4
	d1, d2 := digits[lo/100], digits[lo%100]
	return append(appendTo9999(b, uint32(v)/1e4), d1[0], d1[1], d2[0], d2[1])
}

// AppendUint is strconv.AppendUint, faster for small numbers.
func AppendUint(b []byte, v uint64) []byte {
	if v >= 1e8 {
		return strconv.AppendUint(b, v, 10)
	}
	return AppendInt(b, int64(v))
}

// PutUint writes v in decimal and returns the number of digits. It is made for large random numbers:
// it finds their length without branches that the processor would predict wrongly.
func PutUint(text *[24]byte, v uint64) int {
	const e16 = 1e16
	if v < e16 {
		return len(strconv.AppendUint(text[:0], v, 10))
	}
	n := 17
	if v >= 1e17 {
		n = 18
	}
	if v >= 1e18 {
		n = 19
	}
	if v >= 1e19 {
		n = 20
	}
	rest := v % e16
	binary.LittleEndian.PutUint64(text[:], decimalDigits(v/e16)>>(8*(24-n))) // drops the leading zeros
	binary.LittleEndian.PutUint64(text[n-16:], decimalDigits(rest/1e8))
	binary.LittleEndian.PutUint64(text[n-8:], decimalDigits(rest%1e8))
	return n
}

// decimalDigits returns the eight digits of v, the first in the lowest byte. v must be below 1e8.
// It divides two numbers of four digits at once, then four of two. The factors are exact for all numbers of that size.
func decimalDigits(v uint64) uint64 {
	v = v/1e4 | v%1e4<<32
	hundreds := v * 5243 >> 19 & 0x0000007f0000007f // v/100
	v = hundreds | (v-hundreds*100)<<16
	tens := v * 103 >> 10 & 0x000f000f000f000f // v/10
	return tens | (v-tens*10)<<8 | 0x0101010101010101*'0'
}

func appendTo9999(b []byte, v uint32) []byte {
	if v < 100 {
		return appendTo99(b, v)
	}
	d := digits[v%100]
	return append(appendTo99(b, v/100), d[0], d[1])
}

func appendTo99(b []byte, v uint32) []byte {
	if v < 10 {
		return append(b, byte('0'+v))
	}
	return append(b, digits[v][0], digits[v][1])
}

// digits holds the numbers from 0 to 99 as two digits each.
var digits = func() (d [100][2]byte) {
	for i := range d {
		d[i] = [2]byte{byte('0' + i/10), byte('0' + i%10)}
	}
	return d
}()

// AppendFloat appends f as encoding/json does.
func AppendFloat(b []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		b = append(b, `"!ERROR:json: unsupported value: `...)
		b = strconv.AppendFloat(b, f, 'g', -1, 64)
		return append(b, '"')
	}
	if x := f * 1000; 0.5 < x && x < 1e15-1 {
		// A float64 is nearest to at most one number of up to 15 digits. If there is one, its digits are those that encoding/json writes.
		if n := uint64(x + 0.5); float64(n)/1000 == f {
			return appendThousandths(b, n)
		}
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && (b[n-3] == '-' || b[n-3] == '+') && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 becomes e-9
		b = b[:n-1]
	}
	return b
}

// AppendMillis appends d in milliseconds, rounded to microseconds, without trailing zeros. d must not be negative.
func AppendMillis(b []byte, d time.Duration) []byte {
	return appendThousandths(b, uint64(d.Round(time.Microsecond)/time.Microsecond))
}

// appendThousandths appends v/1000 without trailing zeros.
func appendThousandths(b []byte, v uint64) []byte {
	b = AppendUint(b, v/1000)
	if f := v % 1000; f != 0 {
		b = append(b, '.', byte('0'+f/100))
		if f%100 != 0 {
			b = append(b, byte('0'+f/10%10))
			if f%10 != 0 {
				b = append(b, byte('0'+f%10))
			}
		}
	}
	return b
}

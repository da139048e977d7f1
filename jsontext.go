package slogtrace

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// This file writes values as slog.JSONHandler does, byte for byte. FuzzJSONHandler compares the two.
// The files jsonbytes_*.go hold what depends on the Go version.

// appendString appends s as a JSON string. Like slog, it does not escape for HTML.
func appendString(b []byte, s string) []byte {
	return append(appendInside(append(b, '"'), s), '"')
}

// appendInside appends s as the inside of a JSON string, without the quotes.
// It copies and checks s a word at a time. At the first byte to escape it starts again, in appendEscaped.
func appendInside(b []byte, s string) []byte {
	n := len(b)
	if cap(b)-n < len(s) {
		b = slices.Grow(b, len(s))
	}
	d := b[n : n+len(s)]
	switch {
	case len(s) >= 8:
		for i := 0; i+8 <= len(s); i += 8 {
			x := load8(s[i:])
			if !safe8(x) {
				return appendEscaped(b, s)
			}
			binary.LittleEndian.PutUint64(d[i:], x)
		}
		x := load8(s[len(s)-8:]) // overlaps the word before it
		if !safe8(x) {
			return appendEscaped(b, s)
		}
		binary.LittleEndian.PutUint64(d[len(d)-8:], x)
	case len(s) >= 4:
		x, y := load4(s), load4(s[len(s)-4:])
		if !safe8(uint64(x) | uint64(y)<<32) {
			return appendEscaped(b, s)
		}
		binary.LittleEndian.PutUint32(d, x)
		binary.LittleEndian.PutUint32(d[len(d)-4:], y)
	default:
		for i := range d {
			if !safeByte[s[i]] {
				return appendEscaped(b, s)
			}
			d[i] = s[i]
		}
	}
	return b[:n+len(s)]
}

func load8(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }
func load4(s string) uint32 { return binary.LittleEndian.Uint32([]byte(s[:4])) }

// safe8 reports whether a JSON string holds all eight bytes of x without an escape.
func safe8(x uint64) bool { return unsafe8(x) == 0 }

// unsafe8 finds the first of the eight bytes of x that may not appear in a JSON string as it is.
// The lowest bit set in the result is in that byte. The result is zero if there is none.
func unsafe8(x uint64) uint64 {
	const lo, hi = 0x0101010101010101, 0x8080808080808080
	// A byte's high bit becomes set where the byte is below 0x20, a quote, a backslash or above 0x7f.
	// A borrow may also set bits in later bytes. That is harmless: the lowest bit counts.
	return (x | (x - lo*0x20) | ((x ^ lo*'"') - lo) | ((x ^ lo*'\\') - lo)) & hi
}

var safeByte = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEscaped appends s as the inside of a JSON string, with escapes.
// Each byte of invalid UTF-8 becomes invalidUTF8. U+2028 and U+2029 are escaped, since JavaScript needs it.
func appendEscaped(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', w3c.LowerHex[c>>4], w3c.LowerHex[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[start:i]...), invalidUTF8...)
			start = i + size
		} else if r == '\u2028' || r == '\u2029' {
			b = append(append(b, s[start:i]...), '\\', 'u', '2', '0', '2', w3c.LowerHex[r&15])
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}

// A secondText is the text of a time without its fraction of a second. Lines written in the same second share it.
type secondText struct {
	unix   int64
	loc    *time.Location
	prefix string // 2006-01-02T15:04:05
	zone   string // Z or +02:00
}

var lastSecond atomic.Pointer[secondText]

// appendNow is appendTime for a time that is probably in the same second as the previous one.
func appendNow(b []byte, t time.Time, valid bool) []byte {
	c := lastSecond.Load()
	if !c.matches(t) {
		if yearError(t) {
			return appendTime(b, t, valid)
		}
		text := t.Format("2006-01-02T15:04:05Z07:00")
		const n = len("2006-01-02T15:04:05")
		c = &secondText{unix: t.Unix(), loc: t.Location(), prefix: text[:n], zone: text[n:]}
		lastSecond.Store(c)
	}
	return c.append(b, t)
}

// append appends t, which must be in c's second.
func (c *secondText) append(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = append(b, c.prefix...)
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = appendFraction(b, ns)
	}
	b = append(b, c.zone...)
	return append(b, '"')
}

// matches reports whether t is in c's second. c may be nil.
func (c *secondText) matches(t time.Time) bool {
	return c != nil && c.unix == t.Unix() && c.loc == t.Location()
}

// appendFraction appends ns as a fraction of a second, without trailing zeros. ns must not be zero.
func appendFraction(b []byte, ns uint32) []byte {
	hi, lo := ns/100_000, ns%100_000 // four digits and five
	d1, d2, d3, d4 := digits[hi/100], digits[hi%100], digits[lo/1000], digits[lo/10%100]
	b = append(b, '.', d1[0], d1[1], d2[0], d2[1], d3[0], d3[1], d4[0], d4[1], byte('0'+lo%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// appendInt is strconv.AppendInt, faster for small numbers.
func appendInt(b []byte, v int64) []byte {
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

// appendUint is strconv.AppendUint, faster for small numbers.
func appendUint(b []byte, v uint64) []byte {
	if v >= 1e8 {
		return strconv.AppendUint(b, v, 10)
	}
	return appendInt(b, int64(v))
}

// putUint writes v in decimal and returns the number of digits. It is made for large random numbers:
// it finds their length without branches that the processor would predict wrongly.
func putUint(text *[24]byte, v uint64) int {
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

const yearErrorText = "!ERROR:time.Time year outside of range [0,9999]"

// yearError reports whether t's year does not fit into RFC 3339.
func yearError(t time.Time) bool {
	y := t.Year()
	return y < 0 || y >= 10000
}

// appendTime appends t as RFC 3339 with nanoseconds. If t's year does not fit, it appends slog's error text.
// Some versions of slog write the time behind that error, which is not valid JSON. appendTime does so too, unless valid.
func appendTime(b []byte, t time.Time, valid bool) []byte {
	year, month, day := t.Date()
	_, offset := t.Zone()
	if year < 0 || year > 9999 || offset <= -100*3600 || offset >= 100*3600 {
		return appendOddTime(b, t, valid)
	}
	hour, minute, second := t.Clock()
	y1, y2, m, d := digits[year/100], digits[year%100], digits[month], digits[day]
	h, min, s := digits[hour], digits[minute], digits[second]
	b = append(b, '"', y1[0], y1[1], y2[0], y2[1], '-', m[0], m[1], '-', d[0], d[1], 'T',
		h[0], h[1], ':', min[0], min[1], ':', s[0], s[1])
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = appendFraction(b, ns)
	}
	if offset == 0 {
		return append(b, 'Z', '"')
	}
	sign := byte('+')
	zone := offset / 60
	if zone < 0 {
		sign, zone = '-', -zone
	}
	h, min = digits[zone/60], digits[zone%60]
	return append(b, sign, h[0], h[1], ':', min[0], min[1], '"')
}

// appendOddTime is appendTime for a year or a zone with more digits than usual.
func appendOddTime(b []byte, t time.Time, valid bool) []byte {
	if yearError(t) {
		b = appendString(b, yearErrorText)
		if valid || !yearDefect {
			return b
		}
	}
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendFloat appends f as encoding/json does.
func appendFloat(b []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		b = append(b, `"!ERROR:json: unsupported value: `...)
		b = strconv.AppendFloat(b, f, 'g', -1, 64)
		return append(b, '"')
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

// appendMillis appends d in milliseconds, rounded to microseconds, without trailing zeros. d must not be negative.
func appendMillis(b []byte, d time.Duration) []byte {
	us := uint64(d.Round(time.Microsecond) / time.Microsecond)
	b = appendInt(b, int64(us/1000))
	if f := us % 1000; f != 0 {
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

// appendValue appends v, which must be resolved and must not be a group. kind is v.Kind().
func appendValue(b []byte, v slog.Value, kind slog.Kind) []byte {
	switch kind {
	case slog.KindString:
		return appendString(b, v.String())
	case slog.KindInt64:
		return appendInt(b, v.Int64())
	case slog.KindUint64:
		return appendUint(b, v.Uint64())
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return appendInt(b, int64(v.Duration()))
	case slog.KindTime:
		return appendTime(b, v.Time(), false)
	default:
		return appendAny(b, v.Any())
	}
}

// appendAny appends v as encoding/json does. A method of v that panics is recovered.
func appendAny(b []byte, v any) (out []byte) {
	defer func() {
		if p := recover(); p != nil {
			out = appendPanic(b, v, p)
		}
	}()
	if clean, ok := v.(*redactedJSON); ok {
		return append(b, clean.data...)
	}
	if err, ok := plainError(v); ok {
		return appendString(b, err.Error())
	}
	out, err := appendJSON(b, v)
	if err != nil {
		return appendString(b, fmt.Sprintf("!ERROR:%v", err))
	}
	return out
}

// appendError is appendAny for a plainError.
func appendError(b []byte, err error) (out []byte) {
	defer func() {
		if p := recover(); p != nil {
			out = appendPanic(b, err, p)
		}
	}()
	return appendString(b, err.Error())
}

// plainError returns v if it is an error that is written as its text: an error that is no json.Marshaler.
func plainError(v any) (_ error, ok bool) {
	err, ok := v.(error)
	if ok {
		_, marshals := v.(json.Marshaler)
		ok = !marshals
	}
	return err, ok
}

// appendPanic appends the text that replaces v after one of v's methods panicked with p. fmt and slog write the same.
func appendPanic(b []byte, v, p any) []byte {
	if v := reflect.ValueOf(v); v.Kind() == reflect.Pointer && v.IsNil() {
		return appendString(b, "<nil>") // most probably the method does not expect a nil receiver
	}
	return appendString(b, fmt.Sprintf("!PANIC: %v", p))
}

type jsonEncoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false) // json.Marshal has no such option
	return e
}}

// maxPooled limits the capacity of a buffer that is kept for reuse.
const maxPooled = 16 << 10

func appendJSON(b []byte, v any) ([]byte, error) {
	e := jsonEncoders.Get().(*jsonEncoder)
	defer e.free()
	data, err := e.encode(v)
	return append(b, data...), err
}

// encode returns v as JSON. The result is in e's memory.
func (e *jsonEncoder) encode(v any) ([]byte, error) {
	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(e.buf.Bytes(), []byte("\n")), nil
}

// free returns e to the pool.
func (e *jsonEncoder) free() {
	if e.buf.Cap() <= maxPooled {
		e.buf.Reset()
		jsonEncoders.Put(e)
	}
}

// redactedJSON is the JSON text of a value whose secrets were replaced. Nobody changes data.
type redactedJSON struct{ data []byte }

func (v *redactedJSON) MarshalJSON() ([]byte, error) { return v.data, nil }
func (v *redactedJSON) MarshalText() ([]byte, error) { return v.data, nil }
func (v *redactedJSON) String() string               { return string(v.data) }

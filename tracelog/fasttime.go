package tracelog

import (
	"encoding/binary"
	"time"
)

// A clock reads times from log lines. Most lines have the same minute as the previous one. It accepts RFC 3339 for
// the years 1970 to 2261.
type clock struct {
	date, minute uint64 // "2026-03-0" "1T09:15:"
	rest         byte
	at           int64 // when that minute began, in nanoseconds since 1970
}

const second = int64(time.Second)

// nanos returns nanoseconds since 1970. If it returns false, b may still be a time in another form.
func (c *clock) nanos(b []byte) (int64, bool) {
	// 2026-03-01T09:15:00.003505398Z or …+01:00
	if len(b) < 20 || len(b) > 35 {
		return 0, false
	}
	east := int64(0)
	if b[len(b)-1] != 'Z' {
		zone := len(b) - 6
		var ok bool
		if east, ok = offset(b[zone:]); !ok || zone < 19 {
			return 0, false
		}
		b = b[:zone+1]
	}
	date, minute := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	if date != c.date || minute != c.minute || b[16] != c.rest {
		if !c.learn(b, date, minute) {
			return 0, false
		}
	}
	s1, s0 := b[17]-'0', b[18]-'0'
	if s1 > 5 || s0 > 9 {
		return 0, false
	}
	at := c.at + (int64(s1)*10+int64(s0))*second - east
	if len(b) == 20 {
		return at, true
	}
	if b[19] != '.' || len(b) == 21 || len(b) > 30 {
		return 0, false
	}
	n, digits := uint32(0), b[20:len(b)-1]
	if len(digits) >= 8 {
		var ok bool
		if n, ok = eightDigits(binary.LittleEndian.Uint64(digits)); !ok {
			return 0, false
		}
		digits = digits[8:]
	}
	for _, d := range digits {
		if d -= '0'; d > 9 {
			return 0, false
		}
		n = n*10 + uint32(d)
	}
	return at + int64(n)*tens[30-len(b)], true
}

// eightDigits reads eight bytes as a number: pairs of digits first, then pairs of those, then the two halves.
func eightDigits(x uint64) (uint32, bool) {
	x ^= ones * '0'
	if (x+ones*0x76|x)&highs != 0 { // some byte is greater than 9
		return 0, false
	}
	x = x*10 + x>>8
	x = (x&0x000000ff000000ff*(100+1_000_000<<32) + x>>16&0x000000ff000000ff*(1+10_000<<32)) >> 32
	return uint32(x), true
}

// offset reads +hh:mm as nanoseconds.
func offset(b []byte) (int64, bool) {
	h1, h0, m1, m0 := b[1]-'0', b[2]-'0', b[4]-'0', b[5]-'0'
	if h1 > 9 || h0 > 9 || h1*10+h0 > 23 || m1 > 5 || m0 > 9 || b[3] != ':' {
		return 0, false
	}
	ns := (int64(h1*10+h0)*60 + int64(m1*10+m0)) * int64(time.Minute)
	switch b[0] {
	case '+':
		return ns, true
	case '-':
		return -ns, true
	}
	return 0, false
}

var tens = [...]int64{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// learn remembers a minute.
func (c *clock) learn(b []byte, date, minute uint64) bool {
	var whole [20]byte
	copy(whole[:], b[:17])
	copy(whole[17:], "00Z")
	var t time.Time
	if err := t.UnmarshalText(whole[:]); err != nil || t.Year() < 1970 || t.Year() > 2261 {
		return false
	}
	c.date, c.minute, c.rest, c.at = date, minute, b[16], t.UnixNano()
	return true
}

// fastMillis reads a number of milliseconds with at most six decimals, without rounding. If it returns false,
// parseDuration may still be able to read the number.
func fastMillis(b []byte) (time.Duration, bool) {
	if len(b) == 0 || len(b) > 15 || !isDigit(b[0]) {
		return 0, false // a float64 does not hold all of more digits
	}
	n, decimals, point := int64(0), 0, false
	for _, c := range b {
		switch d := c - '0'; {
		case d <= 9:
			n = n*10 + int64(d)
			if point {
				decimals++
			}
		case c == '.' && !point:
			point = true
		default:
			return 0, false
		}
	}
	if decimals > 6 {
		return 0, false
	}
	if n *= tens[6-decimals]; n > 1<<50 {
		return 0, false
	}
	return time.Duration(n), true
}

package jsontext

import (
	"sync/atomic"
	"time"
)

// A Second is the text of a time without its fraction of a second. Lines written in the same second share it.
type Second struct {
	unix   int64
	loc    *time.Location
	Prefix string // 2006-01-02T15:04:05
	Zone   string // Z or +02:00
}

var lastSecond atomic.Pointer[Second]

// LastSecond returns the Second of t if the last call of AppendNow was for a time in it. Otherwise it returns nil.
func LastSecond(t time.Time) *Second {
	if c := lastSecond.Load(); c.Matches(t) {
		return c
	}
	return nil
}

// AppendNow is AppendTime for a time that is probably in the same second as the previous one.
func AppendNow(b []byte, t time.Time, valid bool) []byte {
	c := lastSecond.Load()
	if !c.Matches(t) {
		if YearError(t) {
			return AppendTime(b, t, valid)
		}
		text := t.Format("2006-01-02T15:04:05Z07:00")
		const n = len("2006-01-02T15:04:05")
		c = &Second{unix: t.Unix(), loc: t.Location(), Prefix: text[:n], Zone: text[n:]}
		lastSecond.Store(c)
	}
	return c.append(b, t)
}

// append appends t, which must be in c's second.
func (c *Second) append(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = append(b, c.Prefix...)
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = AppendFraction(b, ns)
	}
	b = append(b, c.Zone...)
	return append(b, '"')
}

// Matches reports whether t is in c's second. c may be nil.
func (c *Second) Matches(t time.Time) bool {
	return c != nil && c.unix == t.Unix() && c.loc == t.Location()
}

// AppendFraction appends ns as a fraction of a second, without trailing zeros. ns must not be zero.
func AppendFraction(b []byte, ns uint32) []byte {
	hi, lo := ns/100_000, ns%100_000 // four digits and five
	d1, d2, d3, d4 := digits[hi/100], digits[hi%100], digits[lo/1000], digits[lo/10%100]
	b = append(b, '.', d1[0], d1[1], d2[0], d2[1], d3[0], d3[1], d4[0], d4[1], byte('0'+lo%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

const YearErrorText = "!ERROR:time.Time year outside of range [0,9999]"

// YearError reports whether t's year does not fit into RFC 3339.
func YearError(t time.Time) bool {
	y := t.Year()
	return y < 0 || y >= 10000
}

// AppendTime appends t as RFC 3339 with nanoseconds. If t's year does not fit, it appends slog's error text.
// Some versions of slog write the time behind that error, which is not valid JSON. AppendTime does so too, unless valid.
func AppendTime(b []byte, t time.Time, valid bool) []byte {
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
		b = AppendFraction(b, ns)
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

// appendOddTime is AppendTime for a year or a zone with more digits than usual.
func appendOddTime(b []byte, t time.Time, valid bool) []byte {
	if YearError(t) {
		b = AppendString(b, YearErrorText)
		if valid || !YearDefect {
			return b
		}
	}
	b = append(b, '"')
	b = t.AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

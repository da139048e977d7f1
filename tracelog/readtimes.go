package tracelog

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// Times without a zone, as log and many other programs write them, are taken as UTC.
var timeLayouts = [...]string{
	"2006-01-02T15:04:05Z0700", // zap's ISO 8601
	"2006-01-02T15:04:05Z07",   // as PostgreSQL writes zones
	"2006-01-02T15:04:05 Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05Z07",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 Z07",
	"2006-01-02 15:04:05",
	"2006/01/02 15:04:05", // package log
}

// parseTime reads a text that is a time: RFC 3339, or one of timeLayouts with or without a fraction of the second. As
// RFC 3339 allows, T and Z may be small letters. UTC or GMT may follow, as at the end of Time.String.
func parseTime(s []byte) (time.Time, bool) {
	var t time.Time
	// At least a date, and not a long text of a hostile line.
	if len(s) < len("2006-01-02T15:04:05") || len(s) > 44 || !isDigit(s[0]) {
		return t, false
	}
	// UnmarshalText, unlike time.Parse, accepts only RFC 3339.
	if t.UnmarshalText(s) == nil {
		return t.UTC(), true
	}
	text := string(s)
	for _, zone := range [...]string{"UTC", "GMT"} {
		if rest, ok := strings.CutSuffix(text, zone); ok {
			text = strings.TrimSuffix(rest, " ")
			break
		}
	}
	if len(text) < len("2006-01-02T15:04:05") {
		return t, false
	}
	if text[10] == 't' {
		text = text[:10] + "T" + text[11:]
	}
	if rest, ok := strings.CutSuffix(text, "z"); ok {
		text = rest + "Z"
	}
	if t.UnmarshalText([]byte(text)) == nil {
		return t.UTC(), true
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// cutTime cuts the time at the start of b, of up to four words, as 2026-03-01 09:15:00 +0000 UTC, or an epoch.
func cutTime(b []byte) (t time.Time, rest []byte, ok bool) {
	if len(b) < len("1772356500") || !isDigit(b[0]) {
		return t, b, false
	}
	n := bytes.IndexByte(b[:min(len(b), 24)], ' ')
	if n < 0 && len(b) <= 24 {
		n = len(b)
	}
	if n > 0 {
		if t, ok := parseEpoch(b[:n]); ok {
			return t, bytes.TrimLeft(b[n:], " "), true
		}
	}
	end := 0
	for words := 1; words <= 4; words++ {
		n := bytes.IndexByte(b[end:min(len(b), 45)], ' ')
		if n < 0 {
			n = len(b) - end
		}
		// The longest text that is a time counts. After it, only a zone is looked at.
		if at, isTime := parseTime(b[:end+n]); isTime {
			t, rest, ok = at, bytes.TrimLeft(b[end+n:], " "), true
		} else if ok {
			break
		}
		if end += n + 1; end >= len(b) || ok && b[end] != '+' && b[end] != '-' && b[end] != 'U' && b[end] != 'G' {
			break
		}
	}
	if !ok {
		return t, b, false
	}
	return t, rest, true
}

// parseEpoch reads a JSON number as a time: seconds since 1970, or milliseconds, microseconds or nanoseconds,
// whichever gives a time between 1973 and 5138. Other numbers are not times. Digits are not rounded to those of a
// float64, nor are those of a number with an exponent.
func parseEpoch(v []byte) (time.Time, bool) {
	if !isNumber(v) || len(v) > 64 {
		return time.Time{}, false
	}
	whole, fraction, _ := bytes.Cut(canonicalNumber(nil, v), []byte("."))
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	var nanos int64 // of the fraction of n's unit, as if that were seconds
	for i := range 9 {
		nanos *= 10
		if i < len(fraction) {
			nanos += int64(fraction[i] - '0')
		}
	}
	switch {
	case n < 1e8:
		return time.Time{}, false
	case n < 1e11:
		return time.Unix(n, nanos).UTC(), true
	case n < 1e14:
		return time.Unix(n/1e3, n%1e3*1e6+nanos/1e3).UTC(), true
	case n < 1e17:
		return time.Unix(n/1e6, n%1e6*1e3+nanos/1e6).UTC(), true
	}
	return time.Unix(n/1e9, n%1e9).UTC(), true
}

// isEpoch reports whether parseEpoch accepts a number. It is fast for nanoseconds.
func isEpoch(v []byte) bool {
	nanos := len(v) == len("1772356500500000000") && '1' <= v[0] && v[0] <= '8'
	for i := 0; nanos && i < len(v); i++ {
		nanos = isDigit(v[i])
	}
	if nanos {
		return true
	}
	_, ok := parseEpoch(v)
	return ok
}

// parseDuration reads a number of the given unit. It rejects numbers that are negative or over 292 years.
func parseDuration(v []byte, unit time.Duration) (time.Duration, bool) {
	x, ok := parseNumber(v)
	if ns := math.Round(x * float64(unit)); ok && ns >= 0 && ns < math.MaxInt64 {
		return time.Duration(ns), true
	}
	return 0, false
}

package tracelog

import (
	"bytes"
	"math"
	"slices"
	"strconv"
)

// canonicalNumber returns the one form of a JSON number that has no exponent and no zeros at the end of a fraction.
// Numbers whose exponent represents more than 400 digits keep it. It may use buf for the result.
func canonicalNumber(buf, v []byte) []byte {
	point := -1
	for i, c := range v {
		switch c {
		case '.':
			point = i
		case 'e', 'E':
			return withoutExponent(buf[:0], v[:i], v[i+1:])
		}
	}
	if point >= 0 {
		v = bytes.TrimRight(v, "0")
		v = bytes.TrimSuffix(v, []byte("."))
	}
	if len(v) == 2 && v[0] == '-' && v[1] == '0' {
		v = v[1:]
	}
	return v
}

// mostZeros is how many zeros canonicalNumber writes for an exponent.
const mostZeros = 400

var zeros = bytes.Repeat([]byte("0"), mostZeros+1)

// withoutExponent appends the canonical form of a number that has an exponent.
func withoutExponent(out, mantissa, exponent []byte) []byte {
	e, err := strconv.Atoi(string(exponent))
	if mantissa[0] == '-' {
		out, mantissa = append(out, '-'), mantissa[1:]
	}
	sign := len(out)
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	out = append(append(out, whole...), fraction...)
	digits := bytes.TrimLeft(out[sign:], "0")
	if len(digits) == 0 {
		return append(out[:0], '0')
	}
	e -= len(fraction)
	short := bytes.TrimRight(digits, "0")
	e += len(digits) - len(short)
	n := copy(out[sign:], short)
	out = out[:sign+n]
	switch {
	case err != nil || e > mostZeros || e < -mostZeros-n:
		return append(append(out, 'e'), exponent...)
	case e < 0:
		if more := 1 - e - n; more > 0 { // before the point, and after it
			out = slices.Insert(out, sign, zeros[:more]...)
			n += more
		}
		return slices.Insert(out, sign+n+e, '.')
	}
	return append(out, zeros[:e]...)
}

// isNumber reports whether a text is a JSON number.
func isNumber(v []byte) bool {
	l := lexer{b: v}
	return len(v) > 0 && l.number() && l.i == len(v)
}

// parseNumber reads a JSON number.
func parseNumber(v []byte) (float64, bool) {
	if len(v) == 0 || v[0] != '-' && !isDigit(v[0]) {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

// parseRate reads a JSON number above 0 and at most 1. A number that is too small for a float64 becomes the smallest
// one.
func parseRate(v []byte) (float64, bool) {
	x, ok := parseNumber(v)
	if ok && x == 0 && v[0] != '-' {
		mantissa, _, _ := bytes.Cut(bytes.ToLower(v), []byte("e"))
		if len(bytes.Trim(mantissa, "0.")) > 0 {
			return math.SmallestNonzeroFloat64, true
		}
	}
	return x, ok && x > 0 && x <= 1
}

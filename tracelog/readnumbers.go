package tracelog

import (
	"bytes"
	"math"
	"strconv"
)

// canonicalNumber returns the one form of a JSON number that has no exponent and no zeros at the end of a fraction.
// Numbers whose exponent represents more than 400 digits keep it.
func canonicalNumber(v []byte) []byte {
	point := -1
	for i, c := range v {
		switch c {
		case '.':
			point = i
		case 'e', 'E':
			return withoutExponent(v[:i], v[i+1:])
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

func withoutExponent(mantissa, exponent []byte) []byte {
	const most = 400
	e, err := strconv.Atoi(string(exponent))
	var out []byte
	if mantissa[0] == '-' {
		out, mantissa = append(out, '-'), mantissa[1:]
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	digits := append(bytes.Clone(whole), fraction...)
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) == 0 {
		return []byte("0")
	}
	e -= len(fraction)
	short := bytes.TrimRight(digits, "0")
	e += len(digits) - len(short)
	digits = short
	switch {
	case err != nil || e > most || e < -most-len(digits):
		return append(append(append(out, digits...), 'e'), exponent...)
	case e >= 0:
		return append(append(out, digits...), bytes.Repeat([]byte("0"), e)...)
	case -e < len(digits):
		at := len(digits) + e
		return append(append(append(out, digits[:at]...), '.'), digits[at:]...)
	}
	return append(append(append(out, "0."...), bytes.Repeat([]byte("0"), -e-len(digits))...), digits...)
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

package tracelog

import (
	"bytes"
	"encoding/base64"
	hexpkg "encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pick returns the value of the first of names that is among members and not null. A dot is a step into an object.
func pick(ms []member, names []string) []byte {
	for _, name := range names {
		for i := range ms {
			if m := &ms[i]; m.outer == 0 && string(m.key) == name && m.value[0] != 'n' {
				return m.value
			}
		}
		outer, inner, deep := strings.Cut(name, ".")
		if !deep {
			continue
		}
		for i := range ms {
			m := &ms[i]
			if m.outer == 0 && string(m.key) == outer && m.value[0] == '{' {
				in, _ := appendMembers(nil, m.value)
				if v := pick(in, []string{inner}); v != nil {
					return v
				}
			}
		}
	}
	return nil
}

// pickText returns the text of a string, or a number, or "".
func pickText(ms []member, names []string) string { return jsonText(pick(ms, names)) }

func jsonText(v []byte) string {
	switch {
	case len(v) == 0:
	case v[0] == '"':
		return string(plain(v[1 : len(v)-1]))
	case v[0] == '-' || isDigit(v[0]):
		return string(v)
	}
	return ""
}

// foreignID returns an id without the 0x that Python writes, or "" if it means that there is none.
// Base64, which protobuf's own JSON has, becomes hex digits.
func foreignID(id string) string {
	if n := len(id); n == 24 && strings.HasSuffix(id, "==") || n == 12 && id[11] == '=' {
		if b, err := base64.StdEncoding.DecodeString(id); err == nil {
			id = hexpkg.EncodeToString(b)
		}
	}
	id = strings.TrimPrefix(id, "0x")
	if n := len(id); (n == 32 || n == 16) && isHex(id) { // OTLP's digits may be capitals
		id = strings.ToLower(id)
	}
	return idOrNone(id)
}

// foreignMoment reads a time: a text, or a number since 1970 in whichever unit. Unit is that of a number.
func foreignMoment(v []byte) (at time.Time, unit time.Duration, ok bool) {
	text := []byte(jsonText(v))
	if at, ok := parseTime(text); ok {
		return at, 0, true
	}
	if at, ok = parseEpoch(text); !ok {
		return at, 0, false
	}
	whole, _, _ := bytes.Cut(canonicalNumber(nil, text), []byte("."))
	switch n := len(whole); {
	case n <= 11:
		unit = time.Second
	case n <= 14:
		unit = time.Millisecond
	case n <= 17:
		unit = time.Microsecond
	default:
		unit = time.Nanosecond
	}
	return at, unit, true
}

// foreignLasted reads a duration under one of the names. A number without a unit in its name has that of the start.
func foreignLasted(ms []member, unit time.Duration) (time.Duration, bool) {
	for _, name := range foreignDuration {
		v := pick(ms, []string{name})
		if v == nil {
			continue
		}
		text := jsonText(v)
		switch {
		case name == "durationNano" || name == "duration_ns" || name == "Duration" && pick(ms, []string{"SpanName"}) != nil:
			unit = time.Nanosecond
		case strings.HasSuffix(name, "_us") || name == "durationUs":
			unit = time.Microsecond
		case name == "duration_s" || name == "durationSeconds":
			unit = time.Second
		case unit == 0 || strings.HasSuffix(strings.ToLower(name), "ms") || name == "durationMillis":
			unit = time.Millisecond
		}
		if d, ok := parseDuration([]byte(text), unit); ok {
			return d, true
		}
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			return d, true
		}
	}
	return 0, false
}

// foreignKinds are the kinds of spans as numbers (OTLP's).
var foreignKinds = [...]string{2: "server", 3: "client", 4: "producer", 5: "consumer"}

func foreignKindOf(v []byte) string {
	text := strings.ToLower(jsonText(v))
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n < len(foreignKinds) {
		return foreignKinds[n]
	}
	text = text[strings.LastIndexAny(text, "._")+1:]
	if slices.Contains(foreignKinds[2:], text) {
		return text
	}
	return ""
}

func at(elements [][]byte, i int) []byte {
	if i < len(elements) {
		return elements[i]
	}
	return nil
}

// elementsOf returns the elements of an array; nil if v is none.
func elementsOf(v []byte) (all [][]byte) {
	if len(v) > 0 && v[0] == '[' {
		eachElement(v, func(element []byte) bool {
			all = append(all, element)
			return true
		})
	}
	return all
}

// timeText returns a time in the form of the record schema, or nil if it is zero.
func timeText(t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return t.UTC().AppendFormat(nil, time.RFC3339Nano)
}

// formatMillis returns a duration as the record schema has it, without rounding.
func formatMillis(d time.Duration) []byte {
	return strconv.AppendFloat(nil, float64(d)/float64(time.Millisecond), 'f', -1, 64)
}

// appendText appends a JSON string, or nothing if the text is empty.
func appendText(b []byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendQuoted(b, []byte(text))
}

package w3c

import (
	"fmt"
	"strings"
)

const (
	maxTracestateMembers = 32
	maxTracestateKey     = 256
	maxTracestateValue   = 256

	// maxTracestate limits what is forwarded. The standard requires at least that much.
	maxTracestate = 512

	// largeTracestateMember is the length above which a member is removed first if the list is too long.
	largeTracestateMember = 128

	// maxTracestateInput limits what is read. The longest list that the grammar permits
	// has 32*(256+1+256)+31 = 16447 bytes; the rest is room for white space and empty members.
	maxTracestateInput = 32 << 10
)

// ParseTracestate checks the lines of a tracestate header, in order,
// and returns the list to forward (W3C Trace Context Level 2, 3.3).
//
//   - Spaces and tabs around members, and empty members, are left out. Everything else stays unchanged and in order.
//   - If several members have one key, the first is kept.
//   - A list above 512 bytes loses whole members until it fits (3.3, "tracestate Limits"):
//     first those over 128 bytes, the last one first and no more than needed, then the others, from the end.
//   - A list is not valid if a member breaks the grammar, if it has more than 32 members (duplicates count,
//     empty ones do not) or more than 32 KiB in all: the result is "" and an error.
//     The traceparent is still valid, so callers keep it.
//
// It does not allocate for one line with nothing to change. These limits bound its work for an input of any size.
// The error is one short line.
func ParseTracestate(lines ...string) (string, error) {
	if len(lines) == 0 || len(lines) == 1 && lines[0] == "" {
		return "", nil // the usual case; the memory below would have to be cleared
	}
	size := max(0, len(lines)-1)
	for _, line := range lines {
		size += len(line)
	}
	if size > maxTracestateInput {
		return "", tracestateLengthError(size)
	}

	var array [maxTracestateMembers]tracestateMember
	members := array[:0]
	seen := 0
	length := 0 // of members, joined
	for _, line := range lines {
		for more := true; more; {
			var text string
			text, line, more = strings.Cut(line, ",")
			text = TrimOWS(text)
			if text == "" {
				continue
			}
			if seen++; seen > maxTracestateMembers {
				return "", errTracestateMembers
			}
			m, err := parseTracestateMember(text)
			if err != nil {
				err.number = seen
				return "", err
			}
			if hasTracestateKey(members, m.key()) {
				continue
			}
			if len(members) > 0 {
				length++
			}
			length += len(text)
			members = append(members, m)
		}
	}

	for i := len(members) - 1; i >= 0 && length > maxTracestate; i-- {
		if n := len(members[i].text); n > largeTracestateMember {
			length -= n + 1
			members = append(members[:i], members[i+1:]...)
		}
	}
	for length > maxTracestate {
		last := len(members) - 1
		length -= len(members[last].text) + 1
		members = members[:last]
	}

	if len(members) == 0 {
		return "", nil
	}
	// Members are parts of the input, in its order. So the same length means the same list.
	if len(lines) == 1 && len(lines[0]) == length {
		return lines[0], nil
	}
	var b strings.Builder
	b.Grow(length)
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(m.text)
	}
	return b.String(), nil
}

// A tracestateMember is key=value, without the white space around it.
type tracestateMember struct {
	text   string
	keyLen int
}

func (m tracestateMember) key() string { return m.text[:m.keyLen] }

func hasTracestateKey(members []tracestateMember, key string) bool {
	for _, m := range members {
		if m.key() == key {
			return true
		}
	}
	return false
}

// parseTracestateMember checks text against list-member of 3.3.2. text must have no white space around it.
// The caller sets the error's number.
func parseTracestateMember(text string) (tracestateMember, *tracestateError) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return tracestateMember{}, &tracestateError{want: "key=value", got: text}
	}
	if key == "" {
		return tracestateMember{}, &tracestateError{want: "a key", got: text}
	}
	if len(key) > maxTracestateKey {
		return tracestateMember{}, &tracestateError{want: "a key of at most 256 bytes", got: key}
	}
	for i := range len(key) {
		if !isTracestateKeyByte(key[i]) || i == 0 && !isTracestateKeyStart(key[i]) {
			return tracestateMember{}, &tracestateError{want: "a key of a-z 0-9 _ - * / @ that starts with a-z or 0-9", got: key}
		}
	}
	// A value here never ends with a space: that would be white space around the member.
	if value == "" {
		return tracestateMember{}, &tracestateError{want: "a value", got: text}
	}
	if len(value) > maxTracestateValue {
		return tracestateMember{}, &tracestateError{want: "a value of at most 256 bytes", got: value}
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '=' {
			return tracestateMember{}, &tracestateError{want: "a value of printable ASCII without = and comma", got: value}
		}
	}
	return tracestateMember{text, len(key)}, nil
}

func isTracestateKeyStart(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func isTracestateKeyByte(c byte) bool {
	return isTracestateKeyStart(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@'
}

const errTracestateMembers fixedError = "tracestate: want at most 32 members, got more"

type tracestateLengthError int

func (e tracestateLengthError) Error() string {
	return fmt.Sprintf("slogtrace: tracestate: want at most %d bytes, got %d", maxTracestateInput, int(e))
}

// A tracestateError gives the number of a wrong member, counted from 1 without empty ones, and the reason.
type tracestateError struct {
	number    int
	want, got string
}

func (e *tracestateError) Error() string {
	return fmt.Sprintf("slogtrace: tracestate: member %d: want %s, got %s", e.number, e.want, QuoteShort(e.got))
}

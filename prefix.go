package slogtrace

import (
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/jsontext"
	"github.com/slogtrace/slogtrace/internal/schema"
)

// NewPrefixHandler returns a handler that writes the ids before the message, not as attributes:
//
//	[trace:4bf92f3577b34da6a3ce929d0e0e4736 span:00f067aa0ba902b7 op:charge] asking the bank
//
// Use it for tools that search the text of messages, and for inner handlers that write no attributes.
// Package tracelog reads the ids from the prefix, on lines of text and in a JSON member msg or message.
//
// The rules of [NewHandler] for inner, for nested handlers and for records outside a trace apply here too.
// Only the ids go into the prefix. Everything else stays an attribute: those of [With], the baggage, and a span record's
// members, under the names of docs/records.md. If the inner handler writes no attributes,
// a trace has its log lines but no spans.
//
// The op is left out if it is not known. It is written as a JSON string, with brackets escaped, if it contains
// quotes, brackets, a colon, an equals sign, a comma, a backslash or an unprintable character, or begins or ends with a space.
// So the first closing bracket ends the prefix. A text like a prefix in your own message comes after it and is ignored.
// A root attribute of yours under a key where readers look for ids becomes attr.<key>.
func NewPrefixHandler(inner slog.Handler) slog.Handler { return newHandler(inner, prefixFormat) }

// prefixFormat is the format of a Handler that writes the ids into the message.
var prefixFormat = func() *format {
	f := Format{form: prefixForm}.compile(false)
	for _, k := range [...]recordKind{tracedRecord, spanRecord} {
		f.reservedKeys[k] = newKeySet(f.reservedKeys[k].keys, readersIDs)
		f.own[k] = newKeySet(f.own[k].keys, readersIDs)
	}
	return f
}()

// readersIDs are the keys where readers look for ids. Of a key with a dot, also the first word: it may be the key of
// an object, or of a group that a text handler writes with a dot.
// On a line without our ids among its members, a user's attribute would be taken for an id.
var readersIDs = func() (keys []string) {
	for i := range schema.Presets {
		p := &schema.Presets[i]
		for key := range strings.FieldsSeq(p.Keys[schema.Trace] + " " + p.Keys[schema.Span]) {
			outer, _, _ := strings.Cut(key, ".")
			for _, k := range [...]string{key, outer} {
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		}
	}
	return keys
}()

// withPrefix returns the message of a record under c, with the prefix. c must be in a trace.
func withPrefix(c *current, op, msg string) string {
	ids := c.ids()
	var mem [128]byte
	b := append(append(mem[:0], "[trace:"...), ids[:32]...)
	b = append(append(b, " span:"...), ids[32:]...)
	if op != "" {
		b = appendPrefixOp(append(b, " op:"...), op)
	}
	b = append(b, ']')
	if msg != "" {
		b = append(append(b, ' '), msg...)
	}
	return string(b)
}

// appendPrefixOp appends op in a form that a reader finds the end of: no space or bracket in it looks like the end.
func appendPrefixOp(b []byte, op string) []byte {
	if isPlainOp(op) {
		return append(b, op...)
	}
	for _, c := range jsontext.AppendString(nil, op) {
		switch c {
		case '[':
			b = append(b, `\u005b`...)
		case ']':
			b = append(b, `\u005d`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// isPlainOp reports whether op can be read back without quotes.
func isPlainOp(op string) bool {
	if op[0] == ' ' || op[len(op)-1] == ' ' {
		return false
	}
	for i, r := range op {
		if strings.ContainsRune(`"[]:=,\`, r) || !unicode.IsPrint(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(op[i:]); size == 1 {
				return false
			}
		}
	}
	return true
}

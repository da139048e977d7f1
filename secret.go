package slogtrace

import (
	"fmt"
	"io"
	"log/slog"
)

// redactedText stands for what is not shown.
const redactedText = "[redacted]"

// A Secret is a string that prints as [redacted]: in logs, with every verb of package fmt, as JSON and as text.
// What it says is string(s), a conversion that can be looked for.
// It reads as any string does, from JSON for example.
//
//	type Config struct {
//		User     string
//		Password slogtrace.Secret
//	}
//
// No method of it is called in these places, which show the string itself:
//
//   - the verbs %p and %w of package fmt, which are wrong for a string ("go vet" says so);
//   - a struct's unexported fields, and what is in them, printed by package fmt;
//   - the keys of maps in encoding/json;
//   - encoding/gob, and package reflect;
//   - database/sql, where it is an argument like any string, and the conversion string(s).
//
// In the records of a [NewRedactHandler] unexported fields, keys of maps and reflect.Values are replaced too.
type Secret string

var (
	_ slog.LogValuer = Secret("")
	_ fmt.Formatter  = Secret("")
	_ fmt.GoStringer = Secret("")
)

// LogValue returns [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redactedText) }

// String returns [redacted].
func (Secret) String() string { return redactedText }

// GoString returns [redacted].
func (Secret) GoString() string { return redactedText }

// Format prints [redacted], whatever the verb and its flags.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// MarshalJSON returns "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }

// MarshalText returns [redacted].
func (Secret) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

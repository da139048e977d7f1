package slogtrace

import (
	"fmt"
	"io"
	"log/slog"
)

// redactedText replaces hidden text.
const redactedText = "[redacted]"

// A Secret is a string that prints as [redacted]: in logs, with every verb of package fmt, as JSON and as text.
// The conversion string(s) returns its contents and is easy to search for.
// It is read like any string, from JSON for example.
//
//	type Config struct {
//		User     string
//		Password slogtrace.Secret
//	}
//
// These do not call its methods, so they show the string itself:
//
//   - the verbs %p and %w of package fmt, which are wrong for a string ("go vet" reports them);
//   - a struct's unexported fields, and their contents, printed by package fmt;
//   - the keys of maps in encoding/json;
//   - encoding/gob, and package reflect;
//   - database/sql, where it is an argument like any string, and the conversion string(s).
//
// In the records of a [NewRedactHandler], unexported fields, map keys and reflect.Values are replaced too.
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

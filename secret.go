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
// Two places are out of its reach, since no method of it is called there: package fmt prints a struct's unexported fields,
// and encoding/json a map's keys, without asking. In the records of a [NewRedactHandler] they are replaced there too.
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

package redact_test

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"strings"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// redactLine returns what do logs through a redact handler with these options, without time and level.
func redactLine(opts *slogtrace.RedactOptions, do func(ctx context.Context, l *slog.Logger)) string {
	var b bytes.Buffer
	do(context.Background(), slog.New(slogtrace.NewRedactHandler(slogtrace.NewJSONHandler(&b, nil), opts)))
	line := b.String()
	if i := strings.Index(line, `"msg"`); i > 0 {
		line = "{" + line[i:]
	}
	return strings.TrimSuffix(line, "\n")
}

type login struct {
	User     string
	Password string `json:"pw"`
	Token    *string
	Next     *login `json:",omitempty"`
	N        int    `json:"n,string"`
}

type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

type quietText struct{ text string }

func (q quietText) String() string { return q.text }

// nothingHidden are options with which nothing is replaced in the values here.
var nothingHidden = redact.Options{NoDefaults: true, Keys: []string{"never there"}, Secret: reflect.TypeFor[slogtrace.Secret]()}

// A valuerFunc is a LogValuer.
type valuerFunc func() slog.Value

func (f valuerFunc) LogValue() slog.Value { return f() }

func valuerOf(v slog.Value) slog.Value {
	return slog.AnyValue(valuerFunc(func() slog.Value { return v }))
}

type textMarshaler struct{ text string }

func (m *textMarshaler) MarshalText() ([]byte, error) { return []byte(m.text), nil }

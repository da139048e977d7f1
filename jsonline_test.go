package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"
)

type (
	valuerError struct{ error }
	jsonError   struct{ error }
	groupError  struct{ error }
)

func (valuerError) LogValue() slog.Value       { return slog.StringValue("by LogValue") }
func (jsonError) MarshalJSON() ([]byte, error) { return []byte(`{"by":"MarshalJSON"}`), nil }
func (e groupError) LogValue() slog.Value      { return slog.GroupValue(slog.Any("err", e.error)) }
func plainRecordOf(attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	return r
}

// An error is written as slog writes it, whatever methods it has, first, last or alone.
func TestJSONHandlerErrors(t *testing.T) {
	err := errors.New("text")
	n := slog.Int("n", 1)
	for _, v := range []any{err, valuerError{err}, jsonError{err}, groupError{err}, &valuerError{err}, []any{err}, map[string]any{"e": err}, json.Number("1")} {
		a := slog.Any("e", v)
		for _, attrs := range [][]slog.Attr{{a}, {a, n}, {n, a}, {n, a, a, n}, {slog.Group("g", a), n}} {
			for _, group := range []string{"", "open"} {
				var got, want bytes.Buffer
				for w, h := range map[io.Writer]slog.Handler{&got: NewJSONHandler(&got, nil), &want: slog.NewJSONHandler(&want, nil)} {
					if group != "" {
						h = h.WithGroup(group)
					}
					if err := h.Handle(context.Background(), plainRecordOf(attrs...)); err != nil {
						t.Fatal(w, err)
					}
				}
				if got.String() != want.String() {
					t.Errorf("%T:\n got %s\nwant %s", v, got.String(), want.String())
				}
			}
		}
	}
}

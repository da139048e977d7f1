package slogtrace

import (
	"bytes"
	"io"
	"log/slog"
	"testing"
)

// Nor do they share what they know of each other's keys.
func TestHandlerSiblingKeys(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			h := mk(&b)
			for i, key := range []string{"trace", "a", "span", "b", "op"} { // three that are renamed leave room for a fourth
				h = h.WithAttrs([]slog.Attr{slog.Int(key, i)})
			}
			left, right := h.WithAttrs([]slog.Attr{slog.Int("attr.trace", 10)}), h.WithAttrs([]slog.Attr{slog.Int("attr.span", 11)})
			left2, right2 := h.WithAttrs([]slog.Attr{slog.Int("left", 12)}), h.WithAttrs([]slog.Attr{slog.Int("right", 13)})
			ctx, _ := testSpan(With(t.Context(), slog.Int("left", 20), slog.Int("right", 21)), "op")
			for range 4 {
				for _, c := range []struct {
					h    slog.Handler
					attr slog.Attr
					want map[string]string
				}{
					{left, slog.Int("attr.attr.trace", 30), map[string]string{"attr.trace": "0", "attr.attr.trace": "10", "attr.attr.attr.trace": "30"}},
					{right, slog.Int("attr.attr.span", 30), map[string]string{"attr.span": "2", "attr.attr.span": "11", "attr.attr.attr.span": "30"}},
					{left, slog.Int("attr.attr.span", 30), map[string]string{"attr.span": "2", "attr.attr.span": "30"}},
					{left2, slog.Int("x", 30), map[string]string{"left": "12", "right": "21"}},
					{right2, slog.Int("x", 30), map[string]string{"left": "20", "right": "13"}},
				} {
					if err := c.h.Handle(ctx, testRecord(c.attr)); err != nil {
						t.Fatal(err)
					}
					checkRootKeys(t, take(&b), c.want)
				}
			}
		})
	}
}

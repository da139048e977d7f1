// Package initial replaces package slog's initial handler, which writes through package log.
//
// Once another handler is slog's default, package log writes through that one. So a handler around the initial one
// must not become the default: log and slog would call each other, and wait for log's lock forever.
// [Replace] and [UntilReplaced] prevent that, with handlers that write text.
package initial

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"reflect"
	"slices"
)

// Replace returns h. If h is slog's initial handler, it returns a handler that writes lines of text to the
// current [log.Writer] instead, at the levels for which h is enabled. They have all that was bound to h.
func Replace(h slog.Handler) slog.Handler {
	if isInitial(h) {
		return newTextHandler(h)
	}
	return h
}

// UntilReplaced returns h. If h is slog's initial handler, it returns a handler that passes records to h until slog has
// another default handler, and from then on to the one that [Replace] returns. So its lines look like those
// of the default logger as long as possible, but it may become the default itself.
func UntilReplaced(h slog.Handler) slog.Handler {
	if isInitial(h) {
		return &firstHandler{h, newTextHandler(h)}
	}
	return h
}

// A textHandler writes lines of text to the writer that package log had when it was made.
type textHandler struct {
	slog.Handler
	level slog.Handler // the initial handler: it knows the level of slog.SetLogLoggerLevel
}

// isInitial reports whether h has the type of slog's handler before any SetDefault.
// slog does not export that type, so its name is compared.
func isInitial(h slog.Handler) bool {
	t := reflect.TypeOf(h)
	return t != nil && t.String() == "*slog.defaultHandler" && t.Elem().PkgPath() == "log/slog"
}

func newTextHandler(initial slog.Handler) *textHandler {
	const anyLevel = slog.Level(-1 << 31)
	bound, groups := initialState(initial)
	w := log.Writer()
	if bound != "" {
		w = &suffixWriter{w: w, suffix: " " + bound + "\n"}
	}
	var text slog.Handler = slog.NewTextHandler(w, &slog.HandlerOptions{Level: anyLevel})
	for _, g := range groups {
		text = text.WithGroup(g)
	}
	return &textHandler{text, initial}
}

// initialState returns what was bound to slog's initial handler by With and WithGroup: the text for the end
// of each line, and the open groups. They are only accessible by reflection.
// If a later version of Go keeps them elsewhere, they are lost, and a test fails.
func initialState(h slog.Handler) (bound string, groups []string) {
	ch := reflect.ValueOf(h).Elem().FieldByName("ch")
	if ch.Kind() != reflect.Pointer || ch.IsNil() || ch.Elem().Kind() != reflect.Struct {
		return "", nil
	}
	if f := ch.Elem().FieldByName("preformattedAttrs"); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Uint8 {
		bound = string(f.Bytes())
	}
	if f := ch.Elem().FieldByName("groups"); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.String {
		for i := range f.Len() {
			groups = append(groups, f.Index(i).String())
		}
	}
	return bound, groups
}

func (h *textHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.level.Enabled(ctx, level)
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &textHandler{h.Handler.WithAttrs(attrs), h.level}
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	return &textHandler{h.Handler.WithGroup(name), h.level}
}

// A firstHandler is slog's initial handler while that is slog's default, and a textHandler afterwards.
type firstHandler struct {
	first slog.Handler
	text  slog.Handler
}

func (h *firstHandler) current() slog.Handler {
	if isInitial(slog.Default().Handler()) {
		return h.first
	}
	return h.text
}

func (h *firstHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.first.Enabled(ctx, level)
}

func (h *firstHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.current().Handle(ctx, r)
}

func (h *firstHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &firstHandler{h.first.WithAttrs(slices.Clone(attrs)), h.text.WithAttrs(attrs)}
}

func (h *firstHandler) WithGroup(name string) slog.Handler {
	return &firstHandler{h.first.WithGroup(name), h.text.WithGroup(name)}
}

// A suffixWriter writes suffix, which ends in a newline, in place of the newline of each Write.
// Its only user, a TextHandler, never writes concurrently.
type suffixWriter struct {
	w      io.Writer
	suffix string
	buf    []byte
}

func (s *suffixWriter) Write(p []byte) (int, error) {
	s.buf = append(append(s.buf[:0], bytes.TrimSuffix(p, []byte("\n"))...), s.suffix...)
	if _, err := s.w.Write(s.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

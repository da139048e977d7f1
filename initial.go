package slogtrace

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"reflect"
)

// The handler that package slog begins with writes through package log. Once another handler is slog's default,
// package log writes through that one. So a handler around the first can never be the default: log and slog would
// call each other, and wait for log's lock for ever. A textHandler takes the place of the first handler inside ours.

// A textHandler writes lines of text to the writer that package log had.
type textHandler struct {
	slog.Handler
	level slog.Handler // the original: it knows the level of slog.SetLogLoggerLevel
}

// isInitialHandler reports whether h is of the type that slog's default logger has before any SetDefault.
// The type has no other name: slog does not export it.
func isInitialHandler(h slog.Handler) bool {
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

// initialState returns what With and WithGroup have done to slog's first handler: the text that it will put
// at the end of a line, and the groups that are open. They can be seen by reflection only.
// Where a later version of Go has them elsewhere they are lost, which a test notices.
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

// A suffixWriter puts suffix, which ends in a newline, in the place of the newline of each Write.
// Its only user, a TextHandler, does not write twice at once.
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

package slogtrace

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"reflect"
	"slices"
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

// notInitial returns h, or what each of our handlers uses in its place where that is slog's first handler.
func notInitial(h slog.Handler) slog.Handler {
	if isInitialHandler(h) {
		return newTextHandler(h)
	}
	return h
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

// A firstHandler is slog's first handler while that is slog's default, and afterwards a textHandler in its place.
// [Logger] uses it: there the first handler may stay, and its lines look like those of the default logger,
// but nobody knows whether the logger becomes the default itself.
type firstHandler struct {
	first slog.Handler
	text  slog.Handler
}

func (h *firstHandler) current() slog.Handler {
	if isInitialHandler(slog.Default().Handler()) {
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

package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace/internal/ids"
)

// Ids are 1, 2, 3… in spanBubble, so the first root is trace 1,2 and span 3.
const (
	spanTrace1 = "00000000000000010000000000000002"
	spanSpan3  = "0000000000000003"
)

// spanBubble runs f where time starts at 2000-01-01T00:00:00Z and ids are 1, 2, 3…
func spanBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
	spanIDs(t)
	synctest.Test(t, f)
}

// spanIDs makes ids 1, 2, 3… until the test ends.
func spanIDs(tb testing.TB) {
	var n atomic.Uint64
	tb.Cleanup(ids.SetSource(func() uint64 { return n.Add(1) }))
}

// spanHandlers are the sinks whose span records must be the same, byte for byte: ours and another one.
var spanHandlers = []struct {
	name string
	make func(*bytes.Buffer) slog.Handler
}{
	{"own", func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b, nil) }},
	{"wrapped", func(b *bytes.Buffer) slog.Handler { return NewHandler(slog.NewJSONHandler(b, nil)) }},
	{"stranger", func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }},
}

// spanRecorder is a handler that keeps its records.
type spanRecorder struct {
	level slog.Level

	mu      sync.Mutex
	records []slog.Record
}

func (h *spanRecorder) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }
func (h *spanRecorder) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h *spanRecorder) WithGroup(string) slog.Handler                { return h }

func (h *spanRecorder) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r.Clone())
	return nil
}

// spans returns the contents of the span records so far, and removes them.
func (h *spanRecorder) spans(tb testing.TB) []SpanInfo {
	tb.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var infos []SpanInfo
	for _, r := range h.records {
		info, ok := SpanOf(r)
		if !ok {
			tb.Errorf("SpanOf(%q) = false", r.Message)
		}
		infos = append(infos, info)
	}
	h.records = nil
	return infos
}

// one returns the contents of the only span record so far, and its attributes besides the schema's.
func (h *spanRecorder) one(tb testing.TB) (SpanInfo, []slog.Attr) {
	tb.Helper()
	h.mu.Lock()
	records := h.records
	h.mu.Unlock()
	if len(records) != 1 {
		tb.Fatalf("got %d records, want 1", len(records))
	}
	var attrs []slog.Attr
	records[0].Attrs(func(a slog.Attr) bool {
		a.Value = a.Value.Resolve()
		attrs = append(attrs, a)
		return true
	})
	return h.spans(tb)[0], attrs[1:]
}

func spanOps(infos []SpanInfo) (ops []string) {
	for _, s := range infos {
		ops = append(ops, s.Op)
	}
	return ops
}

func spanLines(b *bytes.Buffer) []string {
	defer b.Reset()
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

var errSpanCard = errors.New("card declined")

package slogtrace

import (
	"log/slog"
	"strings"
	"testing"
)

// Reused memory is small and refers to nothing.
func TestHeldBufferReset(t *testing.T) {
	for _, test := range []struct {
		name string
		b    heldBuffer
		kept bool
	}{
		{"text", heldBuffer{text: make([]byte, 1, maxHeldText)}, true},
		{"too much text", heldBuffer{text: make([]byte, 1, maxHeldText+1)}, false},
		{"records", heldBuffer{records: []heldRecord{maxHeldItems - 1: {ctx: background}}}, true},
		{"too many records", heldBuffer{records: []heldRecord{maxHeldItems: {}}}, false},
		{"spans", heldBuffer{spans: []heldSpan{maxHeldItems - 1: {spanReport: spanReport{span: new(Span)}}}}, true},
		{"too many spans", heldBuffer{spans: []heldSpan{maxHeldItems: {}}}, false},
	} {
		b := test.b
		b.full, b.env, b.n, b.bytes = [][]byte{nil}, &noEnv, 1, 1
		b.reset()
		if (b.capacity() > 0) != test.kept || len(b.text)+len(b.records)+len(b.spans)+len(b.full)+b.n+b.bytes > 0 || b.env != nil {
			t.Errorf("%s: %d bytes: %+v", test.name, b.capacity(), b)
		}
		for _, r := range b.records[:cap(b.records)] {
			if r.ctx != nil {
				t.Errorf("%s: a record refers to something", test.name)
			}
		}
		for _, s := range b.spans[:cap(b.spans)] {
			if s.span != nil {
				t.Errorf("%s: a span refers to something", test.name)
			}
		}
	}
}

// Text doubles up to a limit and then grows by pieces. Each byte of its memory counts.
func TestHeldBufferText(t *testing.T) {
	add := func(h *held, n int) []byte {
		line := []byte(strings.Repeat("x", n-1) + "\n")
		h.addLine(line, slog.LevelDebug, aLine)
		return line
	}
	h := new(held)
	add(h, 100)
	if n := cap(h.text); n < 100 || n > 112 {
		t.Errorf("room for %d bytes where there are 100", n)
	}
	h = new(held)
	room, grown := 0, 0
	for i := range 3000 {
		n := 100
		if i == 1000 {
			n = 2 * maxHeldText
		}
		add(h, n)
		if len(h.text) == 0 || i != 1000 && i != 1001 && len(h.full) < 2 && cap(h.text) > maxHeldText {
			t.Fatalf("line %d: room for %d bytes", i, cap(h.text))
		}
		if cap(h.text) != room {
			room, grown = cap(h.text), grown+1
		}
		size := cap(h.full) * sliceSize
		for _, text := range append(h.full[:len(h.full):len(h.full)], h.text) {
			size += cap(text)
		}
		if size != h.size {
			t.Fatalf("line %d: %d bytes, counted %d", i, size, h.size)
		}
	}
	if unused := h.size - 2999*104 - 2*maxHeldText; unused > 2*maxHeldText || grown > 20 || len(h.full) < 9 {
		t.Errorf("%d bytes are not used, %d texts, grown %d times", unused, len(h.full), grown)
	}
}

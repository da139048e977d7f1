package slogtrace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// recordRootKeys returns the keys of a line's root in order. It fails the test if one appears twice.
func recordRootKeys(t *testing.T, line []byte) []string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("no JSON object: %v, %v: %.300s", tok, err, line)
	}
	var keys []string
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			t.Fatalf("no key: %v, %v: %.300s", tok, err, line)
		}
		if seen[key] {
			t.Errorf("key %q stands twice: %.600s", key, line)
		}
		seen[key] = true
		keys = append(keys, key)
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("key %q: %v: %.300s", key, err, line)
		}
	}
	return keys
}

func recordDecode(t *testing.T, line []byte) map[string]any {
	t.Helper()
	recordRootKeys(t, line)
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%v: %.300s", err, line)
	}
	return m
}

// A user's root attribute whose key is reserved is written as attr.<key>. Nothing is lost, and no key appears twice.
func TestSpanReservedKeys(t *testing.T) {
	reserved := []string{
		"trace", "span", "op", "parent", "kind", "start", "duration_ms", "error", "stack", "links",
		"queued_ms", "sample_rate", "sampled", "time", "level", "msg", "source",
	}
	var attrs []slog.Attr
	for _, k := range reserved {
		attrs = append(attrs, slog.String(k, "mine-"+k))
	}
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			var b bytes.Buffer
			tr := NewTracer(h.make(&b), nil)
			check := func(want map[string]any) {
				t.Helper()
				m := recordDecode(t, b.Bytes())
				for k, v := range want {
					if m[k] != v {
						t.Errorf("%s = %v, want %v: %s", k, m[k], v, b.Bytes())
					}
				}
				b.Reset()
			}

			_, s := tr.Start(context.Background(), "op", attrs...)
			s.Fail(errSpanCard)
			s.End()
			want := map[string]any{"error": "card declined", "op": "op", "msg": "span end"}
			for _, k := range reserved {
				want["attr."+k] = "mine-" + k
			}
			check(want)

			// The same through With.
			_, s = tr.Start(With(context.Background(), attrs...), "op")
			s.Fail(errSpanCard)
			s.End()
			check(want)

			// Two attributes that would become one.
			for _, pair := range [][]slog.Attr{
				{slog.String("error", "mine"), slog.String("attr.error", "other")},
				{slog.String("attr.error", "other"), slog.String("error", "mine")},
			} {
				_, s = tr.Start(context.Background(), "op", pair...)
				s.End()
				m := recordDecode(t, b.Bytes())
				a, aa := m["attr.error"], m["attr.attr.error"]
				if got := fmt.Sprintf("%v %v", a, aa); got != "mine other" && got != "other mine" {
					t.Errorf("%v was written as %s", pair, b.Bytes())
				}
				b.Reset()
				_, s = tr.Start(With(context.Background(), pair...), "op")
				s.End()
				m = recordDecode(t, b.Bytes())
				if m["attr.error"] != "other" || m["attr.attr.error"] != "mine" {
					t.Errorf("With %v was written as %s", pair, b.Bytes())
				}
				b.Reset()
			}

			// A group is an attribute, its members are not at the root.
			_, s = tr.Start(context.Background(), "op", slog.Group("error", slog.String("error", "in")), slog.Group("", slog.Int("op", 1)))
			s.End()
			check(map[string]any{"op": "op", "attr.op": 1.0})

			_, s = tr.Start(context.Background(), "op", slog.String("kind", "invoice"), KindClient)
			s.End()
			check(map[string]any{"kind": "client", "attr.kind": "invoice"})
			_, s = tr.Start(context.Background(), "op", slog.String("kind", "client"), slog.String("link", "x"))
			s.End()
			if m := recordDecode(t, b.Bytes()); m["attr.kind"] != "client" || m["kind"] != nil || m["link"] != "x" {
				t.Errorf("got %v", m)
			}
		})
	}
}

// A With attribute gives way to the record's, under the key in the line.
func TestSpanReservedKeysWithMeetsAttr(t *testing.T) {
	for _, h := range spanHandlers {
		t.Run(h.name, func(t *testing.T) {
			var b bytes.Buffer
			ctx := With(context.Background(), slog.String("attr.error", "with"))
			_, s := NewTracer(h.make(&b), nil).Start(ctx, "op", slog.String("error", "span"))
			s.End()
			if m := recordDecode(t, b.Bytes()); m["attr.error"] != "span" {
				t.Errorf("attr.error = %v, want span", m["attr.error"])
			}
		})
	}
}

type recordInline struct{}

func (recordInline) LogValue() slog.Value {
	return slog.GroupValue(slog.String("trace", "forged"), slog.String("error", "mine"), slog.String("msg", "forged"))
}

// Attributes that a LogValuer without a key puts at the root are renamed like all others there.
func TestSpanReservedKeysInlineValuer(t *testing.T) {
	inline := slog.Any("", recordInline{})
	for _, h := range spanHandlers {
		for name, start := range map[string]func(*Tracer) *Span{
			"Start":    func(tr *Tracer) *Span { _, s := tr.Start(context.Background(), "op", inline); return s },
			"SetAttrs": func(tr *Tracer) *Span { _, s := tr.Start(context.Background(), "op"); s.SetAttrs(inline); return s },
			"With":     func(tr *Tracer) *Span { _, s := tr.Start(With(context.Background(), inline), "op"); return s },
		} {
			t.Run(h.name+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				s := start(NewTracer(h.make(&b), nil))
				s.Fail(errSpanCard)
				s.End()
				m := recordDecode(t, b.Bytes())
				if m["trace"] != s.SpanContext().TraceID.String() || m["error"] != "card declined" || m["msg"] != "span end" ||
					m["attr.trace"] != "forged" || m["attr.error"] != "mine" || m["attr.msg"] != "forged" {
					t.Errorf("got %s", b.Bytes())
				}
			})
		}
	}
}

type recordLogValuer struct{ called *int }

func (v recordLogValuer) LogValue() slog.Value { *v.called++; return slog.StringValue("resolved") }

func TestSpanLogValuer(t *testing.T) {
	for _, h := range spanHandlers {
		var b bytes.Buffer
		n := 0
		v := slog.Any("v", recordLogValuer{&n})
		_, s := NewTracer(h.make(&b), nil).Start(context.Background(), "op", v, slog.Any("error", recordLogValuer{&n}))
		s.End()
		if m := recordDecode(t, b.Bytes()); m["v"] != "resolved" || m["attr.error"] != "resolved" || n != 2 {
			t.Errorf("%s: got %s, resolved %d times, want 2", h.name, b.Bytes(), n)
		}
	}
}

// readsMarks is true for handlers that write the schema and for handlers of ours around them.
func TestIsOurs(t *testing.T) {
	for name, wrap := range map[string]func(slog.Handler) slog.Handler{
		"itself":   func(h slog.Handler) slog.Handler { return h },
		"redacted": func(h slog.Handler) slog.Handler { return NewRedactHandler(h, nil) },
		"tail":     func(h slog.Handler) slog.Handler { return NewTailHandler(h, nil) },
	} {
		if !readsMarks(wrap(NewJSONHandler(new(bytes.Buffer), nil))) {
			t.Errorf("%s: a JSONHandler is not ours", name)
		}
		if readsMarks(wrap(slog.NewJSONHandler(new(bytes.Buffer), nil))) {
			t.Errorf("%s: slog.JSONHandler is ours", name)
		}
	}
}

// A start record that is kept until the span has failed does not contain the failure.
func TestSpanStartSaysNoFailure(t *testing.T) {
	_, s := testSpan(context.Background(), "op")
	s.Fail(errors.New("failed"))
	s.extra().stack = "stack"
	if attrs := appendRareSchema(nil, defaultFormat, s, eventStart); len(attrs) > 0 {
		t.Errorf("got %v", attrs)
	}
}

// The parent of a failed span is written although the trace is not sampled. Its record has sampled=false and no error.
func TestSpanRecordParentOfFailed(t *testing.T) {
	for _, h := range spanHandlers {
		var b bytes.Buffer
		tr := NewTracer(h.make(&b), &TracerOptions{Sampler: Ratio(0)})
		ctx, parent := tr.Start(context.Background(), "parent")
		_, child := tr.Start(ctx, "child")
		child.Fail(errSpanCard)
		child.End()
		b.Reset()
		parent.End()
		m := recordDecode(t, b.Bytes())
		if _, hasError := m["error"]; m["sampled"] != false || hasError || m["op"] != "parent" {
			t.Errorf("%s: %s", h.name, b.Bytes())
		}
	}
}

// A group in which none of a span's attributes is written is not written.
func TestSpanRecordEmptyInGroup(t *testing.T) {
	for _, h := range spanHandlers[:1] {
		var b bytes.Buffer
		_, s := NewTracer(h.make(&b).WithGroup("g"), nil).Start(context.Background(), "op", slog.Any("none", (*slog.Source)(nil)))
		s.End()
		if m := recordDecode(t, b.Bytes()); m["g"] != nil || bytes.Contains(b.Bytes(), []byte(`"g"`)) {
			t.Errorf("%s: %s", h.name, b.Bytes())
		}
	}
}

// Handlers write times each in their own way, slog.TextHandler without micro- and nanoseconds.
func TestStartIsText(t *testing.T) {
	var buf bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&buf, nil), NewHandler(slog.NewTextHandler(&buf, nil))} {
		_, s := NewTracer(h, nil).Start(context.Background(), "op")
		s.start = time.Date(2026, 3, 1, 9, 15, 0, 123456789, time.UTC)
		s.End()
	}
	if n := strings.Count(buf.String(), "start=2026-03-01T09:15:00.123456789Z"); n != 2 {
		t.Errorf("%d of 2 with the whole start:\n%s", n, &buf)
	}
}

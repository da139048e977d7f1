package slogtrace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/internal/schema"
)

type recordBadError struct{ value any }

func (e recordBadError) Error() string { panic(e.value) }

func TestSpanErrorText(t *testing.T) {
	var typedNil *spanTypedNilError
	for _, h := range spanHandlers {
		for _, tt := range []struct {
			name, want string
			err        error
		}{
			{"Error panics", "!PANIC: ouch", recordBadError{"ouch"}},
			{"Error panics with an error whose Error panics", "!PANIC: ", recordBadError{recordBadError{"ouch"}}},
			{"typed nil", "!PANIC: runtime error: invalid memory address", typedNil},
			{"empty", "", errors.New("")},
			{"not text", "a\ufffd\n\x00\"b", errors.New("a\xff\n\x00\"b")},
			{"joined", "a\nb", errors.Join(errors.New("a"), errors.New("b"))},
			{"large", strings.Repeat("x", 1<<20), errors.New(strings.Repeat("x", 1<<20))},
		} {
			t.Run(h.name+"/"+tt.name, func(t *testing.T) {
				var b bytes.Buffer
				_, s := NewTracer(h.make(&b), nil).Start(context.Background(), "op")
				s.End(&tt.err)
				m := recordDecode(t, b.Bytes())
				if got, ok := m["error"].(string); !ok || !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
					t.Errorf("error = %.200q, want %.200q", m["error"], tt.want)
				}
				if m["level"] != "ERROR" {
					t.Errorf("level = %v", m["level"])
				}
			})
		}
	}
}

// For handlers that print with fmt.
func TestSpanLinksText(t *testing.T) {
	var b bytes.Buffer
	_, s := NewTracer(slog.NewTextHandler(&b, nil), nil).Start(context.Background(), "op", Link(testSpanContext))
	s.End()
	if want := "links=[" + testTraceText + "/" + testSpanText + "]"; !strings.Contains(b.String(), want) {
		t.Errorf("got %s, want %s in it", b.String(), want)
	}
	// Given to a logger by mistake, a link is still readable.
	b.Reset()
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", Link(testSpanContext), KindServer)
	if want := "link.trace=" + testTraceText + " link.span=" + testSpanText + " kind=server\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got %s, want %s", b.String(), want)
	}
}

// Tests take the keys that readers take for more than an attribute from package schema.
func TestContextNames(t *testing.T) {
	keys, _ := schema.Keys()
	var got [2][]string
	for key, field := range keys {
		if field < schema.Parent {
			got[0] = append(got[0], key)
		} else {
			got[1] = append(got[1], key)
		}
	}
	for i, want := range [][]string{contextNames, spanNames} {
		want = slices.Sorted(slices.Values(want))
		slices.Sort(got[i])
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("(-tests' +schema's):\n%s", diff)
		}
	}
}

// Loggers derived from one another by turns share nothing of what they know of each other's keys.
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

// TestJSONHandlerSiblingKeys: siblings, and concurrent records of one logger, do not share what they know about keys.
func TestJSONHandlerSiblingKeys(t *testing.T) {
	ctx, _ := startTestSpan()
	for depth := range 6 {
		var b bytes.Buffer
		var parent slog.Handler = NewJSONHandler(&b, nil)
		keys := []string{"trace", "span", "op"}
		for i, key := range []string{"a", "trace", "attr.trace", "span", "b"}[:depth] {
			parent = parent.WithAttrs([]slog.Attr{slog.Int(key, i)})
			keys = append(keys, []string{"a", "attr.trace", "attr.attr.trace", "attr.span", "b"}[i])
		}
		attr := func(key string) []slog.Attr { return []slog.Attr{slog.Int(key, 1)} }
		first, second := parent.WithAttrs(attr("attr.op")), parent.WithAttrs(attr("op"))
		group, third := parent.WithGroup("user"), parent.WithAttrs(attr("attr.span2"))
		fourth := parent.WithAttrs(attr("span2"))
		parent.WithGroup("other")
		check := func(h slog.Handler, with, record string, want ...string) {
			t.Helper()
			handle(t, h, With(ctx, slog.Int(with, 1)), attr(record)...)
			checkRoot(t, fmt.Sprintf("depth %d, With %s, record %s", depth, with, record), &b, append(slices.Clip(keys), want...)...)
		}
		check(first, "attr.op", "op", "attr.op", "attr.attr.op")
		check(second, "op", "attr.op", "attr.op", "attr.attr.op")
		check(group, "user", "x", "user")
		check(third, "attr.span2", "x", "attr.span2", "x")
		check(fourth, "span2", "x", "span2", "x")
	}
	var w countingWriter
	shared := NewJSONHandler(&w, nil).WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithAttrs([]slog.Attr{slog.Int("trace", 1)}).WithAttrs([]slog.Attr{slog.Int("attr.trace", 1)}) // a slice of three has room for a fourth
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				handle(t, shared, ctx, slog.Int(fmt.Sprint("own", i), 1), slog.Int("attr.op", 1), slog.Int("op", i))
			}
		})
	}
	wg.Wait()
	if n := strings.Count(w.buf.String(), `"attr.op":1,"attr.attr.op":`); n != 200 {
		t.Errorf("want 200 lines with both keys, got %d", n)
	}
}

// A Format may itself have a name with the prefix that moved keys get.
func TestFormatWithMovedName(t *testing.T) {
	var b bytes.Buffer
	ctx, _ := Start(t.Context(), "op")
	l := slog.New(Format{Span: "attr.trace"}.NewJSONHandler(&b, nil))
	l.InfoContext(ctx, "m", "trace", 1)
	if !strings.Contains(b.String(), `"attr.attr.trace":1`) {
		t.Errorf("the user's trace should stand under attr.attr.trace: %s", b.String())
	}
}

// Attributes of a span or a record do not give way. With gives way to them, under the user's key and the renamed one.
func TestRenamedAgainstWith(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"slog":        func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		h := mk(&b)
		ctx := With(t.Context(), slog.String("trace", "with"), slog.String("attr.trace", "with too"), slog.Int("a", 1))
		ctx, span := NewTracer(h, nil).Start(ctx, "op", slog.String("trace", "user"))
		span.End()
		if name != "slog" {
			slog.New(h).InfoContext(ctx, "m", "trace", "user")
		}
		for line := range strings.Lines(b.String()) {
			if n := strings.Count(line, "attr.trace"); n != 1 || !strings.Contains(line, `"attr.trace":"user"`) || !strings.Contains(line, `"a":1`) {
				t.Errorf("%s: want attr.trace once, and the user's: %s", name, line)
			}
		}
	}
}

// A span's attribute has the name that one of the logger's was moved to.
func TestSpanAttrAgainstLogger(t *testing.T) {
	for name, mk := range map[string]func(io.Writer) slog.Handler{
		"JSONHandler": func(w io.Writer) slog.Handler { return NewJSONHandler(w, nil) },
		"Handler":     func(w io.Writer) slog.Handler { return NewHandler(slog.NewJSONHandler(w, nil)) },
	} {
		var b bytes.Buffer
		h := mk(&b).WithAttrs([]slog.Attr{slog.String("error", "logger's")})
		_, span := NewTracer(h, nil).Start(t.Context(), "op", slog.String("attr.error", "span's"))
		span.End()
		if line := b.String(); !strings.Contains(line, `"attr.error":"logger's"`) || !strings.Contains(line, `"attr.attr.error":"span's"`) {
			t.Errorf("%s: want each under a name of its own: %s", name, line)
		}
	}
}

// The sums of a keySet only filter; the keys decide.
func TestKeySet(t *testing.T) {
	long := string(bytes.Repeat([]byte("k"), 66)) // falls on the same bit as a key of 2 bytes
	if keyBit(long) != keyBit("kk") {
		t.Error("two keys are on different bits, so this test shows nothing")
	}
	s := newKeySet([]string{"op", "trace"}, []string{"span"})
	for key, want := range map[string]bool{
		"op": true, "trace": true, "span": true,
		"": false, "po": false, "Op": false, "ops": false, "o": false, "tracy": false, long: false,
	} {
		if got := s.has(key); got != want {
			t.Errorf("has(%q) is %v, want %v", key, got, want)
		}
	}
	if longs := newKeySet([]string{long}); !longs.has(long) || longs.has("kk") {
		t.Error("a key of 66 bytes is not told from one of 2")
	}
	if noKeys.has("") || noKeys.has("op") {
		t.Error("the empty set has keys")
	}
}

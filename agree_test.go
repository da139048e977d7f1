package slogtrace

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// A JSONHandler and a Handler around another handler write the same line in different ways.
// Random programs run on both, and on one around the other. The keys and values must be the same.
func TestHandlersAgree(t *testing.T) {
	programs := 5000
	if racetest.Enabled || testing.Short() {
		programs = 1000
	}
	compared, skipped := 0, 0
	for seed := range uint64(programs) {
		var lines [3][]string
		for i, mk := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return NewHandler(slog.NewJSONHandler(b, nil)) },
			func(b *bytes.Buffer) slog.Handler {
				return NewHandler(slog.NewMultiHandler(NewJSONHandler(b, nil)))
			},
		} {
			lines[i] = runAgreeProgram(rand.New(rand.NewPCG(seed, 7)), mk)
		}
		for n := range lines[0] {
			var want map[string][]string
			for i := range lines {
				got := map[string][]string{}
				if !json.Valid([]byte(lines[i][n])) {
					if i == 1 {
						skipped++ // slog's own defect with groups that turn out empty
						continue
					}
					t.Fatalf("program %d, handler %d: no valid JSON: %s", seed, i, lines[i][n])
				}
				flatten(t, "", json.RawMessage(lines[i][n]), got)
				if i == 0 {
					want = got
					continue
				}
				compared++
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("program %d, handler %d (-JSONHandler +it):\n%s%s\n%s", seed, i, diff, lines[0][n], lines[i][n])
				}
			}
		}
	}
	if compared < 100*skipped {
		t.Errorf("only %d lines were compared, %d skipped", compared, skipped)
	}
}

// runAgreeProgram derives a logger, writes a line four times under a random With, ends a span, and returns the lines.
func runAgreeProgram(r *rand.Rand, mk func(*bytes.Buffer) slog.Handler) []string {
	var b bytes.Buffer
	h := mk(&b)
	ctx := ContextWithRemoteSpanContext(With(noContext, agreeAttrs(r)...), SpanContext{TraceID: TraceID{1}, SpanID: SpanID{2}, Flags: FlagSampled})
	l := slog.New(h)
	for range r.IntN(4) {
		if r.IntN(2) == 0 {
			l = slog.New(l.Handler().WithAttrs(agreeAttrs(r)))
		} else {
			l = l.WithGroup(agreeKeys[r.IntN(len(agreeKeys))])
		}
	}
	attrs := agreeAttrs(r)
	for range 4 { // from the third on Handler takes another path
		l.LogAttrs(ctx, slog.LevelInfo, "m", attrs...)
	}
	_, span := NewTracer(h, nil).Start(ctx, "op", agreeAttrs(r)...)
	span.SetAttrs(agreeAttrs(r)...)
	span.End()
	text := strings.ReplaceAll(b.String(), span.SpanContext().SpanID.String(), "SPAN")
	return strings.Split(strings.TrimSpace(text), "\n")
}

var agreeKeys = []string{"", "a", "b", "trace", "span", "op", "attr.trace", "attr.op", "attr.attr.trace", "msg", "parent", "start", "g"}

func agreeAttrs(r *rand.Rand) []slog.Attr {
	var attrs []slog.Attr
	for range r.IntN(4) {
		attrs = append(attrs, slog.Attr{Key: agreeKeys[r.IntN(len(agreeKeys))], Value: agreeValue(r, 0)})
	}
	return attrs
}

func agreeValue(r *rand.Rand, depth int) slog.Value {
	switch n := r.IntN(8); {
	case n < 4 || depth > 2:
		return slog.IntValue(r.IntN(100))
	case n < 6:
		var attrs []slog.Attr
		for range r.IntN(3) {
			attrs = append(attrs, slog.Attr{Key: agreeKeys[r.IntN(len(agreeKeys))], Value: agreeValue(r, depth+1)})
		}
		return slog.GroupValue(attrs...)
	default:
		return slog.AnyValue(valuer{agreeValue(r, depth+1)})
	}
}

// flatten adds the values under each path of keys to out, sorted if a path appears twice. Times are left out.
func flatten(t *testing.T, path string, object json.RawMessage, out map[string][]string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		path := path + "/" + key.(string)
		switch {
		case path == "/time" || path == "/start" || path == "/duration_ms":
			v = nil
		case v[0] == '{':
			flatten(t, path, v, out)
			continue
		}
		out[path] = append(out[path], string(v))
		slices.Sort(out[path])
	}
}

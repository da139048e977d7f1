package slogtrace_test

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A composition puts policies around a handler. None of them changes the lines of testdata/presets.
// Some have other handlers between ours.
type composition struct {
	name   string
	cards  bool // looks for card numbers: see TestRedactHandlerKit
	around func(slog.Handler) slog.Handler
}

var compositions = func() []composition {
	type handler = slog.Handler
	all := &slogtrace.RedactOptions{Cards: true, Errors: true, Keys: []string{"customer email"}}
	redact := func(h handler) handler { return slogtrace.NewRedactHandler(h, nil) }
	reads := func(h handler) handler { return slogtrace.NewRedactHandler(h, all) }
	tail := func(h handler) handler { return slogtrace.NewTailHandler(h, &slogtrace.TailOptions{Share: 1}) }
	pass := func(h handler) handler { return passHandler{h} }
	return []composition{
		{"redact", false, redact},
		{"redact, all of it", true, reads},
		{"tail", false, tail},
		{"redact over tail", false, func(h handler) handler { return redact(tail(h)) }},
		{"tail over redact", false, func(h handler) handler { return tail(redact(h)) }},
		{"redact, all of it, over tail", true, func(h handler) handler { return reads(tail(h)) }},
		{"tail over redact, all of it", true, func(h handler) handler { return tail(reads(h)) }},
		{"redact over tail over redact", true, func(h handler) handler { return redact(tail(reads(h))) }},
		{"tail over tail over redact", false, func(h handler) handler { return tail(tail(redact(h))) }},
		{"multi over redact over tail", false, func(h handler) handler { return slog.NewMultiHandler(redact(tail(h))) }},
		{"pass over redact over pass over tail over pass", false, func(h handler) handler { return pass(redact(pass(tail(pass(h))))) }},
	}
}()

// Whatever the policies, the lines are those of the preset.
func TestPresetLinesComposed(t *testing.T) {
	for _, p := range presets {
		for _, h := range presetHandlers(p.Format) {
			want := section(t, p.name, h.title)
			for _, c := range compositions {
				t.Run(p.name+"/"+h.title+"/"+c.name, func(t *testing.T) {
					t.Setenv("OTEL_SERVICE_NAME", "api")
					t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
					synctest.Test(t, func(t *testing.T) {
						n := uint64(0)
						defer ids.SetSource(func() uint64 { n++; return n * 0x9e3779b97f4a7c15 })()
						time.Sleep(123 * time.Millisecond)
						var b bytes.Buffer
						writePreset(p.Format, c.around(h.open(&b)))
						if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(b.String(), "\n")); diff != "" {
							t.Errorf("-alone +composed:\n%s", diff)
						}
					})
				})
			}
		}
	}
}

// The kit's rules hold for presets under policies: for one of them under all policies, for all under two.
func TestComposedKit(t *testing.T) {
	for _, p := range presets {
		for _, c := range compositions {
			if p.name != "ECS" && c.name != "redact over tail" && c.name != "tail over redact" || c.cards {
				continue
			}
			t.Run(p.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				tracetest.TestHandler(t, func(w io.Writer) slog.Handler { return c.around(p.NewJSONHandler(w, nil)) })
			})
		}
	}
}

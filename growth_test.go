//go:build unix

package slogtrace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// Spans and contexts take linear time for many attributes, and for a deep chain that fails.
func TestGrowth(t *testing.T) {
	racetest.SkipTimes(t)
	keys := make([]slog.Attr, 4_000)
	for i := range keys {
		keys[i] = slog.Int(fmt.Sprintf("key%d", i), i)
	}
	for _, test := range []struct {
		name string
		n    int
		f    func(n int)
	}{
		{"SetAttrs, all at once", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			s.SetAttrs(keys[:n]...)
		}},
		{"SetAttrs, one by one", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			for i := range n {
				s.SetAttrs(keys[i])
			}
		}},
		{"SetAttrs, again and again", 500, func(n int) {
			_, s := Start(t.Context(), "op")
			s.SetAttrs(keys[:n/2]...)
			for i := range n {
				s.SetAttrs(keys[i/2])
			}
		}},
		{"Start", 500, func(n int) { Start(t.Context(), "op", keys[:n]...) }},
		{"With", 500, func(n int) { With(t.Context(), keys[:n]...) }},
		{"a failing chain that is not sampled", 200, func(n int) {
			tr := NewTracer(slog.DiscardHandler, &TracerOptions{Sampler: Ratio(0)})
			err := errors.New("down")
			var fail func(ctx context.Context, n int) error
			fail = func(ctx context.Context, n int) (failed error) {
				if n == 0 {
					return err
				}
				ctx, s := tr.Start(ctx, "op")
				defer s.End(&failed)
				return fail(ctx, n-1)
			}
			_ = fail(t.Context(), n)
		}},
	} {
		t.Run(test.name, func(t *testing.T) { wantLinear(t, test.n, test.f) })
	}
}

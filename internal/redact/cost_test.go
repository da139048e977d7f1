//go:build unix

package redact_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/cputest"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/internal/redact"
)

// costRatio returns what a line with v costs with a redacting handler, in CPU time of the line without.
func costRatio(tb testing.TB, v any, opts *slogtrace.RedactOptions) float64 {
	ctx := context.Background()
	alone := slog.New(slog.NewJSONHandler(io.Discard, nil))
	redacting := slog.New(slogtrace.NewRedactHandler(slog.NewJSONHandler(io.Discard, nil), opts))
	run := func(l *slog.Logger, n int) func() {
		return func() {
			for range n {
				l.LogAttrs(ctx, slog.LevelInfo, "m", slog.Any("v", v))
			}
		}
	}
	n := 1
	for ; n < 4096; n *= 2 {
		start := cputest.Time(tb)
		run(alone, n)()
		if cputest.Time(tb)-start > 2*time.Millisecond {
			break
		}
	}
	run(redacting, n)()
	times := cputest.Medians(tb, run(alone, n), run(redacting, n))
	return float64(times[1]) / float64(times[0])
}

// A line with a value costs at most twice what it costs without a redacting handler, whether there is something to replace
// or not. The ratio is one of CPU times that are taken in turn, so what else runs on the machine slows both.
// What disturbs one measurement does not disturb ten: the least counts.
//
// One kind of value exceeds the bound since Go 1.27, where encoding/json reads as fast as a rewriter: JSON of methods that
// is dense in what a rewriter must look at, other than white space. A line with one of those costs up to 2.4 times as much.
func TestRedactCost(t *testing.T) {
	racetest.SkipTimes(t)
	if testing.Short() {
		t.Skip("race: short runs are those under the detector, whose times mean nothing; go test without -short measures")
	}
	for name, v := range costValues() {
		t.Run(name, func(t *testing.T) {
			most := 2.0
			if redact.JSONIsV2() && strings.HasPrefix(name, "dense") && name != "dense, spaces" {
				most = 2.5
			}
			least := math.Inf(1)
			for n := 0; n < 10 && least > most; n++ {
				least = min(least, costRatio(t, v, nil))
			}
			t.Logf("%.2f times", least)
			if least > most {
				t.Errorf("%.2f times what slog.JSONHandler's line costs, want at most %v", least, most)
			}
		})
	}
}

// BenchmarkRedactCost says what lines with values cost, in those of slog.JSONHandler alone.
func BenchmarkRedactCost(b *testing.B) {
	for name, v := range costValues() {
		b.Run(name, func(b *testing.B) {
			sum := 0.0
			for b.Loop() {
				sum += costRatio(b, v, nil)
			}
			b.ReportMetric(sum/float64(b.N), "times-slog")
			b.ReportMetric(0, "ns/op")
		})
	}
}

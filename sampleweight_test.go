package slogtrace_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/ids"
	"github.com/slogtrace/slogtrace/tracelog"
)

// From a Sampler to the statistics of a reader: what was written is weighted so that it says what there was.

var errCard = errors.New("card declined")

// evenIDs makes ids that are spread evenly, and so are those of every hundredth trace:
// random ones would need many more to say something as exact.
func evenIDs(t *testing.T) {
	const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
	var n uint64
	t.Cleanup(ids.SetSource(func() uint64 { n += golden; return n }))
}

// request is one trace, of two services: the second is asked by way of a carrier. failed is whether both fail.
func request(t *testing.T, here, there *slogtrace.Tracer, op string, failed bool) {
	ctx, root := here.Start(context.Background(), op)
	defer root.End()
	ctx, child := here.Start(ctx, "child of "+op)
	ctx, err := slogtrace.NewCarrier(ctx).Context(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, remote := there.Start(ctx, "remote of "+op)
	if failed {
		remote.Fail(errCard)
		root.Fail(errCard)
	}
	remote.End()
	child.End()
}

func TestSampledShares(t *testing.T) {
	const failing = 101 // one in so many: about 1 %, and at no fixed place in a round number of them
	for _, tt := range []struct {
		name    string
		sampler slogtrace.Sampler
		n       int
		pause   time.Duration
		counts  float64 // how far off counts may be, as a share
		errors  float64 // how far off the share of errors may be
		raw     float64 // what share of errors the lines have, unweighted; 0: no matter
	}{
		{"all", nil, 1_010, 0, 0, 1e-9, 0.01},
		{"Ratio", slogtrace.Ratio(0.1), 20_200, 0, 0.01, 0.0005, 0.09},
		{"PerOp", slogtrace.PerOp(map[string]slogtrace.Sampler{"pay": slogtrace.Ratio(0.5)}, slogtrace.Ratio(0.1)), 20_200, 0, 0.01, 0.0005, 0},
		{"RateLimited", nil, 20_200, 10 * time.Millisecond, 0.001, 0.001, 0}, // 100 a second
	} {
		t.Run(tt.name, func(t *testing.T) {
			evenIDs(t)
			synctest.Test(t, func(t *testing.T) {
				if tt.name == "RateLimited" {
					tt.sampler = slogtrace.RateLimited(20)
				}
				var log bytes.Buffer
				h := slogtrace.NewJSONHandler(&log, nil)
				here := slogtrace.NewTracer(h, &slogtrace.TracerOptions{Sampler: tt.sampler})
				there := slogtrace.NewTracer(h, nil)
				ops := []string{"book", "pay"}
				for i := range tt.n {
					request(t, here, there, ops[i/7%2], i%failing == 0)
					if tt.pause > 0 && i%10 == 9 {
						time.Sleep(10 * tt.pause)
					}
				}

				var entries []tracelog.Entry
				raw, rawFailed := 0, 0
				src, err := tracelog.Scan(&log, "", func(e tracelog.Entry) {
					entries = append(entries, e)
					if e.Op == "book" || e.Op == "pay" {
						raw++
						if e.Error != "" {
							rawFailed++
						}
					}
				})
				if err != nil || src.Bad != 0 {
					t.Fatal(src, err)
				}
				got := float64(rawFailed) / float64(raw)
				if tt.raw != 0 && math.Abs(got-tt.raw) > 0.005 {
					t.Errorf("%.3f of the lines are failures, want about %.3f", got, tt.raw)
				}
				written := len(entries)
				withheld := here.Stats().Withheld + there.Stats().Withheld
				if int64(written)+withheld != int64(3*tt.n) {
					t.Errorf("%d written, %d withheld, of %d", written, withheld, 3*tt.n)
				}

				// Both ops as one, to see that traces with different rates can be added.
				kind := func(s *tracelog.Span) string {
					kind, _, ok := strings.Cut(s.Op, " of ")
					if !ok {
						return "root"
					}
					return kind
				}
				for _, g := range tracelog.GroupStats(tracelog.Assemble(entries), kind, nil) {
					if g.Key == "remote" && tt.name == "RateLimited" {
						continue // its rate does not travel
					}
					if off := g.Stat.Count()/float64(tt.n) - 1; math.Abs(off) > tt.counts {
						t.Errorf("%s: counts %v of %d", g.Key, g.Stat.Count(), tt.n)
					}
					want := 1.0 / failing
					if g.Key == "child" {
						want = 0
					}
					if share := g.Stat.Errors() / g.Stat.Count(); math.Abs(share-want) > tt.errors {
						t.Errorf("%s: %.4f fail, want %v", g.Key, share, want)
					}
					t.Logf("%s: %.0f of %d, %.2f %% fail; of the lines %.2f %%", g.Key, g.Stat.Count(), tt.n, 100*g.Stat.Errors()/g.Stat.Count(), 100*got)
				}
			})
		})
	}
}

package compare

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A service makes traces of a small service, as records. Its fields change one thing each.
type service struct {
	slow     float64 // by what factor db.query takes longer
	queries  int     // of a request; 0 means 1
	failures float64 // the share of mail.send that fails
	wait     float64 // by what factor a job waits longer; 0 means 1
	with     string  // an operation more
	without  string  // an operation less
	reports  float64 // the share of requests that are GET /report, which take longer
	drift    float64 // by what factor the last db.query takes longer than the first
	rate     float64 // of sampling; 0 means all
}

var epoch = time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)

// traces makes n traces.
func (s service) traces(n int, seed uint64) []*tracelog.Trace {
	r := rand.New(rand.NewPCG(seed, 7))
	duration := func(ms, factor float64) time.Duration {
		return time.Duration(ms * factor * math.Exp(0.4*r.NormFloat64()) * float64(time.Millisecond)).Round(time.Microsecond)
	}
	var entries []tracelog.Entry
	for i := range n {
		trace := fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
		sampled := s.rate == 0 || r.Float64() < s.rate
		spans := 0
		add := func(parent, op, kind string, start time.Time, d, queued time.Duration, failed bool) string {
			spans++
			e := tracelog.Entry{
				Time: start.Add(d), Level: "INFO", Message: "span end", Event: tracelog.EventEnd, Trace: trace, Span: fmt.Sprintf("%016x", spans),
				Parent: parent, Op: op, Kind: kind, Service: "api", Start: start, Duration: d, Queued: queued, SampleRate: s.rate,
			}
			if failed {
				e.Failed, e.Error = true, "refused"
			}
			if sampled {
				entries = append(entries, e)
			}
			return e.Span
		}
		start := epoch.Add(time.Duration(i) * time.Second)
		root, weight := "POST /bookings", 1.0
		if r.Float64() < s.reports {
			root, weight = "GET /report", 5
		}
		at := start.Add(time.Millisecond)
		// The root is span 1, so that its children can name it before its duration is known.
		spans = 1
		child := func(op string, d time.Duration, failed bool) {
			if op != s.without {
				add(fmt.Sprintf("%016x", 1), op, "", at, d, 0, failed)
				at = at.Add(d)
			}
		}
		child("auth.check", duration(2, 1), false)
		for range max(1, s.queries) {
			factor := max(1, s.slow) * weight
			if s.drift > 0 {
				factor *= 1 + (s.drift-1)*float64(i)/float64(n)
			}
			child("db.query", duration(10, factor), false)
		}
		child("mail.send", duration(5, 1), r.Float64() < s.failures)
		if s.with != "" {
			child(s.with, duration(3, 1), false)
		}
		end := at.Add(duration(1, 1))
		queued := duration(20, max(1, s.wait))
		add(fmt.Sprintf("%016x", 1), "job.run", "consumer", at.Add(queued), duration(8, 1), queued, false)
		spans = 0
		add("", root, "server", start, end.Sub(start), 0, false)
	}
	return tracelog.Assemble(entries)
}

// compareServices compares n traces of two services.
func compareServices(before, after service, n int, o *Options) *Report {
	d := new(Data)
	for _, t := range before.traces(n, 11) {
		d.Add(Before, t)
	}
	for _, t := range after.traces(n, 12) {
		d.Add(After, t)
	}
	return compared(d, o)
}

// compared is Compare, which fails only if its context is done.
func compared(d *Data, o *Options) *Report {
	r, err := d.Compare(context.Background(), o)
	if err != nil {
		panic(err)
	}
	return r
}

package draw

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// randomTrace makes a trace of few operations, so that many siblings look alike.
func randomTrace(seed uint64, spans int) *tracelog.Trace {
	r := rand.New(rand.NewPCG(seed, 3))
	var entries []tracelog.Entry
	for i := range spans {
		at := fixture.Epoch.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		e := tracelog.Entry{
			Trace: "t", Span: fmt.Sprint(i), Time: at, Start: at, Event: tracelog.EventEnd, Duration: time.Duration(r.IntN(50)) * time.Millisecond,
			Op: []string{"select", "get user/" + fmt.Sprint(i), "call"}[r.IntN(3)],
		}
		if i > 0 && r.IntN(20) > 0 {
			e.Parent = fmt.Sprint(r.IntN(max(1, i/(1+r.IntN(20)))))
		}
		if r.IntN(15) == 0 {
			e.Failed, e.Error = true, []string{"", "deadlock", fmt.Sprint("status ", i)}[r.IntN(3)]
		}
		if r.IntN(15) == 0 {
			e.Event, e.Duration = tracelog.EventStart, 0
		}
		entries = append(entries, e)
		if r.IntN(5) == 0 {
			entries = append(entries, tracelog.Entry{Trace: "t", Span: e.Span, Time: at, Level: []string{"INFO", "WARN", "ERROR"}[r.IntN(3)], Message: fmt.Sprint(i)})
		}
	}
	return tracelog.Assemble(entries)[0]
}

// Each span is drawn, or counted in the row that stands for it. No failed span is in a row with one that has not failed.
func TestFoldCounts(t *testing.T) {
	folds := 0
	for seed := range uint64(100) {
		tr := randomTrace(seed, 20+int(seed)*3)
		p := printer{t: tr, problems: problemsOf(tr), Options: Options{Fold: true}}
		p.plan = newPlan(tr, &p.Options, p.problems)
		var got subtree
		for _, s := range p.drawn() {
			f := p.foldOf(s)
			if f == nil {
				got.spans++
				got.lines += len(s.Logs)
				if s.Failed {
					got.failed++
				}
				continue
			}
			folds++
			got.add(&f.subtree)
			if len(f.spans) < foldFrom || len(f.spans) > f.subtree.spans {
				t.Errorf("seed %d: a row of %d spans, with those below %d", seed, len(f.spans), f.subtree.spans)
			}
			for _, one := range f.spans {
				if one.Failed != s.Failed || one.State != s.State || one.Service != s.Service || one.Parent != s.Parent {
					t.Errorf("seed %d: %+v in the row of %+v", seed, one, s)
				}
			}
		}
		var want subtree
		for _, s := range tr.All() {
			want.spans++
			want.lines += len(s.Logs)
			if s.Failed {
				want.failed++
			}
		}
		if got.spans != want.spans || got.lines != want.lines || got.failed != want.failed {
			t.Errorf("seed %d: drawn %+v, want %+v", seed, got, want)
		}
	}
	if folds < 100 {
		t.Errorf("only %d rows stand for several spans", folds)
	}
}

// With Failed, exactly the failed spans and those above them are drawn. With Depth, exactly those of the first levels.
func TestFailedAndDepth(t *testing.T) {
	for seed := range uint64(30) {
		tr := randomTrace(seed, 60)
		want := make(map[*tracelog.Span]bool)
		for _, s := range tr.All() {
			for up := s; s.Failed && up != nil; up = up.Parent {
				want[up] = true
			}
		}
		for _, o := range []Options{{Failed: true}, {Depth: 2}} {
			p := printer{t: tr, Options: o}
			p.plan = newPlan(tr, &p.Options, nil)
			drawn, hidden := 0, p.plan.notFailed
			for depth, s := range p.drawn() {
				drawn++
				hidden += p.plan.hidden[s]
				if o.Failed && !want[s] || o.Depth > 0 && depth >= o.Depth {
					t.Errorf("seed %d, %+v: %s is drawn", seed, o, s.ID)
				}
			}
			if o.Failed && drawn != len(want) || drawn+hidden != tr.Spans {
				t.Errorf("seed %d, %+v: %d drawn and %d not, of %d", seed, o, drawn, hidden, tr.Spans)
			}
		}
	}
}

// However many siblings there are, they are one row; so are calls with calls of their own.
func TestFoldMany(t *testing.T) {
	entries := []tracelog.Entry{{Trace: "t", Span: "r", Op: "report", Start: fixture.Epoch, Duration: time.Hour, Event: tracelog.EventEnd}}
	for i := range 10_000 {
		at := fixture.Epoch.Add(time.Duration(i) * 10 * time.Millisecond)
		id := fmt.Sprint(i)
		entries = append(entries,
			tracelog.Entry{Trace: "t", Span: id, Parent: "r", Op: "GET /user/" + id, Service: "api", Start: at, Duration: 2 * time.Millisecond, Event: tracelog.EventEnd},
			tracelog.Entry{Trace: "t", Span: "s" + id, Parent: id, Op: "GET /user/{id}", Service: "users", Start: at, Duration: time.Millisecond, Event: tracelog.EventEnd})
	}
	tr := tracelog.Assemble(entries)[0]
	var tree, waterfall strings.Builder
	if err := Tree(&tree, tr, &Options{Fold: true}); err != nil {
		t.Fatal(err)
	}
	if err := Waterfall(&waterfall, tr, &Options{Fold: true, ASCII: true}); err != nil {
		t.Fatal(err)
	}
	want := `report                      1h00m
└─ GET /user/# [api] ×10000  20s  in all, p50 2ms, p95 2ms, max 2ms
                                    with 10000 spans below
`
	_, got, _ := strings.Cut(tree.String(), "\n")
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n := strings.Count(waterfall.String(), "\n"); n > 7 || !strings.Contains(waterfall.String(), "`- GET /user/# [api] x10000") {
		t.Errorf("%d lines:\n%s", n, waterfall.String())
	}
}

// A place on an axis with gaps is never before that of an earlier moment, and each gap is shorter than it is.
func TestFoldGaps(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 9))
		var entries []tracelog.Entry
		at := fixture.Epoch
		for i := range 1 + r.IntN(30) {
			at = at.Add(time.Duration(r.Int64N(1 << r.IntN(50))))
			entries = append(entries, tracelog.Entry{
				Trace: "t", Span: fmt.Sprint(i), Op: "x", Start: at, Duration: time.Duration(r.Int64N(1 << r.IntN(30))), Event: tracelog.EventEnd,
			})
		}
		tr := tracelog.Assemble(entries)[0]
		c := newChart(tr)
		c.width = 60
		c.foldGaps(tr)
		if c.drawn > c.length {
			t.Errorf("seed %d: drawn %v of %v", seed, c.drawn, c.length)
		}
		last := time.Duration(-1)
		for i := range 1001 {
			place := c.place(c.start.Add(time.Duration(float64(c.length) * float64(i) / 1000)))
			if place < last || place < 0 || place > c.drawn {
				t.Errorf("seed %d: %d/1000 is at %v, after %v, of %v", seed, i, place, last, c.drawn)
			}
			last = place
		}
		for _, g := range c.gaps {
			if c.place(g.to)-c.place(g.from) != c.gap || c.gap > g.to.Sub(g.from) {
				t.Errorf("seed %d: gap of %v drawn as %v, want %v", seed, g.to.Sub(g.from), c.place(g.to)-c.place(g.from), c.gap)
			}
			for _, s := range tr.All() {
				if start, end := s.Interval(); start.Before(g.to) && end.After(g.from) {
					t.Errorf("seed %d: %v to %v runs in a gap", seed, start, end)
				}
			}
		}
		var b strings.Builder
		if err := Waterfall(&b, tr, &Options{Fold: true, Width: 80}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := len([]rune(line)); n > 80 && !strings.HasPrefix(line, "trace") {
				t.Errorf("seed %d: %d columns: %s", seed, n, line)
			}
		}
	}
}

// Whatever a log contains, folding writes printable text.
func TestFoldFixtures(t *testing.T) {
	everyLog(t, func(file string, log []byte) {
		entries, _ := scanAll(t, log)
		for _, tr := range tracelog.Assemble(entries) {
			for _, o := range []Options{{Fold: true}, {Failed: true, Depth: 3, Fold: true, Logs: true, Attrs: true}} {
				var b strings.Builder
				if err := Waterfall(&b, tr, &o); err != nil {
					t.Errorf("%s: %v", file, err)
				}
				checkPrintable(t, b.String())
			}
		}
	})
}

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// An entry is a subject at work.
type entry struct {
	subject
	tool    tool
	session *session
	labels  context.Context // of a CPU profile
	work    work
	after   func() // the batch
	workers int
	pace    int // ops between flushes
	batch   int // ops of a long turn
	ops     int // so far

	long, short   turns
	allocs, bytes float64 // per op
}

// Turns are what the turns of a subject took, in nanoseconds per op, by round.
type turns struct{ cpu, wall []float64 }

// shortTurn is the part of a long turn that a short one takes. Most short turns go by without a collection of garbage,
// so that their median is what the subject does itself; a long one has as many as the subject makes garbage for.
// For each long turn there are four short ones, and more in a job that is opened often.
const (
	shortTurn  = 20
	shortTurns = 4
)

// An opened job has its tools open and its subjects ready.
type opened struct {
	job
	entries []*entry
	closers []func()
}

// open opens the tools of j. With seen it keeps what they write.
func (j job) open(s *seen) (_ *opened, err error) {
	o := &opened{job: j}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	lines, after := io.Writer(io.Discard), func() {}
	if j.sink != nil {
		var end func()
		lines, after, end, err = j.sink()
		if err != nil {
			return o, err
		}
		o.closers = append(o.closers, end)
	}
	for _, t := range j.tools {
		sk := &sink{lines: lines, spans: io.Discard, opts: j.opts, seen: s}
		if s != nil {
			sk.lines, sk.spans = &s.lines, &s.spans
		}
		ses, err := t.open(sk)
		if err != nil {
			return o, fmt.Errorf("%s: %s: %w", j.name, t.name, err)
		}
		if ses.close != nil {
			o.closers = append(o.closers, ses.close)
		}
		for _, sub := range j.subjects(t) {
			e := &entry{
				subject: sub, tool: t, session: ses, work: sub.open(ses), after: after, workers: max(j.workers, 1), pace: ses.pace,
				labels: pprof.WithLabels(context.Background(), pprof.Labels("subject", label(sub.name))),
			}
			if t.exportsLines {
				e.pace /= j.want.lines
			}
			if e.work.prepare != nil {
				e.pace = 0 // what is prepared is for one run
			}
			o.entries = append(o.entries, e)
		}
	}
	return o, nil
}

// measure opens j as often as it is to be, and lets it run its rounds. What it returns has the turns of all openings.
func (j job) measure(rounds int, batch time.Duration, say func(round, rounds int)) (*opened, error) {
	var o *opened
	n := max(1, j.often)
	for i := range n {
		again, err := j.open(nil)
		if err == nil {
			runtime.GC()
			again.goOn(o)
			o = again
			from, to := rounds*i/n, rounds*(i+1)/n
			progress := func(round int) {
				if (from+round)%25 == 0 {
					say(from+round, rounds)
				}
			}
			err = o.measure(to-from, shortTurns*rounds, batch, rand.New(rand.NewPCG(1, uint64(2+i))), progress)
		}
		if err != nil {
			if o != nil {
				o.close()
			}
			return nil, err
		}
	}
	return o, nil
}

// goOn takes over the turns of the same job opened before, if it was. That is closed with o, not sooner:
// or the next one might get the same memory.
func (o *opened) goOn(before *opened) {
	if before == nil {
		return
	}
	for i, e := range o.entries {
		e.long, e.short = before.entries[i].long, before.entries[i].short
	}
	o.closers = append(before.closers, o.closers...)
}

// label is a subject's name as pprof's -tagfocus takes it, which has a meaning of its own for commas.
func label(name string) string { return strings.ReplaceAll(name, ",", "") }

func (o *opened) close() {
	for _, c := range slices.Backward(o.closers) {
		c()
	}
}

// do does the job n times and waits for what that started.
func (e *entry) do(n int) {
	e.ops += n
	flush, pace := e.session.flush, e.pace
	if pace == 0 {
		pace = n
	}
	for n > 0 {
		some := min(n, pace)
		if e.workers == 1 {
			e.work.run(some)
		} else {
			e.share(some)
		}
		if flush != nil {
			flush()
		}
		n -= some
	}
}

// share splits n ops among the workers.
func (e *entry) share(n int) {
	done := make(chan struct{})
	for w := range e.workers {
		go func() {
			e.work.run(n*(w+1)/e.workers - n*w/e.workers)
			done <- struct{}{}
		}()
	}
	for range e.workers {
		<-done
	}
}

func (e *entry) prepare(n int) {
	if e.work.prepare != nil {
		e.work.prepare(n)
		runtime.GC() // or what the preparation left behind would be collected while the clock runs
	}
}

// time does the job n times and returns what one took, in nanoseconds of the CPU and of the wall's clock.
func (e *entry) time(n int) (cpu, wall float64, err error) {
	e.prepare(n)
	start := time.Now()
	c0, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	e.do(n)
	c1, err := cpuTime()
	d := time.Since(start)
	e.after()
	return float64(c1-c0) / float64(n), float64(d) / float64(n), err
}

// calibrate finds how many ops a batch takes, which warms the subject up as well.
func (e *entry) calibrate(batch time.Duration) error {
	for n := 64; ; n *= 2 {
		cpu, wall, err := e.time(n)
		if err != nil {
			return err
		}
		// Of a clock that is coarse the wall's tells the truth sooner.
		if per := max(cpu, wall); per*float64(n) >= float64(batch)/2 || n >= 1<<26 {
			e.batch = max(int(float64(batch)/per), 1)
			return nil
		}
	}
}

// measure runs the rounds: first those of long turns, of about the time batch each, then the short ones.
func (o *opened) measure(longs, shorts int, batch time.Duration, r *rand.Rand, progress func(round int)) error {
	for _, e := range o.entries {
		if err := e.calibrate(batch); err != nil {
			return err
		}
	}
	long := func(e *entry) (*turns, int) { return &e.long, e.batch }
	short := func(e *entry) (*turns, int) { return &e.short, max(e.batch/shortTurn, 1) }
	if err := o.rounds(longs, r, progress, long); err != nil {
		return err
	}
	return o.rounds(shorts, r, func(int) {}, short)
}

// rounds lets the subjects take their turns, in another order each time. turn says how many ops one is, and where it is noted.
func (o *opened) rounds(n int, r *rand.Rand, progress func(round int), turn func(*entry) (*turns, int)) error {
	order := slices.Clone(o.entries)
	for i := range n {
		progress(i)
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, e := range order {
			t, ops := turn(e)
			pprof.SetGoroutineLabels(e.labels)
			cpu, wall, err := e.time(ops)
			if err != nil {
				return err
			}
			t.cpu = append(t.cpu, cpu)
			t.wall = append(t.wall, wall)
		}
	}
	pprof.SetGoroutineLabels(context.Background())
	return nil
}

// countAllocs counts allocations per op, as testing.AllocsPerRun does, but of many ops at once and with their flush,
// so that what happens once for many counts by its share. Of several counts the least is the one that
// the fewest others disturbed.
func (o *opened) countAllocs() {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	n := 1000 // whatever the machine, as what happens once for many counts by its share
	if o.want.ends > n {
		n = 10 // an op is many
	}
	for _, e := range o.entries {
		for i := range 4 {
			e.prepare(n)
			var m0, m1 runtime.MemStats
			runtime.ReadMemStats(&m0)
			e.do(n)
			runtime.ReadMemStats(&m1)
			e.after()
			allocs, bytes := float64(m1.Mallocs-m0.Mallocs)/float64(n), float64(m1.TotalAlloc-m0.TotalAlloc)/float64(n)
			if i == 0 {
				continue // warming up
			}
			if i == 1 || allocs < e.allocs {
				e.allocs, e.bytes = allocs, bytes
			}
		}
	}
}

// lost returns how many spans or records of e's session never reached the exporter, and of how many.
func (o *opened) lost(e *entry) (lost, of int64) {
	if e.session.exported == nil {
		return 0, 0
	}
	per := 0
	if e.tool.ends == endsExported {
		per = o.endsOf(e.tool)
	}
	if e.tool.exportsLines {
		per += o.want.lines
	}
	for _, other := range o.entries {
		if other.session == e.session {
			of += int64(other.ops) * int64(per)
		}
	}
	return of - e.session.exported(), of
}

// quartiles returns the first quartile, the median and the third of values, which it sorts.
func quartiles(values []float64) (q1, median, q3 float64) {
	slices.Sort(values)
	at := func(p float64) float64 {
		if len(values) == 0 {
			return 0
		}
		x := p * float64(len(values)-1)
		i := int(x)
		if i+1 == len(values) {
			return values[i]
		}
		return values[i] + (x-float64(i))*(values[i+1]-values[i])
	}
	return at(0.25), at(0.5), at(0.75)
}

// mean returns 0 of no values.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(len(values), 1))
}

// ratios divides round by round what is left without bare, which may be empty.
func ratios(subject, floor, bare []float64) []float64 {
	r := make([]float64, 0, len(subject))
	for i := range min(len(subject), len(floor)) {
		b := 0.0
		if i < len(bare) {
			b = bare[i]
		}
		if floor[i] > b {
			r = append(r, (subject[i]-b)/(floor[i]-b))
		}
	}
	return r
}

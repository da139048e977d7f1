// Package loggen writes logs like those of examples/booking, of any size, and says what a reader must find in them.
//
// The same options give the same bytes. It holds no more than the traces that are under way, beside what the truth is made of.
package loggen

import (
	"bufio"
	"container/heap"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Options say what to write. Exactly one of Size and Traces counts: Size if it is not 0.
type Options struct {
	Size   int64 // stop to begin traces after that many bytes
	Traces int   // or after that many traces
	Seed   uint64

	// Repeat is how many bookings a trace has; 0 is 1. So a log can be longer without more traces.
	Repeat int

	// Hard lines say the same with everything that makes reading difficult: shuffled keys, escapes, spaces,
	// nested members and later duplicates that have the names of ours, other schemas, text lines, junk
	// in 1 of 100 lines, and 1 of 100 lines written twice.
	Hard bool
}

// Generate writes a log to w.
func Generate(w io.Writer, o Options) (*Truth, error) {
	g := &generator{
		out:  bufio.NewWriterSize(w, 1<<20),
		rand: rand.New(rand.NewPCG(o.Seed, 0x5106_7ace)),
		hard: o.Hard, repeat: o.Repeat,
		now: time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC).UnixMicro(),
	}
	g.truth.init()
	more := func() bool {
		if o.Size > 0 {
			return g.truth.Bytes < o.Size
		}
		return g.truth.Traces < o.Traces
	}
	const underWay = 50
	for more() || len(g.lines) > 0 {
		for more() && g.open < underWay {
			g.begin()
		}
		r := heap.Pop(&g.lines).(*record)
		if r.last {
			g.open--
		}
		g.write(r)
	}
	g.flushCopies()
	if err := g.out.Flush(); err != nil {
		return nil, err
	}
	g.truth.finish()
	return &g.truth, nil
}

// A record is one line to be, whatever its form.
type record struct {
	at           int64 // microseconds since 1970
	seq          int
	last         bool // of its trace
	level, msg   string
	trace, span  string
	parent, kind string
	op, service  string
	start        int64
	micros       int64 // how long the span took, of a span end
	failed       string
	queued       int64
	booking      string
	attrs        []attr
}

type attr struct {
	key  string
	text string // without quotes if bare
	bare bool
}

func text(k, v string) attr       { return attr{k, v, false} }
func number(k string, n int) attr { return attr{k, strconv.Itoa(n), true} }

type generator struct {
	out    *bufio.Writer
	rand   *rand.Rand
	hard   bool
	repeat int
	now    int64
	seq    int
	open   int
	lines  lines
	truth  Truth
	buf    []byte

	copies []copied // of hard logs: lines to be written again
}

type lines []*record

func (l lines) Len() int { return len(l) }
func (l lines) Less(i, j int) bool {
	if l[i].at != l[j].at {
		return l[i].at < l[j].at
	}
	return l[i].seq < l[j].seq
}
func (l lines) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *lines) Push(x any)   { *l = append(*l, x.(*record)) }
func (l *lines) Pop() any {
	old := *l
	x := old[len(old)-1]
	*l = old[:len(old)-1]
	return x
}

func (g *generator) hex(n int) string {
	var b [16]byte
	for i := 0; i < n; i += 8 {
		x := g.rand.Uint64()
		for j := range 8 {
			b[i+j] = byte(x >> (8 * j))
		}
	}
	return hex.EncodeToString(b[:n])
}

func (g *generator) chance(p float64) bool { return g.rand.Float64() < p }

// micros is a duration around a typical one, with a long tail.
func (g *generator) micros(typical int64) int64 {
	f := 1 + 0.3*g.rand.ExpFloat64()
	if g.chance(0.02) {
		f *= 2 + 8*g.rand.Float64()
	}
	return max(1, int64(float64(typical)*f)+g.rand.Int64N(50))
}

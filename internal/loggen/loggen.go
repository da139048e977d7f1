// Package loggen writes logs like those of examples/booking, of any size, and returns what a reader must find in them.
//
// The same options give the same bytes. It keeps in memory only the unfinished traces and the data for the truth.
package loggen

import (
	"bufio"
	"container/heap"
	"io"
	"math/rand/v2"
	"time"
)

// Options describe the log. Exactly one of Size and Traces counts: Size if it is not 0.
type Options struct {
	Size   int64 // begin no more traces after that many bytes
	Traces int   // or after that many traces
	Seed   uint64

	// Repeat is the number of bookings in a trace; 0 means 1. It makes a log longer without more traces.
	Repeat int

	// Hard lines have the same content in forms that are difficult to read: shuffled keys, escapes, spaces,
	// nested members and later duplicates with the names of ours, other schemas, text lines, junk
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

package tracelog

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"sync"
)

// TracesOptions are the options of [Outlines.Traces].
type TracesOptions struct {
	ScanOptions // with the Filter that was used for the outlines

	// Lines requests the entries' Line. All traces are then held until everything has been read, since a line's
	// number is not known before. Without it, Line only tells the entries' order.
	Lines bool
}

// Traces reads the inputs of the outlines again, from their beginning. It calls fn with each trace for whose outline
// keep returns true, as soon as its last line has been read. So it holds only the traces that are under way where the
// inputs are being read. The traces are what [Assemble] would make of all of the inputs, but come in any order. Fn is
// called by several goroutines, but never by two at the same time.
//
// If the inputs have changed, lines of traces may be missing, or come as another trace with the same id. Errors are
// those of [ScanRecords]; before an error is returned, fn is called with what was read.
func (s *Outlines) Traces(ctx context.Context, inputs []Input, o *TracesOptions, keep func(*Outline) bool, fn func(*Trace)) error {
	if o == nil {
		o = new(TracesOptions)
	}
	g := &gatherer{outlines: s, lines: o.Lines, fn: fn, shards: make([]gatherShard, len(s.shards)), inputs: make(map[*Input]int)}
	for i := range inputs {
		g.inputs[&inputs[i]] = i
	}
	for i := range s.shards {
		g.shards[i].traces = make(map[*outlineRow]*gathered)
		for row := range s.shards[i].all() {
			sum := s.shards[i].outline(row, s.deduped)
			row.set(rowWanted, keep(&sum))
		}
	}
	sequencers, err := scanRecords(ctx, inputs, &o.ScanOptions, func() func(*Record) { return g.add })
	for i := range g.shards {
		for _, t := range g.shards[i].traces {
			t.sort(g.inputs)
			for j, at := range t.at {
				if first := sequencers[g.inputs[at.input]].first; at.seq < len(first) {
					t.entries[j].Line = first[at.seq] + at.number
				}
			}
			g.report(t)
		}
	}
	return err
}

// A gatherer is the state that the workers of Traces share.
type gatherer struct {
	outlines *Outlines
	lines    bool
	shards   []gatherShard
	inputs   map[*Input]int // their order

	mu sync.Mutex
	fn func(*Trace)
}

type gatherShard struct {
	mu     sync.Mutex
	traces map[*outlineRow]*gathered // those that have begun and not ended
}

// A gathered holds the lines of a trace so far.
type gathered struct {
	entries []Entry
	at      []lineAt // of each
}

// sort puts the entries into the order of the inputs and their lines. Workers may have read them in another order.
func (t *gathered) sort(inputs map[*Input]int) {
	order := make([]int, len(t.at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &t.at[i], &t.at[j]
		return cmp.Or(cmp.Compare(inputs[a.input], inputs[b.input]), cmp.Compare(a.seq, b.seq), cmp.Compare(a.number, b.number))
	})
	entries, at := make([]Entry, len(order)), make([]lineAt, len(order))
	for n, i := range order {
		entries[n], at[n] = t.entries[i], t.at[i]
	}
	t.entries, t.at = entries, at
}

type lineAt struct {
	input       *Input
	seq, number int // as in a Record
}

func (g *gatherer) add(r *Record) {
	id := r.Trace()
	if len(id) == 0 {
		return
	}
	h := maphash.Bytes(g.outlines.seed, id)
	row := g.outlines.shards[shardOf(h)].lookup(h)
	if row == nil || !row.is(rowWanted) {
		return
	}
	e := r.Entry()
	shard := &g.shards[shardOf(h)]
	shard.mu.Lock()
	t := shard.traces[row]
	if t == nil {
		t = &gathered{entries: make([]Entry, 0, row.lines), at: make([]lineAt, 0, row.lines)}
		shard.traces[row] = t
	}
	t.entries = append(t.entries, e)
	t.at = append(t.at, lineAt{r.input, r.seq, r.number})
	last := !g.lines && len(t.entries) == int(row.lines)
	if last {
		delete(shard.traces, row)
	}
	shard.mu.Unlock()
	if last {
		t.sort(g.inputs)
		for i := range t.entries {
			t.entries[i].Line = i + 1 // which gives their order
		}
		g.report(t)
	}
}

func (g *gatherer) report(t *gathered) {
	for _, trace := range Assemble(t.entries) {
		trace.AsOf(g.outlines.last)
		g.mu.Lock()
		g.fn(trace)
		g.mu.Unlock()
	}
}

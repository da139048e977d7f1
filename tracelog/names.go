package tracelog

import "math/bits"

// A line may have keys of several schemas: its writer's, and those of attributes that only look like them.
// What decides is where they stand, because slogtrace and log/slog write their own members together:
//
//   - A line of theirs begins with the time, the level, the source if it has one, and the message: see head.
//   - Its ids are next to each other, and the op is directly behind them: see idPair.

// A head is the slots of the time, the level, the message and the source with which a line begins, by their fields.
// Without a message it is none. With one, no other member of the line is the time, the level or the message.
type head [fieldSource + 1]slot

func (h *head) found() bool { return h[fieldMessage] != 0 }

// narrow returns the slots of a field of the line.
func (h *head) narrow(l *layout, f field) []slot {
	if f > fieldSource || h[f] == 0 {
		return l.slots[f]
	}
	return h[f : f+1]
}

// headSize is how many members a head can have.
const headSize = 4

// headOf returns the head of a line, given the slots of its first members, 0 for those whose value is of another type.
// A line that has a time elsewhere has no head: loggers that sort their keys write a user's "message" before "msg".
func headOf(first [headSize]slot, timed bool) (h head) {
	i := 0
	next := func(f field) bool {
		if i == headSize || builtins[first[i]] != f+1 {
			return false
		}
		h[f] = first[i]
		i++
		return true
	}
	if !next(fieldTime) && timed || !next(fieldLevel) {
		return head{}
	}
	next(fieldSource)
	if !next(fieldMessage) {
		return head{}
	}
	return h
}

// forget takes off mask the keys of times that are not the line's own: they do not tell its schema.
func (h *head) forget(mask uint64) uint64 {
	if h[fieldTime] != 0 {
		return mask &^ (timeTells &^ h[fieldTime].bit())
	}
	return mask
}

// A position says where a member stands: the index of the root's member, and in its object. Less than 0 it is not on the line.
type position int64

const (
	rootPosition position = 1 << 32
	noPosition   position = -1
)

func (p position) isRoot() bool { return p >= 0 && p%rootPosition == 0 }

// A placer knows the positions of the first member of each slot; position is noPosition for one that cannot be an id or an op.
type placer interface{ position(slot) position }

// An idPair is two keys of a schema that may be the ids of a line, and the key of the op that its writer puts behind them.
type idPair struct {
	trace, span, op slot
	bits            uint64
	preset          *layout
	layout          *layout // of lines that have these ids
	layoutOp        *layout // and this op
}

// pairs are those of all layouts, in the order of these.
var pairs []idPair

func initPairs() {
	for i := range layouts {
		l := &layouts[i]
		for _, t := range l.slots[fieldTrace] {
			for _, s := range l.slots[fieldSpan] {
				p := idPair{trace: t, span: s, op: l.slots[fieldOp][0], bits: t.bit() | s.bit(), preset: l}
				narrow := *l
				narrow.slots[fieldTrace], narrow.slots[fieldSpan] = []slot{t}, []slot{s}
				p.layout = &narrow
				withOp := narrow
				withOp.slots[fieldOp] = []slot{p.op}
				p.layoutOp = &withOp
				pairs = append(pairs, p)
			}
		}
	}
}

// A choice is what the keys of a line leave open about its schema.
type choice struct {
	mask   uint64
	layout *layout   // where nothing is open
	pairs  []*idPair // else those among which the positions decide
}

func choiceOf(mask uint64) choice {
	c := choice{mask: mask, layout: presetOf(mask)}
	span := mask & spanIDs
	if mask&slotSpanID.bit() != 0 {
		span &^= slotTransaction.bit() // which goes with it
	}
	if bits.OnesCount64(mask&traceIDs) < 2 && bits.OnesCount64(span) < 2 && mask&tellers == 0 {
		return c
	}
	ops, open := 0, false
	for i := range pairs {
		if p := &pairs[i]; mask&p.bits == p.bits && p.preset.isTold(mask) {
			c.pairs = append(c.pairs, p)
			open = open || p.bits != c.pairs[0].bits
			if mask&p.op.bit() != 0 {
				ops++
				open = open || p.preset != c.layout
			}
		}
	}
	if !open && ops < 2 {
		c.pairs = nil // one pair, and one schema whose op is on the line at all
	}
	return c
}

// isTold reports whether the keys that tell lines of this preset are there.
func (l *layout) isTold(mask uint64) bool {
	return mask&l.tells == l.tells || mask&l.tellsToo != 0
}

// resolve returns the layout of the line of which a knows the positions: the first pair that is directly followed by
// its schema's op, else the pair that is complete first.
func (c *choice) resolve(a placer) *layout {
	var best *idPair
	bestAt := noPosition
	for _, p := range c.pairs {
		t, s, op := a.position(p.trace), a.position(p.span), a.position(p.op)
		if !t.isRoot() || !s.isRoot() || s != t+rootPosition || !op.isRoot() {
			continue
		}
		if op -= s; op != rootPosition && (op != 2*rootPosition || a.position(slotTransaction) != s+rootPosition || p.op != slotSpanName) {
			continue
		}
		if best == nil || t < bestAt || t == bestAt && p.preset.tells != 0 {
			best, bestAt = p, t
		}
	}
	if best != nil {
		return best.layoutOp
	}
	var gap position
	for _, p := range c.pairs {
		t, s := a.position(p.trace), a.position(p.span)
		end, apart := max(t, s), max(t, s)-min(t, s)
		if best == nil || end < bestAt || end == bestAt && (apart < gap || apart == gap && p.preset.tells != 0 && best.preset.tells == 0) {
			best, bestAt, gap = p, end, apart
		}
	}
	if best != nil {
		return best.layout
	}
	return c.layout
}

package tracelog

import "slices"

// A line may have keys of several schemas: its writer's, and those of attributes that only look like them. Their
// positions decide, because slogtrace and log/slog write their own members together:
//
//   - A line of theirs begins with the time, the level, the source if it has one, and the message: see head.
//   - Its ids are next to each other, and the op is directly after them: see idPair.

// A head holds, by their fields, the slots of the time, the level, the message and the source at the start of a line.
// Without a message there is no head. With one, no other member of the line is the time, the level or the message.
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

// headOf returns the head of a line, given the slots of its first members, 0 for those whose value is of another
// type. A line with a time elsewhere has no head: loggers that sort their keys write a user's "message" before "msg".
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

// forget removes from mask the keys of times and messages that are not the line's own: they do not identify its
// schema.
func (h *head) forget(mask uint64) uint64 {
	if !h.found() {
		return mask
	}
	return mask &^ (builtinTells &^ (h[fieldTime].bit() | h[fieldMessage].bit()))
}

// A position is where a member is: the index of the root's member, and the index in its object. It is less than 0 if
// the member is not on the line.
type position int64

const (
	rootPosition position = 1 << 32
	noPosition   position = -1
)

func (p position) isRoot() bool { return p >= 0 && p%rootPosition == 0 }

// A placer knows the position of the first member of each slot. It is noPosition for a member that cannot be an id or
// an op.
type placer interface{ position(slot) position }

// An idPair is two keys of a schema that may be the ids of a line, and the key of the op that its writer puts after
// them.
type idPair struct {
	trace, span, op slot
	bits            uint64
	mixed           bool // they have different spellings, as trace_id and spanId
	preset          *layout
	layout          *layout // of lines with these ids
	layoutOp        *layout // of lines with this op too: lines of a Format, which has one key for each field of a span record
	layoutParent    *layout // likewise, with a parent under one of the other keys that are read
}

// pairs are those of all layouts, in the order of the layouts.
var pairs []idPair

func initPairs() {
	for i := range layouts {
		l := &layouts[i]
		for i, t := range l.slots[fieldTrace] {
			for j, s := range l.slots[fieldSpan] {
				p := idPair{mixed: i != j, trace: t, span: s, op: l.slots[fieldOp][0], bits: t.bit() | s.bit(), preset: l}
				narrow := *l
				narrow.slots[fieldTrace], narrow.slots[fieldSpan] = []slot{t}, []slot{s}
				p.layout = &narrow
				withParent := narrow
				withParent.slots[fieldOp] = []slot{p.op}
				p.layoutParent = &withParent
				withOp := withParent
				for f := fieldParent; f < numFields; f++ {
					withOp.slots[f] = written(l, f)
				}
				p.layoutOp = &withOp
				pairs = append(pairs, p)
			}
		}
	}
}

// written returns the slots of a field in lines of a Format: the preset's first, and slogtrace's own. No attribute of
// a span has one of these keys.
func written(l *layout, f field) []slot {
	all := l.slots[f][:1:1]
	if own := slotOf(common[f]); own != all[0] {
		all = append(all, own)
	}
	return all
}

// crossed are the layouts of lines with the trace id under a name of one schema and the span id under a name of
// another, indexed by the trace id's. The span id is as found.
var crossed [len(layouts)]layout

// crossedSpans are the bits of the span ids that such lines may have.
var crossedSpans uint64

func initCrossed() {
	var spans []slot
	for i := range layouts {
		for _, s := range layouts[i].slots[fieldSpan] {
			if layouts[i].ids != idDatadog && s != slotTransaction && !slices.Contains(spans, s) {
				spans = append(spans, s)
				crossedSpans |= s.bit()
			}
		}
	}
	for i := range layouts {
		crossed[i] = layouts[i]
		crossed[i].slots[fieldSpan], crossed[i].spanIDs = spans, idPlain
	}
}

// crossedOf returns the layout of a line on which no schema has both ids. It is l if the line is not crossed. l is
// the layout with the most ids on the line.
func crossedOf(mask uint64, l *layout) *layout {
	if mask&crossedSpans == 0 {
		return l
	}
	first := -1
	for i := range layouts {
		if o := &layouts[i]; mask&o.trace != 0 && o.isTold(mask) && (first < 0 || o == l) {
			first = i
		}
	}
	if first < 0 {
		return l
	}
	return &crossed[first]
}

// A choice is what the keys of a line leave undecided about its schema.
type choice struct {
	mask   uint64
	layout *layout   // if nothing is undecided
	pairs  []*idPair // else the pairs among which the positions decide
}

// choiceOf returns the choice that remains for a line with these keys.
func choiceOf(mask uint64) choice {
	c := fullChoice(mask)
	open, ops := false, 0
	for _, p := range c.pairs {
		open = open || p.bits != c.pairs[0].bits
		if mask&p.op.bit() != 0 {
			ops++
			open = open || p.preset != c.layout
		}
	}
	told := mask&tellers != 0 && c.layout.tells != 0 && mask&c.layout.tells != c.layout.tells // by one key of two
	if !open && !told && ops < 2 && (ops == 0 || mask&unwritten == 0) {
		c.pairs = nil // one pair, and one schema whose op is on the line at all
	}
	return c
}

// fullChoice is choiceOf with all pairs of ids on the line.
func fullChoice(mask uint64) choice {
	c := choice{mask: mask, layout: presetOf(mask)}
	for i := range pairs {
		if p := &pairs[i]; mask&p.bits == p.bits && p.preset.isTold(mask) {
			c.pairs = append(c.pairs, p)
		}
	}
	if c.pairs == nil {
		c.layout = crossedOf(mask, c.layout)
	}
	return c
}

// isTold reports whether the keys that identify lines of this preset are present.
func (l *layout) isTold(mask uint64) bool {
	return mask&l.tells == l.tells || mask&l.tellsToo != 0
}

// hasParent reports whether the line has a parent under a key that a Format does not write, between the ids and the
// start. Attributes are before the ids or after the start.
func (p *idPair) hasParent(a placer) bool {
	ids, end := a.position(p.span), noPosition
	for _, s := range p.layoutOp.slots[fieldStart] {
		end = max(end, a.position(s))
	}
	return slices.ContainsFunc(p.layoutParent.slots[fieldParent], func(s slot) bool {
		at := a.position(s)
		return at > ids && at < end && !slices.Contains(p.layoutOp.slots[fieldParent], s)
	})
}

// resolve returns the layout of the line whose positions a knows: that of the first pair that is directly followed by
// its schema's op, else that of the pair that is complete first.
func (c *choice) resolve(a placer) *layout {
	if l := c.written(a); l != nil {
		return l
	}
	return c.first(a)
}

// written returns the layout of a line that a Format wrote, by the op after the ids. It is nil if there is none.
func (c *choice) written(a placer) *layout {
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
	switch {
	case best == nil:
		return nil
	case best.hasParent(a):
		return best.layoutParent
	}
	return best.layoutOp
}

// first returns the layout of the pair that is complete first.
func (c *choice) first(a placer) *layout {
	var best *idPair
	bestAt, gap := noPosition, noPosition
	for _, p := range c.pairs {
		t, s := a.position(p.trace), a.position(p.span)
		if c.mask&p.preset.tells != p.preset.tells && a.position(slotECSVersion) > t {
			continue // an attribute
		}
		end, apart := max(t, s), max(t, s)-min(t, s)
		var better bool
		switch {
		case best == nil:
			better = true
		case p.mixed != best.mixed:
			better = best.mixed
		case end != bestAt:
			better = end < bestAt
		case apart != gap:
			better = apart < gap
		default:
			better = p.preset.tells != 0 && best.preset.tells == 0
		}
		if better {
			best, bestAt, gap = p, end, apart
		}
	}
	if best != nil {
		return best.layout
	}
	return c.layout
}

// presetOf decides the layout by which of the possible id keys are on the line.
func presetOf(mask uint64) *layout {
	best := &layouts[0]
	if mask&decisive == 0 {
		return best
	}
	most := 0
	for i := range layouts {
		l := &layouts[i]
		n := 0
		if mask&l.trace != 0 {
			n += 2
		}
		if mask&l.span != 0 {
			n += 2
		}
		if n == 0 {
			continue
		}
		if l.tells != 0 {
			if mask&l.tells != l.tells && mask&l.tellsToo == 0 {
				continue
			}
			n++
		}
		if n > most {
			most, best = n, l
		}
	}
	return best
}

package compare

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// A Population is a set of traces with the attributes of their spans, to find what some of them have in common. The zero
// value is empty. It is not safe for concurrent use.
//
// It holds the id of each trace, and about 8 bytes for each different attribute of a trace.
type Population struct {
	traces []member
	keys   map[string]*key
	full   bool // there are too many keys to keep another one
}

// A member is a trace of a population.
type member struct {
	id       string
	root     string // the operation
	duration time.Duration
	ended    bool // the root has
	chosen   bool
	weight   float64
}

// A key is one of attributes.
type key struct {
	traces  []int32            // that have it
	values  map[string][]int32 // the traces with each value, as text; nil if there are too many different ones
	numbers []number           // if a value is a number
	spans   int                // with a number
	follows int                // of them, those whose number is a duration or a time of the trace
}

// A number is the least and the greatest one of a key in a trace.
type number struct {
	trace       int32
	least, most float64
}

const (
	maxKeys      = 2000
	maxValues    = 5000 // different ones of a key; those of a key with more are ids
	maxValueSize = 200  // bytes
	maxNesting   = 4    // of objects in attributes
)

// Add adds a trace. Chosen is whether it is one of those that the others are compared with. It matters unless
// [CauseOptions.Slow] is set. It keeps nothing of t. Traces that are not sampled and were written only because of a failure
// are left out.
func (p *Population) Add(t *tracelog.Trace, chosen bool) {
	root := t.Root()
	if root == nil {
		return
	}
	m := member{
		id: strings.Clone(t.ID), root: strings.Clone(root.Op), duration: root.Duration, ended: root.State == tracelog.Ended, chosen: chosen, weight: 1,
	}
	for _, s := range t.All() {
		if s.State == tracelog.Ended {
			m.weight = s.Weight
			break
		}
	}
	if m.weight == 0 {
		return
	}
	p.traces = append(p.traces, m)
	for _, s := range t.All() {
		known := times{s.Start, []time.Duration{s.Duration, root.Duration, s.Queued}}
		p.add("op", s.Op, known)
		if s.Service != "" {
			p.add("service", s.Service, known)
		}
		for _, a := range s.Attrs {
			p.attr(a.Key, a.Value, known, 0)
		}
	}
}

// times are what numbers of a span can follow from.
type times struct {
	start     time.Time
	durations []time.Duration
}

func (t times) follows(x float64) bool {
	return isMoment(x, t.start) || slices.ContainsFunc(t.durations, func(d time.Duration) bool { return isDuration(x, d) })
}

// attr adds an attribute, or those of an object.
func (p *Population) attr(key string, value json.RawMessage, known times, depth int) {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0, value[0] == '[', string(value) == "null", depth > maxNesting:
	case value[0] == '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(value, &members) == nil {
			for name, v := range members {
				p.attr(key+"."+name, v, known, depth+1)
			}
		}
	default:
		p.add(key, tracelog.Attr{Value: value}.Text(), known)
	}
}

// add adds a value of the newest trace.
func (p *Population) add(name, text string, known times) {
	if isTime(name, text) || len(name) > maxValueSize {
		return
	}
	k := p.keys[name]
	if k == nil {
		if len(p.keys) == maxKeys {
			p.full = true
			return
		}
		if p.keys == nil {
			p.keys = make(map[string]*key)
		}
		k = &key{values: make(map[string][]int32)}
		p.keys[strings.Clone(name)] = k
	}
	trace := int32(len(p.traces) - 1)
	k.traces = appendOnce(k.traces, trace)
	if x, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
		k.spans++
		if known.follows(x) {
			k.follows++
		}
		if n := len(k.numbers); n > 0 && k.numbers[n-1].trace == trace {
			last := &k.numbers[n-1]
			last.least, last.most = min(last.least, x), max(last.most, x)
		} else {
			k.numbers = append(k.numbers, number{trace, x, x})
		}
	}
	if k.values == nil || len(text) > maxValueSize {
		return
	}
	if old, ok := k.values[text]; ok {
		k.values[text] = appendOnce(old, trace)
	} else if len(k.values) < maxValues {
		k.values[strings.Clone(text)] = []int32{trace}
	} else {
		k.values = nil
	}
}

func appendOnce(traces []int32, trace int32) []int32 {
	if n := len(traces); n > 0 && traces[n-1] == trace {
		return traces
	}
	return append(traces, trace)
}

// Traces is how many traces there are.
func (p *Population) Traces() int { return len(p.traces) }

// sort puts the traces into an order that does not depend on the order in which they were added.
func (p *Population) sort() {
	order := make([]int32, len(p.traces))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int {
		return cmp.Or(strings.Compare(p.traces[i].id, p.traces[j].id), cmp.Compare(p.traces[i].duration, p.traces[j].duration))
	})
	place, traces := make([]int32, len(order)), make([]member, len(order))
	for n, i := range order {
		place[i], traces[n] = int32(n), p.traces[i]
	}
	p.traces = traces
	renumber := func(list []int32) {
		for i := range list {
			list[i] = place[list[i]]
		}
		slices.Sort(list)
	}
	for _, k := range p.keys {
		renumber(k.traces)
		for _, list := range k.values {
			renumber(list)
		}
		for i := range k.numbers {
			k.numbers[i].trace = place[k.numbers[i].trace]
		}
		slices.SortFunc(k.numbers, func(a, b number) int { return cmp.Compare(a.trace, b.trace) })
	}
}

package backend

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/internal/schema"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A Plan says what a command needs of a store. The zero Plan is all lines of a time and of an hour around it, so that traces
// are whole.
type Plan struct {
	Lines    bool           // only the lines of the time for which the filter's conditions hold, each by itself
	Wanted   []query.Wanted // these traces
	Whole    bool           // the whole traces that the filter chooses, not only the lines that it chooses
	Failures bool           // only of traces in which something failed
	Spans    bool           // only the records of spans, and lines that are errors
	Ends     bool           // of the members of the record schema, only what the figures of spans need
	Grouped  bool           // ends of spans that are alike may be one line
	Attrs    bool           // attributes are shown
	Fields   []string       // the members that are needed, besides those that the filter looks at; nil: all
}

// margin is how far beyond the time of the question the lines of its traces are looked for at first.
const margin = time.Hour

// widest is how far beyond that time they are looked for at most.
const widest = 7 * 24 * time.Hour

// manyChunks is how many queries for whole traces are worth more than one for everything.
const manyChunks = 8

// Fetch writes the lines that a plan needs to buf. From and to are the time of the question.
func (s *Source) Fetch(ctx context.Context, plan *Plan, p *query.Parts, from, to time.Time, buf *input.Buffer) error {
	s.Tell.StartWaiting(s.Store.Name())
	defer s.Tell.StopProgress()
	before, err := s.missing(ctx)
	if err != nil {
		return err
	}
	if err := s.fetch(ctx, plan, p, from, to, buf); err != nil {
		return err
	}
	return s.tellMissing(ctx, before)
}

// tellMissing tells what was missing before the queries, and is after them.
func (s *Source) tellMissing(ctx context.Context, before string) error {
	after, err := s.missing(ctx)
	for i, lack := range []string{before, after} {
		if lack != "" && (i == 0 || lack != before) {
			s.Tell.Talk("%s: the answer lacks lines: %s", s.Store.Name(), lack)
		}
	}
	return err
}

// missing says which parts of the store do not answer, if it may go on without them. An error is that of the context.
func (s *Source) missing(ctx context.Context) (string, error) {
	if !s.Partial {
		return "", nil
	}
	err := s.patient(ctx, func() error {
		err := s.Store.Missing(ctx)
		if cut := new(CutError); errors.As(err, &cut) { // a connection ended: of this short answer nothing less can be asked
			err = &AwayError{cut.Err}
		}
		return err
	})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return err.Error(), nil
	}
	return "", nil
}

func (s *Source) fetch(ctx context.Context, plan *Plan, p *query.Parts, from, to time.Time, buf *input.Buffer) error {
	switch cond := plan.cond(p, s.Shape); {
	case s.hidden():
	case len(plan.Wanted) > 0:
		return s.wanted(ctx, plan.Wanted, from, to, plan.fields(p), buf)
	case plan.Whole && cond != nil:
		q := &Query{From: from, To: to, Fields: plan.fields(p)}
		return s.whole(ctx, inTrace(cond), plan.kept(p, s.Shape), q, buf)
	}
	_, err := s.read(ctx, s.single(plan, p, from, to), true, buf)
	return err
}

// cond holds for each line because of which a trace or a line can be needed. It is nil if that cannot be said.
func (plan *Plan) cond(p *query.Parts, shape *tracelog.Shape) Cond {
	cond := candidates(p, shape)
	if p.Grep != nil && simple(p.Grep) {
		cond = Grep{p.Grep.String()} // a trace has a line with the text, and a line for the other conditions: the text is rarer
	}
	if plan.Failures {
		cond = both(failure, cond)
	}
	return cond
}

// kept holds for the lines of whole traces that are needed. It is nil if all are.
func (plan *Plan) kept(p *query.Parts, shape *tracelog.Shape) Cond {
	if spans := spanRecord(shape); plan.Spans && p.Grep == nil && !p.Tree && spans != nil {
		return Any{spans, failure}
	}
	return nil
}

// single is the query for what a plan needs, unless that is certain whole traces.
func (s *Source) single(plan *Plan, p *query.Parts, from, to time.Time) *Query {
	if s.hidden() {
		return &Query{From: from.Add(-margin), To: to.Add(margin)}
	}
	cond := plan.cond(p, s.Shape)
	q := &Query{From: from, To: to, Fields: plan.fields(p)}
	switch {
	case plan.Whole:
		q.From, q.To = from.Add(-margin), to.Add(margin)
		q.Cond = inTrace(plan.kept(p, s.Shape))
	case plan.Spans:
		q.To = to.Add(margin) // for spans that began before
		q.Cond = inTrace(both(spanRecord(s.Shape), cond))
	case plan.Lines:
		if cond != nil {
			q.Cond = Any{Unread{}, cond}
		}
	default:
		q.From, q.To = from.Add(-margin), to.Add(margin)
	}
	return q
}

func both(a, b Cond) Cond {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return All{a, b}
}

// endFields are the members of a span record that a command needs which does not read whole traces. The time of its line is
// not one of them, as it has a start.
var endFields = []string{"level", "trace", "span", "op", "start", "duration_ms", "error", "sample_rate", "sampled"}

// fields returns the members to ask for.
func (plan *Plan) fields(p *query.Parts) []string {
	if plan.Fields == nil || p.Grep != nil {
		return nil
	}
	fields := slices.Clone(plan.Fields)
	if plan.Ends {
		fields = append(fields, endFields...)
	}
	if len(p.Services) > 0 {
		fields = append(fields, "service")
	}
	for _, c := range p.Where {
		if c.Key != "state" {
			fields = append(fields, c.Key)
		}
	}
	return fields
}

// SchemaFields are the names of the record schema, except long texts.
var SchemaFields = func() []string {
	var all []string
	for f, names := range schema.Common {
		if f := schema.Field(f); f != schema.Stack && f != schema.Source && f != schema.Links && names != "" {
			name, _, _ := strings.Cut(names, " ")
			all = append(all, name)
		}
	}
	return append(all, "trace", "span", "trace_flags")
}()

// whole reads the whole traces that have a line for which cond holds. Of their lines it reads those for which kept holds.
func (s *Source) whole(ctx context.Context, cond, kept Cond, q *Query, buf *input.Buffer) error {
	find := &Query{From: q.From, To: q.To.Add(margin), Cond: cond, Fields: []string{"trace"}}
	most, seen := 0, make(map[string]bool)
	err := s.patient(ctx, func() (err error) {
		if most, err = s.Store.MaxIDs(ctx, find); err != nil {
			return err
		}
		find.Limit = manyChunks*most + 1
		if s.Explain && len(seen) == 0 {
			text, err := s.Store.TracesText(ctx, find)
			if err != nil {
				return err
			}
			s.Tell.Talk("ids of traces: %s", text)
		}
		defer func() { find.Limit = 0 }()
		return s.Store.Traces(ctx, find, func(id string) bool {
			seen[id] = true
			return len(seen) <= manyChunks*most
		})
	})
	if err != nil {
		return s.named(err)
	}
	if len(seen) > manyChunks*most {
		return s.many(ctx, find, kept, q, len(seen)-1, buf)
	}
	s.narrowed = find
	edges := 0
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(seen)), most) {
		edge, err := s.around(ctx, Trace{IDs: chunk}, kept, q, false, buf)
		if err != nil {
			return err
		}
		if edge {
			edges++
		}
	}
	if edges > 0 {
		s.tellEdge()
	}
	return nil
}

// many reads the traces that find matches, more than n. If the store cannot find their lines by a query, it reads all traces.
func (s *Source) many(ctx context.Context, find *Query, kept Cond, q *Query, n int, buf *input.Buffer) error {
	if sub, ok := s.Store.(Subqueries); ok {
		ok, err := sub.Subqueries(ctx, find)
		if err != nil {
			return s.named(err)
		}
		if ok {
			s.narrowed = find
			edge, err := s.around(ctx, TracesOf{find}, kept, q, true, buf)
			if edge {
				s.tellEdge()
			}
			return err
		}
	}
	all := *q
	all.From, all.To, all.Cond = q.From.Add(-margin), q.To.Add(margin), inTrace(kept)
	sum, err := s.read(ctx, &all, true, buf)
	if err == nil && (sum.early(all.From, margin/2) || sum.late(all.To, margin/2)) {
		s.Tell.Talk("%s: more than %d traces match, so lines more than an hour before or after the time of the question were not read: narrow it to have whole traces",
			s.Store.Name(), n)
	}
	return err
}

// IDs returns the ids of all traces in the time of the question. Those in all are known; the store is asked for the others
// if only some traces were read.
func (s *Source) IDs(ctx context.Context, all iter.Seq[string]) iter.Seq[string] {
	if s == nil || s.narrowed == nil {
		return all
	}
	return func(yield func(string) bool) {
		for id := range all {
			if !yield(id) {
				return
			}
		}
		q := *s.narrowed
		q.From, q.Cond = q.From.Add(-margin), inTrace(nil)
		if err := s.Store.Traces(ctx, &q, yield); err != nil && ctx.Err() == nil {
			s.Tell.Talk("%v: ids may be ambiguous", s.named(err))
		}
	}
}

func (s *Source) tellEdge() {
	s.Tell.Talk("%s: traces have lines more than a week before or after the time of the question: not all were read", s.Store.Name())
}

// around reads the lines of traces: in the time of q and a margin around it, and further as long as lines are found near
// the end. Edge reports that there may be more. It counts the lines before if counted is set.
func (s *Source) around(ctx context.Context, traces, kept Cond, q *Query, counted bool, buf *input.Buffer) (edge bool, err error) {
	part := *q
	part.Cond = traces
	if kept != nil {
		part.Cond = All{traces, Any{Unread{}, kept}}
	}
	part.From, part.To = q.From.Add(-margin), q.To.Add(margin)
	sum, err := s.read(ctx, &part, counted, buf)
	if err != nil || sum.Lines == 0 {
		return false, err
	}
	for _, direction := range []time.Duration{-1, 1} {
		got, from, to := sum, part.From, part.To
		for step := margin; direction < 0 && got.early(from, step/2) || direction > 0 && got.late(to, step/2); step *= 4 {
			if step > widest {
				edge = true
				break
			}
			more := part
			if direction < 0 {
				more.From, more.To = from.Add(-4*step), from
			} else {
				more.From, more.To = to, to.Add(4*step)
			}
			if got, err = s.read(ctx, &more, counted, buf); err != nil {
				return edge, err
			}
			from, to = more.From, more.To
		}
	}
	return edge, nil
}

// short reports whether a condition has the beginning of an id that many traces may have.
func short(t Trace) bool {
	return t.Prefix && slices.ContainsFunc(t.IDs, func(id string) bool { return len(id) < 6 })
}

// digits is the length of a whole id.
const digits = 32

// wanted reads the traces that the user has named.
func (s *Source) wanted(ctx context.Context, want []query.Wanted, from, to time.Time, fields []string, buf *input.Buffer) error {
	for _, w := range want {
		cond := Trace{Prefix: len(w.Text) != digits}
		for _, form := range append([]string{w.Text}, w.Forms...) {
			if !slices.Contains(cond.IDs, form) {
				cond.IDs = append(cond.IDs, form)
			}
		}
		q := &Query{From: from, To: to, Fields: fields}
		edge, err := s.around(ctx, cond, nil, q, short(cond), buf)
		if err == nil && w.Half != "" {
			var further bool
			further, err = s.around(ctx, Trace{IDs: []string{w.Half}, Suffix: true}, nil, q, false, buf)
			edge = edge || further
		}
		if err != nil {
			return err
		}
		if edge {
			s.tellEdge()
		}
	}
	return nil
}

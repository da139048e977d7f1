package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A question has the values of the flags of slogtrace stats.
type question struct {
	filter     query.Filter
	by         []string
	every      time.Duration // 0: no intervals
	self       bool
	traces     bool
	lines      bool
	duplicates bool // each copy of a span's end counts
}

// A group is the spans, the traces or the log lines with the same values of the keys of --by. With --every, those that
// began in one interval.
type group struct {
	values []string
	start  time.Time // of the interval; zero if it is not known
	stat   tracelog.Stat

	lines, errorLines int
}

func (g *group) count() float64  { return g.stat.Count() + float64(g.lines) }
func (g *group) errors() float64 { return g.stat.Errors() + float64(g.errorLines) }

// shown returns the values of the keys for people.
func (g *group) shown(by []string) []string {
	values := slices.Clone(g.values)
	for i, key := range by {
		if key == "op" {
			values[i] = opText(values[i])
		}
	}
	return values
}

// groups makes the groups that a question asks for.
func (s *session) groups(ctx context.Context, files []string, q *question) ([]*group, error) {
	tree := q.filter.AsksForTree()
	whole := (q.filter.AsksForText() || tree) && !q.lines // the lines or the parents of each span are needed
	again := q.self || q.traces || whole
	switch {
	case again && q.duplicates:
		return nil, usagef("--duplicates count: not with --self, --traces, --grep, and --where about other spans")
	case q.lines && tree:
		return nil, usagef("--lines: not with --where about other spans")
	}
	plan := backend.Plan{Whole: again, Spans: !q.lines && !q.traces, Lines: q.lines && !again, Ends: !q.lines && !again, Fields: q.by}
	plan.Grouped = plan.Ends && q.every == 0 && !q.duplicates
	if !plan.Ends {
		plan.Fields = slices.Concat(q.by, backend.SchemaFields)
	}
	s.plan(plan)
	r, err := s.files.Open(ctx, files, again)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []*group
	switch {
	case q.lines:
		list, err = s.lineGroups(ctx, r, q)
	case whole:
		list, err = s.wholeGroups(r, q)
	case again:
		list, err = s.timingGroups(r, q)
	default:
		list, err = s.endGroups(ctx, r, q)
	}
	switch {
	case err != nil || len(list) > 0:
		return list, err
	case r.Records == 0:
		return nil, r.Nothing()
	case q.lines:
		return nil, fmt.Errorf("no log line matches (%s read)", tell.Plural(r.Records, "record"))
	}
	return nil, noSpans(ctx, r, q)
}

// noSpans returns an error that says why there is no group.
func noSpans(ctx context.Context, r *input.Reading, q *question) error {
	f := &q.filter
	switch {
	case r.Once() && f.Empty():
		return errors.New("no span has ended: see slogtrace check")
	case r.Once():
		return errors.New("no finished span matches")
	}
	var spans atomic.Int64
	err := r.Pass(func(in []tracelog.Input) ([]tracelog.Source, error) {
		g, err := tracelog.ScanGroups(ctx, in, &tracelog.GroupOptions{ScanOptions: r.Options(nil), By: func(*tracelog.Record) ([]byte, bool) { return nil, true }})
		for _, g := range g.Groups {
			spans.Add(int64(g.Stat.N()))
		}
		return nil, err
	})
	switch {
	case err != nil:
		return err
	case spans.Load() == 0 && f.Empty():
		return errors.New("no span has ended: see slogtrace check")
	case spans.Load() == 0:
		return errors.New("no span records found: see slogtrace check")
	case q.traces && f.Empty():
		return fmt.Errorf("no trace has a finished root with a known start (%d finished spans read)", spans.Load())
	case q.traces:
		return fmt.Errorf("--traces: no finished root matches (%d finished spans read)", spans.Load())
	}
	return fmt.Errorf("no finished span matches (%d read)", spans.Load())
}

// endGroups makes groups of span ends. It does not need whole traces.
func (s *session) endGroups(ctx context.Context, r *input.Reading, q *question) ([]*group, error) {
	var unsampled, unfinished atomic.Int64
	names := keyNames{by: q.by}
	ends := func(r *tracelog.Record) bool { return r.Event != tracelog.EventLog }
	o := &tracelog.GroupOptions{ScanOptions: r.Options(ends), KeepDuplicates: q.duplicates, Every: q.every}
	grouped := s.from.grouped
	copies := func(*tracelog.Record) int { return 1 }
	if grouped != nil {
		copies = func(r *tracelog.Record) int { return backend.Copies(r.Raw()) }
		o.KeepDuplicates, o.Copies = true, copies
	}
	chosen := q.key(&names)
	o.By = func(r *tracelog.Record) ([]byte, bool) {
		key, ok := chosen(r)
		switch {
		case ok && r.Event == tracelog.EventStart:
			unfinished.Add(1)
		case ok && r.Weight() == 0:
			unsampled.Add(int64(copies(r)))
		}
		return key, ok
	}
	var found *tracelog.Grouping
	err := r.Pass(func(in []tracelog.Input) (_ []tracelog.Source, err error) {
		found, err = tracelog.ScanGroups(ctx, in, o)
		return found.Sources, err
	})
	if err != nil {
		return nil, err
	}
	distinct := found.Deduped
	if grouped != nil { // of each unfinished span there is one start
		found.Open, distinct = int(unfinished.Load()), grouped.Distinct
	}
	s.leftOut(found.Open, int(unsampled.Load()))
	switch {
	case found.Duplicates > 0:
		s.Talk("%s left out", tell.Plural(found.Duplicates, "duplicate span end"))
	case q.duplicates:
		s.Talk("each copy of a span end is counted")
	case !distinct:
		s.Talk("too many spans to detect duplicates: each copy is counted")
	}
	if found.Dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(found.Dropped, "span"))
	}
	var list []*group
	for _, g := range found.Groups {
		if g.Stat.N() > 0 {
			list = append(list, &group{values: valuesOf(g.Key, len(q.by)), start: g.Start, stat: g.Stat})
		}
	}
	if len(list) > 0 {
		s.tellMissing(list, &names, "span")
	}
	return list, nil
}

// keyNames collects the keys of spans or lines, to suggest one of them if none has a key of --by.
type keyNames struct {
	by    []string
	lines bool         // of log lines, not of spans
	seen  atomic.Int64 // spans, or lines

	mu    sync.Mutex
	names map[string]bool
}

// maxNamed is how many spans or lines keyNames looks at.
const maxNamed = 500

// note notes the keys of a span's end, or of a log line.
func (k *keyNames) note(r *tracelog.Record) {
	if k.lines != (r.Event == tracelog.EventLog) || r.Event == tracelog.EventStart || !slices.ContainsFunc(k.by, func(key string) bool { return key != "op" && key != "service" }) {
		return
	}
	if k.seen.Load() >= maxNamed || k.seen.Add(1) > maxNamed {
		return
	}
	e := r.Entry()
	k.add(&e)
}

func (k *keyNames) add(e *tracelog.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names == nil {
		k.names = map[string]bool{"op": true, "service": true, "kind": true, "error": true}
	}
	for _, a := range e.Attrs() {
		k.names[a.Key] = true
	}
}

// tellMissing reports the keys of --by that no group has a value of. The noun is what the groups consist of: span or line.
func (s *session) tellMissing(list []*group, k *keyNames, noun string) {
	for i, key := range k.by {
		if key == "op" || slices.ContainsFunc(list, func(g *group) bool { return g.values[i] != "-" }) {
			continue
		}
		s.Talk("no %s has %s%s", noun, key, didYouMean(key, slices.Collect(maps.Keys(k.names)), ""))
	}
}

func (s *session) leftOut(unfinished, unsampled int) {
	if unfinished > 0 {
		s.Talk("%s left out", tell.Plural(unfinished, "unfinished span"))
	}
	if unsampled > 0 {
		s.Talk("%s left out: written only because of a failure, in traces that are not sampled", tell.Plural(unsampled, "span"))
	}
}

// keyOf returns a function that makes the key of a record's group. If by has one key, that is the value. Else it is each value
// after its length. valuesOf returns the values.
func keyOf(by []string) func(*tracelog.Record) ([]byte, bool) {
	if len(by) == 1 {
		switch by[0] {
		case "op":
			return func(r *tracelog.Record) ([]byte, bool) { return r.Op(), true }
		case "service":
			return func(r *tracelog.Record) ([]byte, bool) {
				if name := r.Service(); len(name) > 0 {
					return name, true
				}
				return []byte("-"), true
			}
		}
	}
	return func(r *tracelog.Record) ([]byte, bool) { return appendKey(nil, r, by), true }
}

// appendKey appends the key of a record's group, as keyOf describes it.
func appendKey(key []byte, r *tracelog.Record, by []string) []byte {
	for _, name := range by {
		value := query.RecordGroup(r, name)
		if len(by) > 1 {
			key = binary.AppendUvarint(key, uint64(len(value)))
		}
		key = append(key, value...)
	}
	return key
}

// key returns keyOf for the spans that the filter chooses. It notes the names of their keys.
func (q *question) key(names *keyNames) func(*tracelog.Record) ([]byte, bool) {
	key, all := keyOf(q.by), q.filter.Empty()
	return func(r *tracelog.Record) ([]byte, bool) {
		if !all && !q.filter.Record(r, false) {
			return nil, false
		}
		names.note(r)
		return key(r)
	}
}

// valuesOf returns the n values in a group's key.
func valuesOf(key string, n int) []string {
	if n == 1 {
		return []string{key}
	}
	b := []byte(key)
	values := make([]string, n)
	for i := range values {
		size, m := binary.Uvarint(b)
		b = b[m:]
		values[i], b = string(b[:size]), b[size:]
	}
	return values
}

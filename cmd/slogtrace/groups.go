package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A group is the spans with the same values of the keys of --by.
type group struct {
	values []string
	stat   tracelog.Stat
}

// groups reads spans and makes groups of them.
func (s *session) groups(ctx context.Context, files []string, f *query.Filter, by []string, self, duplicates bool) ([]*group, error) {
	whole := self || f.AsksForText() || f.AsksForTree() // the children, the lines or the parents of each span are needed: files are read twice
	if whole && duplicates {
		return nil, usagef("--duplicates count: not with --self, --grep, and --where about other spans")
	}
	s.plan(backend.Plan{Whole: whole, Spans: true, Fields: slices.Concat(by, backend.SchemaFields)})
	r, err := s.files.Open(ctx, files, whole)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []*group
	switch {
	case f.AsksForText() || f.AsksForTree(): // the lines or the parents of each span are needed
		list, err = s.wholeGroups(r, f, by, self)
	case self:
		list, err = s.selfGroups(r, f, by)
	default:
		list, err = s.endGroups(ctx, r, f, by, duplicates)
	}
	if err != nil || len(list) > 0 {
		return list, err
	}
	if r.Records == 0 {
		return nil, r.Nothing()
	}
	return nil, noSpans(ctx, r, f)
}

// noSpans returns an error that says why there is no group.
func noSpans(ctx context.Context, r *input.Reading, f *query.Filter) error {
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
	}
	return fmt.Errorf("no finished span matches (%d read)", spans.Load())
}

// endGroups makes groups of span ends. It does not need whole traces.
func (s *session) endGroups(ctx context.Context, r *input.Reading, f *query.Filter, by []string, duplicates bool) ([]*group, error) {
	var unsampled atomic.Int64
	names := keyNames{by: by}
	ends := func(r *tracelog.Record) bool { return r.Event != tracelog.EventLog }
	o := &tracelog.GroupOptions{ScanOptions: r.Options(ends), KeepDuplicates: duplicates}
	chosen := chosenKey(f, by, &names)
	o.By = func(r *tracelog.Record) ([]byte, bool) {
		key, ok := chosen(r)
		if ok && r.Event == tracelog.EventEnd && r.Weight() == 0 {
			unsampled.Add(1)
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
	s.leftOut(found.Open, int(unsampled.Load()))
	switch {
	case found.Duplicates > 0:
		s.Talk("%s left out", tell.Plural(found.Duplicates, "duplicate span end"))
	case duplicates:
		s.Talk("each copy of a span end is counted")
	case !found.Deduped:
		s.Talk("too many spans to detect duplicates: each copy is counted")
	}
	if found.Dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(found.Dropped, "span"))
	}
	var list []*group
	for _, g := range found.Groups {
		if g.Stat.N() > 0 {
			list = append(list, &group{values: valuesOf(g.Key, len(by)), stat: g.Stat})
		}
	}
	if len(list) > 0 {
		s.tellMissing(list, &names)
	}
	return list, nil
}

// keyNames collects the keys of spans, from which to suggest one if no span has a key of --by.
type keyNames struct {
	by   []string
	seen atomic.Int64 // spans

	mu    sync.Mutex
	names map[string]bool
}

// maxNamed is how many spans keyNames looks at.
const maxNamed = 500

// note notes the keys of a span's end.
func (k *keyNames) note(r *tracelog.Record) {
	if r.Event != tracelog.EventEnd || !slices.ContainsFunc(k.by, func(key string) bool { return key != "op" && key != "service" }) {
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

// tellMissing reports the keys of --by that no span has.
func (s *session) tellMissing(list []*group, k *keyNames) {
	for i, key := range k.by {
		if key == "op" || slices.ContainsFunc(list, func(g *group) bool { return g.values[i] != "-" }) {
			continue
		}
		s.Talk("no span has %s%s", key, didYouMean(key, slices.Collect(maps.Keys(k.names)), ""))
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

// selfGroups makes groups of the self times of span ends.
func (s *session) selfGroups(r *input.Reading, f *query.Filter, by []string) ([]*group, error) {
	names := keyNames{by: by}
	var stats []*tracelog.Stat // by key
	unfinished, unsampled := 0, 0
	timings, err := r.Timings(chosenKey(f, by, &names), func(t *tracelog.Timing) {
		for i := range t.Spans {
			span := &t.Spans[i]
			if span.Key < 0 {
				continue
			}
			if !span.Ended {
				unfinished++
				continue
			}
			if span.Weight == 0 {
				unsampled++
			}
			for len(stats) <= span.Key {
				stats = append(stats, new(tracelog.Stat))
			}
			stats[span.Key].Add(span.Self, span.Failed, span.Weight)
		}
	})
	if err != nil {
		return nil, err
	}
	s.leftOut(unfinished, unsampled)
	if timings.Dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(timings.Dropped, "name"))
	}
	var list []*group
	for key, stat := range stats {
		if stat.N() > 0 {
			list = append(list, &group{values: valuesOf(timings.Name(key), len(by)), stat: *stat})
		}
	}
	if len(list) > 0 {
		s.tellMissing(list, &names)
	}
	return list, nil
}

// wholeGroups makes groups of the spans of whole traces. It holds the traces that are under way.
func (s *session) wholeGroups(r *input.Reading, f *query.Filter, by []string, self bool) ([]*group, error) {
	records := f.SpanRecords()
	o, err := r.Outlines(f.May, records)
	if err != nil {
		return nil, err
	}
	groups := make(map[string]*group)
	names := keyNames{by: by}
	unfinished, unsampled := 0, 0
	opts := tracelog.TracesOptions{ScanOptions: tracelog.ScanOptions{Filter: records}}
	err = r.Traces(o, opts, func(sum *tracelog.Outline) bool { return sum.Matched > 0 }, func(t *tracelog.Trace) {
		if !f.Whole(t) {
			return
		}
		for _, span := range t.All() {
			if query.EntryOf(span) == nil || !f.Span(span) {
				continue
			}
			if span.State != tracelog.Ended {
				unfinished++
				continue
			}
			if names.seen.Add(1) <= maxNamed {
				names.add(query.EntryOf(span))
			}
			values := make([]string, len(by))
			for i, key := range by {
				values[i] = query.SpanGroup(span, key)
			}
			key := strings.Join(values, "\x00")
			g := groups[key]
			if g == nil {
				g = &group{values: values}
				groups[key] = g
			}
			d := span.Duration
			if self {
				d = tracelog.SelfTime(span)
			}
			if span.Weight == 0 {
				unsampled++
			}
			g.stat.Add(d, span.Failed, span.Weight)
		}
	})
	if err != nil {
		return nil, err
	}
	s.leftOut(unfinished, unsampled)
	var list []*group
	for _, g := range groups {
		if g.stat.N() > 0 {
			list = append(list, g)
		}
	}
	if len(list) > 0 {
		s.tellMissing(list, &names)
	}
	return list, nil
}

// keyOf returns a function that makes a group's key from a record. If by has one key, it is the value. Else it is each value
// after its length.
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
	return func(r *tracelog.Record) ([]byte, bool) {
		var key []byte
		for _, name := range by {
			value := query.RecordGroup(r, name)
			if len(by) > 1 {
				key = binary.AppendUvarint(key, uint64(len(value)))
			}
			key = append(key, value...)
		}
		return key, true
	}
}

// chosenKey returns keyOf for the spans that the filter chooses. It notes the names of their keys.
func chosenKey(f *query.Filter, by []string, names *keyNames) func(*tracelog.Record) ([]byte, bool) {
	key, all := keyOf(by), f.Empty()
	return func(r *tracelog.Record) ([]byte, bool) {
		if !all && !f.Record(r, false) {
			return nil, false
		}
		names.note(r)
		return key(r)
	}
}

// valuesOf returns the n values in a key that the function of keyOf has made.
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

package main

import (
	"context"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
)

// A lineCount is how many lines a group has, and how many of them are at level Error or above.
type lineCount struct{ lines, errors int }

// A lineCounter is a worker's share of lineGroups.
type lineCounter struct {
	question *question
	names    *keyNames
	counts   map[string]*lineCount // by appendKey's key, followed by the start of the interval
	key      []byte
	dropped  int
}

// lineGroups counts log lines.
func (s *session) lineGroups(ctx context.Context, r *input.Reading, q *question) ([]*group, error) {
	names := keyNames{by: q.by, lines: true}
	var workers []*lineCounter
	o := r.Options(func(r *tracelog.Record) bool { return r.Event == tracelog.EventLog })
	err := r.Pass(func(in []tracelog.Input) ([]tracelog.Source, error) {
		return tracelog.ScanRecords(ctx, in, &o, func() func(*tracelog.Record) {
			w := &lineCounter{question: q, names: &names, counts: make(map[string]*lineCount)}
			workers = append(workers, w)
			return w.add
		})
	})
	if err != nil {
		return nil, err
	}
	groups := make(map[string]*group)
	dropped := 0
	var list []*group
	for _, w := range workers {
		dropped += w.dropped
		for key, n := range w.counts {
			g := groups[key]
			if g == nil {
				g = lineGroup(key, q)
				groups[key] = g
				list = append(list, g)
			}
			g.lines += n.lines
			g.errorLines += n.errors
		}
	}
	if dropped > 0 {
		s.Talk("%s left out: too many groups", tell.Plural(dropped, "line"))
	}
	if len(list) > 0 {
		s.tellMissing(list, &names, "line")
	}
	return list, nil
}

func (w *lineCounter) add(r *tracelog.Record) {
	q := w.question
	if !q.filter.LineRecord(r) {
		return
	}
	w.names.note(r)
	w.key = appendKey(w.key[:0], r, q.by)
	if q.every > 0 {
		at := tracelog.IntervalStart(r.Time(), q.every)
		w.key = binary.LittleEndian.AppendUint64(w.key, uint64(at.Unix()))
		w.key = binary.LittleEndian.AppendUint32(w.key, uint32(at.Nanosecond()))
	}
	n := w.counts[string(w.key)]
	if n == nil {
		if len(w.counts) == maxTally {
			w.dropped++
			return
		}
		n = new(lineCount)
		w.counts[string(w.key)] = n
	}
	n.lines++
	if query.IsError(string(r.Level())) {
		n.errors++
	}
}

// lineGroup returns an empty group for a key of lineCounter.counts.
func lineGroup(key string, q *question) *group {
	g := new(group)
	if q.every > 0 {
		n := len(key) - 12
		at := []byte(key[n:])
		g.start = time.Unix(int64(binary.LittleEndian.Uint64(at)), int64(binary.LittleEndian.Uint32(at[8:]))).UTC()
		key = key[:n]
	}
	g.values = valuesOf(key, len(q.by))
	return g
}

// A lineCountJSON is what an element of stats --lines --json has besides the keys of --by.
type lineCountJSON struct {
	Count  int `json:"count"`
	Errors int `json:"errors"`
}

// writeLineGroups writes a table of groups of lines.
func (s *session) writeLineGroups(groups []*group, by []string) error {
	var head []term.Cell
	for _, key := range by {
		head = append(head, term.Untrusted(term.Dim, strings.ToUpper(key), 40))
	}
	for _, name := range []string{"COUNT", "ERRORS"} {
		head = append(head, term.Cell{Text: name, Style: term.Dim, Right: true, Fixed: true})
	}
	rows := [][]term.Cell{head}
	for _, g := range groups {
		var row []term.Cell
		for _, value := range g.shown(by) {
			row = append(row, term.Untrusted(term.Bold, value, 100))
		}
		row = append(row, term.Cell{Text: strconv.Itoa(g.lines), Right: true})
		if g.errorLines > 0 {
			row = append(row, term.Cell{Text: strconv.Itoa(g.errorLines), Style: term.Red, Right: true})
		}
		rows = append(rows, row)
	}
	return s.writeTable(slices.Values(rows))
}

package tracelog

import (
	"bytes"
	"slices"
	"testing"
)

// checkSource checks the invariants of a Source.
func checkSource(t testing.TB, src Source, entries int) {
	t.Helper()
	if src.Records != entries {
		t.Errorf("%d records, but %d entries", src.Records, entries)
	}
	if src.Lines != src.Records-src.Shared+src.Joined+src.Blank+src.Bad {
		t.Errorf("%d lines are not %d records and %d joined, %d blank and %d bad ones", src.Lines, src.Records, src.Joined, src.Blank, src.Bad)
	}
	described := 0
	for _, b := range src.BadLines {
		described += 1 + b.More
	}
	if described > src.Bad || described < src.Bad && len(src.BadLines) < maxBadLines || len(src.BadLines) > maxBadLines {
		t.Errorf("%d of %d bad lines described", described, src.Bad)
	}
	last := 0
	for _, b := range src.BadLines {
		if b.Line <= last || b.Line > src.Lines || b.Reason == "" {
			t.Errorf("bad line %+v after line %d of %d", b, last, src.Lines)
		}
		last = b.Line
	}
}

// checkTraces checks the invariants of the traces that Assemble returns for entries.
func checkTraces(t testing.TB, entries []Entry, traces []*Trace) {
	t.Helper()
	want := map[string]int{}
	for i := range entries {
		if id := entries[i].Trace; id != "" {
			want[id]++
		}
	}
	seen := map[string]bool{}
	for i, tr := range traces {
		if seen[tr.ID] {
			t.Errorf("trace %q appears twice", tr.ID)
		}
		seen[tr.ID] = true
		if tr.entries != want[tr.ID] {
			t.Errorf("trace %q has %d entries, want %d", tr.ID, tr.entries, want[tr.ID])
		}
		if i > 0 && compareTimes(traces[i-1].Start, tr.Start) > 0 {
			t.Errorf("trace %q comes after %q", tr.ID, traces[i-1].ID)
		}
		checkTrace(t, entries, tr)
		checkAnalyses(t, tr)
	}
	for id := range want {
		if !seen[id] {
			t.Errorf("trace %q is lost", id)
		}
	}
}

func checkTrace(t testing.TB, entries []Entry, tr *Trace) {
	t.Helper()
	ids := map[string]*Span{}
	placed := 0 // number of entries
	logs := func(id string, logs []Entry) {
		for i := range logs {
			e := &logs[i]
			placed += 1 + e.Copies
			if e.Trace != tr.ID || e.Span != id || e.Event != EventLog {
				t.Errorf("trace %q: line %d (%v of span %q) is under span %q", tr.ID, e.Line, e.Event, e.Span, id)
			}
			if i > 0 && compareTimes(logs[i-1].Time, e.Time) > 0 {
				t.Errorf("trace %q: span %q: lines out of order", tr.ID, id)
			}
			for j := range i {
				if o := &logs[j]; i < 100 && !e.Time.IsZero() && o.Time.Equal(e.Time) && len(e.Raw) > 0 && bytes.Equal(o.Raw, e.Raw) {
					t.Errorf("trace %q: span %q: lines %d and %d are the same", tr.ID, id, o.Line, e.Line)
				}
			}
			inside(t, tr, e.Time.IsZero(), !e.Time.Before(tr.Start) && !e.Time.After(tr.End), id)
		}
	}
	logs("", tr.Logs)
	var services []string
	errors, duplicates, problems, spans := 0, 0, 0, 0
	conflicts := make(map[string]int)
	for depth, s := range tr.All() {
		if spans > len(entries) {
			t.Fatalf("trace %q: more spans than entries: a cycle", tr.ID)
		}
		if twin := ids[s.ID]; s.ID == "" || twin != nil && (!twin.conflicting || !s.conflicting || s.EndRecord == nil) {
			t.Errorf("trace %q: span %q appears twice", tr.ID, s.ID)
		}
		ids[s.ID] = s
		spans++
		if (depth == 0) != (s.Parent == nil) {
			t.Errorf("trace %q: span %q is at depth %d, but its parent is %v", tr.ID, s.ID, depth, s.Parent)
		}
		if s.Parent != nil && (s.Parent.ID != s.ParentID || !slices.Contains(s.Parent.Children, s)) {
			t.Errorf("trace %q: span %q and its parent %q do not agree", tr.ID, s.ID, s.ParentID)
		}
		if s.Parent != nil && (s.missingParent || s.cycleBroken) {
			t.Errorf("trace %q: span %q is marked, but is not a root", tr.ID, s.ID)
		}
		if s.Parent == nil && (s.ParentID != "") != (s.missingParent || s.cycleBroken || s.ParentElsewhere()) {
			t.Errorf("trace %q: root %q with parent %q is not marked", tr.ID, s.ID, s.ParentID)
		}
		for _, c := range s.Children {
			if c.Parent != s {
				t.Errorf("trace %q: span %q is not the parent of its child %q", tr.ID, s.ID, c.ID)
			}
		}
		if !slices.IsSortedFunc(s.Children, compareSpans) {
			t.Errorf("trace %q: children of span %q out of order", tr.ID, s.ID)
		}
		logs(s.ID, s.Logs)
		for _, e := range []*Entry{s.StartRecord, s.EndRecord} {
			if e == nil {
				continue
			}
			placed++
			if e.Trace != tr.ID || e.Span != s.ID || (e.Event == EventEnd) != (e == s.EndRecord) || e.Event == EventLog {
				t.Errorf("trace %q: span %q has a record %v of %q", tr.ID, s.ID, e.Event, e.Span)
			}
		}
		placed += int(s.duplicates)
		duplicates += int(s.duplicates)
		if s.conflicting {
			conflicts[s.ID]++
			if s.duplicates > 0 {
				conflicts[s.ID]++
			}
		}
		if (s.State == Ended) != (s.EndRecord != nil) {
			t.Errorf("trace %q: span %q is %v", tr.ID, s.ID, s.State)
		}
		if s.Duration < 0 || !s.End.IsZero() && !s.End.Equal(s.Start.Add(s.Duration)) {
			t.Errorf("trace %q: span %q: %v + %v is not %v", tr.ID, s.ID, s.Start, s.Duration, s.End)
		}
		if s.State != Ended && (!s.End.IsZero() || s.Duration != 0) {
			t.Errorf("trace %q: span %q is unfinished, but has an end", tr.ID, s.ID)
		}
		checkState(t, tr, s)
		checkInterval(t, tr, s)
		inside(t, tr, s.Start.IsZero(), !s.Start.Before(tr.Start), s.ID)
		inside(t, tr, s.End.IsZero(), !s.End.After(tr.End), s.ID)
		if s.Failed {
			errors++
		}
		for _, is := range []bool{s.missingParent, s.cycleBroken, s.duplicates > 0 || s.conflicting} {
			if is {
				problems++
			}
		}
		if s.Service != "" {
			services = append(services, s.Service)
		}
	}
	for i := range entries {
		if e := &entries[i]; e.Trace == tr.ID && e.Span != "" && ids[e.Span] == nil {
			t.Errorf("trace %q: span %q of line %d is lost", tr.ID, e.Span, e.Line)
		}
	}
	for id, n := range conflicts {
		if n == 1 {
			t.Errorf("trace %q: span %q has conflicting records and only one", tr.ID, id)
		}
	}
	if placed != tr.entries {
		t.Errorf("trace %q: %d entries in, %d accounted for", tr.ID, tr.entries, placed)
	}
	if tr.Spans != spans || tr.Errors != errors || tr.Duplicates != duplicates || len(tr.Problems) != problems {
		t.Errorf("trace %q: miscounted: %d spans, %d errors, %d duplicates, %d problems, is %+v",
			tr.ID, spans, errors, duplicates, problems, *tr)
	}
	for _, s := range services {
		if _, ok := slices.BinarySearch(tr.Services, s); !ok {
			t.Errorf("trace %q: service %q is not in %q", tr.ID, s, tr.Services)
		}
	}
	if tr.End.Before(tr.Start) {
		t.Errorf("trace %q ends before it starts", tr.ID)
	}
}

func checkState(t testing.TB, tr *Trace, s *Span) {
	t.Helper()
	ok := false
	switch s.State {
	case Ended:
		ok = s.EndRecord != nil
	case Open, Abandoned:
		ok = s.EndRecord == nil && s.StartRecord != nil
	case Unfinished:
		ok = s.EndRecord == nil && s.StartRecord == nil
	}
	if !ok {
		t.Errorf("trace %q: span %q is %v", tr.ID, s.ID, s.State)
	}
}

// checkInterval checks the Interval of a span.
func checkInterval(t testing.TB, tr *Trace, s *Span) {
	t.Helper()
	start, end := s.Interval()
	if end.Before(start) {
		t.Errorf("trace %q: span %q is drawn from %v to %v", tr.ID, s.ID, start, end)
	}
	if s.Start.IsZero() {
		return
	}
	if s.State == Ended && (!start.Equal(s.Start.Add(s.Shift)) || !end.Equal(s.End.Add(s.Shift))) {
		t.Errorf("trace %q: span %q is drawn from %v to %v, not as shifted by %v", tr.ID, s.ID, start, end, s.Shift)
	}
	p := s.Parent
	if p == nil {
		if s.Shift != 0 {
			t.Errorf("trace %q: root %q is shifted by %v", tr.ID, s.ID, s.Shift)
		}
		return
	}
	from, to := p.Interval()
	if s.Service == p.Service && !p.Start.IsZero() && s.Shift != p.Shift {
		t.Errorf("trace %q: span %q is shifted by %v, its parent of the same service by %v", tr.ID, s.ID, s.Shift, p.Shift)
	}
	if s.Service != p.Service && s.Service != "" && p.Service != "" && s.Shift != 0 {
		if start.Before(from) || s.State == Ended && p.State == Ended && s.Duration <= p.Duration && s.Kind != "consumer" && end.After(to) {
			t.Errorf("trace %q: span %q is shifted by %v, but not into its parent", tr.ID, s.ID, s.Shift)
		}
	}
	if p.State != Ended && !p.Start.IsZero() && end.After(to) {
		t.Errorf("trace %q: span %q is drawn to %v, beyond its parent that has no end", tr.ID, s.ID, end)
	}
}

func inside(t testing.TB, tr *Trace, unknown, ok bool, id string) {
	t.Helper()
	if !unknown && !ok {
		t.Errorf("trace %q: span %q is not within %v and %v", tr.ID, id, tr.Start, tr.End)
	}
}

package main

import (
	"fmt"
	"slices"
)

// check compares a run with the committed one and returns a line for each deviation: other rows, other allocations,
// gates that do not hold within the tolerance. Times are of the machine, so they are not compared, nor is what is said
// about handlers: that is not measured, and TestFindings knows better what is true of it.
func check(got, want *result, tolerance float64) []string {
	var list []string
	deviate := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range want.Jobs {
		if !slices.ContainsFunc(got.Jobs, func(g jobResult) bool { return g.Name == w.Name }) {
			deviate("%s: is in the committed table, was not measured", w.Name)
		}
	}
	for _, g := range got.Jobs {
		i := slices.IndexFunc(want.Jobs, func(w jobResult) bool { return w.Name == g.Name })
		if i < 0 {
			deviate("%s: was measured, is not in the committed table", g.Name)
			continue
		}
		for _, d := range checkRows(g, want.Jobs[i], tolerance) {
			deviate("%s: %s", g.Name, d)
		}
	}
	return list
}

func checkRows(got, want jobResult, tolerance float64) []string {
	var list []string
	deviate := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, w := range want.Rows {
		if got.row(w.Subject) == nil {
			deviate("%s: is in the committed table, was not measured", w.Subject)
		}
	}
	for _, g := range got.Rows {
		w := want.row(g.Subject)
		switch {
		case w == nil:
			deviate("%s: was measured, is not in the committed table", g.Subject)
		case !sameAllocs(g, *w):
			deviate("%s: want %d allocations as in the committed table, got %d", g.Subject, w.Allocs, g.Allocs)
		}
		if gate, ok := gateOf(got.Name, g.Subject); ok && gate.judge(g.Ratio, g.Allocs, tolerance) == fail {
			deviate("%s: want a ratio of at most %.2f (and %.0f%%)%s, got %.3f and %d allocations",
				g.Subject, gate.ratio, 100*tolerance, gate.allocsText(), g.Ratio, g.Allocs)
		}
		if g.Lost > 0 {
			deviate("%s: lost %d of %d spans or records", g.Subject, g.Lost, g.LostOf)
		}
	}
	return list
}

// sameAllocs wants the same number, unless one of the two says that its mean is between two.
func sameAllocs(a, b rowResult) bool {
	d := a.Allocs - b.Allocs
	return d == 0 || (d == 1 || d == -1) && (a.Approximate != "" || b.Approximate != "")
}

func (g gate) allocsText() string {
	if g.allocs < 0 {
		return ""
	}
	return fmt.Sprintf(" and %d allocations", g.allocs)
}

func (j *jobResult) row(subject string) *rowResult {
	i := slices.IndexFunc(j.Rows, func(r rowResult) bool { return r.Subject == subject })
	if i < 0 {
		return nil
	}
	return &j.Rows[i]
}

// job returns the job of that name, or an empty one.
func (r *result) job(name string) jobResult {
	for _, j := range r.Jobs {
		if j.Name == name {
			return j
		}
	}
	return jobResult{}
}

// obsolete says which known failures have become passes.
func (r *result) obsolete() []string {
	var list []string
	for _, j := range r.Jobs {
		for _, row := range j.Rows {
			if g, ok := gateOf(j.Name, row.Subject); ok && g.known != nil && row.Status == pass {
				list = append(list, fmt.Sprintf("%s: %s: holds its gate: its known failure can go", j.Name, row.Subject))
			}
		}
	}
	return list
}

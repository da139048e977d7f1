// Package sqltable compares wrapped drivers of database/sql with the bare driver. It does so for each set of optional interfaces
// that a driver can have. It is for tests, also for those of other people's wrappers.
package sqltable

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Each calls fn with a Fake for each set of optional interfaces: 256 of a connection, 16 of a statement, and 64 of rows, 128 since Go 1.27.
// It does not combine all sets of connection, statement and rows, since they do not depend on each other.
// With -short it uses only every 37th set of a connection.
func Each(fn func(*Fake)) {
	step := 1
	if testing.Short() {
		step = 37
	}
	for bits := 0; bits <= allConnBits; bits += step {
		fn(&Fake{ConnBits: bits, StmtBits: bits % (AllStmtBits + 1), RowsBits: bits % (allRowsBits + 1)})
	}
	for bits := range AllStmtBits + 1 {
		for _, conn := range []int{0, HasChecker, HasExecer | HasQueryer, HasOldExecer | HasOldQueryer | HasChecker} {
			fn(&Fake{ConnBits: conn, StmtBits: bits})
		}
	}
	for bits := range (allRowsBits | allScannerBits) + 1 {
		fn(&Fake{ConnBits: HasQueryer, RowsBits: bits, MoreSets: bits & 1})
	}
	for i := range 4 {
		fn(&Fake{Preparer: i&1 != 0, Beginner: i&2 != 0})
	}
	fn(NewFake())
}

// A Trial is a wrapper to compare with the bare driver.
type Trial struct {
	Open    func(*Fake) *sql.DB
	Context func(context.Context) context.Context // returns the context of the calls; nil: they have the test's
}

// A Report says how a wrapped driver differs from the bare one. The maps count sets of interfaces.
type Report struct {
	Sets      int            // that were compared
	Different int            // in which a call has another result, or the driver gets other calls
	Results   map[string]int // by kind of result or call that differs: "column", "exec", "call Next", …
	Lost      map[string]int // by optional interface that only the bare driver has: "Conn: Pinger", …
	Added     map[string]int // by optional interface that only the wrapped driver has

	First                   string   // the first different set
	FirstBare, FirstWrapped []string // its lines
}

// Compare compares each trial with the bare driver.
func Compare(t *testing.T, trials ...Trial) []*Report {
	t.Helper()
	reports := make([]*Report, len(trials))
	for i := range reports {
		reports[i] = &Report{Results: map[string]int{}, Lost: map[string]int{}, Added: map[string]int{}}
	}
	Each(func(f *Fake) {
		synctest.Test(t, func(t *testing.T) {
			want, wantNames := observe(t, t.Context(), f, func(f *Fake) *sql.DB { return sql.OpenDB(f) })
			for i, trial := range trials {
				ctx := t.Context()
				if trial.Context != nil {
					ctx = trial.Context(ctx)
				}
				got, names := observe(t, ctx, f, trial.Open)
				reports[i].add(f, want, got)
				count(reports[i].Lost, without(wantNames, names))
				count(reports[i].Added, without(names, wantNames))
			}
		})
	})
	return reports
}

// observe returns the lines of a session and the names of the optional interfaces.
func observe(t *testing.T, ctx context.Context, f *Fake, open func(*Fake) *sql.DB) (lines, interfaces []string) {
	other := f.Clone()
	lines = session(ctx, other, open(other))
	db := open(f.Clone())
	interfaces, err := surface(ctx, db)
	if err != nil {
		t.Fatalf("%v: %v", f, err)
	}
	if err := db.Close(); err != nil {
		t.Fatalf("%v: %v", f, err)
	}
	return lines, interfaces
}

func (r *Report) add(f *Fake, bare, wrapped []string) {
	r.Sets++
	if slices.Equal(bare, wrapped) {
		return
	}
	if r.Different++; r.Different == 1 {
		r.First, r.FirstBare, r.FirstWrapped = f.String(), bare, wrapped
	}
	kinds := map[string]bool{}
	for _, line := range slices.Concat(without(bare, wrapped), without(wrapped, bare)) {
		kinds[kindOf(line)] = true
	}
	if len(kinds) == 0 {
		kinds["order"] = true
	}
	count(r.Results, slices.Collect(maps.Keys(kinds)))
}

// String returns the report in a few lines.
func (r *Report) String() string {
	return fmt.Sprintf("%d of %d sets of interfaces differ\ninterfaces lost: %s\ninterfaces added: %s\nresults: %s",
		r.Different, r.Sets, list(r.Lost), list(r.Added), list(r.Results))
}

// list returns names and numbers, the largest first.
func list(counts map[string]int) string {
	if len(counts) == 0 {
		return "none"
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%d)", name, counts[name])
	}
	return strings.Join(names, ", ")
}

// kindOf returns the kind of a line of a session: its first word, and for a call of the driver its name too.
func kindOf(line string) string {
	kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if kind == "call" {
		name, _, _ := strings.Cut(rest, " ")
		return kind + " " + name
	}
	return strings.TrimSuffix(kind, ":")
}

// without returns the elements of a that b does not have, or has fewer times.
func without(a, b []string) (rest []string) {
	n := map[string]int{}
	count(n, b)
	for _, s := range a {
		if n[s] == 0 {
			rest = append(rest, s)
		} else {
			n[s]--
		}
	}
	return rest
}

func count(counts map[string]int, names []string) {
	for _, name := range names {
		counts[name]++
	}
}

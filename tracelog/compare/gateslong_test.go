//go:build long

package compare

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"testing"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/tracelog"
)

func init() { largest = math.MaxInt }

// The table of docs/guide/compare.md: how often comparisons without a change alarm, and how often a change is found.
//
//	GATE_TABLE=table.md go test -tags long -run TestGateTable -timeout 2h ./tracelog/compare
//
// Without GATE_TABLE it goes to standard error. -run TestGateTable/power makes a part of it.
func TestGateTable(t *testing.T) {
	table := io.Writer(os.Stderr)
	if name := os.Getenv("GATE_TABLE"); name != "" {
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		table = file
	}
	t.Run("causes", func(t *testing.T) { causesTable(t, table) })
	t.Run("power", func(t *testing.T) { powerTable(t, table) })
	t.Run("nulls", func(t *testing.T) { nullsTable(t, table) })
	t.Run("logs", func(t *testing.T) { logsTable(t, table) })
}

func causesTable(t *testing.T, table io.Writer) {
	first, alarms := causeGate(200)
	fmt.Fprintf(table, "\nOf 200 logs of 1000 traces, the planted cause came first in %d. Without one, %d had a cause.\n", first, alarms)
	if first < 194 || alarms > 14 {
		t.Errorf("causes: first in %d, alarms in %d", first, alarms)
	}
}

func powerTable(t *testing.T, table io.Writer) {
	fmt.Fprint(table, "\n| log-sd | ICC | traces a side | factor | runs | found | named first |\n|---|---|---|---|---|---|---|\n")
	for _, tt := range []struct {
		sd     float64
		traces int
		factor float64
		runs   int
		least  float64
	}{
		{0.53, 300, 1.2, 200, 0}, {0.53, 300, 1.3, 400, 0.95}, {0.53, 500, 1.2, 400, 0.95}, {0.7, 300, 1.3, 200, 0}, {0.7, 800, 1.2, 100, 0}, {1, 300, 1.6, 200, 0},
	} {
		g := gate{plan: plan{traces: tt.traces, ops: 200, sd: tt.sd, icc: 0.4}, runs: tt.runs}
		found, first := g.power(tt.factor)
		fmt.Fprintf(table, "| %v | 0.4 | %d | %v | %d | %.3f | %.3f |\n", tt.sd, tt.traces, tt.factor, tt.runs, found, first)
		if min(found, first) < tt.least {
			t.Errorf("%+v: found in %.3f, first in %.3f", tt, found, first)
		}
	}
}

func nullsTable(t *testing.T, table io.Writer) {
	fmt.Fprint(table, "\n| traces a side | operations | spans of each in a trace | log-sd | ICC | runs | alarms |\n|---|---|---|---|---|---|---|\n")
	for _, g := range []gate{
		{plan: plan{traces: 300, ops: 200, sd: 0.53, icc: 0.4}, runs: 400},
		{plan: plan{traces: 200, ops: 20, calls: 20, sd: 0.53, icc: 0.2}, runs: 400},
		{plan: plan{traces: 20, ops: 50, sd: 0.53, icc: 0.4}, runs: 400},
		{plan: plan{traces: 1000, ops: 50, sd: 1, icc: 0.4}, runs: 200},
		{plan: plan{traces: 300, ops: 200, presence: 0.05, sd: 0.53, icc: 0.4}, runs: 400},
	} {
		share, ops := g.nulls(), fmt.Sprint(g.ops)
		if g.presence > 0 {
			ops += fmt.Sprintf(", each in %.0f %% of the traces", 100*g.presence)
		}
		fmt.Fprintf(table, "| %d | %s | %d | %v | %v | %d | %.3f |\n", g.traces, ops, max(1, g.calls), g.sd, g.icc, g.runs, share)
		if share > 0.07 || share < 0.005 {
			t.Errorf("%+v: alarms in %.3f", g, share)
		}
	}
}

// logsTable adds the logs of internal/loggen to what nullsTable writes.
func logsTable(t *testing.T, table io.Writer) {
	const runs = 200
	alarmed := 0
	for seed := range uint64(runs) {
		d := new(Data)
		for side := range Side(2) {
			for _, trace := range booking(t, 1000, 2*seed+uint64(side)) {
				d.Add(side, trace)
			}
		}
		if compared(d, &Options{changesOnly: true}).Rows[0].Change != Same {
			alarmed++
		}
	}
	fmt.Fprintf(table, "| 1000 | those of internal/loggen | | | | %d | %.3f |\n", runs, float64(alarmed)/runs)
	if float64(alarmed) > 0.07*runs {
		t.Errorf("booking logs: alarms in %d of %d", alarmed, runs)
	}
}

// booking returns the traces of a generated log.
func booking(t *testing.T, traces int, seed uint64) []*tracelog.Trace {
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, loggen.Options{Traces: traces, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(&log, "", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	return tracelog.Assemble(entries)
}

package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A mapJSON is what map --json writes.
type mapJSON struct {
	Traces  int        `json:"traces"`
	Unknown int        `json:"unknown"`           // client spans that name nothing that they called
	Dropped int        `json:"dropped,omitempty"` // calls beyond the greatest number of edges
	Nodes   []nodeJSON `json:"nodes"`
	Calls   []callJSON `json:"calls"`
}

type nodeJSON struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

type callJSON struct {
	From  *nodeJSON `json:"from"` // null: from outside
	To    nodeJSON  `json:"to"`
	Kind  string    `json:"kind"`
	Count float64   `json:"count"`
	Errs  float64   `json:"errors"`
	Open  int       `json:"open,omitempty"`
	P50   float64   `json:"p50_ms"`
	P95   float64   `json:"p95_ms"`
	Max   float64   `json:"max_ms"`
	Share float64   `json:"share"`
	Wait  *waitJSON `json:"wait,omitempty"`
}

type waitJSON struct {
	Count float64 `json:"count"`
	P50   float64 `json:"p50_ms"`
	P95   float64 `json:"p95_ms"`
	Max   float64 `json:"max_ms"`
}

var mapFormats = []string{"text", "mermaid", "dot"}

func (s *session) callMap() *cobra.Command {
	var f query.Filter
	format := choice{value: "text", of: mapFormats}
	var output string
	cmd := &cobra.Command{
		Use:   "map [FILE...]",
		Short: "Show which service, database, queue and host calls which",
		Long: `Show which service, database, queue and host calls which: how many calls there were and how many failed, the 95th
percentile of their durations, how long they waited (in a queue, or for a webhook), and which share of the time they
took: of the critical paths of all traces, without the calls that they made themselves.

Calls are those of the traces with a span or a line that matches all of the flags, as in ls. The client's span counts
if there is one, else the span of the service called. If traces are sampled, spans are weighted by 1/sample_rate.`,
		Example: `  slogtrace map app.log
  slogtrace map --format mermaid --since 1h logs/ > map.mmd
  slogtrace map --format dot app.log | dot -Tsvg > map.svg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.json && cmd.Flags().Changed("format") {
				return usagef("want --json or --format, not both")
			}
			out, err := s.create(output, args)
			if err != nil {
				return err
			}
			m, err := s.readMap(cmd.Context(), args, &f)
			if err == nil {
				err = s.writeMap(out, m, format.value)
			}
			return out.done(err)
		},
	}
	flags := cmd.Flags()
	flags.Var(&format, "format", "the `form`: text, mermaid (for Markdown, as a block of code) or dot (for graphviz)")
	flags.StringVarP(&output, "output", "o", "", "write to this `FILE`")
	f.Register(flags, s.now)
	completeChoice(cmd, "format", mapFormats)
	return cmd
}

// readMap reads the traces that the filter chooses.
func (s *session) readMap(ctx context.Context, files []string, f *query.Filter) (*tracelog.CallMap, error) {
	m := new(tracelog.CallMap)
	err := s.eachTrace(ctx, files, f, nil, false, func(t *tracelog.Trace) error {
		m.Add(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(m.Edges()) == 0 {
		return nil, fmt.Errorf("no span in %s: see slogtrace check", tell.Plural(m.Traces, "trace"))
	}
	if m.Unknown > 0 {
		s.Talk("%s left out: nothing names what was called (peer.service, server.address, db.system.name, …)", tell.Plural(m.Unknown, "client span"))
	}
	if m.Dropped > 0 {
		s.Talk("%s left out: too many edges", tell.Plural(m.Dropped, "call"))
	}
	return m, nil
}

func (s *session) writeMap(out *output, m *tracelog.CallMap, format string) error {
	switch {
	case s.json:
		return term.WriteJSON(out.Writer, newMapJSON(m))
	case format == "mermaid":
		return writeMermaid(out.Writer, m)
	case format == "dot":
		return writeDOT(out.Writer, m)
	}
	p := s.painter()
	width := s.width
	if out.file != nil {
		p, width = false, 0
	}
	return term.WriteTable(out.Writer, slices.Values(mapRows(m)), width, p)
}

// mapRows returns the table of a map.
func mapRows(m *tracelog.CallMap) [][]term.Cell {
	edges := m.Edges()
	waits := slices.ContainsFunc(edges, func(e *tracelog.CallEdge) bool { return e.Wait.N() > 0 })
	head := []term.Cell{{Text: "FROM", Style: term.Dim}, {Text: "TO", Style: term.Dim}, {Text: "KIND", Style: term.Dim, Fixed: true}}
	numbers := []string{"CALLS", "ERRORS", "P95"}
	if waits {
		numbers = append(numbers, "WAIT P95")
	}
	for _, name := range append(numbers, "SHARE") {
		head = append(head, term.Cell{Text: name, Style: term.Dim, Right: true, Fixed: true})
	}
	rows := [][]term.Cell{head}
	for _, e := range edges {
		calls := formatCount(e.Calls.Count())
		if e.Open > 0 {
			calls += fmt.Sprintf(" +%d open", e.Open)
		}
		errs, p95 := term.Cell{}, term.Cell{}
		if n := e.Calls.Errors(); n > 0 {
			errs = term.Cell{Text: formatCount(n), Style: term.Red, Right: true}
		}
		if e.Calls.N() > 0 {
			p95 = term.Cell{Text: draw.Duration(e.Calls.Quantile(0.95)), Right: true}
		}
		row := []term.Cell{
			term.Untrusted(term.Cyan, nodeLabel(e.From), 60), term.Untrusted(term.Cyan, nodeLabel(e.To), 60), {Text: e.Kind},
			{Text: calls, Right: true}, errs, p95,
		}
		if waits {
			wait := term.Cell{}
			if e.Wait.N() > 0 {
				wait = term.Cell{Text: draw.Duration(e.Wait.Quantile(0.95)), Style: term.Yellow, Right: true}
			}
			row = append(row, wait)
		}
		rows = append(rows, append(row, term.Cell{Text: shareText(e.Share), Right: true}))
	}
	return rows
}

// shareText formats a share from 0 to 1.
func shareText(share float64) string {
	if share > 0 && share < 0.0005 {
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

// nodeLabel is a node for people.
func nodeLabel(n tracelog.CallNode) string {
	switch n.Kind {
	case "":
		return "(entry)"
	case "service":
		return n.Name
	}
	return n.Name + " [" + n.Kind + "]"
}

// callLabel says how the calls of an edge went.
func callLabel(e *tracelog.CallEdge) string {
	parts := []string{formatCount(e.Calls.Count()) + " calls"}
	if e.Calls.Count() == 1 {
		parts[0] = "1 call"
	}
	if e.Open > 0 {
		parts = append(parts, fmt.Sprintf("%d open", e.Open))
	}
	if n := e.Calls.Errors(); n == 1 {
		parts = append(parts, "1 error")
	} else if n > 0 {
		parts = append(parts, formatCount(n)+" errors")
	}
	if e.Calls.N() > 0 {
		parts = append(parts, "p95 "+draw.Duration(e.Calls.Quantile(0.95)))
	}
	if e.Wait.N() > 0 {
		parts = append(parts, "waited p95 "+draw.Duration(e.Wait.Quantile(0.95)))
	}
	if e.Kind == "webhook" {
		parts = append(parts, "webhook")
	}
	return strings.Join(append(parts, shareText(e.Share)), ", ")
}

// mapNodes numbers the nodes of edges, in order of their names.
func mapNodes(edges []*tracelog.CallEdge) (list []tracelog.CallNode, number map[tracelog.CallNode]int) {
	number = make(map[tracelog.CallNode]int)
	for _, e := range edges {
		for _, n := range []tracelog.CallNode{e.From, e.To} {
			if _, ok := number[n]; !ok {
				number[n] = 0
				list = append(list, n)
			}
		}
	}
	slices.SortFunc(list, func(a, b tracelog.CallNode) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Kind, b.Kind))
	})
	for i, n := range list {
		number[n] = i
	}
	return list, number
}

// writeMermaid writes a flowchart. In its texts, all characters with a meaning in Mermaid, Markdown or HTML are entities.
func writeMermaid(w *bufio.Writer, m *tracelog.CallMap) error {
	edges := m.Edges()
	nodes, number := mapNodes(edges)
	w.WriteString("flowchart LR\n")
	for i, n := range nodes {
		shape := [2]string{"[", "]"}
		switch n.Kind {
		case "database":
			shape = [2]string{"[(", ")]"}
		case "queue":
			shape = [2]string{"[[", "]]"}
		case "host":
			shape = [2]string{"([", "])"}
		case "":
			shape = [2]string{"((", "))"}
		}
		name := n.Name
		if n.Kind == "" {
			name = "entry"
		}
		fmt.Fprintf(w, "  n%d%s\"%s\"%s\n", i, shape[0], mermaidText(name), shape[1])
	}
	for _, e := range edges {
		arrow := "-->"
		if e.Kind == "queue" || e.Kind == "webhook" {
			arrow = "-.->"
		}
		fmt.Fprintf(w, "  n%d %s|\"%s\"| n%d\n", number[e.From], arrow, mermaidText(callLabel(e)), number[e.To])
	}
	return w.Flush()
}

// mermaidText returns untrusted text as Mermaid shows it: what is not a letter, a digit, a space or plain punctuation is an entity.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range draw.Text(s, 80) {
		switch {
		case r < 0x80 && !(r == ' ' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune(".,:/-", r)):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// writeDOT writes a digraph for graphviz.
func writeDOT(w *bufio.Writer, m *tracelog.CallMap) error {
	edges := m.Edges()
	nodes, number := mapNodes(edges)
	w.WriteString("digraph calls {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=10];\n")
	for i, n := range nodes {
		shape := ""
		switch n.Kind {
		case "database":
			shape = ", shape=cylinder, style=solid"
		case "queue":
			shape = ", shape=cds, style=solid"
		case "host":
			shape = ", style=dashed"
		case "":
			shape = ", shape=circle, style=solid"
		}
		fmt.Fprintf(w, "  n%d [label=%s%s];\n", i, dotText(cmp.Or(n.Name, "entry")), shape)
	}
	for _, e := range edges {
		style := ""
		if e.Kind == "queue" || e.Kind == "webhook" {
			style = ", style=dashed"
		}
		if e.Calls.Errors() > 0 {
			style += ", color=red"
		}
		fmt.Fprintf(w, "  n%d -> n%d [label=%s%s];\n", number[e.From], number[e.To], dotText(callLabel(e)), style)
	}
	w.WriteString("}\n")
	return w.Flush()
}

// dotText returns untrusted text as a quoted string of DOT. Its backslashes are shown, not read as escapes.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(draw.Text(s, 80)) + `"`
}

func newMapJSON(m *tracelog.CallMap) mapJSON {
	edges := m.Edges()
	nodes, _ := mapNodes(edges)
	j := mapJSON{Traces: m.Traces, Unknown: m.Unknown, Dropped: m.Dropped, Nodes: []nodeJSON{}, Calls: []callJSON{}}
	for _, n := range nodes {
		if n.Kind != "" {
			j.Nodes = append(j.Nodes, nodeJSON(n))
		}
	}
	for _, e := range edges {
		c := callJSON{
			To: nodeJSON(e.To), Kind: e.Kind, Count: e.Calls.Count(), Errs: e.Calls.Errors(), Open: e.Open,
			P50: exactMillis(e.Calls.Quantile(0.5)), P95: exactMillis(e.Calls.Quantile(0.95)), Max: exactMillis(e.Calls.Max()), Share: e.Share,
		}
		if e.From.Kind != "" {
			from := nodeJSON(e.From)
			c.From = &from
		}
		if e.Wait.N() > 0 {
			c.Wait = &waitJSON{e.Wait.Count(), exactMillis(e.Wait.Quantile(0.5)), exactMillis(e.Wait.Quantile(0.95)), exactMillis(e.Wait.Max())}
		}
		j.Calls = append(j.Calls, c)
	}
	return j
}

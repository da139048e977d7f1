package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog/compare"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// writeDiff writes a comparison for people: what changed, in sentences, then all operations as a table, then where the
// change of the roots went, and how it was computed.
func (s *session) writeDiff(r *compare.Report, rows []compare.Row) error {
	p := s.painter()
	s.writeSides(r)
	names := opNames(r.Rows)
	for i := range rows {
		if row := &rows[i]; row.Change != compare.Same {
			for _, change := range row.Changes {
				fmt.Fprintf(s.out, "%s: %s\n", p.Paint(changeStyle(change), string(change)), inWords(row, change, names[pathKey(row.Path)], r.Single))
			}
		}
	}
	if !slices.ContainsFunc(r.Rows, func(row compare.Row) bool { return row.Change != compare.Same }) {
		fmt.Fprintln(s.out, noChange(r))
	}
	s.out.WriteByte('\n')
	if err := s.writeTable(slices.Values(diffTable(r, rows, names))); err != nil {
		return err
	}
	s.out.WriteByte('\n')
	for i := range r.Roots[:min(len(r.Roots), mostRoots)] {
		for j := range r.Roots[i].Sources {
			if err := s.writeSources(&r.Roots[i], &r.Roots[i].Sources[j], names, r.Single); err != nil {
				return err
			}
		}
	}
	s.writeMethod(r)
	return nil
}

// noChange returns what is known if no operation has changed.
func noChange(r *compare.Report) string {
	few := func(row compare.Row) bool { return row.Need > 0 }
	switch {
	case r.Single:
		return fmt.Sprintf("No operation differs by %.0f %% or more.", 100*r.MinChange)
	case !slices.ContainsFunc(r.Rows, func(row compare.Row) bool { return !few(row) }):
		return "Too few traces to tell a change from noise."
	case slices.ContainsFunc(r.Rows, few):
		return "No operation changed by more than noise, as far as there are enough traces to tell."
	}
	return "No operation changed by more than noise."
}

// mostRoots limits the roots of which writeDiff tells where their change went.
const mostRoots = 3

// writeSides writes how much there is on both sides, and what makes them hard to compare.
func (s *session) writeSides(r *compare.Report) {
	for side := range r.Traces {
		fmt.Fprintf(s.out, "%-7s %s, %s", compare.Side(side).String()+":", tell.Plural(r.Traces[side], "trace"), tell.Plural(r.Spans[side], "span"))
		if n := r.Effective[side]; n < 0.99*float64(r.Traces[side]) {
			fmt.Fprintf(s.out, " (sampled with different rates: they tell as much as %.0f traces)", n)
		}
		s.out.WriteByte('\n')
	}
	if w := r.Whole; w.Before > 0 {
		fmt.Fprintf(s.out, "roots:  mean %s → %s (%s)\n", draw.Duration(w.Before), draw.Duration(w.After), signedPercent(float64(w.After)/float64(w.Before)-1))
	}
	if r.Mixed {
		var parts []string
		for _, root := range r.Roots[:min(len(r.Roots), 5)] {
			parts = append(parts, fmt.Sprintf("%s %.0f → %.0f %%", draw.Text(opText(root.Op), 60), 100*root.Share[0], 100*root.Share[1]))
		}
		fmt.Fprintf(s.out, "traffic: the mix differs: %s. Each root is compared with the same one.\n", strings.Join(parts, ", "))
	}
	for _, t := range r.Trends {
		fmt.Fprintf(s.out, "trend:  %s is not steady %s: p50 %s in the first half, %s in the second. A change may come from that.\n",
			draw.Text(opText(t.Root), 60), t.Side, draw.Duration(t.First), draw.Duration(t.Second))
	}
	s.out.WriteByte('\n')
}

func changeStyle(c compare.Change) term.Style {
	switch c {
	case compare.Slower, compare.Failing, compare.Queued, compare.Gone:
		return term.Red
	case compare.New, compare.More, compare.Fewer:
		return term.Yellow
	case compare.Faster:
		return term.Cyan
	}
	return term.Dim
}

// inWords returns a change as a sentence without its first word.
func inWords(row *compare.Row, change compare.Change, name string, single bool) string {
	name = draw.Text(name, 200)
	if n := len(row.Path); change == compare.More || change == compare.Fewer {
		each := "trace"
		if n > 1 {
			each = draw.Text(opText(row.Path[n-2]), 100)
		}
		return fmt.Sprintf("%s, calls for each %s %s → %s (%s)", name, each, formatCalls(row.Calls[0]), formatCalls(row.Calls[1]),
			signedPercent(row.Calls[1]/row.Calls[0]-1))
	}
	switch change {
	case compare.New, compare.Gone:
		side := compare.After
		if change == compare.Gone {
			side = compare.Before
		}
		return fmt.Sprintf("%s, in %s %s, %s", name, tell.Plural(row.Traces[side], "trace"), side, tell.Plural(row.Spans[side], "span"))
	case compare.Failing:
		return fmt.Sprintf("%s, errors %s → %s", name, percentOf(row.Errors[0]), percentOf(row.Errors[1]))
	case compare.Queued:
		return fmt.Sprintf("%s, wait in the queue p95 %s", name, quantileChange(row.Wait, single))
	}
	label, q := "p95", row.P95
	if q.Need > 0 && !single || change == compare.Slower && q.Change() < row.P50.Change() || change == compare.Faster && q.Change() > row.P50.Change() {
		label, q = "p50", row.P50
	}
	if single {
		label = "p50"
		if row.Spans[0] == 1 && row.Spans[1] == 1 {
			label = "took"
		}
	}
	return fmt.Sprintf("%s %s %s", name, label, quantileChange(q, single))
}

// quantileChange returns both values, and the change in percent with its interval.
func quantileChange(q compare.Quantile, single bool) string {
	text := draw.Duration(q.Before) + " → " + draw.Duration(q.After)
	if q.Before <= 0 {
		return text
	}
	text += " (" + signedPercent(q.Change())
	if q.Need == 0 && !single {
		text += ", 95 % interval " + intervalOf(q, " … ")
	}
	return text + ")"
}

// intervalOf returns the interval of a change in percent.
func intervalOf(q compare.Quantile, to string) string {
	low := strings.TrimSuffix(signedPercent(float64(q.Low)/float64(q.Before)), " %")
	return low + to + signedPercent(float64(q.High)/float64(q.Before))
}

// signedPercent returns a share in percent. Less than 10 has a decimal.
func signedPercent(x float64) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return "from nothing"
	}
	text := fmt.Sprintf("%+.0f %%", 100*x)
	if math.Abs(x) < 0.0995 {
		text = fmt.Sprintf("%+.1f %%", 100*x)
	}
	return strings.Replace(text, "-", "−", 1)
}

func percentOf(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 0.0995:
		return fmt.Sprintf("%.2g %%", 100*x)
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

// formatCalls formats a mean number of calls.
func formatCalls(x float64) string {
	if x < 10 {
		return strings.TrimSuffix(fmt.Sprintf("%.2f", x), ".00")
	}
	return formatCount(x)
}

// opNames returns for each path its last operation. If several paths end in that, it begins with the nearest operation above
// that tells them apart.
func opNames(rows []compare.Row) map[string]string {
	ends := make(map[string]int)
	count := make(map[string]int)
	for i := range rows {
		path := rows[i].Path
		ends[rows[i].Op]++
		for _, name := range longerNames(path) {
			count[name]++
		}
	}
	names := make(map[string]string)
	for i := range rows {
		path, name := rows[i].Path, rows[i].Op
		if ends[name] > 1 {
			longer := longerNames(path)
			for _, name = range longer {
				if count[name] == 1 {
					break
				}
			}
		}
		names[pathKey(path)] = opText(name)
	}
	return names
}

// longerNames returns a path's last operation with each of the nearest ones above, and with the root.
func longerNames(path []string) (names []string) {
	const most = 4
	last := len(path) - 1
	for i := last - 1; i >= 0; i-- {
		if i < last-most {
			i = 0
		}
		gap := " › "
		if i < last-1 {
			gap = " › … › "
		}
		if name := opText(path[i]) + gap + opText(path[last]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func pathKey(path []string) string { return strings.Join(path, "\x00") }

// diffTable returns the rows of the table of all operations.
func diffTable(r *compare.Report, rows []compare.Row, names map[string]string) [][]term.Cell {
	head := []term.Cell{{Text: "CHANGE", Style: term.Dim, Fixed: true}, {Text: "OP", Style: term.Dim, Least: 20}}
	for _, name := range []string{"SHARE", "P50", "P95", "P99", "ERRORS", "TRACES", "SPANS"} {
		head = append(head, term.Cell{Text: name, Style: term.Dim, Right: name == "SHARE", Fixed: true})
	}
	table := [][]term.Cell{head}
	for i := range rows {
		row := &rows[i]
		change := term.Cell{Text: string(row.Change), Style: changeStyle(row.Change)}
		if row.Change == compare.Same && row.Need > 0 {
			change.Text = fmt.Sprintf("need ≥ %d traces", row.Need)
		}
		cells := []term.Cell{change, term.Untrusted(term.Bold, names[pathKey(row.Path)], 80), {Text: shareOf(r, row), Right: true}}
		for _, q := range []compare.Quantile{row.P50, row.P95, row.P99} {
			cells = append(cells, term.Cell{Text: quantileCell(row, q, r.Single)})
		}
		errors := term.Cell{}
		if row.Failed[0]+row.Failed[1] > 0 {
			errors.Text = percentOf(row.Errors[0]) + " → " + percentOf(row.Errors[1])
		}
		cells = append(cells, errors,
			term.Cell{Text: fmt.Sprintf("%d → %d", row.Traces[0], row.Traces[1])},
			term.Cell{Text: fmt.Sprintf("%d → %d", row.Spans[0], row.Spans[1])})
		table = append(table, cells)
	}
	return table
}

// quantileCell returns a quantile before and after with the interval of its change in percent.
func quantileCell(row *compare.Row, q compare.Quantile, single bool) string {
	value := func(side compare.Side, d time.Duration) string {
		if row.Spans[side] == 0 {
			return "-"
		}
		return draw.Duration(d)
	}
	text := value(compare.Before, q.Before) + " → " + value(compare.After, q.After)
	switch {
	case single || row.Spans[0] == 0 || row.Spans[1] == 0:
		return text
	case q.Need > 0:
		return fmt.Sprintf("need ≥ %d traces", q.Need)
	case q.Before <= 0:
		return text
	}
	return text + " " + intervalOf(q, "…")
}

// shareOf returns an operation's share of the change of the roots, in percent. It is empty if the roots hardly changed: shares
// of nothing have no meaning.
func shareOf(r *compare.Report, row *compare.Row) string {
	before, after := float64(r.Whole.Before), float64(r.Whole.After)
	if math.IsNaN(row.Share) || math.Abs(after-before) < steady*before || math.Abs(row.Share) >= 10 {
		return ""
	}
	return strings.Replace(fmt.Sprintf("%.0f %%", math.Round(100*row.Share)+0), "-", "−", 1)
}

// steady is the relative change of the roots' mean below which they hardly changed.
const steady = 0.01

// writeSources writes where the change of a quantile of a root's duration went.
func (s *session) writeSources(root *compare.Root, src *compare.Sources, names map[string]string, single bool) error {
	quantile := fmt.Sprintf("p%.0f of ", 100*src.Q)
	if single {
		quantile = "duration of "
	}
	op := draw.Text(opText(root.Op), 100)
	if src.Need > 0 {
		fmt.Fprintf(s.out, "Where the change of the %s%s went: ~, need ≥ %d traces on each side\n", quantile, op, src.Need)
		return nil
	}
	change := fmt.Sprintf("%s → %s (%s)", draw.Duration(src.Before), draw.Duration(src.After), signedDuration(src.After-src.Before))
	if src.Low <= 0 && src.High >= 0 && src.Low != src.High {
		fmt.Fprintf(s.out, "Where the change of the %s%s went: ~, %s is noise\n", quantile, op, change)
		return nil
	}
	fmt.Fprintf(s.out, "Where the change of the %s%s went: %s\n", quantile, op, change)
	defer s.out.WriteByte('\n')
	const most = 8
	var rows [][]term.Cell
	var others compare.Part
	n, left := 0, 0
	for _, part := range src.Parts {
		name := "own time of " + names[pathKey(part.Path)]
		switch part.Kind {
		case compare.Rest:
			name = "rest"
		case compare.AfterRoot:
			name = "after the root's end (queues), not in it"
		default:
			if n++; n > most {
				left++
				others.Before, others.After = others.Before+part.Before, others.After+part.After
				continue
			}
		}
		if part.Kind != compare.OwnTime && left > 0 {
			rows = append(rows, partRow(fmt.Sprintf("%d others", left), others, false))
			left = 0
		}
		rows = append(rows, partRow(name, part, part.Low < part.High))
	}
	return s.writeTable(slices.Values(rows))
}

func partRow(name string, part compare.Part, interval bool) []term.Cell {
	cells := []term.Cell{
		term.Untrusted("", "  "+name, 100),
		{Text: signedOrNot(part.Before) + " → " + signedOrNot(part.After)},
		{Text: signedDuration(part.After - part.Before), Right: true},
	}
	if interval {
		text := fmt.Sprintf("%s … %s", signedDuration(part.Low), signedDuration(part.High))
		if part.Low <= 0 && part.High >= 0 {
			text = "~ " + text
		}
		cells = append(cells, term.Cell{Text: text, Style: term.Dim})
	}
	return cells
}

// signedOrNot is draw.Duration with a real minus.
func signedOrNot(d time.Duration) string { return strings.TrimPrefix(signedDuration(d), "+") }

func signedDuration(d time.Duration) string {
	if d < 0 {
		return "−" + draw.Duration(-d)
	}
	return "+" + draw.Duration(d)
}

// writeMethod writes which tests were made, and with which options.
func (s *session) writeMethod(r *compare.Report) {
	text := fmt.Sprintf(`~ is noise. %s corrected together (Benjamini-Hochberg, %.0f %%), changes of at least %.0f %%. Scores of ranks are
averaged by trace; p comes from permuting traces (%d exact, else up to %d permutations, seed %d). Intervals (95 %%)
of the change: bootstrap over traces, of more than 20000 cluster-robust. SHARE is of the change of the roots' mean
duration: own time on the critical path.
`, tell.Plural(r.Tests, "test"), 100*r.Alpha, 100*r.MinChange, r.Exact, r.Permutations, r.Seed)
	if r.Single {
		text = fmt.Sprintf(`Two single traces: differences of at least %.0f %%, without probabilities. SHARE is of the change of the root's
duration: own time on the critical path.
`, 100*r.MinChange)
	}
	fmt.Fprint(s.out, s.painter().Paint(term.Dim, strings.TrimSuffix(text, "\n"))+"\n")
}

package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// write writes r as Markdown whose tables are aligned, so that a terminal shows them too.
func (r *result) write(w io.Writer) error {
	_, err := io.WriteString(w, r.markdown())
	return err
}

func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Gates and peers\n\n`%s` in interop/\n\n", r.Command)
	fmt.Fprintf(&b, "- %s\n", r.place())
	fmt.Fprintf(&b, `- ratio: the CPU time of the process, goroutines in the background included, divided by that of the floor in the same round.
  It is the median, with the quartiles, of %d rounds. Each subject has a turn of about 1/%d of %s in each round, in another order each time
- with GC: most of those turns have no garbage collection, so this is the ratio of all CPU time in %d rounds with
  turns of %[3]s. The nanoseconds are those of these rounds too
- floor: the row with ratio 1 and the same call
- lines go to io.Discard, unless the job names another sink. Allocations include those in the background
`, shortTurns*r.Rounds, shortTurn, r.Batch, r.Rounds)
	b.WriteString("- the kit, tracetest.CheckHandler, judges the slog handlers. Notes at their rows describe what they get wrong. It finds nothing wrong in: " +
		strings.Join(r.sound(), ", ") + "\n\n")
	notes := r.footnotes()
	for _, p := range r.Peers {
		for i, m := range p.Modules {
			name := ""
			if i == 0 {
				name = p.Name + ": "
			}
			if i == 0 {
				b.WriteString("- ")
			} else {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s%s %s", name, m.Path, m.Version)
		}
		b.WriteString("\n")
	}
	for _, j := range r.Jobs {
		fmt.Fprintf(&b, "\n## %s: %s\n\n", j.Name, j.Title)
		j.table(&b, notes)
		for _, n := range j.Notes {
			fmt.Fprintf(&b, "\n%s\n", n)
		}
		if o := j.Origin; o != nil {
			fmt.Fprintf(&b, "\nMeasured separately, by `%s`: %s; %d rounds, turns of %s.\n", o.Command, o.place(), o.Rounds, o.Batch)
		}
		for i, row := range j.Rows {
			reason := func(r rowResult) bool {
				return row.Known != nil && r.Known != nil && r.Known.Reason == row.Known.Reason
			}
			if row.Known != nil && !slices.ContainsFunc(j.Rows[:i], reason) {
				fmt.Fprintf(&b, "\nKnown: %s: %s.\n", row.Subject, row.Known.Reason)
			}
			if row.Lost > 0 {
				fmt.Fprintf(&b, "\nNot reliable: %s lost %d of %d.\n", row.Subject, row.Lost, row.LostOf)
			}
		}
	}
	if len(notes.list) > 0 {
		b.WriteString("\n## Notes\n\n")
		for i, n := range notes.list {
			fmt.Fprintf(&b, "%d. %s\n", i+1, n)
		}
	}
	if len(notes.others) > 0 {
		b.WriteString("\nJudged, but not measured:\n\n")
		for _, n := range notes.others {
			fmt.Fprintf(&b, "- %s\n", n)
		}
	}
	return b.String()
}

// sound returns the names of the handlers about which nothing is to be said.
func (r *result) sound() []string {
	var names []string
	for _, h := range r.Handlers {
		if len(h.notes()) == 0 {
			names = append(names, h.Name)
		}
	}
	return names
}

// table writes the rows. A column that no row has anything in is left out.
func (j *jobResult) table(b *strings.Builder, notes *footnotes) {
	cells := [][]string{{"subject", "ratio", "quartiles", "gate", "", "with GC", "ns CPU", "ns wall", "allocs", "bytes"}}
	for _, r := range j.Rows {
		gate := ""
		if r.Gate > 0 {
			gate = "≤ " + fixed(r.Gate)
		}
		allocs := strconv.Itoa(r.Allocs)
		if r.Approximate != "" {
			allocs = "~" + allocs
		}
		if r.GateAllocs != nil {
			allocs += " ≤ " + strconv.Itoa(*r.GateAllocs)
		}
		cells = append(cells, []string{
			r.Subject + notes.marks(r), fixed(r.Ratio), fixed(r.Quartiles[0]) + "–" + fixed(r.Quartiles[1]), gate, string(r.Status),
			fixed(r.RatioGC), nanos(r.CPU), nanos(r.Wall), allocs, strconv.Itoa(r.Bytes),
		})
	}
	used := func(c int) bool {
		return slices.ContainsFunc(cells[1:], func(row []string) bool { return row[c] != "" })
	}
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for c, s := range row {
			widths[c] = max(widths[c], utf8.RuneCountInString(s))
		}
	}
	for i, row := range cells {
		b.WriteString("|")
		for c, s := range row {
			if !used(c) {
				continue
			}
			pad := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(s))
			if c == 0 {
				fmt.Fprintf(b, " %s%s |", s, pad)
			} else {
				fmt.Fprintf(b, " %s%s |", pad, s)
			}
		}
		b.WriteString("\n")
		if i > 0 {
			continue
		}
		b.WriteString("|")
		for c, n := range widths {
			switch {
			case !used(c):
			case c == 0:
				fmt.Fprintf(b, "%s|", strings.Repeat("-", n+2))
			default:
				fmt.Fprintf(b, "%s:|", strings.Repeat("-", n+1))
			}
		}
		b.WriteString("\n")
	}
}

func fixed(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

func nanos(x float64) string {
	if x < 100 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// footnotes numbers what is said about slog handlers and the notes of rows.
type footnotes struct {
	list     []string
	findings map[string][]int // by handler
	others   []string         // what is said about handlers that no job has rows of
}

func (r *result) footnotes() *footnotes {
	f := &footnotes{findings: map[string][]int{}}
	for _, h := range r.Handlers {
		writes := func(row rowResult) bool { return row.Handler == h.Name }
		if !slices.ContainsFunc(r.Jobs, func(j jobResult) bool { return slices.ContainsFunc(j.Rows, writes) }) {
			f.others = append(f.others, h.notes()...)
			continue
		}
		for _, text := range h.notes() {
			f.list = append(f.list, text)
			f.findings[h.Name] = append(f.findings[h.Name], len(f.list))
		}
	}
	for _, j := range r.Jobs {
		for _, row := range j.Rows {
			for _, text := range row.ownNotes() {
				if !slices.Contains(f.list, text) {
					f.list = append(f.list, text)
				}
			}
		}
	}
	return f
}

func (r *rowResult) ownNotes() []string {
	var notes []string
	if r.Note != "" {
		notes = append(notes, r.Note)
	}
	if r.Approximate != "" {
		notes = append(notes, "~: one more or less in another run: "+r.Approximate+".")
	}
	return notes
}

// marks returns the numbers of the row's footnotes, as " [1][2]".
func (f *footnotes) marks(r rowResult) string {
	numbers := slices.Clone(f.findings[r.Handler])
	for _, text := range r.ownNotes() {
		numbers = append(numbers, slices.Index(f.list, text)+1)
	}
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprintf(&b, "[%d]", n)
	}
	if b.Len() == 0 {
		return ""
	}
	return " " + b.String()
}

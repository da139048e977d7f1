package main

import (
	"iter"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A cell is a piece of text in a table, printable and on one line.
type cell struct {
	text  string
	style style
	right bool // aligned
	fixed bool // in the first row: the column is never shortened
}

// untrusted makes a cell of text from a log.
func untrusted(st style, text string, limit int) cell {
	return cell{text: draw.Text(text, limit), style: st}
}

// writeTable writes rows with their columns aligned. No line is wider than width, if that is not 0: the last column, and where
// that is not enough the widest others, are shortened, except those that are fixed. Where nothing is left to shorten,
// the last columns are left out.
// It goes through the rows twice, and holds none.
func (s *session) writeTable(rows iter.Seq[[]cell], width int) error {
	var widths []int
	var fixed []bool
	for row := range rows {
		for i, c := range row {
			if i == len(fixed) {
				fixed = append(fixed, c.fixed)
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], textWidth(c.text))
		}
	}
	widths = shrink(widths, fixed, width)
	p := painter(s.colored())
	for row := range rows {
		var line strings.Builder
		gap := 0
		for i, c := range row[:min(len(row), len(widths))] {
			text := clip(c.text, widths[i])
			room := widths[i] - textWidth(text)
			if text == "" { // no space at the ends of lines
				gap += room + 2
				continue
			}
			if c.right {
				gap, room = gap+room, 0
			}
			line.WriteString(strings.Repeat(" ", gap))
			line.WriteString(p.paint(c.style, text))
			gap = room + 2
		}
		line.WriteByte('\n')
		if _, err := s.out.WriteString(line.String()); err != nil {
			return err
		}
	}
	return nil
}

// textWidth is how many columns text takes.
func textWidth(text string) int {
	if printableASCII(text) {
		return len(text)
	}
	return uniseg.StringWidth(text)
}

// Columns are not made narrower than leastWidth, nor is the last one where that of others is enough.
const (
	leastWidth = 6
	lastWidth  = 24
)

// shrink makes columns narrower until all fit, and returns the widths of those that do.
func shrink(widths []int, fixed []bool, width int) []int {
	if width < 1 || len(widths) == 0 {
		return widths
	}
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	last := len(widths) - 1
	if over := min(total-width, widths[last]-lastWidth); over > 0 && !fixed[last] {
		widths[last] -= over
		total -= over
	}
	for total > width {
		widest := -1
		for i, w := range widths {
			if !fixed[i] && w > leastWidth && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest >= 0 {
			widths[widest]--
			total--
			continue
		}
		if len(widths) == 1 {
			break
		}
		total -= widths[len(widths)-1] + 2
		widths = widths[:len(widths)-1]
	}
	return widths
}

// clip shortens text to a width in columns.
func clip(text string, width int) string {
	if textWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used := 1 // the ellipsis
	for g := uniseg.NewGraphemes(text); g.Next(); {
		if used += g.Width(); used > width {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

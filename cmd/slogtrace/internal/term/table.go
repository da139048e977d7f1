package term

import (
	"bufio"
	"iter"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// A Cell is a piece of text in a table, printable and on one line.
type Cell struct {
	Text  string
	Style Style
	Right bool // aligned
	Fixed bool // in the first row: the column is never shortened
}

// Untrusted makes a cell of text from a log.
func Untrusted(st Style, text string, limit int) Cell {
	return Cell{Text: draw.Text(text, limit), Style: st}
}

// WriteTable writes rows with aligned columns. If width is not 0, no line is wider: WriteTable shortens the last column, then
// the widest ones, but not fixed ones. If that is not enough, it leaves out the last columns.
// It iterates over the rows twice and keeps none of them.
func WriteTable(w *bufio.Writer, rows iter.Seq[[]Cell], width int, p Painter) error {
	var widths []int
	var fixed []bool
	for row := range rows {
		for i, c := range row {
			if i == len(fixed) {
				fixed = append(fixed, c.Fixed)
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(c.Text))
		}
	}
	widths = shrink(widths, fixed, width)
	for row := range rows {
		var line strings.Builder
		gap := 0
		for i, c := range row[:min(len(row), len(widths))] {
			text := clip(c.Text, widths[i])
			room := widths[i] - Width(text)
			if text == "" { // no space at the ends of lines
				gap += room + 2
				continue
			}
			if c.Right {
				gap, room = gap+room, 0
			}
			line.WriteString(strings.Repeat(" ", gap))
			line.WriteString(p.Paint(c.Style, text))
			gap = room + 2
		}
		line.WriteByte('\n')
		if _, err := w.WriteString(line.String()); err != nil {
			return err
		}
	}
	return nil
}

// Width returns how many columns of a terminal text takes.
func Width(text string) int {
	if printableASCII(text) {
		return len(text)
	}
	return uniseg.StringWidth(text)
}

// No column becomes narrower than leastWidth. The last one becomes narrower than lastWidth only if shortening others is not enough.
const (
	leastWidth = 6
	lastWidth  = 24
)

// shrink makes columns narrower until they fit, and returns the widths of the columns to show.
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
	if Width(text) <= width {
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

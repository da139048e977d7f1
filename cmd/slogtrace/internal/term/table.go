package term

import (
	"bufio"
	"cmp"
	"iter"
	"math"
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
	Least int  // in the first row: the column does not become narrower, if it is not 0
}

// Untrusted makes a cell of text from a log.
func Untrusted(st Style, text string, limit int) Cell {
	return Cell{Text: draw.Text(text, limit), Style: st}
}

// WriteTable writes rows with aligned columns. If width is not 0, no line is wider: WriteTable shortens the last column, then
// the widest ones, but not fixed ones. If that would not be enough, it leaves out the last columns.
// It iterates over the rows twice and keeps none of them.
func WriteTable(w *bufio.Writer, rows iter.Seq[[]Cell], width int, p Painter) error {
	var widths, least []int
	for row := range rows {
		for i, c := range row {
			if i == len(least) {
				n := cmp.Or(c.Least, leastWidth)
				if c.Fixed {
					n = math.MaxInt
				}
				least = append(least, n)
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(c.Text))
		}
	}
	widths = shrink(widths, least, width)
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

// No column becomes narrower than leastWidth, unless its first cell says otherwise. The last one becomes narrower than lastWidth only if shortening others is not enough.
const (
	leastWidth = 6
	lastWidth  = 24
)

// shrink leaves out the last columns until the others fit, and makes these narrower, but not than least. It returns their widths.
func shrink(widths, least []int, width int) []int {
	if width < 1 || len(widths) == 0 {
		return widths
	}
	narrowest, total := -2, -2
	for i, w := range widths {
		narrowest += min(w, least[i]) + 2
		total += w + 2
	}
	for last := len(widths) - 1; last > 0 && narrowest > width; last-- {
		narrowest -= min(widths[last], least[last]) + 2
		total -= widths[last] + 2
		widths = widths[:last]
	}
	last := len(widths) - 1
	if over := min(total-width, widths[last]-lastWidth); over > 0 && least[last] < math.MaxInt {
		widths[last] -= over
		total -= over
	}
	for total > width {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
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

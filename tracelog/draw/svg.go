package draw

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// SVG writes the waterfall of [Waterfall] as a picture. Its text can be selected and searched. Its colours are light or dark as
// the reader's system prefers, even if a page shows it as an image. It has no script and loads nothing.
//
// Width is in columns of text; less than 1 means 100. Color and ASCII have no effect. Text of the log is escaped as in
// [Waterfall], and for XML. Nil opts are the defaults. The error is the one of w.
func SVG(w io.Writer, t *tracelog.Trace, opts *Options) error {
	p := printer{t: t, problems: problemsOf(t), Options: opts.orDefault(), chart: newChart(t), svg: new(page)}
	p.ASCII = false
	p.waterfall()
	return p.svg.writeTo(w, p.Width, "trace "+visible(t.ID, maxName))
}

// A page is the rows of an SVG.
type page struct {
	rows int
	body []byte
}

// Sizes in pixels. A monospaced character is 0.6 em wide in nearly all fonts.
const (
	svgColumn = 7.8
	svgRow    = 20
	svgMargin = 16
	svgThick  = 12 // the height of a bar on the critical path
	svgThin   = 4
	svgSeen   = 0.5 // the least width
)

const svgStyle = `
svg { color-scheme: light dark; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { white-space: pre; fill: #1f2328 }
.paper { fill: #ffffff }
.bold { font-weight: bold }
.dim { fill: #59636e }
.red { fill: #d1242f }
.yellow { fill: #9a6700 }
.cyan { fill: #0969da }
rect.dim { fill: #818b98 }
.queued { fill: #bf8700; fill-opacity: 0.35 }
.tail { stroke: #9a6700; stroke-width: 2; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.paper { fill: #0d1117 }
.dim { fill: #9198a1 }
.red { fill: #ff7b72 }
.yellow { fill: #d29922 }
.cyan { fill: #58a6ff }
rect.dim { fill: #656c76 }
.tail { stroke: #d29922 }
}
`

var svgClasses = [...]string{
	styleNone: "", styleBold: "bold", styleDim: "dim", styleRed: "red", styleYellow: "yellow", styleCyan: "cyan",
}

// writeTo writes the document. Width is in columns.
func (g *page) writeTo(w io.Writer, width int, title string) error {
	b := bufio.NewWriter(w)
	wide, high := 2*svgMargin+int(float64(width)*svgColumn+0.5), 2*svgMargin+g.rows*svgRow
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %d\" role=\"img\" xml:space=\"preserve\">\n", wide, high)
	b.WriteString("<title>" + string(appendXML(nil, title)) + "</title>\n<style>" + svgStyle + "</style>\n")
	b.WriteString("<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n")
	b.Write(g.body)
	b.WriteString("</svg>\n")
	return b.Flush()
}

// line adds a row of text. Text of one style is one element, at its columns.
func (g *page) line(t text) {
	t = t.trim()
	y := svgMargin + g.rows*svgRow + 14
	g.rows++
	first := true
	for from := 0; from < len(t); {
		if gapAt(t, from) { // which columns skip
			from++
			continue
		}
		to := from + 1
		for to < len(t) && t[to].style == t[from].style && !gapAt(t, to) {
			to++
		}
		if first {
			g.body = append(g.body, `<text y="`...)
			g.body = append(strconv.AppendInt(g.body, int64(y), 10), '"', '>')
			first = false
		}
		g.body = append(g.body, `<tspan x="`...)
		g.body = append(appendPixels(g.body, svgMargin+float64(from)*svgColumn), '"')
		if class := svgClasses[t[from].style]; class != "" {
			g.body = append(append(append(g.body, ` class="`...), class...), '"')
		}
		g.body = append(g.body, '>')
		for _, c := range t[from:to] {
			if c.r != filler {
				g.body = appendXMLRune(g.body, c.r)
			}
		}
		g.body = append(g.body, "</tspan>"...)
		from = to
	}
	if !first {
		g.body = append(g.body, "</text>\n"...)
	}
}

// gapAt reports whether there are two spaces at a column. The last space of a gap is written, so that copied text has it.
func gapAt(t text, i int) bool { return t[i].r == ' ' && i+1 < len(t) && t[i+1].r == ' ' }

// A stretch is from one column to another. Columns have fractions.
type stretch struct{ from, to float64 }

// bar draws spans in the next row: one, or those of a fold. It returns the first column after them.
func (g *page) bar(c *chart, spans []*tracelog.Span) int {
	var queued, thin, thick []stretch
	var first time.Time // when the first span began
	last, open := 0.0, false
	for _, s := range spans {
		if s.Start.IsZero() || c.start.IsZero() {
			continue
		}
		start, end := s.Interval()
		if first.IsZero() || start.Before(first) {
			first = start
		}
		if s.Queued > 0 {
			queued = append(queued, stretch{c.x(start.Add(-s.Queued)), c.x(start)})
		}
		thin = append(thin, c.stretch(start, end))
		onPath := false
		path := c.onPath(s)
		for i, seg := range path {
			// A part that is too short to be seen is shown if nothing else of the span can be seen.
			if (c.x(seg.End)-c.x(seg.Start))*svgColumn >= svgSeen || i == len(path)-1 && !onPath {
				thick = append(thick, c.stretch(seg.Start, seg.End))
				onPath = true
			}
		}
		last, open = max(last, c.x(end)), open || s.State == tracelog.Open
	}
	if first.IsZero() {
		return c.column
	}
	s := spans[0] // as the others of a fold
	classes := [...]string{"dim", "cyan"}
	if s.Failed {
		classes = [...]string{"red", "red"}
	}
	g.body = append(g.body, "<g><title>"...)
	g.body = appendXML(g.body, visible(s.Op, maxName))
	if s.Service != "" {
		g.body = appendXML(g.body, " ["+visible(s.Service, maxName)+"]")
	}
	switch {
	case len(spans) > 1:
		g.body = append(strconv.AppendInt(append(g.body, " ×"...), int64(len(spans)), 10), ", the first"...)
	case s.State == tracelog.Ended:
		g.body = appendXML(g.body, " "+formatDuration(s.Duration)+",")
	default:
		g.body = append(g.body, ',')
	}
	g.body = appendXML(g.body, " from +"+formatDuration(first.Sub(c.start)))
	g.body = append(g.body, "</title>"...)
	g.rects("queued", queued, svgThick)
	g.rects(classes[0], thin, svgThin)
	g.rects(classes[1], thick, svgThick)
	if s.State != tracelog.Ended && !s.External {
		from := last
		if last = min(last+1, float64(c.column+c.width)); open {
			last = float64(c.column + c.width)
		}
		g.body = append(g.body, `<path class="tail" d="M`...)
		g.body = append(appendPixels(g.body, svgMargin+from*svgColumn), ' ')
		g.body = append(appendPixels(g.body, g.middle()), 'H')
		g.body = append(appendPixels(g.body, svgMargin+last*svgColumn), `"/>`...)
	}
	g.body = append(g.body, "</g>\n"...)
	return min(int(last)+1, c.column+c.width)
}

// x is the column of a moment.
func (c *chart) x(at time.Time) float64 { return float64(c.column) + float64(c.width)*c.share(at) }

// stretch is from one moment to another, and at least a pixel wide.
func (c *chart) stretch(start, end time.Time) stretch {
	from := c.x(start)
	return stretch{from, max(c.x(end), from+1/svgColumn)}
}

// middle is the height of the middle of the next row, in pixels.
func (g *page) middle() float64 { return svgMargin + float64(g.rows)*svgRow + svgRow/2 }

// rects draws bars of one class. Those with no pixel between them become one, so a row has no more bars than pixels.
func (g *page) rects(class string, list []stretch, height float64) {
	slices.SortFunc(list, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	for i := 0; i < len(list); {
		at := list[i]
		for i++; i < len(list) && list[i].from <= at.to+1/svgColumn; i++ {
			at.to = max(at.to, list[i].to)
		}
		g.body = append(g.body, `<rect class="`+class+`" x="`...)
		g.body = append(appendPixels(g.body, svgMargin+at.from*svgColumn), `" y="`...)
		g.body = append(appendPixels(g.body, g.middle()-height/2), `" width="`...)
		g.body = append(appendPixels(g.body, (at.to-at.from)*svgColumn), `" height="`...)
		g.body = append(appendPixels(g.body, height), `"/>`...)
	}
}

// appendPixels appends a number with one decimal at most.
func appendPixels(b []byte, x float64) []byte {
	b = strconv.AppendFloat(b, x, 'f', 1, 64)
	if n := len(b) - 2; slices.Equal(b[n:], []byte(".0")) {
		b = b[:n]
	}
	return b
}

func appendXML(b []byte, s string) []byte {
	for _, r := range s {
		b = appendXMLRune(b, r)
	}
	return b
}

// appendXMLRune appends a character of text or of an attribute's value. One that XML 1.0 does not allow (section 2.2) becomes
// U+FFFD.
func appendXMLRune(b []byte, r rune) []byte {
	switch {
	case r == '&':
		return append(b, "&amp;"...)
	case r == '<':
		return append(b, "&lt;"...)
	case r == '>':
		return append(b, "&gt;"...)
	case r == '"':
		return append(b, "&quot;"...)
	case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0xfffe, r == 0xffff:
		r = utf8.RuneError
	}
	return utf8.AppendRune(b, r)
}

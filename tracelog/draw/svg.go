package draw

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/tracelog"
)

// SVG writes a trace as [Waterfall] does, as a picture. Its text can be selected and searched. Its colours are light or dark
// as the reader's system prefers, also where a page shows it as an image. It needs no script and loads nothing.
//
// Width is in columns of text, and is 100 if it is less than 1. Color and ASCII have no effect. Text of the log is treated as
// in [Waterfall], and can neither end an element nor become one. Nil opts are the defaults. The error is w's.
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
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %[1]d %d\" role=\"img\" xml:space=\"preserve\">\n", wide, high, high)
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

// gapAt reports whether there are two spaces at a column. The last space of a gap is text, for those who copy it.
func gapAt(t text, i int) bool { return t[i].r == ' ' && i+1 < len(t) && t[i+1].r == ' ' }

// bar draws a span in the next row. It returns the first column after it.
func (g *page) bar(c *chart, s *tracelog.Span) int {
	if s.Start.IsZero() || c.start.IsZero() {
		return c.column
	}
	x := func(at time.Time) float64 { return float64(c.column) + float64(c.width)*c.share(at) }
	middle := svgMargin + float64(g.rows)*svgRow + svgRow/2
	rect := func(class string, from, to time.Time, height, least float64) {
		wide := max((x(to)-x(from))*svgColumn, least)
		g.body = append(g.body, `<rect class="`+class+`" x="`...)
		g.body = append(appendPixels(g.body, svgMargin+x(from)*svgColumn), `" y="`...)
		g.body = append(appendPixels(g.body, middle-height/2), `" width="`...)
		g.body = append(appendPixels(g.body, wide), `" height="`...)
		g.body = append(appendPixels(g.body, height), `"/>`...)
	}
	start, end := s.Interval()
	thick, thin := "cyan", "dim"
	if s.Failed {
		thick, thin = "red", "red"
	}
	g.body = append(g.body, "<g><title>"...)
	g.body = appendXML(g.body, visible(s.Op, maxName))
	if s.Service != "" {
		g.body = appendXML(g.body, " ["+visible(s.Service, maxName)+"]")
	}
	if s.State == tracelog.Ended {
		g.body = appendXML(g.body, " "+formatDuration(s.Duration))
	}
	g.body = appendXML(g.body, ", from +"+formatDuration(start.Sub(c.start)))
	g.body = append(g.body, "</title>"...)
	if s.Queued > 0 {
		rect("queued", start.Add(-s.Queued), start, svgThick, 0)
	}
	rect(thin, start, end, svgThin, 1)
	onPath := false
	for i, seg := range c.path[s] {
		// A part that is too short to be seen is shown if nothing else of the span can be seen.
		if (x(seg.End)-x(seg.Start))*svgColumn >= svgSeen || i == len(c.path[s])-1 && !onPath {
			rect(thick, seg.Start, seg.End, svgThick, 1)
			onPath = true
		}
	}
	last := x(end)
	if s.State != tracelog.Ended && !s.External {
		from := last
		if last = min(last+1, float64(c.column+c.width)); s.State == tracelog.Open {
			last = float64(c.column + c.width)
		}
		g.body = append(g.body, `<path class="tail" d="M`...)
		g.body = append(appendPixels(g.body, svgMargin+from*svgColumn), ' ')
		g.body = append(appendPixels(g.body, middle), 'H')
		g.body = append(appendPixels(g.body, svgMargin+last*svgColumn), `"/>`...)
	}
	g.body = append(g.body, "</g>\n"...)
	return min(int(last)+1, c.column+c.width)
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

// appendXMLRune appends a character of text or of an attribute's value. What XML 1.0 has no character for (section 2.2)
// becomes U+FFFD.
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

package tracemetrics

import (
	"bufio"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A textWriter writes metrics in one of the formats. It is for one answer.
//
//   - Prometheus text format 0.0.4 ("Exposition formats", "Text-based format")
//   - OpenMetrics 1.0 ("Text format")
type textWriter struct {
	*bufio.Writer
	open bool // OpenMetrics
	name string
	mem  []byte
}

// family begins a metric family. The names of counters have no _total.
func (w *textWriter) family(name, kind, unit, help string) {
	w.name = name
	if kind == counter && !w.open {
		name += "_total"
	}
	w.line("# HELP ", name, " ", escaped(help, w.open), "\n# TYPE ", name, " ", kind, "\n")
	if w.open && unit != "" {
		w.line("# UNIT ", name, " ", unit, "\n")
	}
	if kind == counter {
		w.name += "_total"
	}
}

// Types of families.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

func (w *textWriter) line(parts ...string) {
	for _, p := range parts {
		w.WriteString(p)
	}
}

// sample writes a sample of the family. labels are rendered; extra is one more label, or "".
func (w *textWriter) sample(suffix, labels, extra, extraValue string, value float64, e *exemplar) {
	w.line(w.name, suffix)
	if labels != "" || extra != "" {
		w.WriteByte('{')
		w.WriteString(labels)
		if extra != "" {
			if labels != "" {
				w.WriteByte(',')
			}
			w.mem = appendLabel(w.mem[:0], extra, extraValue)
			w.Write(w.mem)
		}
		w.WriteByte('}')
	}
	w.mem = appendNumber(append(w.mem[:0], ' '), value)
	if e != nil && w.open {
		w.mem = append(w.mem, ` # {trace_id="`...)
		w.mem = append(w.mem, e.trace.String()...)
		w.mem = append(w.mem, `",span_id="`...)
		w.mem = append(w.mem, e.span.String()...)
		w.mem = append(w.mem, `"} `...)
		w.mem = appendNumber(w.mem, e.value)
		w.mem = append(w.mem, ' ')
		w.mem = strconv.AppendFloat(w.mem, float64(e.end)/1000, 'f', 3, 64)
	}
	w.mem = append(w.mem, '\n')
	w.Write(w.mem)
}

// histogram writes the samples of one histogram. exemplar returns that of a bucket.
func (w *textWriter) histogram(labels string, b *bounds, buckets []float64, sum float64, exemplar func(i int) *exemplar) {
	total := 0.0
	for i, n := range buckets {
		total += n
		le := "+Inf"
		if i < len(b.seconds) {
			le = w.bound(b.seconds[i])
		}
		w.sample("_bucket", labels, leLabel, le, w.count(total), exemplar(i))
	}
	w.sample("_sum", labels, "", "", sum, nil)
	w.sample("_count", labels, "", "", w.count(total), nil)
}

// count returns a number of weighted spans as a bucket may have it. OpenMetrics 1.0 allows integers only ("Histogram").
func (w *textWriter) count(n float64) float64 {
	if w.open {
		return math.Round(n)
	}
	return n
}

// bound returns a bound as text. In OpenMetrics, integers end in .0 ("Considerations: Canonical Numbers").
func (w *textWriter) bound(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if w.open && !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// appendNumber appends a value.
func appendNumber(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64) // an integer, as OpenMetrics wants it
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendLabel appends a label. Both formats escape a backslash, a quote and a newline, and nothing else.
func appendLabel(b []byte, name, value string) []byte {
	b = append(append(b, name...), `="`...)
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendLabels appends labels that have a value, with a comma between. It changes what is not valid UTF-8.
func appendLabels(b []byte, pairs ...string) []byte {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue // the same as no label
		}
		if len(b) > 0 {
			b = append(b, ',')
		}
		value := pairs[i+1]
		if !utf8.ValidString(value) {
			value = strings.ToValidUTF8(value, "\ufffd")
		}
		b = appendLabel(b, pairs[i], value)
	}
	return b
}

var (
	textHelp = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	openHelp = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// escaped returns the text of a HELP line. OpenMetrics escapes quotes in it too.
func escaped(help string, open bool) string {
	if open {
		return openHelp.Replace(help)
	}
	return textHelp.Replace(help)
}

package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/graphic"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// NewCSV returns a Writer of spans as CSV (RFC 4180), one on a line, below a line with the names of the columns: trace, span,
// parent, op, kind, service, start (RFC 3339, nanoseconds, UTC), duration_ms (empty if the span has not ended), self_ms, state,
// failed, error, queued_ms, sample_rate, then [Options.Columns], and attrs, which is all other attributes as a JSON object.
// Each column is there once: a name in Options.Columns that another column has adds none.
//
// Text is escaped as by [draw.Text], so a cell is always on one line. A spreadsheet would evaluate text that begins with =, +, - or
// @ as a formula, also in its wide form (U+FF1D), so it gets a ' before it, unless it is a number.
func NewCSV(w io.Writer, opts *Options) *Writer {
	f := &csvSpans{w: csv.NewWriter(w)}
	if opts != nil {
		for _, name := range opts.Columns {
			if name != "attrs" && !slices.Contains(csvColumns, name) && !slices.Contains(f.columns, name) {
				f.columns = append(f.columns, name)
			}
		}
	}
	return newWriter(f, opts)
}

type csvSpans struct {
	w       *csv.Writer
	columns []string
	begun   bool
}

var csvColumns = []string{
	"trace", "span", "parent", "op", "kind", "service", "start", "duration_ms", "self_ms", "state", "failed", "error", "queued_ms", "sample_rate",
}

// head writes the names of the columns, once.
func (f *csvSpans) head() {
	if f.begun {
		return
	}
	f.begun = true
	row := append([]string(nil), csvColumns...)
	for _, name := range f.columns {
		row = append(row, cell(name))
	}
	f.w.Write(append(row, "attrs")) // Flush has the error
}

func (f *csvSpans) trace(w *Writer, t *tracelog.Trace) error {
	f.head()
	for s := range w.spans(t) {
		row := []string{
			cell(t.ID), cell(s.ID), cell(s.ParentID), cell(s.Op), cell(s.Kind), cell(s.Service), s.Start.UTC().Format(time.RFC3339Nano),
			"", "", s.State.String(), strconv.FormatBool(s.Failed), cell(s.Error), "", "",
		}
		if s.State == tracelog.Ended {
			row[7], row[8] = number(millis(s.Duration)), number(millis(tracelog.SelfTime(s)))
		}
		if s.Queued > 0 {
			row[12] = number(millis(s.Queued))
		}
		if rate := sampleRate(s); rate > 0 {
			row[13] = number(rate)
		}
		columns := make([]string, len(f.columns))
		rest := []byte{'{'}
	attrs:
		for _, a := range flatten(s.Attrs) {
			for i, name := range f.columns {
				if a.Key == name {
					columns[i] = cell(a.Text())
					continue attrs
				}
			}
			if len(rest) > 1 {
				rest = append(rest, ',')
			}
			key, err := json.Marshal(a.Key)
			if err != nil {
				return err
			}
			rest = append(append(append(rest, key...), ':'), a.Value...)
		}
		row = append(append(row, columns...), string(graphic.AppendJSON(nil, append(rest, '}'))))
		if err := f.w.Write(row); err != nil {
			return err
		}
	}
	f.w.Flush()
	return f.w.Error()
}

func (f *csvSpans) close() error {
	f.head()
	f.w.Flush()
	return f.w.Error()
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// cell returns untrusted text as a cell.
func cell(s string) string {
	s = draw.Text(s, 0)
	if first, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@＝＋－＠", first) {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "'" + s
		}
	}
	return s
}

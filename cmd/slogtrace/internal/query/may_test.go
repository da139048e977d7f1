package query

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/tracelog"
)

func parseFilter(t *testing.T, flags ...string) *Filter {
	t.Helper()
	f := new(Filter)
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.Register(set, nil)
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return f
}

// A gapped log has traces of a few lines, many of which say less than they should.
func gappedLog(r *rand.Rand, traces, most int, whole bool) []byte {
	var b bytes.Buffer
	some := func(format string, values ...any) {
		if r.IntN(3) > 0 || whole && (strings.Contains(format, "span") || strings.Contains(format, "op") || strings.Contains(format, "service") || strings.Contains(format, "start")) {
			fmt.Fprintf(&b, ","+format, values[r.IntN(len(values))])
		}
	}
	for i := range traces {
		for range 1 + r.IntN(most) {
			fmt.Fprintf(&b, `{%q:%q,"trace":"t%d"`, []string{"msg", "message"}[r.IntN(2)], []string{"span end", "span end", "span start", "hello"}[r.IntN(4)], i)
			some(`"span":"%s"`, "a", "b", "b")
			if r.IntN(2) == 0 {
				some(`"time":"2026-03-01T09:15:0%dZ"`, 0, 1, 2, 3, 4)
			} else {
				some(`"ts":177235650%d`, 0, 1, 2, 3, 4)
			}
			some(`"op":"%s"`, "x", "y")
			some(`"service":"%s"`, "api", "web")
			some(`"start":"2026-03-01T09:15:0%dZ"`, 0, 1, 2, 3)
			some(`"duration_ms":%d`, 1, 1000, 2000)
			some(`"level":%s`, `"INFO"`, `"WARN"`, "40")
			some(`"k":%d`, 1, 2)
			if r.IntN(3) == 0 {
				some(`"error":"%s"`, "no", "")
				some(`"parent":"%s"`, "a", "b", "z")
				some(`"kind":"%s"`, "server", "client")
				some(`"queued_ms":%d`, 0, 1)
			}
			b.WriteString("}\n")
		}
	}
	return b.Bytes()
}

// apart is a span of which the start record alone says when it began, and the end record how long it took.
const apart = `{"msg":"span start","trace":"apart","span":"a","start":"2026-03-01T09:15:02Z"}
{"msg":"span end","trace":"apart","span":"a","duration_ms":1000}
`

// aspects are flags that each ask for one thing.
var aspects = [][]string{
	{"--op", "x"}, {"--service", "api"}, {"--error"}, {"--min", "1s"}, {"--max", "1s"}, {"--grep", "x|web|k=1"},
	{"--since", "2026-03-01T09:15:02Z"}, {"--until", "2026-03-01T09:15:02Z"},
	{"--where", "k=1"}, {"--where", "k!=1"}, {"--where", "op=y"}, {"--where", "op!=y"}, {"--where", "op="}, {"--where", "service=web"},
	{"--where", "service!=web"}, {"--where", "start>2026-03-01T09:15:01Z"}, {"--where", "start!=2026-03-01T09:15:01Z"},
	{"--where", "span=a"}, {"--where", "parent=a"}, {"--where", "kind~ser"}, {"--where", "kind="}, {"--where", "service="},
	{"--where", "start<2026-03-01T09:15:01Z"}, {"--where", "queued_ms=0"}, {"--where", "error="}, {"--where", "error!=no"},
	{"--where", "duration_ms>=1000"}, {"--where", "duration_ms<2"}, {"--where", "queued_ms=1"}, {"--where", "time>2026-03-01T09:15:01Z"},
	{"--where", "level=WARN"}, {"--where", "msg=hello"}, {"--where", "msg~span"}, {"--where", "trace~5$"},
	{"--where", "msg=*ell*"}, {"--where", "service!=w*"}, {"--where", "k=*"},
	{"--where", "parent.op=x"}, {"--where", "parent.op!=x"}, {"--where", "parent.op="}, {"--where", "parent.service=a*"},
	{"--where", "ancestor.op=y"}, {"--where", "ancestor.op!=y"}, {"--where", "ancestor.op!="}, {"--where", "ancestor.duration_ms>5"},
	{"--where", "root.op=x"}, {"--where", "root.op!=x"}, {"--where", "trace.duration>1s"}, {"--where", "trace.duration<=1s"},
	{"--where", "trace.spans>1"}, {"--where", "trace.spans=1"},
}

// tight reports whether may is to be true of a trace's only record just if the trace is chosen.
func tight(f *Filter, one, whole bool, r *tracelog.Record) bool {
	for _, c := range f.where.all {
		switch c.key {
		case "op", "service", "start": // other lines might say them
			return false
		}
	}
	if f.AsksForTree() {
		return false
	}
	if r.Event == tracelog.EventLog {
		return one && len(r.Span()) > 0
	}
	return whole && f.grep.re == nil
}

// eachTrace calls fn with each trace of a log, and its records.
func eachTrace(t *testing.T, log []byte, fn func(*tracelog.Trace, []*tracelog.Record)) {
	t.Helper()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(log), "f", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	for _, tr := range tracelog.Assemble(entries) {
		var records []*tracelog.Record
		for line := range bytes.Lines(log) {
			if bytes.Contains(line, []byte(`"trace":"`+tr.ID+`"`)) {
				records = append(records, recordOf(t, line))
			}
		}
		fn(tr, records)
	}
}

// recordOf reads one line. Its record can be used for as long as the line.
func recordOf(t *testing.T, line []byte) (found *tracelog.Record) {
	t.Helper()
	in := []tracelog.Input{{Name: "f", Reader: io.MultiReader(bytes.NewReader(line))}}
	_, err := tracelog.ScanRecords(t.Context(), in, &tracelog.ScanOptions{Workers: 1}, func() func(*tracelog.Record) {
		return func(r *tracelog.Record) { found = r }
	})
	if err != nil || found == nil {
		t.Fatalf("%s: no record: %v", line, err)
	}
	return found
}

// TestMay: each trace that is chosen has a record that says it may be. The other way round it is only a matter of time;
// but where a line says everything, it must not say so without need.
func TestMay(t *testing.T) {
	type asked struct {
		*Filter
		flags []string
	}
	var filters []asked
	for i, a := range aspects {
		filters = append(filters, asked{parseFilter(t, a...), a})
		for _, b := range aspects[:i] {
			if both := slices.Concat(a, b); a[0] != b[0] || a[0] == "--where" {
				filters = append(filters, asked{parseFilter(t, both...), both})
			}
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	chosen := 0
	for _, log := range []struct {
		text          []byte
		single, whole bool
	}{
		{append(gappedLog(r, 250, 4, false), apart...), false, false},
		{gappedLog(r, 100, 1, false), true, false},
		{gappedLog(r, 100, 1, true), true, true},
	} {
		eachTrace(t, log.text, func(tr *tracelog.Trace, records []*tracelog.Record) {
			for _, f := range filters {
				is := f.Trace(tr)
				may := slices.ContainsFunc(records, f.May)
				if is {
					chosen++
				}
				switch {
				case is && !may:
					t.Errorf("%s: %v does not choose\n%s", tr.ID, f.flags, textOf(records))
				case may && !is && log.single && tight(f.Filter, len(f.flags) <= 2, log.whole, records[0]):
					t.Errorf("%s: %v needlessly may choose\n%s", tr.ID, f.flags, textOf(records))
				}
				if !log.single || f.grep.re != nil || f.AsksForTree() || records[0].Event == tracelog.EventLog {
					continue
				}
				if got, want := f.Record(records[0], false), f.Span(tr.Roots[0]); got != want {
					t.Errorf("%s: %v: record is %t, span is %t\n%s", tr.ID, f.flags, got, want, textOf(records))
				}
			}
		})
	}
	if chosen < 1000 {
		t.Errorf("only %d chosen", chosen)
	}
}

func textOf(records []*tracelog.Record) string {
	var b strings.Builder
	for _, r := range records {
		b.Write(r.Raw())
		b.WriteString("\n")
	}
	return b.String()
}

// TestOutlines: what an outline's Matched tells is only enough without flags, and with --error, --since and --until alone.
func TestOutlines(t *testing.T) {
	for _, flags := range append(aspects, nil) {
		want := len(flags) == 0 || flags[0] == "--error" || flags[0] == "--since" || flags[0] == "--until"
		if parseFilter(t, flags...).Outlines() != want || parseFilter(t, append([]string{"--error"}, flags...)...).Outlines() != want {
			t.Errorf("%q: want %t", flags, want)
		}
	}
}

// A trace is within a time if all of it is.
func TestWithin(t *testing.T) {
	f := parseFilter(t, "--since", "2026-03-01T09:15:00Z", "--until", "2026-03-01T09:16:00Z")
	at := func(seconds int) time.Time { return time.Date(2026, 3, 1, 9, 15, seconds, 0, time.UTC) }
	for _, c := range []struct {
		start, end int
		want       bool
	}{{0, 59, true}, {-1, 5, false}, {5, 60, false}, {-1, 60, false}} {
		if got := f.Within(&tracelog.Outline{Start: at(c.start), End: at(c.end)}); got != c.want {
			t.Errorf("%+v: got %t", c, got)
		}
	}
	if f.Within(new(tracelog.Outline)) {
		t.Error("a trace without times is")
	}
	if !new(Filter).Within(new(tracelog.Outline)) {
		t.Error("without flags a trace without times is not")
	}
}

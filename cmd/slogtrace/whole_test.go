package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/tracelog"
)

// What follows answers the simple way: all entries are held, and assembled at once.
// What the command makes of the streaming functions must be the same.

// assembled reads all of a file.
func assembled(t *testing.T, file string) []*tracelog.Trace {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(f, file, func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	return tracelog.Assemble(entries)
}

// withoutLines assembles traces again, without their log lines.
func withoutLines(traces []*tracelog.Trace) []*tracelog.Trace {
	var entries []tracelog.Entry
	for _, t := range traces {
		for _, s := range t.All() {
			for _, e := range []*tracelog.Entry{s.StartRecord, s.EndRecord} {
				if e != nil {
					entries = append(entries, *e)
				}
			}
		}
	}
	return tracelog.Assemble(entries)
}

func wholeList(s *session, traces []*tracelog.Trace, f *query.Filter) error {
	var sums []summary
	for _, t := range traces {
		if f.Trace(t) {
			sums = append(sums, summarize(t))
		}
	}
	return term.WriteArray(s.out, sums)
}

func wholeShow(s *session, traces []*tracelog.Trace, f *query.Filter) error {
	return s.showJSON(slices.DeleteFunc(slices.Clone(traces), func(t *tracelog.Trace) bool { return !f.Trace(t) }))
}

func wholeErrors(s *session, traces []*tracelog.Trace, f *query.Filter) error {
	var g tracelog.ErrorGrouper
	for _, t := range traces {
		for _, span := range t.All() {
			span.Failed = span.Failed && f.Span(span)
		}
		g.Add(t)
	}
	return s.errorsJSON(g.Groups())
}

func wholeStats(s *session, traces []*tracelog.Trace, q *question) error {
	groups := make(map[string]*group)
	for _, t := range traces {
		for _, span := range t.All() {
			if span.State != tracelog.Ended || !q.filter.Span(span) || q.traces && (span != t.Root() || span.Start.IsZero()) {
				continue
			}
			values := make([]string, len(q.by))
			for i, key := range q.by {
				values[i] = query.SpanGroup(span, key)
			}
			d := span.Duration
			start, _ := span.Interval()
			switch {
			case q.self:
				d = tracelog.SelfTime(span)
			case q.traces:
				d = 0
				for _, s := range t.All() {
					if _, end := s.Interval(); end.Sub(start) > d {
						d = end.Sub(start)
					}
				}
			case q.every > 0:
				start = span.Start
			}
			start = tracelog.IntervalStart(start, max(q.every, 1)) // of 1 ns: none
			key := strings.Join(values, "\x00")
			if q.every > 0 {
				key += start.String()
			}
			if groups[key] == nil {
				groups[key] = &group{values: values, start: start}
			}
			groups[key].stat.Add(d, span.Failed, span.Weight)
		}
	}
	var list []groupJSON
	for _, g := range groups {
		if g.stat.N() > 0 {
			list = append(list, groupJSON{q, g})
		}
	}
	slices.SortFunc(list, func(a, b groupJSON) int {
		return cmp.Or(slices.Compare(a.values, b.values), compareStarts(a.start, b.start))
	})
	return term.WriteArray(s.out, list)
}

// differentialFilters are flags that choose spans.
var differentialFilters = [][]string{
	nil, {"--error"}, {"--op", "*.*"}, {"--service", "*a*"}, {"--min", "5ms"}, {"--max", "20ms", "--error"},
	{"--since", "2026-03-01T09:15:00.5Z"}, {"--until", "2026-03-01T09:15:01Z", "--service", "*a*", "--op", "*e*"},
	{"--where", "attempt>1"}, {"--where", "kind!=server", "--where", "op~e"}, {"--where", "level=WARN"}, {"--where", "service!=api"},
	{"--grep", "(?i)declined|err|timeout"}, {"--grep", "e", "--error", "--min", "1ms"},
}

func TestWhole(t *testing.T) {
	dir := t.TempDir()
	files, err := filepath.Glob("../../tracelog/testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]loggen.Options{
		"plain": {Traces: 30, Seed: 3}, "hard": {Traces: 30, Seed: 4, Hard: true}, "long": {Traces: 5, Repeat: 30, Seed: 5, Hard: true},
	} {
		var log bytes.Buffer
		if _, err := loggen.Generate(&log, o); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".log")
		if err := os.WriteFile(file, log.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	compared := 0
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || len(assembled(t, file)) == 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			filters := differentialFilters
			if filepath.Dir(file) != dir { // there are many
				filters = filters[:6]
			}
			for _, flags := range filters {
				for _, command := range []string{
					"ls", "show --limit 0", "errors", "stats --sort name", "stats --sort name --by service,kind,attempt --every 10ms",
					"stats --sort name --self --every 1s", "stats --sort name --traces --every 20ms",
				} {
					args := slices.Concat(strings.Fields(command), []string{"--json"}, flags, []string{file})
					var want, stdout, stderr strings.Builder
					s := newSession(nil, &want, &stderr)
					s.json = true
					var f query.Filter
					cmd := s.ls()
					f.Register(cmd.PersistentFlags(), s.now)
					if err := cmd.PersistentFlags().Parse(flags); err != nil {
						t.Fatal(err)
					}
					traces := assembled(t, file)
					if strings.Contains(command, "--traces") {
						if f.AsksForText() {
							continue // The lines are needed.
						}
						traces = withoutLines(traces)
					}
					switch words := strings.Fields(command); {
					case words[0] == "ls":
						err = wholeList(s, traces, &f)
					case words[0] == "show":
						err = wholeShow(s, traces, &f)
					case words[0] == "errors":
						err = wholeErrors(s, traces, &f)
					default:
						q := &question{filter: f, by: []string{"op"}, self: strings.Contains(command, "--self"), traces: strings.Contains(command, "--traces")}
						if strings.Contains(command, "--by service") {
							q.by = []string{"service", "kind", "attempt"}
						}
						if _, every, ok := strings.Cut(command, "--every "); ok {
							if q.every, err = time.ParseDuration(every); err != nil {
								t.Fatal(err)
							}
						}
						err = wholeStats(s, traces, q)
					}
					if err := cmp.Or(err, s.out.Flush()); err != nil {
						t.Fatal(err)
					}
					run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
					got := cmp.Or(stdout.String(), "[]\n") // nothing found is told
					if diff := gocmp.Diff(strings.Split(want.String(), "\n"), strings.Split(got, "\n")); diff != "" {
						t.Errorf("%q (-want +got), stderr %s\n%s", args, stderr.String(), diff[:min(len(diff), 3000)])
					}
					compared++
				}
			}
		})
	}
	if compared < 500 {
		t.Errorf("only %d answers compared", compared)
	}
}

// Of many traces in a time, those at its edges are read whole.
func TestManyTracesInTime(t *testing.T) {
	var log strings.Builder
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	const traces, lasts = 3 * maxDetailed, 40 // one begins each millisecond
	for i := range traces + lasts {
		stamp := func(ms int) string { return begin.Add(time.Duration(ms) * time.Millisecond).Format(time.RFC3339Nano) }
		if i < traces { // half of the traces fail, some at their beginning and some at their end
			fmt.Fprintf(&log, `{"time":%q,"level":"INFO","msg":"span end","trace":"%032x","span":"a","parent":"b","op":"first","start":%q,"duration_ms":0%s}`+"\n", stamp(i), i+1, stamp(i), []string{"", `,"error":"x"`, "", ""}[i%4])
		}
		if i >= lasts {
			if i%4 == 1 { // its failed span may be too early
				fmt.Fprintf(&log, `{"time":%q,"level":"ERROR","msg":"late","trace":"%032x","span":"b"}`+"\n", stamp(i), i-lasts+1)
			}
			fmt.Fprintf(&log, `{"time":%q,"level":"INFO","msg":"span end","trace":"%032x","span":"b","op":"root","start":%q,"duration_ms":1%s}`+"\n", stamp(i), i-lasts+1, stamp(i-1), []string{"", "", `,"error":"y"`, ""}[(i-lasts)%4])
		}
	}
	file := filepath.Join(t.TempDir(), "many.log")
	if err := os.WriteFile(file, []byte(log.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	whole := assembled(t, file)
	for _, flags := range [][]string{
		{"--since", "2026-03-01T09:15:00.5Z"},
		{"--until", "2026-03-01T09:15:02.5Z"},
		{"--error", "--since", "2026-03-01T09:15:00.2Z", "--until", "2026-03-01T09:15:02.8Z"},
	} {
		var f query.Filter
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.Register(set, nil)
		if err := set.Parse(flags); err != nil {
			t.Fatal(err)
		}
		var want, stdout, stderr strings.Builder
		s := newSession(nil, &want, nil)
		if err := wholeList(s, whole, &f); err != nil {
			t.Fatal(err)
		}
		s.out.Flush()
		code := run(t.Context(), slices.Concat([]string{"ls", "--json"}, flags, []string{file}), nil, &stdout, &stderr)
		if code != 0 || !strings.Contains(stderr.String(), "unfinished spans") {
			t.Errorf("%q: exit code %d, stderr %q", flags, code, stderr.String())
		}
		if diff := gocmp.Diff(strings.Split(want.String(), "\n"), strings.Split(stdout.String(), "\n")); diff != "" {
			t.Errorf("%q: -want +got\n%s", flags, diff[:min(len(diff), 3000)])
		}
	}
}

// Of many traces ls says what their outlines know: the same, where all spans have ended and clocks agree.
func TestManyTraces(t *testing.T) {
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, loggen.Options{Traces: maxDetailed + 1, Seed: 6}); err != nil {
		t.Fatal(err)
	}
	log.WriteString(`{"time":"2026-03-01T09:15:00.030Z","level":"INFO","msg":"span end","trace":"ours-0123456789","span":"b","op":"charge","parent":"sdk","parent_kind":"external","start":"2026-03-01T09:15:00.010Z","duration_ms":20}` + "\n")
	file := filepath.Join(t.TempDir(), "many.log")
	if err := os.WriteFile(file, log.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	var want, stdout, stderr strings.Builder
	s := newSession(nil, &want, nil)
	if err := wholeList(s, assembled(t, file), new(query.Filter)); err != nil {
		t.Fatal(err)
	}
	s.out.Flush()
	code := run(t.Context(), []string{"ls", "--json", file}, nil, &stdout, &stderr)
	if code != 0 || !strings.Contains(stderr.String(), "unfinished spans") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	if diff := gocmp.Diff(strings.Split(want.String(), "\n"), strings.Split(stdout.String(), "\n")); diff != "" {
		t.Errorf("-want +got\n%s", diff[:min(len(diff), 3000)])
	}

	// In each order, cut off or not, as JSON and for people.
	var all []summary
	if err := json.Unmarshal([]byte(want.String()), &all); err != nil {
		t.Fatal(err)
	}
	keys := map[string]func(*summary) float64{
		"duration": func(s *summary) float64 { return s.Duration },
		"spans":    func(s *summary) float64 { return float64(s.Spans) },
		"errors":   func(s *summary) float64 { return float64(s.Errors) },
	}
	for _, order := range lsOrders {
		sorted := slices.Clone(all)
		if key := keys[order]; key != nil {
			slices.SortStableFunc(sorted, func(a, b summary) int { return cmp.Compare(key(&b), key(&a)) })
		}
		for _, limit := range []int{0, 7, maxDetailed, maxDetailed + 1} {
			want := sorted
			switch {
			case limit == 0:
			case order == "start":
				want = want[len(want)-limit:]
			default:
				want = want[:limit]
			}
			args := []string{"ls", "--sort", order, "--limit", strconv.Itoa(limit), file}
			var text, list, stderr strings.Builder
			run(t.Context(), args, nil, &text, &stderr)
			run(t.Context(), append(args, "--json"), nil, &list, &stderr)
			if told := strings.Contains(stderr.String(), "unfinished spans"); told != (len(want) > maxDetailed) {
				t.Errorf("%q: stderr %q", args, stderr.String())
			}
			var got []summary
			if err := json.Unmarshal([]byte(list.String()), &got); err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-want +got)\n%s", args, diff[:min(len(diff), 3000)])
			}
			lines := strings.Split(text.String(), "\n")
			if len(lines) != 1+len(want)+1 || !strings.HasPrefix(lines[0], "START") || lines[1+len(want)] != "" {
				t.Errorf("%q: %d lines, want a heading and %d", args, len(lines)-1, len(want))
				continue
			}
			for i := range want {
				if line := lines[1+i]; !strings.HasPrefix(line, s.timestamp(want[i].Start)) || !strings.Contains(line, "  "+want[i].Trace[:term.ShortestID]) {
					t.Errorf("%q: line %d is of another trace than %+v:\n%s", args, 1+i, want[i], line)
					break
				}
			}
		}
	}
}

// Outlines do not tell how many spans without an end failed. If many traces have no end, all are read whole.
func TestManyTracesWithoutEnds(t *testing.T) {
	var log strings.Builder
	for i := range maxDetailed + 10 {
		fmt.Fprintf(&log, `{"time":"2026-03-01T09:15:00Z","level":"ERROR","msg":"no room","trace":"%032x","span":"a"}`+"\n", i+1)
	}
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"ls", "--error", "--json"}, strings.NewReader(log.String()), &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if n := strings.Count(stdout.String(), `"errors":1,`); n != maxDetailed+10 {
		t.Errorf("%d traces with an error, want %d: %.300s", n, maxDetailed+10, stdout.String())
	}
}

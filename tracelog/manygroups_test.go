package tracelog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func end(trace, span string, ms int, more string) string {
	return fmt.Sprintf(`{"time":"2026-03-01T09:15:0%d.5Z","msg":"span end","trace":"%s","span":"%s","start":"2026-03-01T09:15:0%dZ","duration_ms":%d%s}`+"\n",
		ms%10, trace, span, ms%10, ms, more)
}

func TestScanGroups(t *testing.T) {
	log := end("t", "1", 1, `,"op":"a","service":"x","n":1`) +
		end("t", "2", 2, `,"op":"a","service":"y","sample_rate":0.25`) +
		end("t", "2", 2, `,"op":"a","service":"y","sample_rate":0.25`) + // a copy
		end("t", "3", 3, `,"op":"b","service":"y","error":"e","n":2`) +
		end("t", "3", 4, `,"op":"b","service":"y","error":"e","n":2`) + // other content
		end("u", "4", 5, `,"op":"b","sampled":false`) +
		`{"msg":"span start","trace":"u","span":"5","op":"b"}` + "\n" +
		`{"msg":"span end","op":"c"}` + "\n"
	show := func(o *GroupOptions) string {
		g, err := ScanGroups(t.Context(), []Input{{"f", strings.NewReader(log)}}, o)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, x := range g.Groups {
			fmt.Fprintf(&b, "%s: %g of which %g, %v; ", x.Key, x.Stat.Count(), x.Stat.Errors(), x.Stat.Max())
		}
		fmt.Fprintf(&b, "%d duplicates, deduped %v", g.Duplicates, g.Deduped)
		return b.String()
	}
	for _, test := range []struct {
		name string
		o    *GroupOptions
		want string
	}{
		{"nil", nil, "a: 5 of which 0, 2ms; b: 2 of which 2, 4ms; 1 duplicates, deduped true"},
		{"duplicates", &GroupOptions{KeepDuplicates: true}, "a: 9 of which 0, 2ms; b: 2 of which 2, 4ms; 0 duplicates, deduped false"},
		{
			"copies", &GroupOptions{KeepDuplicates: true, Copies: func(r *Record) int { return len(r.Op()) + int(r.Duration.Milliseconds()) }},
			"a: 26 of which 0, 2ms; b: 9 of which 9, 4ms; 0 duplicates, deduped false",
		},
		{
			"by service", &GroupOptions{By: func(r *Record) ([]byte, bool) { return r.Service(), len(r.Service()) > 0 }},
			"x: 1 of which 0, 1ms; y: 6 of which 2, 4ms; 1 duplicates, deduped true",
		},
		{
			"by an attribute", &GroupOptions{By: func(r *Record) ([]byte, bool) { v, ok := r.Attr("n"); return v, ok }},
			"1: 1 of which 0, 1ms; 2: 2 of which 2, 4ms; 0 duplicates, deduped true",
		},
		{
			"filter", &GroupOptions{ScanOptions: ScanOptions{Filter: func(r *Record) bool {
				return r.Start().After(time.Date(2026, 3, 1, 9, 15, 3, 0, time.UTC))
			}}},
			"b: 1 of which 1, 4ms; 0 duplicates, deduped true",
		},
	} {
		if got := show(test.o); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.name, got, test.want)
		}
	}
}

// Spans that began and did not end are counted for any order of the lines, and for any number of spans in a trace.
func TestScanGroupsOpen(t *testing.T) {
	var lines []string
	want := 0
	for trace := range 400 {
		spans := 12
		if trace == 7 {
			spans = 200 // more than are together in a recordSet
		}
		for span := range spans {
			id := fmt.Sprintf("%d.%d", trace, span)
			start := fmt.Sprintf(`{"msg":"span start","trace":"t%d","span":%q,"op":"op %d"}`+"\n", trace, id, span%3)
			if span%4 != 3 {
				lines = append(lines, start)
			}
			if span%5 == 0 {
				lines = append(lines, start) // sent twice
			}
			if (trace+span)%6 > 0 {
				lines = append(lines, end(fmt.Sprintf("t%d", trace), id, span%9+1, fmt.Sprintf(`,"op":"op %d"`, span%3)))
			} else if (span%4 != 3 || span%5 == 0) && span%3 > 0 {
				want++
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		o := &GroupOptions{
			ScanOptions: ScanOptions{Workers: 3, chunk: 1 << 12},
			By:          func(r *Record) ([]byte, bool) { return r.Op(), string(r.Op()) != "op 0" },
		}
		scan := func() (*Grouping, error) {
			return ScanGroups(t.Context(), []Input{{"f", strings.NewReader(strings.Join(lines, ""))}}, o)
		}
		g, err := scan()
		if err == nil && g.Open == want-1 {
			// Of a span 24 bits of a hash are remembered: in one of 1000 scans two spans of a trace have the same ones. Then they
			// have not with another seed.
			g, err = scan()
		}
		if err != nil || !g.Deduped || g.Open != want || len(g.Groups) != 2 {
			t.Fatalf("%d open in %d groups (deduped %v, %v), want %d in 2", g.Open, len(g.Groups), g.Deduped, err, want)
		}
	}
}

// A worker remembers only the spans that are open.
func TestGrouperForgetsEnded(t *testing.T) {
	set := newRecordSet(nil)
	g := &grouper{set: set, maxStarts: 100, groups: make(map[string]*twofold)}
	g.ends = newSetWriter(set, 1, g.count)
	for span := range 10_000 {
		g.add(record(t, fmt.Sprintf(`{"msg":"span start","trace":"t","span":"%d"}`, span)))
		g.add(record(t, strings.TrimSpace(end("t", fmt.Sprint(span), 1, ""))))
	}
	if len(g.starts) > 100 || g.maxStarts > 100 {
		t.Errorf("%d starts, room for %d", len(g.starts), g.maxStarts)
	}
}

func TestScanOutlines(t *testing.T) {
	log := `{"time":"2026-03-01T09:14:59Z","msg":"a","trace":"x","op":"first"}` + "\n" +
		`{"time":"2026-03-01T09:15:59Z","msg":"b","trace":"x","op":"last"}` + "\n" +
		end("t", "2", 2, `,"op":"child","parent":"1","error":"e"`) +
		end("t", "2", 2, `,"op":"child","parent":"1","error":"e"`) +
		end("t", "1", 4, `,"op":"root","service":"api"`) +
		end("t", "3", 5, `,"op":"later root"`) +
		end("4bf92f3577b34da6a3ce929d0e0e4736", "4", 7, `,"op":"`+strings.Repeat("é", 200)+`","parent":"gone"`) +
		`{"msg":"no time","trace":"y"}` + "\n" +
		`{"time":"9999-03-01T09:15:59Z","msg":"c","trace":"z"}` + "\n"
	const long = "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"
	const want = `x 09:14:59.000 09:15:59.000 0 spans 0 errors 2 matched "first" ""
t 09:15:02.000 09:15:05.005 3 spans 1 errors 4 matched "root" "api"
4bf92f3577b34da6a3ce929d0e0e4736 09:15:07.000 09:15:07.007 1 spans 0 errors 1 matched "` + long + `" ""
y 00:00:00.000 00:00:00.000 0 spans 0 errors 0 matched "" ""
z 00:00:00.000 00:00:00.000 0 spans 0 errors 0 matched "" ""
1 duplicates, deduped true
`
	for workers := 1; workers <= 3; workers++ {
		s, err := ScanOutlines(t.Context(), []Input{{"f", strings.NewReader(log)}}, &OutlineOptions{
			ScanOptions: ScanOptions{Workers: workers, chunk: 50},
			Match:       func(r *Record) bool { return len(r.Op()) > 0 },
		})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for x := range s.All(nil) {
			const layout = "15:04:05.000"
			fmt.Fprintf(&b, "%s %s %s %d spans %d errors %d matched %q %q\n", x.ID, x.Start.Format(layout), x.End.Format(layout),
				x.Spans, x.Errors, x.Matched, x.Op, x.Service)
		}
		fmt.Fprintf(&b, "%d duplicates, deduped %v\n", s.again(), s.deduped)
		if b.String() != want {
			t.Errorf("%d workers: got\n%swant\n%s", workers, b.String(), want)
		}
	}
}

// Lines that a container runtime cut are joined, wherever the file is split into parts.
func TestCutLines(t *testing.T) {
	var log strings.Builder
	for i := range 40 {
		line := fmt.Sprintf(`{"msg":"m","trace":"abcdef%02d","text":"%s"}`, i%20, strings.Repeat("x", 30*(i%4)))
		stream := [...]string{"stdout", "stderr"}[i%2]
		for len(line) > 50 {
			fmt.Fprintf(&log, "2026-03-01T09:15:00Z %s P %s\n", stream, line[:50])
			line = line[50:]
			fmt.Fprintf(&log, "2026-03-01T09:15:00Z %s F {\"other\":%d}\n", [...]string{"stderr", "stdout"}[i%2], i)
		}
		fmt.Fprintf(&log, "2026-03-01T09:15:00Z %s F %s\npanic: %d\n\ngoroutine 1 [running]:\n\t/a.go:1\n", stream, line, i)
	}
	var want []string
	var numbers []int
	wantSource, _ := Scan(strings.NewReader(log.String()), "f", func(e Entry) {
		want = append(want, string(e.Raw))
		if e.Trace == "abcdef07" {
			numbers = append(numbers, e.Line)
		}
	})
	if len(want) < 80 || wantSource.Joined == 0 || len(numbers) != 2 {
		t.Fatalf("%+v %v", wantSource, numbers)
	}
	slices.Sort(want)
	for _, a := range readings() {
		got, source := a.lines(t, log.String())
		if strings.Join(got, "\n") != strings.Join(want, "\n") || fmt.Sprintf("%+v", source) != fmt.Sprintf("%+v", wantSource) {
			t.Fatalf("%s: %d records, want %d; %+v, want %+v", a.name, len(got), len(want), source, wantSource)
		}
		f, err := FindTrace(t.Context(), []Input{{"f", a.input(t, log.String())}}, []string{"abcdef07"}, &ScanOptions{Workers: a.workers, chunk: a.chunk})
		if err != nil || len(f.Entries) != 2 || f.Entries[0].Line != numbers[0] || f.Entries[1].Line != numbers[1] {
			t.Fatalf("%s: %+v, %v; want lines %v", a.name, f, err, numbers)
		}
	}
}

func TestScanGroupsEvery(t *testing.T) {
	log := end("t", "1", 1, `,"op":"a"`) + end("t", "2", 2, `,"op":"a"`) + end("t", "2", 2, `,"op":"a"`) + // a copy
		end("t", "3", 3, `,"op":"b","error":"e"`) + end("t", "4", 5, `,"op":"a","sample_rate":0.5`) +
		`{"msg":"span end","trace":"t","span":"5","op":"a","duration_ms":7}` + "\n" + // no time
		`{"time":"0001-01-01T00:00:01Z","msg":"span end","trace":"t","span":"6","op":"b","start":"0001-01-01T00:00:01Z","duration_ms":8}` + "\n"
	for every, want := range map[time.Duration]string{
		0:               "a  5; b  2; ",
		-time.Second:    "a  5; b  2; ",
		2 * time.Second: "a 00 1; a 02 1; a 04 2; a  1; b 02 1; b  1; ",
		time.Second:     "a 01 1; a 02 1; a 05 2; a  1; b 03 1; b  1; ",
		time.Minute:     "a 00 4; a  1; b 00 1; b  1; ",
	} {
		for _, workers := range []int{1, 2} {
			o := &GroupOptions{Every: every, ScanOptions: ScanOptions{Workers: workers, chunk: 200}}
			g, err := ScanGroups(t.Context(), []Input{{"f", strings.NewReader(log)}}, o)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, x := range g.Groups {
				second := ""
				if !x.Start.IsZero() {
					second = x.Start.Format("05")
				}
				fmt.Fprintf(&b, "%s %s %g; ", x.Key, second, x.Stat.Count())
			}
			if b.String() != want || g.Duplicates != 1 {
				t.Errorf("every %v: %s and %d duplicates, want %s", every, b.String(), g.Duplicates, want)
			}
		}
	}
}

func TestIntervalStart(t *testing.T) {
	at := time.Date(2026, 3, 4, 9, 15, 30, 5, time.FixedZone("", 2*3600)) // a Wednesday
	for every, want := range map[time.Duration]string{
		time.Minute: "2026-03-04T07:15:00Z", time.Hour: "2026-03-04T07:00:00Z", 24 * time.Hour: "2026-03-04T00:00:00Z",
		7 * 24 * time.Hour: "2026-03-02T00:00:00Z", 0: "2026-03-04T07:15:30.000000005Z",
	} {
		if got := IntervalStart(at, every).Format(time.RFC3339Nano); got != want {
			t.Errorf("%v: %s, want %s", every, got, want)
		}
	}
	if got := IntervalStart(time.Time{}, time.Hour); !got.IsZero() {
		t.Errorf("of the zero time: %v", got)
	}
}

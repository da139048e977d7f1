package tracelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// printedBehind returns the lines of a record that is printed on many lines, each behind a prefix. A %d in the prefix
// becomes the number of the line.
func printedBehind(prefix, record string) (lines []string) {
	for i, line := range strings.Split(strings.TrimSpace(indented(record)), "\n") {
		if strings.Contains(prefix, "%") {
			lines = append(lines, fmt.Sprintf(prefix, i)+line)
		} else {
			lines = append(lines, prefix+line)
		}
	}
	return lines
}

// eachPrinted prints each record on many lines, behind one of the prefixes.
func eachPrinted(prefixes ...string) func([]string) string {
	return func(records []string) string {
		var all []string
		for i, r := range records {
			all = append(all, printedBehind(prefixes[i%len(prefixes)], r)...)
		}
		return strings.Join(all, "\n") + "\n"
	}
}

// alternately takes a line from each list in turn.
func alternately(lists ...[]string) (all []string) {
	for i := 0; ; i++ {
		n := len(all)
		for _, list := range lists {
			if i < len(list) {
				all = append(all, list[i])
			}
		}
		if len(all) == n {
			return all
		}
	}
}

// The lines of several programs may alternate. Each record has the number of its first line, and comes in that order.
func TestPrintedAlternately(t *testing.T) {
	records := rawRecords(t)
	var log, names []string
	for i, r := range records {
		r = strings.Replace(r, `"service":"api",`, "", 1)
		names = append(names, fmt.Sprintf("web%c", 'a'+i))
		lines := printedBehind(names[i]+"-1  | ", r)
		if i%2 == 1 {
			lines = append(slices.Repeat([]string{names[i] + "-1  | text"}, 3), lines...)
		}
		records[i] = r
		log = alternately(log, lines)
	}
	text := strings.Join(log, "\n") + "\n"
	entries, src := scanAll(t, []byte(text))
	checkSource(t, src, len(entries))
	var got []string
	last := 0
	for _, e := range entries {
		if e.Line <= last {
			t.Errorf("line %d after line %d", e.Line, last)
		}
		last = e.Line
		got = append(got, e.Service)
	}
	if slices.Sort(got); !slices.Equal(got, names) {
		t.Errorf("services %v, want %v", got, names)
	}
	if want := 3 * (len(records) / 2); src.Bad != want {
		t.Errorf("%d bad lines, want %d", src.Bad, want)
	}
	bare, _ := scanAll(t, []byte(each("%s")(records)))
	for i := range entries {
		entries[i].Service = ""
	}
	if diff := gocmp.Diff(inOrder(bare), inOrder(entries)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, workers := range []int{1, 3} {
		checkDocument(t, "alternately", text, &ScanOptions{Workers: workers, chunk: 300})
	}
}

// Lines that are no object after all are read as if none had been looked for.
func TestPrintedFails(t *testing.T) {
	record := rawRecords(t)[0]
	object := printedBehind("api-1  | ", record)
	open := object[:len(object)-1]
	long := slices.Concat(open, slices.Repeat([]string{"web-1  | x"}, maxApart+2), []string{object[len(object)-1]})
	many := func() (all []string) {
		for i := range maxPrinted + 3 {
			all = append(all, fmt.Sprintf("api-%d  | {", i), "web-1  | "+record)
		}
		return all
	}
	for name, lines := range map[string][]string{
		"text inside":       slices.Concat(open, []string{"api-1  | x", "web-1  | " + record}),
		"another in it":     slices.Concat(open[:3], []string{"api-1  | panic: x", "goroutine 1 [running]:", "main.main()", "", "api-1  | y"}),
		"text behind it":    slices.Concat(open, []string{"api-1  | } x", "api-1  | y"}),
		"cut off":           open,
		"any text":          {"x is {", "x is \"y\"", "x is {", "y", "x is {", "x is", record},
		"a job":             printedBehind("api-1  | ", `{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","to":{"a":1}}`),
		"too far apart":     long,
		"too many":          many(),
		"braces":            {"a {", "b {", "c {", "b }", "a }"},
		"in another":        {"api-1  | {", "web-1  | {", "api-1  | x", "web-1  | \"a\": 1"},
		"docker's parts":    {"2026-03-01T09:15:00Z stdout F {", "2026-03-01T09:15:00Z stdout P {\"msg\":", "2026-03-01T09:15:00Z stdout F \"m\"}"},
		"another document":  {"api-1  | {", "{", "\"a\":", "x"},
		"the prefix's end":  {"api-1  | {", "api-1  |", "api-1  | x"},
		"a prefix of times": {"09:15:00 {", "09:15 }", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			checkSingly(t, strings.Join(lines, "\n")+"\n")
		})
	}
}

// checkSingly reads lines that could begin an object or a table and do not. They must be read like any others.
func checkSingly(t *testing.T, log string) {
	t.Helper()
	// Behind so many lines, nothing that has several is looked for.
	bare, bareSource := scanAll(t, []byte(strings.Repeat("{\"msg\":\"x\"}\n", maxIntro)+log))
	bare = bare[maxIntro:]
	got, src := scanAll(t, []byte(log))
	checkSource(t, src, len(got))
	for i := range bare {
		bare[i].Line -= maxIntro
	}
	if diff := gocmp.Diff(bare, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var bad []BadLine
	for _, b := range bareSource.BadLines {
		b.Line -= maxIntro
		bad = append(bad, b)
	}
	if diff := gocmp.Diff(bad, src.BadLines[:min(len(src.BadLines), len(bad))]); diff != "" || src.Bad != bareSource.Bad {
		t.Errorf("%+v, want %+v\n%s", src, bareSource, diff)
	}
	checkReaders(t, log, got, src)
	for _, n := range []int{1, 2} { // without the last newline
		got, src := scanAll(t, []byte(log[:len(log)-n]))
		checkSource(t, src, len(got))
		checkReaders(t, log[:len(log)-n], got, src)
	}
}

// An object that never ends holds others until the end of the input, at most.
func TestPrintedBehindOpen(t *testing.T) {
	records := rawRecords(t)
	log := "web-1  | {\n" + eachPrinted("api-1  | ")(records[:3])
	got, src := scanAll(t, []byte(log))
	checkSource(t, src, len(got))
	if len(got) != 3 || src.Bad != 1 {
		t.Errorf("%d records: %+v", len(got), src)
	}
	checkReaders(t, log, got, src)
}

// Servers write many lines when they start.
func TestPrintedBanner(t *testing.T) {
	record := eachPrinted("api-1  | ")(rawRecords(t)[:1])
	for _, test := range []struct{ lines, records int }{{maxBanner - 1, 1}, {maxBanner, 0}} {
		log := strings.Repeat("db-1  | ready\n\n", test.lines) + record
		got, src := scanAll(t, []byte(log))
		checkSource(t, src, len(got))
		if len(got) != test.records {
			t.Errorf("%d lines: %d records, want %d", test.lines, len(got), test.records)
		}
		checkReaders(t, log, got, src)
	}
}

// A long line counts as several lines before the first document.
func TestDocumentBehindLongLines(t *testing.T) {
	record := eachPrinted("")(rawRecords(t)[:1])
	for _, test := range []struct{ lines, size, records int }{{maxIntro - 1, 100, maxIntro}, {maxIntro, 100, maxIntro}, {9, longIntro, 10}, {10, longIntro, 10}, {1, 18 * longIntro, 2}, {1, 19 * longIntro, 1}} {
		log := strings.Repeat(`{"msg":"`+strings.Repeat("x", test.size)+"\"}\n", test.lines) + record
		got, src := scanAll(t, []byte(log))
		checkSource(t, src, len(got))
		if len(got) != test.records {
			t.Errorf("%d lines of %d bytes: %d records, want %d", test.lines, test.size, len(got), test.records)
		}
		checkReaders(t, log, got, src)
	}
}

func TestLinePrefix(t *testing.T) {
	for _, test := range []struct {
		prefix, line string
		ok           bool
	}{
		{"api-1  | ", "api-1  | x", true},
		{"api-1  | ", "api-2  | x", false},
		{"api-1  | ", "api-1  |", true},
		{"api-1  | ", "api-1  | ", true},
		{"2026-03-01T09:15:00.123456789Z ", "2026-03-01T09:15:01.1Z x", true},
		{"2026-03-01T09:15:00Z ", "2026-03-01T09:15:01+01:00 x", true},
		{"2026-03-01T09:15:00Z ", "2026-03-01 x", false},
		{"2026-03-01 09:15:00,5 a ", "2026-03-02 00:00:00,25 a x", true},
		{"03-01 09:15:00 ", "03-02 09:15:00 x", true},
		{"2026/03/01 09:15:00 ", "2026/03/02 09:15:00 x", true},
		{"Mar  1 09:15:00 web1 api[47]: ", "Mar 10 09:15:01 web1 api[47]: x", true},
		{"Mar  1 09:15:00 web1 api[47]: ", "Apr  1 09:15:01 web1 api[48]: x", false},
		{"<134>1 2026-03-01T09:15:00Z web1 api 47 - - ", "<134>1 2026-03-01T09:15:01Z web1 api 47 - - x", true},
		{"Sun 2026-03-01 09:15:00 UTC web1 api[47]: ", "Sun 2026-03-01 09:15:01 UTC web1 api[47]: x", true},
		{"[  123.456789] web1 api[47]: ", "[ 1123.456790] web1 api[47]: x", true},
		{"1772356500.5 web1 ", "1772356501.25 web1 x", true},
		{"web-123456 ", "web-123457 x", false},
		{"10.0.0.1:80 ", "10.0.0.2:80 x", false},
		{"09:15:00 web.1 | ", "09:15:01 web.1 | x", true},
		{"[pod/a/b] 2026-03-01T09:15:00Z ", "[pod/a/b] 2026-03-01T09:15:01Z x", true},
		{"[pod/a/b] ", "[pod/a/c] x", false},
		{"a09:15:00 ", "a09:15:01 x", false},
	} {
		p := newLinePrefix([]byte(test.prefix))
		rest, ok := p.cut([]byte(test.line))
		if want := strings.TrimPrefix(test.line[len(test.line)-1:], " "); ok != test.ok || ok && len(rest) > 0 && string(rest) != want {
			t.Errorf("%q, %q: %q, %v", test.prefix, test.line, rest, ok)
		}
	}
}

// An object that never ends takes little memory, and each of its lines is counted.
func TestPrintedMemory(t *testing.T) {
	line := `api-1  |   "a": "` + strings.Repeat("x", 1000) + "\",\n"
	var log bytes.Buffer
	log.WriteString("api-1  | {\n")
	const n = 40_000
	for range n {
		log.WriteString(line)
	}
	record := "api-1  | " + rawRecords(t)[0] + "\n"
	log.WriteString(record)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var most uint64
	src, err := ScanLines(&log, "f", &LineOptions{Bad: func(number int, _ []byte) {
		if number == n/2 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc))
		}
	}}, func(Entry) {})
	if err != nil || src.Records != 1 || src.Bad != n+1 {
		t.Errorf("%v: %d records, %d bad", err, src.Records, src.Bad)
	}
	if most > 100<<20 {
		t.Errorf("%d MB", most>>20)
	}
}

func TestPrintedJSON(t *testing.T) {
	// An attribute's value is as it was printed, but on one line.
	record := `{"time":"2026-03-01T09:15:00Z","msg":"m","a":{"b":[1,{"c":"d  e"}]}}`
	got, _ := scanAll(t, []byte(eachPrinted("api-1  | ")([]string{record})))
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	v, _ := got[0].Attr("a")
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil || b.String() != `{"b":[1,{"c":"d  e"}]}` {
		t.Errorf("%s, %v", v, err)
	}
}

// Lines of any order, with and without prefixes, are read alike by all readers, and each is counted.
func FuzzPrinted(f *testing.F) {
	prefixes := []string{"api-1  | ", "web-1  | ", "2026-03-01T09:15:00.%dZ ", "<x> ", "", "docker", "shipper"}
	texts := []string{
		"{", "}", `"time": "2026-03-01T09:15:00Z",`, `"msg": "m%d",`, `"trace": "t"`, `"a": {`, "},", "x", "x {", "",
		`{"time":"2026-03-01T09:15:00Z","msg":"m%d","trace":"t"}`, `["msg","trace"]`, `["m%d","t"]`, `["String","String"]`,
		"panic: x", "goroutine 1 [running]:",
	}
	n := byte(len(prefixes))
	for prefix := range n { // an object, and a table
		f.Add([]byte{prefix, 2*n + prefix, 3*n + prefix, 4*n + prefix, n + prefix, 11*n + 4, 12*n + 4, 12*n + prefix})
	}
	f.Add([]byte{0, 1, 2 * n, 2*n + 1, 3 * n, 3*n + 1, 4 * n, 4*n + 1, n, n + 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var b strings.Builder
		for i, step := range steps[:min(len(steps), 100)] { // not more bad lines than are described
			prefix, text := prefixes[int(step)%len(prefixes)], texts[int(step)/len(prefixes)%len(texts)]
			line := prefix + text
			if prefix == "docker" {
				line = `{"log":` + quotedJSON(text+"\n") + `,"stream":"stderr","time":"2026-03-01T09:15:00.%dZ"}`
			}
			if prefix == "shipper" {
				line = `{"date":1772356500.%d,"log":` + quotedJSON(text) + `,"stream":"stderr","kubernetes":{"pod_name":"api-1"}}`
			}
			b.WriteString(strings.ReplaceAll(line, "%d", fmt.Sprint(i)) + "\n")
		}
		log := b.String()
		got, src := scanAll(t, []byte(log))
		checkSource(t, src, len(got))
		last := 0
		for _, e := range got {
			if e.Line < last {
				t.Errorf("%q: line %d after line %d", log, e.Line, last)
			}
			last = e.Line
		}
		if !strings.Contains(log, "panic") && !strings.Contains(log, "goroutine") { // findings of several lines, and documents
			checkReaders(t, log, got, src)
		}
	})
}

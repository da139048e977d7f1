package tracelog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/cputest"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

const shapesOfLines = 18

// wrapIn puts a record into one of the shapes that have it on a line of its own.
func wrapIn(record string, how byte) string {
	switch how % shapesOfLines {
	case 0:
		return `{"_index":"i","_source":` + record + `}`
	case 1:
		return `{"log":` + quotedJSON(record+"\n") + `,"stream":"stdout","kubernetes":{"pod_name":"api-1","labels":{"app":"shop"}}}`
	case 2:
		return `{"@timestamp":"2026-03-01T09:15:00.7Z","message":` + quotedJSON(record) + `}`
	case 3:
		return `{"a":{"severity":"NOTICE","b":{"c":1,"d":` + record + `}}}`
	case 4:
		return "any text, 15 % of it {in braces}: " + record
	case 5:
		return `[` + record + `]`
	case 6:
		return `{"streams":[{"stream":{"app":"shop"},"values":[["1772356500500000000",` + quotedJSON(record) + `]]}]}`
	case 7:
		return `{"log":` + quotedJSON(record+"\n") + `,"stream":"stderr","time":"2026-03-01T09:15:00Z"}`
	case 8:
		return `{"hits":{"hits":[{"_source":` + record + `}]}}`
	case 9:
		return `{"line":` + quotedJSON("web-1  | "+record) + `,"labels":{"app":"shop"},"timestamp":"2026-03-01T09:15:00Z"}`
	case 10:
		return `{"jsonPayload":` + record + `,"severity":"INFO","timestamp":"2026-03-01T09:15:00Z","resource":{"labels":{"container_name":"c"}}}`
	case 11:
		return `2026-03-01T09:15:00Z {app="shop", pod="shop-1"} ` + record
	case 12:
		return quotedJSON(record + "\n")
	case 13:
		return `[0] kube.shop: [[1772356500.5, {}], {"log":` + quotedJSON(record+"\n") + `}]`
	case 14:
		return `{"columns":[{"name":"PodName"},{"name":"LogMessage"}],"rows":[["shop-1",` + quotedJSON(record) + `]]}`
	case 15:
		return `[{"field":"@message","value":` + quotedJSON(record) + `},{"field":"@ptr","value":"C"}]`
	case 16:
		return `{"Log":` + quotedJSON("F "+record) + `}`
	}
	return "2026-03-01T09:15:00.5Z api/pod/1 " + record
}

// checkWrapped compares a record in a shape, or in two, with the bare record. What the record lacks may come from the
// shape: the time, the level, the service.
func checkWrapped(t *testing.T, record string, how, again byte) {
	t.Helper()
	bare, src := scanAll(t, []byte(record))
	ms, err := appendMembers(nil, []byte(record))
	if err != nil || src.Records != 1 || strings.ContainsAny(record, "\n\x1b") || !json.Valid([]byte(record)) {
		return
	}
	// Without a time of its own, or with a message that may be a line, an object is not a record everywhere.
	if s := signsOf(ms); !s.message || !s.trace || !s.time || s.carries || bare[0].Trace == "" || bare[0].Time.IsZero() || foreignOf(ms) != notForeign {
		return
	}
	line := wrapIn(record, how)
	if again%4 == 0 {
		line = wrapIn(line, again/4)
		switch how, again := how%shapesOfLines, again/4%shapesOfLines; how {
		case 4, 9, 11, 13, 16, 17:
			return // text inside of the other shape need not be looked at
		case 12:
			if again == 14 || again == 15 || again == 13 {
				return // three strings
			}
			if again == 4 || again == 16 || again == 17 {
				return // a string behind text
			}
		case 8:
			if again == 6 {
				return // too deep
			}
		case 6, 14, 15:
			if again == 3 || again == 6 || again == 8 || again == 13 || again == 14 || again == 15 {
				return // too deep
			}
		}
	}
	got, src := scanAll(t, []byte(line))
	checkSource(t, src, len(got))
	if len(got) != 1 {
		t.Fatalf("%s: %d records", line, len(got))
	}
	want := bareEntries(bare)[0]
	have := bareEntries(got)[0]
	if want.Level == "" {
		have.Level = ""
	}
	if want.Service == "" {
		have.Service = ""
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", line, diff)
	}
	var p, q lineParser
	var e Entry
	p.parse(bare[0].Raw, &e)
	q.parse(got[0].Raw, &e)
	if p.hashMembers() != q.hashMembers() {
		t.Errorf("%s: another content than bare", line)
	}
	checkLine(t, []byte(line))
	checkReaders(t, line+"\n"+record+"\n", append(got, bare...), Source{File: "app.log", Lines: 2, Records: 2})
}

func FuzzWrapped(f *testing.F) {
	for _, record := range rawRecords(f) {
		f.Add(record, byte(0), byte(1))
	}
	for how := range byte(shapesOfLines) {
		f.Add(`{"time":"2026-03-01T09:15:00.5Z","level":"INFO","msg":"span end","trace":"t","span":"s","op":"é\"\\","start":"2026-03-01T09:15:00Z","duration_ms":1.5,"body":{"msg":"x","trace":"forged"}}`, how, byte(1))
		f.Add(`{"ts":1772356500.5,"message":"m","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","a":[{"b":null}]}`, how, how*4)
		f.Add(`{"level":"info","trace":"t","span":"s","op":"o","name":"n","error":"e","time":"2026-03-01T09:15:00Z","message":"as zerolog writes it"}`, how, byte(1))
		f.Add(`{"time":"2026-03-01T09:15:00Z","level":"WARN","msg":"no service","trace":"t","span":"s","log":"[trace:u] m"}`, how, byte(4))
	}
	f.Fuzz(func(t *testing.T, record string, how, again byte) { checkWrapped(t, record, how, again) })
}

// Documents of any form are read without a panic, and each of their lines is counted; all readers agree.
func FuzzDocument(f *testing.F) {
	for _, s := range shapes {
		f.Add(s.of(rawRecords(f)[:3]))
	}
	for _, text := range []string{"{\n", "[\n{\n\"a\":1\n},{\n}\n]\n", "{\"a\":[\n{\"a\":[\n{\"a\":[\n", "x {\n\"a\":\n[1,2]\n} {\n}\n", "[{\"a\":1},\n2]\n", "{\"a\":[{\"msg\":\"m\",\"trace\":\"t\"},\n{\"msg\":\"m\",\"trace\":\"t\"}\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, log string) {
		got, src := scanAll(t, []byte(log))
		checkSource(t, src, len(got))
		for i := range got {
			for _, a := range got[i].Attrs() {
				if !json.Valid(a.Value) {
					t.Errorf("%q: %q is no JSON: %q", log, a.Key, a.Value)
				}
			}
		}
		sources, err := ScanRecords(t.Context(), []Input{{Name: "app.log", Reader: strings.NewReader(log)}}, &ScanOptions{Workers: 1}, func() func(*Record) { return func(*Record) {} })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(src, sources[0]); diff != "" {
			t.Errorf("%q: source (-Scan +ScanRecords):\n%s", log, diff)
		}
	})
}

// Reading takes no more than linear time, whatever the shape.
func TestShapesGrowth(t *testing.T) {
	racetest.SkipTimes(t)
	record := `{"time":"2026-03-01T09:15:00Z","msg":"m","trace":"t"}`
	for name, make := range map[string]func(n int) string{
		"objects": func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) },
		"arrays":  func(n int) string { return `{"a":` + strings.Repeat(`[`, n) + strings.Repeat("]", n) + "}" },
		"records, beside": func(n int) string {
			return `{"x":"` + strings.Repeat("x", 20*n) + `","a":[` + strings.Repeat(record+",", n) + record + `]}`
		},
		"strings":      func(n int) string { return `{` + strings.Repeat(`"a":"{\"b\":1}",`, n) + `"c":1}` },
		"carriers":     func(n int) string { return `{` + strings.Repeat(`"log":"a=b [c:d] {",`, n) + `"c":1}` },
		"braces":       func(n int) string { return strings.Repeat("{ ", n) + record },
		"brackets":     func(n int) string { return strings.Repeat("[x] ", n) + record },
		"pairs behind": func(n int) string { return strings.Repeat("a=b c ", n) + "msg=x" },
		"labels":       func(n int) string { return "{" + strings.Repeat(`a="b", `, n) },
		"rows": func(n int) string {
			return `{"fields":["_raw"],"rows":[` + strings.Repeat(`["a"],`, n) + `[` + quotedJSON(record) + `]]}`
		},
		"names and values":    func(n int) string { return `[` + strings.Repeat(`[{"field":"a","value":"b"}],`, n) + record + `]` },
		"a string of lines":   func(n int) string { return quotedJSON(strings.Repeat(record+"\n", n)) },
		"open documents":      func(n int) string { return strings.Repeat("{\"a\":[\n", n) },
		"documents that fail": func(n int) string { return strings.Repeat("{\"a\":[\n1,\n", n) + "x\n" },
		"contexts": func(n int) string {
			return `{"level":"info","msg":"m",` + strings.Repeat(`"context":{"trace":"t","span":"s"},`, n) + `"ts":1}`
		},
		"contexts in each other": func(n int) string {
			return `{"level":"info","msg":"m","ts":1,"context":` + strings.Repeat(`{"trace":"t","span":"s","context":`, n) + "1" + strings.Repeat("}", n) + "}"
		},
		"members of GELF": func(n int) string {
			return `{"version":"1.1","short_message":"m",` + strings.Repeat(`"_a":{"b":1},`, n) + `"_z":1}`
		},
		"names of columns":           func(n int) string { return strings.Repeat("[\"msg\",\"a\"]\n[\"msg\",\"b\"]\n", n) },
		"names of columns, one line": func(n int) string { return `["msg"` + strings.Repeat(`,"a"`, n) + "]\n" },
		"rows of CSV":                func(n int) string { return "msg,a\n" + strings.Repeat("a,\"\n", n) + "\"\n" },
		"rows of CSV that fail":      func(n int) string { return "msg,a\na,b\n" + strings.Repeat("a\",\"\n\"b,\"\n", n) },
		"an open cell of CSV":        func(n int) string { return "msg,a\na,b\nc,\"" + strings.Repeat("a\n\"\"\n", n) },
		"an open cell at first":      func(n int) string { return "msg,a\nc,\"" + strings.Repeat("a,b\n\"\"\n", n) },
		"names of CSV":               func(n int) string { return "msg" + strings.Repeat(",a", n) + "\na,b" },
		"cells of CSV":               func(n int) string { return "msg,a\na,b\n" + strings.Repeat(",", n) },
		"traces of Jaeger":           func(n int) string { return strings.Repeat(`{"processes":{},"spans":[`, n) + strings.Repeat("]}", n) },
		"printed objects":            func(n int) string { return strings.Repeat("a-1  | {\na-1  | \"a\": {\n", n) },
		"printed, alternating": func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "a-%d  | {\nb  | {\"msg\":\"m\"}\n", i)
			}
			return b.String()
		},
		"printed, long": func(n int) string { return "a-1  | {\n" + strings.Repeat("a-1  | \"a\":1,\n", n) + "a-1  | }" },
		"children":      func(n int) string { return nestedSpans(n / 8) },
		"members": func(n int) string {
			return `{"kubernetes":{` + strings.Repeat(`"a":{"b":"c"},`, n) + `"z":1},"log":` + quotedJSON(record) + `}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			cputest.WantLinear(t, 1000, func(n int) {
				if _, err := Scan(strings.NewReader(make(n)+"\n"), "f", func(Entry) {}); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func nestedSpans(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"name":"n","traceId":"t","spanId":"s%d","startTime":1772356500000,"duration":1,"children":[`, i)
	}
	return b.String() + strings.Repeat("]}", n)
}

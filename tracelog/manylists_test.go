package tracelog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/cputest"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// listShapes are lines with a long array, and its elements. They have %s for the elements, for a record, or %q for a string with it.
var listShapes = []struct{ line, element string }{
	{`{"took":3,"hits":{"total":{"value":60},"hits":[%s]},"end":true}`, `{"_index":"i","_id":"a","_source":%s,"sort":[1]}`},
	{`{"x":1,"list":[%s]}`, `{"_index":"i","labels":{"app":"shop"},"tags":["a"],"_source":%s}`},
	{`{"hits":{"hits":[%s]}}`, `{"_index":"i","_source":%s}`},
	{`{ "events" : [ %s ] }`, `%s`},
	{`{"owner":"o","service":"checkout","events":[%s],"x":[1,"2"],"msg_id":"m"}`, `%s`},
	{`{"time":"2026-03-01T09:15:00Z","entries":[%s],"next":"n","span":"forged"}`, `{"insertId":"x","jsonPayload":%s,"severity":"ERROR","timestamp":"2026-03-01T09:15:00Z"}`},
	{`{"entries":[%s],"level":"INFO"}`, `{"insertId":"x","jsonPayload":%s,"severity":"ERROR"}`},
	{`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"a"},"values":[%s]}],"stats":{"n":[1,2]}}}`, `["1772356500500000000",%q]`},
	{`{"data":{"result":[{"stream":{"app":"a"},"values":[%[1]s]},{"stream":{"app":"b"},"values":[%[1]s]},{"values":[],"stream":{}}]}}`, `[ "1772356500500000000" , %q ]`},
	{`{"streams":[{"stream":{"app":"a"},"values":[%s]}]}`, `["1772356500500000000",%q,{"pod":"p"}]`},
	{`{"values":[%s]}`, `[1772356500.5,%s]`},
	{`{"owner":"1","logEvents":[%s]}`, `{"id":"1","timestamp":1772356500500,"message":%q}`},
	{`{"fields":["_time","_raw"],"rows":[%s]}`, `["2026-03-01T09:15:00Z",%q]`},
	{`{"columns":[%s],"rows":[[1,2,3]]}`, `{"name":"n","record":%s}`},
	{`{"a":[%[1]s],"b":[%[1]s]}`, `%s`},
	{`{"x":1,"a":[%[1]s],"b":[%[1]s]}`, `%s`},
	{`{"event":[%s],"n":[1,2,3,4,5,6,7,8,9]}`, `%s`},
	{`{"columns":[%s],"rows":[[1,2,3,4,5,6,7,8,"{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\"}"]]}`, `{"name":"n","record":%s}`},
	{`{"x":1,"a":[%[1]s],"b":{"c":[%[1]s]}}`, `{"source":%s}`},
	{`{"results":[%s]}`, `[{"field":"@message","value":%q},{"field":"@ptr","value":"C"}]`},
	{`{"spans":[%s]}`, `{"name":"n","traceId":"t","spanId":"s","startTime":1772356500000,"duration":1,"log":%s}`},
	{`{"msg":"m","time":"2026-03-01T09:15:00Z","response":[%s]}`, `%s`},
	{`{"level":"INFO","time":"2026-03-01T09:15:00Z","response":[%s]}`, `%s`},
	{`{"message":"","a":{"b":{"c":{"d":{"e":{"f":[%s]}}}}}}`, `%s`},
	{`{"a":{"b":{"c":{"d":{"e":[%s]}}}}}`, `{"f":%s}`},
	{`{"resourceSpans":[%s]}`, `{"_source":%s}`},
	{`{"index":{"_x":[%s]}}`, `{"_source":%s}`},
	{`{"stream":"stdout","log":"x","time":"2026-03-01T09:15:00Z","attrs":[%s]}`, `{"_source":%s}`},
	{`{"big":{"a":"` + strings.Repeat("x", maxBeside) + `"},"small":1,"events":[%s]}`, `%s`},
}

// oddElements are what may be among the elements of a list, or in the place of a record.
var oddElements = []string{
	`{}`, `[]`, `1`, `null`, `"text"`, `{"note":"no record"}`, `{"a":01}`, `{"a":NaN}`, `{"a":"\x"}`, `{"a":1`, `]`,
	`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"bare","trace":"t","span":"s"}`,
	`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"no trace"}`,
	`{"msg":"no time","trace":"t","service":"s"}`, `{"trace":"t","time":"2026-03-01T09:15:01Z"}`,
	`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","body":"b","SeverityText":"INFO","Timestamp":1772356500500}`,
	`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","name":"n","spanId":"s","startTime":1772356500500,"endTime":1772356500600}`,
	`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","tree":[]}`,
	`{"@t":"2026-03-01T09:15:01Z","@m":"m","@tr":"t","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"message":"text","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"msg":1,"msg":"x","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"time":"2026-03-01T09:15:02Z","_source":{"level":"INFO","msg":"m","trace":"t","time":"2026-03-01T09:15:01Z"}}`,
	`{"level":"WARN","_source":{"time":"2026-03-01T09:15:01Z","msg":"m","trace":"t","service":"s"}}`,
	`{"trace":"u","span":"v","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"a":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"a","trace":"t","service":"s"},"b":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"b","trace":"t","service":"s"}}`,
	`{"a":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"a","trace":"t","service":"s"},"x":1,"b":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"b","trace":"t","service":"s"}}`,
	`{"fields":["time","trace","msg"],"rows":[["2026-03-01T09:15:01Z","t","m"]],"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"log":"{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"a\",\"trace\":\"t\",\"service\":\"s\"}","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"a":{"b":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}}`,
	`{"field":"a","value":"b"}`,
	`{"trace":1,"trace":"u","time":"2026-03-01T09:15:01Z","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"resourceSpans":[],"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`["1772356500500000000","{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"},\"forged\":1"]`,
	`["1772356500500000000","{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"} ,\"line\":2"]`,
	`["1772356500500000000"," {\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"}\r\n "]`,
	`["1772356500500000000","{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"}\n{\"msg\":\"second\",\"trace\":\"t\",\"service\":\"s\"}"]`,
	`["1772356500500000000","{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"body\":\"b\",\"SeverityText\":\"I\",\"Timestamp\":1}"]`,
	`["1772356500500000000","{\"_source\":{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"}}"]`,
	`["1772356500500000000","level=INFO msg=m trace=t time=2026-03-01T09:15:01Z"]`, `["1772356500500000000","text"]`,
	// As the elements of the first two shapes, but for a value.
	`{"_index":"i","labels":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"other","trace":"u","service":"s"},"tags":["a"],"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"_index":"i","labels":{"app":"shop"},"tags":[{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"other","trace":"u","service":"s"}],"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"}}`,
	`{"_index":"{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"other\",\"trace\":\"u\",\"service\":\"s\"}","_id":"a","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"},"sort":[1]}`,
	`{"_index":"text {\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"other\",\"trace\":\"u\",\"service\":\"s\"}","_id":"a","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"},"sort":[1]}`,
	`{"_index":"i","_id":"a","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"},"sort":[{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"other","trace":"u","service":"s"}]}`,
	`{"_index":"i","_id":1,"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"},"sort":[1]}`,
	`{"_index":"i","_id":{"service":"forged"},"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t"},"sort":[1]}`,
	`{"_index":"i","_id":"a","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t"},"sort":[1]}`,
	`{"_index":"i","_id":"a","_source":{"note":1},"sort":[1]}`,
	`{"_index":"i","_id":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"other","trace":"u","service":"s"},"_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t","service":"s"},"sort":[1]}`,
	`{"_index":"i","app":"forged","_source":{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"m","trace":"t"},"sort":[1]}`,
	`["12","{\"time\":\"2026-03-01T09:15:01Z\",\"level\":\"INFO\",\"msg\":\"m\",\"trace\":\"t\",\"service\":\"s\"}"]`, `["1772356500500000000"]`, `["1772356500500000000","{}","{}"]`,
}

// listOf is a line with a list of a shape, in which some elements are odd.
func listOf(shape int, records []string, odd string, at ...int) string {
	return longListOf(9, shape, records, odd, at...)
}

// longListOf is listOf for a list of n elements.
func longListOf(n, shape int, records []string, odd string, at ...int) string {
	s := &listShapes[shape%len(listShapes)]
	var all []string
	for i := range n {
		record := records[i%len(records)]
		if slices.Contains(at, i) {
			all = append(all, odd)
		} else if strings.Contains(s.element, "%q") {
			all = append(all, strings.Replace(s.element, "%q", quotedJSON(record), 1))
		} else {
			all = append(all, fmt.Sprintf(s.element, record))
		}
	}
	return fmt.Sprintf(s.line, strings.Join(all, ","))
}

// checkList compares how the readers read a line, and whether it was read as a list.
func checkList(t *testing.T, line string) (asList bool) {
	t.Helper()
	want, src := scanAll(t, []byte(line))
	checkReaders(t, line, want, src)
	i := 0
	_, err := ScanRecords(t.Context(), []Input{{Reader: strings.NewReader(line)}}, &ScanOptions{Workers: 1}, func() func(*Record) {
		return func(r *Record) {
			if i < len(want) && string(want[i].Raw) != string(r.Raw()) {
				t.Errorf("line %s of the list is %s", want[i].Raw, r.Raw())
			}
			i++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return readAsList(line)
}

func readAsList(line string) bool {
	w := newLineReader([]Input{{}}, nil, func(*Record) {})
	var b block
	b.set([]byte(line))
	w.fast.marks.mark(b.buf, 0, b.to)
	if _, ok := w.quick(&b, 0); ok {
		return false
	}
	return w.slow(&b, false) == isMany && w.place != nil
}

// What is read of a list is what lineParser reads, whatever is in it.
func TestLists(t *testing.T) {
	records := rawRecords(t)
	lists := make([]int, len(listShapes))
	for shape := range listShapes {
		for _, odd := range oddElements {
			for _, at := range [][]int{{0}, {1, 5}} {
				if checkList(t, listOf(shape, records, odd, at...)) {
					lists[shape]++
				}
				if t.Failed() {
					t.Fatalf("shape %d, with %s at %d", shape, odd, at)
				}
			}
		}
	}
	read := 0
	for _, n := range lists {
		read += min(n, 1)
	}
	if read < 15 { // the others are tables, records, or other shapes that lineParser reads
		t.Errorf("only %d shapes were read as lists", read)
	}
}

// Long lines, and long elements, are searched only once.
func TestListsLong(t *testing.T) {
	records := rawRecords(t)
	lists := 0
	for shape := range listShapes {
		for i := range 3 {
			odd := oddElements[(7*shape+i*len(oddElements)/3)%len(oddElements)]
			line := longListOf(150, shape, records, odd, i, 2+i)
			if len(line) < minKept {
				t.Fatalf("shape %d: a line of %d bytes", shape, len(line))
			}
			if checkList(t, line) {
				lists++
			}
			if t.Failed() {
				t.Fatalf("shape %d, with %s at %d", shape, odd, i)
			}
		}
	}
	if lists < 15 {
		t.Errorf("only %d lines were read as lists", lists)
	}
}

// Lists in lists, and lists that only lineParser can read, take linear time.
func TestListsGrowth(t *testing.T) {
	racetest.SkipTimes(t)
	record := `{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","trace":"t","service":"s"}`
	for name, element := range map[string]string{
		"records":        `%s,`,
		"nothing":        `{"note":1},`,
		"lists":          `{"x":1,"b":[` + strings.Repeat(`%[1]s,`, 20) + `%[1]s]},`,
		"lists, no time": `{"x":1,"b":[{"c":[` + strings.Repeat(`{"msg":"m","n":[{"trace":1}]},`, 20) + `%[1]s]}]},`,
		"tables":         `{"a":[` + strings.Repeat(`%[1]s,`, 20) + `1],"b":[` + strings.Repeat(`{},`, 20) + `{}]},`,
	} {
		t.Run(name, func(t *testing.T) {
			element := strings.ReplaceAll(strings.ReplaceAll(element, "%[1]s", record), "%s", record)
			cputest.WantLinear(t, 100, func(n int) {
				line := `{"x":1,"a":[` + strings.Repeat(element, n) + record + "]}\n"
				if _, err := ScanRecords(t.Context(), []Input{{Reader: strings.NewReader(line)}}, &ScanOptions{Workers: 1}, func() func(*Record) { return func(*Record) {} }); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func FuzzList(f *testing.F) {
	for i, odd := range oddElements {
		f.Add(odd, byte(i), uint(i))
	}
	for shape := range listShapes {
		f.Add(`{"time":"2026-03-01T09:15:00.5Z","level":"INFO","msg":"span end","trace":"t","span":"s","op":"é\"\\","service":"s","start":"2026-03-01T09:15:00Z","duration_ms":1.5}`, byte(shape), uint(shape))
	}
	records := rawRecords(f)
	f.Fuzz(func(t *testing.T, element string, shape byte, at uint) {
		if !strings.Contains(element, "\n") {
			checkList(t, listOf(int(shape), records, element, int(at%9), int(at/9%9)))
		}
	})
}

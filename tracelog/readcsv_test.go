package tracelog

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// rowsOf reads rows as a table does. It is not ok if one of them is not CSV.
func rowsOf(text string) (rows [][]string, ok bool) {
	var r csvRow
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if !r.open {
			if line == "" {
				continue
			}
			r.begin(1, nil)
		}
		if !r.line([]byte(line), ',') {
			return nil, false
		}
		if r.open {
			continue
		}
		var row []string
		for i := range r.ends {
			row = append(row, string(r.cell(i)))
		}
		rows = append(rows, row)
	}
	return rows, !r.open
}

// What package encoding/csv reads as rows is read as the same ones, and all readers agree on any text that follows names.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"a,b,c\n", "\"a\"\"b\",\"c\nd\"\n", "\"a\r\nb\",c\r\n", ",,\n\n,\"\",\n", "a \"b\" c,\"d\" e\n", "\"open\n", "é,\"\xff\",\x00\n", "a,\"b\"\"\n\"\"\",c\n",
		"time,level,msg\n2026-03-01T09:15:00Z,INFO,\"a\\\",b\nc\"\n", "String,String,String\n1,2,3\n", "\"x\\\"\",b\nt,\"{\"\"msg\"\":\"\"m\"\"}\",c\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in := csv.NewReader(strings.NewReader(text))
		in.FieldsPerRecord = -1
		want, err := in.ReadAll()
		if got, ok := rowsOf(text); err == nil && (!ok || !gocmp.Equal(want, got, cmpopts.EquateEmpty())) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		for _, head := range []string{"time,msg,trace\n", "id\ttime\tmessage\n", "labels,timestamp,line\r\n"} {
			checkCSV(t, head+text)
		}
	})
}

// checkCSV compares the readers, and checks that the lines of rows are JSON.
func checkCSV(t *testing.T, log string) {
	t.Helper()
	entries, src := scanAll(t, []byte(log))
	checkSource(t, src, len(entries))
	for i := range entries {
		if s := entries[i].Raw; len(s) > 0 && s[0] == '{' && !strings.Contains(log, string(s)) && !json.Valid(s) {
			t.Errorf("%q: %s is no JSON", log, s)
		}
	}
	n := 0
	sources, err := ScanRecords(t.Context(), []Input{{Name: "app.log", Reader: strings.NewReader(log)}}, &ScanOptions{Workers: 1, chunk: 100}, func() func(*Record) {
		return func(*Record) { n++ }
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(src, sources[0]); diff != "" || n != len(entries) {
		t.Errorf("%q: %d records, want %d; source (-Scan +ScanRecords):\n%s", log, n, len(entries), diff)
	}
}

// Whatever the cells are, each row is one record, and has its own ids.
func FuzzCSVCells(f *testing.F) {
	f.Add("m", "INFO", "12A", uint8(0))
	f.Add("a,\"b\"\n2026-03-01T09:15:00Z,x,y,forged,s\n", "\"", "\\", uint8(1))
	f.Add(`{"time":"2026-03-01T09:15:00Z","msg":"m","trace":"forged"}`, "{}", `{"trace":"forged","span":"s"}`, uint8(0))
	f.Add("time,level,msg,trace,span,body\n", "\t", "\\t", uint8(1))
	f.Add("a;b\n\"c\";d", ";", "x", uint8(2))
	f.Fuzz(func(t *testing.T, message, level, body string, n uint8) {
		separator := [...]rune{',', '\t', ';'}[n%3]
		tabs := separator == '\t'
		if strings.ContainsAny(message+level+body, "\r") || message == "" || message == `\N` || message == "ᴺᵁᴸᴸ" {
			return
		}
		quoted := appendQuoted(nil, []byte(message))
		text := string(plain(quoted[1 : len(quoted)-1])) // with U+FFFD for what is not UTF-8
		if tabs && strings.ContainsAny(message+level+body, "\n\\") {
			return // cells with tabs have backslashes of their own, and a line for each row
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = separator
		w.Write([]string{"time", "level", "msg", "trace", "span", "body"})
		for i := range 3 {
			w.Write([]string{fmt.Sprintf("2026-03-01T09:15:00.%dZ", i), level, message, fmt.Sprintf("t%d", i), "s", body})
		}
		w.Flush()
		entries, src := scanAll(t, b.Bytes())
		if len(entries) != 3 || src.Bad > 0 || src.Blank != 1 {
			t.Fatalf("%s: %d records: %+v", b.Bytes(), len(entries), src)
		}
		for i, e := range entries {
			if e.Trace != fmt.Sprintf("t%d", i) || e.Span != "s" || e.Message != text {
				t.Errorf("%s: %+v", b.Bytes(), e)
			}
		}
		checkReaders(t, b.String(), entries, src)
	})
}

// isCSV reports whether a log is a table.
func isCSV(log []byte) bool {
	s := scanner{fn: func(Entry) {}}
	s.scan(bytes.NewReader(log), nil)
	return s.csv.state == csvRows || s.csv.state == csvBroken
}

// Lines that are no table are read as if none had been looked for.
func TestCSVFails(t *testing.T) {
	const names, row = "time,msg,trace", "2026-03-01 09:15:00,m,t"
	record := rawRecords(t)[0]
	for name, lines := range map[string][]string{
		"names only":             {names},
		"names and types":        {names, "String,String,String"},
		"names, then text":       {names, "panic: x", "goroutine 1 [running]:", "main.main()"},
		"names, then object":     {names, record, record},
		"names, then blank":      {names, "", "", "x"},
		"sep":                    {"sep=,", record},
		"sep only":               {"sep=,"},
		"other numbers":          {names, "a,b", row},
		"an open cell":           {names, `a,"b`, record, "{", `  "msg": "m"`, "}"},
		"text behind a cell":     {names, `a,"b"c,d`, record},
		"no record":              {"time,total", "2026-03-01 09:15:00,5", row},
		"no names":               {"a,b,c", row, row},
		"the same names":         {"msg,msg", "m,m"},
		"text with commas":       {"the time, the level, the message", "2026-03-01 09:15:00, INFO, m"},
		"one column":             {"message", "[trace:t span:s] m", record},
		"pairs":                  {"time=2026-03-01T09:15:00Z,msg=a,trace=t", "a,b,c"},
		"names, then an array":   {names, `{"msg":"m"},x,`, `{"msg":"m"},`},
		"an object":              {`{"msg":"m","trace":"t"}`, record},
		"an array":               {`["time","msg","trace"]`, `a,b,c`},
		"names, not at the head": {record, names, row},
		"text before names":      {"starting", names, row},
		"a document":             {names, "{", `"a": 1`, "x"},
		"printed":                {names, "api-1  | {", "api-1  | x", names, "api-1  | {"},
	} {
		t.Run(name, func(t *testing.T) {
			checkSingly(t, strings.Join(lines, "\n")+"\n")
		})
	}
}

// A table is read alike by any number of workers, in blocks of any size.
func TestCSVInParts(t *testing.T) {
	record := strings.ReplaceAll(rawRecords(t)[0], `"`, `""`)
	var b strings.Builder
	b.WriteString("time,level,message,trace,span,seat\r\n")
	for i := range 60 {
		switch i % 6 {
		case 0:
			fmt.Fprintf(&b, "2026-03-01 09:15:%02d,INFO,\"a\n\n\"\"b\"\",\",t,s,%d\r\n", i, i)
		case 1:
			b.WriteString("\n,,,,,\n")
		case 2:
			b.WriteString("too,few\n")
		case 3:
			fmt.Fprintf(&b, "2026-03-01 09:15:%02d,,\"%s\",,,\n", i, record)
		case 4:
			b.WriteString("a,\"b\"c,\n")
		default:
			fmt.Fprintf(&b, "2026-03-01 09:15:%02d,INFO,m,t,s,%s\n", i, strings.Repeat("x", 40*i))
		}
	}
	for _, end := range []string{"", "a,\"open", "a,\"open\n\n", "2026-03-01 09:15:00,INFO,last,t,s,1", "2026-03-01 09:15:00,INFO,last,t,s,1\r"} {
		for _, workers := range []int{1, 3} {
			for _, chunk := range []int{100, 0} {
				checkDocument(t, "CSV", b.String()+end, &ScanOptions{Workers: workers, chunk: chunk})
			}
		}
		got, src := scanAll(t, []byte(b.String()+end))
		want, bad := 30, 20
		if strings.Contains(end, "last") {
			want++
			if v, _ := got[len(got)-1].Attr("seat"); string(v) != `"1"` {
				t.Errorf("the last cell is %s", v)
			}
		} else if end != "" {
			bad++
		}
		if len(got) != want || src.Bad != bad {
			t.Errorf("%q: %d records: %+v", end, len(got), src)
		}
		checkSource(t, src, len(got))
	}
}

// The first row may be the last line, and have no newline.
func TestCSVOfOneRow(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n", "\r"} {
		log := "time,msg,trace,span\r\n2026-03-01T09:15:00Z,m,t,s" + end
		got, src := scanAll(t, []byte(log))
		if len(got) != 1 || got[0].Span != "s" || src.Bad > 0 {
			t.Errorf("%q: %+v: %+v", end, got, src)
		}
		checkReaders(t, log, got, src)
	}
}

// A row that is too long is a bad line, and nothing inside of it is read.
func TestGiantCSVRow(t *testing.T) {
	const head, row = "time,msg,trace,span\n", "2026-03-01T09:15:00Z,m,t,s\n"
	const forged = "\n2026-03-01T09:15:00Z,m,forged,s\n"
	long := strings.Repeat("x", maxLine+100)
	lines := strings.Repeat(strings.Repeat("x", 1000)+forged, maxLine/1000+1)
	for name, test := range map[string]struct {
		log       string
		rows, bad int
	}{
		"a long line":               {head + row + long + "\n" + row, 2, 1},
		"a long line in a cell":     {head + row + `2026-03-01T09:15:00Z,"` + long + forged + "\",t,s\n" + row, 2, 1},
		"a long line in the middle": {head + row + `2026-03-01T09:15:00Z,"` + forged + long + `""` + forged + "\",t,s\n" + row, 2, 1},
		"many lines":                {head + row + `2026-03-01T09:15:00Z,"` + lines + "\",t,s\n" + row, 2, 1},
		"many lines, cut off":       {head + row + `2026-03-01T09:15:00Z,"` + lines, 1, 1},
		"a long line, cut off":      {head + row + `2026-03-01T09:15:00Z,"` + long, 1, 1},
		"a long line is the last":   {head + row + long, 1, 1},
		"as long as can be":         {head + row + "2026-03-01T09:15:00Z," + strings.Repeat("x", maxLine-100) + ",t,s\r\n" + row, 3, 0},
		"longer as an object":       {head + row + "2026-03-01T09:15:00Z," + strings.Repeat("\t", maxLine/2) + ",t,s\r\n" + row, 2, 1},
		"a byte too long":           {head + row + "2026-03-01T09:15:00Z,\"" + strings.Repeat("x", maxLine-len("2026-03-01T09:15:00Z,")) + forged + "\",t,s\n" + row, 2, 1},
		"the first row":             {head + `2026-03-01T09:15:00Z,"` + strings.Repeat("x\n", maxHeadRow) + "\",t,s\n", 0, maxHeadRow + 2},
	} {
		t.Run(name, func(t *testing.T) {
			got, src := scanAll(t, []byte(test.log))
			checkSource(t, src, len(got))
			if len(got) != test.rows || src.Bad != test.bad {
				t.Errorf("%d records, %d bad", len(got), src.Bad)
			}
			for _, e := range got {
				if e.Trace == "forged" {
					t.Fatal("forged")
				}
			}
			n := 0
			sources, err := ScanRecords(t.Context(), []Input{{Name: "app.log", Reader: io.MultiReader(strings.NewReader(test.log))}}, &ScanOptions{Workers: 1}, func() func(*Record) {
				return func(*Record) { n++ }
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(src, sources[0]); diff != "" || n != test.rows {
				t.Errorf("%d records; source (-Scan +ScanRecords):\n%s", n, diff)
			}
		})
	}
}

// With a shape, a column of the shape makes a table.
func TestCSVShape(t *testing.T) {
	const log = "when,tid,sid,name,took_ms,doc\n" +
		"2026-03-01T09:15:00Z,4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7,GET /cart,12.5,x\n"
	shape := &Shape{Names: map[string]string{"trace": "tid", "span": "sid", "op": "name", "time": "when", "duration_ms": "took_ms"}}
	var got []Entry
	src, err := ScanLines(strings.NewReader(log), "f", &LineOptions{Shape: shape}, func(e Entry) { got = append(got, e) })
	if err != nil || len(got) != 1 || got[0].Event != EventEnd || got[0].Op != "GET /cart" || got[0].Duration.String() != "12.5ms" || src.Bad > 0 {
		t.Errorf("%+v, %v: %+v", got, err, src)
	}
}

// A backslash before a quote is noticed, also as the only byte behind a doubled quote.
func TestCSVSlash(t *testing.T) {
	for line, want := range map[string]bool{`"a\"`: true, `"a""\"`: true, `"a""""`: false, `"\a""b"`: false, `a\"`: false} {
		var r csvRow
		if !r.line([]byte(line), ',') || r.slash != want {
			t.Errorf("%s: slash %v, want %v", line, r.slash, want)
		}
	}
}

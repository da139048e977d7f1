package tracelog

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// byLine is a reader that returns a line at a time. So lines are read one by one, as none of those that follow are known.
type byLine struct{ rest string }

func (r *byLine) Read(b []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), strings.IndexByte(r.rest+"\n", '\n')+1)], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// checkByLine compares how a log is read if many of its lines are known with how they are read one by one.
func checkByLine(t *testing.T, log string) (records int) {
	t.Helper()
	describe := func(e *Entry) string { return fmt.Sprintf("%d %s", e.Line, e.Raw) }
	got, gotSource := scanAll(t, []byte(log))
	var want, have []string
	for i := range got {
		have = append(have, describe(&got[i]))
	}
	wantSource, err := Scan(&byLine{log}, gotSource.File, func(e Entry) { want = append(want, describe(&e)) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(wantSource, gotSource); diff != "" {
		t.Errorf("%q: source (-by line +at once):\n%s", log, diff)
	}
	if diff := gocmp.Diff(want, have); diff != "" {
		t.Errorf("%q: (-by line +at once):\n%s", log, diff)
	}
	var raw []string
	for _, line := range want {
		_, r, _ := strings.Cut(line, " ")
		raw = append(raw, r)
	}
	slices.Sort(raw)
	for i, in := range []io.Reader{strings.NewReader(log), &byLine{log}} {
		var mu sync.Mutex
		var got []string
		sources, err := ScanRecords(t.Context(), []Input{{Name: wantSource.File, Reader: in}}, &ScanOptions{Workers: 1, chunk: len(log) % 3 * 100 * (1 - i)}, func() func(*Record) {
			return func(r *Record) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(r.Raw()))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if diff := gocmp.Diff(wantSource, sources[0]); diff != "" {
			t.Errorf("%q: source (-Scan +ScanRecords of %T):\n%s", log, in, diff)
		}
		if diff := gocmp.Diff(raw, got); diff != "" {
			t.Errorf("%q: (-Scan +ScanRecords of %T):\n%s", log, in, diff)
		}
	}
	return len(want)
}

// printedLogs are logs of printed JSON.
func printedLogs(records []string) []string {
	list := "[" + strings.Join(records, ",") + "]"
	var wrapped []string
	for _, r := range records {
		wrapped = append(wrapped, `{"a":[],"b":{},"c":["x","y",1],"d":null,"e":`+r+`}`)
	}
	each := strings.ReplaceAll(strings.Trim(indented(list), "[]\n"), "\n  ", "\n")
	each = strings.TrimSpace(each) + ",\n"
	return []string{
		indented(list), indented("[" + strings.Join(wrapped, ",") + "]"), each, strings.ReplaceAll(each, "},\n{", "}\n{"), "  " + strings.ReplaceAll(each, "\n", "\n  "),
		indented(`{"took":3,"hits":{"total":{"value":60},"hits":` + list + `},"end":true}`),
		indented(`{"data":{"result":[{"stream":{"app":"api"},"values":[` + lokiValues(records) + `]}],"stats":{"n":[1,2]}}}`),
		strings.ReplaceAll(indented(list), "  ", "\t"), strings.ReplaceAll(each, "\n", "\r\n"),
	}
}

// Lines that are taken many at once are read as if they were read one by one, whatever is in them.
func TestDocumentLines(t *testing.T) {
	records := rawRecords(t)
	records = append(slices.Clone(records[:min(5, len(records))]), `{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"é \"q\" \\","trace":"t","span":"s","service":"s","n":-1.5e3,"o":{"p":[]}}`,
		`{"msg":"no time","trace":"t","span":"s"}`)
	logs := printedLogs(records)
	for _, glued := range []string{"1\n    2", "tru\n    e", `"a\` + "\n" + `    "b"`, "\"a\n    b\"", "\n    1", "{\n    }", "{\n    }, \"z\":\n    1"} {
		checkByLine(t, strings.Replace(logs[2], `"level":`, `"n": `+glued+",\n    \"level\":", 2))
	}
	part := indented(`{"log":"a part","stream":"stdout","time":"2026-03-01T09:15:00Z"}`)
	checkByLine(t, logs[2]+part+part+logs[2]+part[:len(part)-1])
	checkByLine(t, "{\n"+strings.Repeat("\"a\": {\n", maxDepth+1))
	total := 0
	for _, log := range logs {
		n := checkByLine(t, log)
		if n < len(records)-1 { // the last one may be no record
			t.Errorf("%d records in %s", n, log)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"{", "}", "[", "]", ",", ":", `"`, `\`, "\n", "\t", "\r", "\x1b[0m", "1", "a", ".", "é", " ", "", "{\n", "}\n", "},\n", "\\\n", "\n\n", "\n ", "1\n2", "1\n 2", `"a": "b",`, `"a": {`, `"a": [`, `"a": 1`}
	for range 1500 {
		log := []byte(logs[r.IntN(len(logs))])
		log = log[:min(len(log), 3000)]
		for range 1 + r.IntN(3) {
			i := r.IntN(len(log))
			switch r.IntN(4) {
			case 0: // in place of a byte
				log = slices.Replace(log, i, i+1, []byte(pieces[r.IntN(len(pieces))])...)
			case 1:
				log = slices.Insert(log, i, []byte(pieces[r.IntN(len(pieces))])...)
			case 2: // at the beginning of a line
				i = bytes.LastIndexByte(log[:i], '\n') + 1
				log = slices.Insert(log, i, []byte(pieces[r.IntN(len(pieces))])...)
			case 3: // a line less
				start, end := bytes.LastIndexByte(log[:i], '\n')+1, i+max(0, bytes.IndexByte(log[i:], '\n'))
				log = slices.Delete(log, start, min(end+1, len(log)))
			}
		}
		if len(log) > 0 {
			total += checkByLine(t, string(log))
		}
		if t.Failed() {
			break
		}
	}
	if total < 1500 {
		t.Errorf("only %d records", total)
	}
}

// A document is in the same state however many of its lines are taken at once.
func TestDocumentTakeLines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{`"key": "text",`, `"key":"text"`, `"a": 1,`, `"a": tru`, `"a": .5,`, `"é": "ü\"\\",`, `"a": {`, `"b":[`, "{", "}", "},", "[", "]", "],", "1,", "2", `"text",`, `"text"`, `"a":`, `"a`, `b",`, "\\", "\x01", ",", "", "{}", `"a": {},`, `"a": "b", "c": "d",`,
		`"a" : 1`, `"a" : "b",`, `"` + strings.Repeat("k", 63) + `\": "x",`, `"` + strings.Repeat("k", 70) + `": "x",`}
	taken, ends := 0, 0
	for range 20_000 {
		text := []string{"{", "[", "x {", `{"a": [`}[r.IntN(4)] + "\n"
		for range r.IntN(12) {
			text += strings.Repeat(" ", r.IntN(12)*r.IntN(2)) + pieces[r.IntN(len(pieces))] + "\n"
		}
		opening := text[:strings.IndexByte(text, '\n')]
		var a ahead
		docs := make([]document, 2)
		for i := range docs {
			d := &docs[i]
			rest := []byte(text[len(opening)+1:])
			d.begins([]byte(opening), strings.IndexAny(opening, "{["), 1)
			for len(rest) > 0 {
				if i == 0 {
					buf, m := a.marked(rest)
					n := d.takeLines(m, buf, len(rest))
					taken += n
					if rest = rest[n:]; len(rest) == 0 {
						break
					}
				}
				line, more, _ := bytes.Cut(rest, newline)
				if d.lexer.feedLine(line); d.lexer.want >= docDone {
					break
				}
				d.addLine(line)
				rest = more
			}
			for i := range d.lexer.arrays {
				ends += d.lexer.arrays[i].last
			}
			d.loose = 0 // which tells them apart
		}
		if diff := gocmp.Diff(docs[1], docs[0], gocmp.AllowUnexported(document{}, docLexer{}, openArray{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-line by line +at once):\n%s", text, diff)
		}
	}
	if taken < 30_000 || ends < 2000 {
		t.Errorf("%d bytes, %d ends", taken, ends)
	}
}

// The list of a part is the one that would be found in it, and all in it is valid, however its lines were taken.
func TestDocumentList(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	openings := []string{"{\n\"hits\": [", "{\n\"took\": 3,\n\"hits\" : {\n\"hits\" : [", `{"a":[`, "[", "x {\n\"a\": [", "{\n\"a\": tru,\n\"hits\": [", "{\n\"a\": [\n1\n],\n\"hits\": ["}
	members := []string{`"a": "b",`, `"a" : "\"\\",`, `"long": "` + strings.Repeat("x", 80) + `",`, `"` + strings.Repeat("k", 70) + `": "x",`, `"n": 1.5e3,`, `"é": null,`, `"t": true,`, "\"c\": {\n\"d\": \"e\"\n},", "\"c\": [\n\"d\",\n[\n]\n],", "\"c\": [\n" + strings.Repeat("\"d\",\n", 40) + "[\n]\n],"}
	odd := []string{`"n": 01,`, `"n": NaN,`, `"n": nul,`, `"n": -,`, `"a": "\x",`, `"n": [1, 2],`, `"n":1,"m":2,`, ""}
	elements := []string{"1,", `"text",`, "[\n1\n],", "{},", "null,", `{"a":1},`}
	lists, loose := 0, 0
	for range 5000 {
		opening := openings[r.IntN(len(openings))]
		text := opening + "\n"
		for range r.IntN(20) {
			if r.IntN(15) == 0 {
				text += elements[r.IntN(len(elements))] + "\n"
			}
			text += "  {\n"
			for range r.IntN(6) {
				text += strings.Repeat(" ", r.IntN(12)) + members[r.IntN(len(members))] + "\n"
				if r.IntN(40) == 0 {
					text += odd[r.IntN(len(odd))] + "\n"
				}
			}
			text += "\"z\": \"z\"\n},\n"
		}
		var a ahead
		var d document
		first, rest, _ := bytes.Cut([]byte(text), newline)
		d.begins(first, bytes.IndexAny(first, "{["), 1)
		for len(rest) > 0 && d.lexer.want < docDone {
			some := bytes.LastIndexByte(rest[:1+r.IntN(len(rest))], '\n') + 1
			buf, m := a.marked(rest[:some])
			n := d.takeLines(m, buf, some)
			if rest = rest[n:]; n == 0 {
				line, more, _ := bytes.Cut(rest, newline)
				d.lexer.feedLine(line)
				d.addLine(line)
				rest = more
			}
			if r.IntN(4) > 0 || d.lexer.want >= docDone {
				continue
			}
			if r.IntN(3) == 0 {
				d.size = maxLine + 1 // so that an element is cut
			}
			part, brackets, n := d.part()
			if part == nil {
				continue
			}
			if got := d.list(); got == nil {
				loose++
			} else {
				lists++
				var b block
				b.set(slices.Concat(part, brackets))
				var m marks
				m.mark(b.buf, 0, b.to)
				var want listed
				if end := want.array(m, b.buf, got.at); end != got.end || want.end != end || !slices.Equal(want.ends, got.ends) {
					t.Fatalf("%s: %+v, want %+v", b.buf[:b.to], got, want)
				}
			}
			d.cut(n)
		}
	}
	if lists < 1500 || loose < 500 {
		t.Errorf("%d lists, %d parts without one", lists, loose)
	}
}

func FuzzDocumentLines(f *testing.F) {
	for _, log := range printedLogs(rawRecords(f)[:3]) {
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log string) { checkByLine(t, log) })
}

package tracelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// However large a document is, and however many workers read it, its records are those that Scan finds.
func TestDocumentsInParts(t *testing.T) {
	records := rawRecords(t)
	var elements, pairs []string
	for i := range 60 {
		r := records[i%len(records)]
		switch i % 7 {
		case 3:
			r = `{"insertId":"x","jsonPayload":` + r + `,"labels":["a","b\"]"]}`
		case 5:
			r = `{"note":"no record"}`
		}
		elements = append(elements, r)
		pairs = append(pairs, fmt.Sprintf(`["%d",%s]`, 1772356500000000000+int64(i), quote(records[i%len(records)])))
	}
	list := "[" + strings.Join(elements, ",") + "]"
	pretty := func(doc string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(doc), "", "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	hits := `{"took":3,"hits":{"total":{"value":60},"hits":[` + strings.Join(elements, ",") + `]},"end":true}`
	stream := `{"stream":{"app":"api"},"values":[` + strings.Join(pairs, ",") + `]}`
	loki := `{"status":"success","data":{"resultType":"streams","result":[` + stream + `,` + stream + `],"stats":{"n":[1,2]}}}`
	tests := map[string]string{
		"array":                pretty(list),
		"two arrays":           pretty(list) + "\n" + pretty(list),
		"objects":              strings.Trim(pretty(list), "[]\n"),
		"objects, not commas":  strings.ReplaceAll(pretty(list), "\n  },\n", "\n  }\n"),
		"array of other kinds": pretty(`[1,"text",` + strings.Join(elements, ",") + `]`),
		"array of strings":     pretty(`[` + quote(records[0]) + `,` + quote(records[1]) + `]`),
		"hits":                 pretty(hits),
		"streams":              pretty(loki),
		"cut off":              pretty(list)[:5000],
		"cut off, nested":      pretty(hits)[:5000],
		"text behind":          pretty(list) + "\nno JSON\n" + records[0] + "\n",
		"broken":               pretty(list)[:5000] + "}}" + pretty(list)[5000:],
		"among lines":          records[0] + "\n" + pretty(list) + "\n" + records[1] + "\n\n" + pretty(hits) + "\n" + records[2],
	}
	for name, log := range tests {
		for _, workers := range []int{1, 3} {
			for _, chunk := range []int{100, 1500, 0} {
				checkDocument(t, name, log, &ScanOptions{Workers: workers, chunk: chunk})
			}
		}
	}
}

// A document on one line may be longer than a line may be.
func TestGiantDocument(t *testing.T) {
	racetest.SkipTimes(t)
	records := rawRecords(t)
	var list, pairs []string
	filler := `,"filler":"` + strings.Repeat("x", 60_000) + `"}`
	for size := 0; size < maxLine+1<<20; {
		r := strings.TrimSuffix(records[len(list)%len(records)], "}") + filler
		list = append(list, r)
		pairs = append(pairs, fmt.Sprintf(`["%d",%s]`, 1772356500000000000+int64(len(list)), quote(r)))
		size += len(r) + 1
	}
	for name, log := range map[string]string{
		"array": "[" + strings.Join(list, ",") + `,{"note":"no record"}]` + "\n",
		"hits":  `{"took":3,"hits":{"hits":[` + strings.Join(list, ",") + `]},"end":true}` + "\n" + records[0] + "\n",
		// The outer array has one element.
		"stream": `{"data":{"result":[{"stream":{"app":"api"},"values":[` + strings.Join(pairs, ",") + `]}],"stats":{"n":[1,2]}}}`,
		// It is believed to be a document before it turns out not to be one.
		"none":    "{\n\"a\":[" + strings.Repeat("\n{\"filler\":\"x\"},", maxSniffed/16) + "\n}}\n" + strings.Join(list[:20], "\n") + "\n",
		"streams": `{"data":{"result":[{"stream":{"app":"worker"},"values":[["1",` + strings.Repeat(" ", maxPart) + quote(records[0]) + `]]},{"stream":{"app":"api"},"values":[` + strings.Join(pairs[1:], ",") + `]}]}}`,
	} {
		entries, _ := scanAll(t, []byte(log))
		if n := len(entries); name != "none" && n != len(list)+strings.Count(log, "\n"+records[0]) {
			t.Errorf("%s: %d entries of %d", name, n, len(list))
		}
		checkDocument(t, name, log, &ScanOptions{Workers: 2})
	}
}

// checkDocument compares what ScanRecords and FindTrace read with what Scan reads.
func checkDocument(t *testing.T, name, log string, o *ScanOptions) {
	t.Helper()
	here := fmt.Sprintf("%s, %d workers, chunks of %d", name, o.Workers, o.chunk)
	entries, source := scanAll(t, []byte(log))
	want := make([]string, len(entries))
	lines := make(map[string][]int) // of each trace
	for i := range entries {
		want[i] = string(entries[i].Raw)
		lines[entries[i].Trace] = append(lines[entries[i].Trace], entries[i].Line)
	}
	input := func() []Input { return []Input{{Name: source.File, Reader: strings.NewReader(log)}} }
	var mu sync.Mutex
	got := []string{}
	sources, err := ScanRecords(t.Context(), input(), o, func() func(*Record) {
		return func(r *Record) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, string(r.Raw()))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(source, sources[0]); diff != "" {
		t.Errorf("%s: source (-want +got):\n%s", here, diff)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d records, not the %d of Scan", here, len(got), len(want))
	}
	for trace, want := range lines {
		if trace == "" {
			continue
		}
		found, err := FindTrace(t.Context(), input(), []string{trace}, o)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, e := range found.Entries {
			got = append(got, e.Line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: trace %s is on other lines than Scan finds", here, trace)
		}
	}
}

// The workers get the list of a part with it, unless something in it may be wrong.
func TestDocumentLists(t *testing.T) {
	records := rawRecords(t)
	pad := strings.Repeat("x", 8000)
	if testing.Short() {
		pad = pad[:2000] // the list still has several parts of 1 MB
	}
	for name, odd := range map[string]string{
		"usual":   `{"_source":` + records[0] + `}`,
		"numbers": `{"_source":` + records[0] + `,"n":01}`,
		"words":   `{"_source":` + records[0] + `,"n":nil}`,
		"escapes": `{"_id":"\x","_source":` + records[0] + `}`,
		"one":     `1`,
		"line":    `{"_source":` + records[0] + `,"sort":[1,2]}`,
		"nested":  `{"x":[` + strings.Repeat(records[0]+",", 150) + records[1] + `]}`,
	} {
		var log strings.Builder
		log.WriteString("{\n\"took\": 3,\n\"hits\": {\n\"hits\" : [\n")
		for i := range 1500 {
			hit := fmt.Sprintf(`{"_id":"%d","_source":%s,"pad":"%s"}`, i, records[i%len(records)], pad)
			if i%700 == 650 {
				hit = odd
			}
			if strings.Contains(name, "line") || i%700 != 650 || name == "usual" || name == "nested" {
				hit = strings.TrimSuffix(indented(hit), "\n")
			} else {
				hit = strings.ReplaceAll(strings.ReplaceAll(hit, `,"`, ",\n\""), "}}", "}\n}")
			}
			if i%2 == 0 {
				hit = strings.ReplaceAll(hit, `": `, `" : `)
			}
			log.WriteString(hit + ",\n")
		}
		log.WriteString(`{"_source":` + records[0] + "}\n]\n}\n}\n")
		checkDocument(t, name, log.String(), &ScanOptions{Workers: 2})
	}
}

// A part is read as its list tells, wherever it is in its block.
func TestDocumentPartWithList(t *testing.T) {
	records := rawRecords(t)
	part, l := []byte(`{"took":3,"hits":[`), new(list)
	l.at = len(part) - 1
	for i := range 50 {
		part = fmt.Appendf(part, `%.*s{"_id":"a","_source":%s}`, min(i, 1), ",", records[i%len(records)])
		l.ends = append(l.ends, int32(len(part)))
	}
	l.end = len(part) + 1
	d := &documentLines{s: new(sequencer), chunk: 1 << 20, next: new(documentBlock)}
	d.add([]byte(records[0]), nil, 1, wholeDocument)
	from := len(d.next.buf)
	d.addPart(part, []byte("]}"), 2, l)
	b := &d.next.block
	b.to = len(b.buf)
	b.pad()
	n := 0
	w := newLineReader([]Input{{}}, nil, func(*Record) { n++ })
	w.fast.marks.mark(b.buf, 0, b.to)
	w.line, w.record.from = b.buf[from:b.to-1], from
	if !w.hasKnown(b, d.next.of[1].list) {
		t.Fatal("the list is not known")
	}
	if w.emitMany(b, 0); n != 50 {
		t.Errorf("%d records, want 50", n)
	}
	if w.parser.shape = new(Shape); w.hasKnown(b, d.next.of[1].list) {
		t.Error("a list is known, although there is a shape")
	}
}

// A docLexer is in the same state however the value is cut into pieces. A piece of one byte is read byte by byte.
func TestDocLexerPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	pieces := []string{`"key": "text",`, `"key":"text",`, `"a": "b"`, `"a": 1,`, `"a":\t"b",`, `"a" : "b",`, `"\"": "b",`, `"a": "\\",`, "{", "}", "[", "]", ",", "  ", "1", `"`, "\x01", `{"a": [`, `"é": "ü",`, "\n"}
	members := 0
	for range 20_000 {
		text := "{"
		for range r.IntN(12) {
			text += pieces[r.IntN(len(pieces))]
		}
		var whole, bytewise docLexer
		n := whole.feed([]byte(text))
		m := 0
		for m < len(text) && bytewise.want < docDone {
			m += bytewise.feed([]byte(text[m : m+1]))
		}
		if diff := gocmp.Diff(bytewise, whole, gocmp.AllowUnexported(docLexer{}, openArray{}), cmpopts.EquateEmpty()); diff != "" || n != m {
			t.Fatalf("%q: read to %d, not %d (-bytewise +whole):\n%s", text, n, m, diff)
		}
		if i := strings.Index(text, `"key": "text",`); i >= 0 && i < n {
			members++
		}
	}
	if members < 1000 {
		t.Errorf("only %d texts have a usual member", members)
	}
}

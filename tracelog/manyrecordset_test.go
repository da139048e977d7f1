package tracelog

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestRecordSet(t *testing.T) {
	for _, test := range []struct{ traces, spans int }{{1, 20_000}, {2000, 10}, {20_000, 1}} {
		s := newRecordSet(nil)
		ids := make(map[recordKey]bool)
		for trace := range test.traces {
			for span := range test.spans {
				h := s.key(record(t, fmt.Sprintf(`{"msg":"span end","trace":"t%d","span":"s%d","start":"2026-03-01T09:15:00Z","duration_ms":1}`, trace, span)), 0)
				ids[h] = true
				if !s.add(h) {
					t.Fatalf("%+v: trace %d span %d is not new", test, trace, span)
				}
			}
		}
		for h := range ids {
			if s.add(h) {
				t.Fatalf("%+v: %+v is new again", test, h)
			}
		}
		if s.full() {
			t.Error("full")
		}
	}
}

// The differences that make two records different, and those that do not.
func TestRecordSetKey(t *testing.T) {
	const end = `{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":1`
	s := newRecordSet(nil)
	first := s.key(record(t, end+`}`), 0)
	for more, same := range map[string]bool{
		` }`: true, `.0}`: true, `,"x":1}`: false, `,"level":"INFO"}`: false, `,"error":"e"}`: false, `.5}`: false,
	} {
		if got := s.key(record(t, end+more), 0) == first; got != same {
			t.Errorf("%s: the same %v, want %v", more, got, same)
		}
	}
	if s.key(record(t, end+`}`), 5) == first {
		t.Error("the same in another group")
	}
}

// In a full set every record counts as new.
func TestRecordSetFull(t *testing.T) {
	s := newRecordSet(nil)
	const places = 1 << 18
	s.room.Store(places)
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := range uint64(maxPlaces * 6 / 10) {
				h := (i*2 + uint64(w) + 1) * 0x9e3779b97f4a7c15
				s.add(recordKey{uint32(h % setShards), h})
			}
		})
	}
	wg.Wait()
	size := 0
	for i := range s.shards {
		size += 8 * len(s.shards[i].table)
	}
	if !s.full() || size > 8*places {
		t.Errorf("full %v, %d bytes", s.full(), size)
	}
}

// record returns the Record of a line.
func record(t *testing.T, line string) *Record {
	t.Helper()
	w := newLineReader([]Input{{}}, nil, func(*Record) {})
	b := &block{buf: []byte(line + "\n")}
	b.to = len(b.buf)
	b.pad()
	w.fast.marks.mark(b.buf, 0, b.to)
	if _, ok := w.quick(b, 0); !ok {
		t.Fatalf("not read fast: %s", line)
	}
	w.emit(b, 0)
	return &w.record
}

// Unescaped text of a line does not remain for the next line.
func TestRecordForgets(t *testing.T) {
	r := record(t, `{"msg":"\u0061","trace":"\u0062"}`)
	for range 100 {
		if !r.fill(r.fast, r.buf) || string(r.Trace()) != "b" || string(r.Message()) != "a" {
			t.Fatalf("%s %s", r.Trace(), r.Message())
		}
	}
	if n := cap(r.scratch); n > 100 {
		t.Errorf("%d bytes are held", n)
	}
}

// A countedFile counts the bytes that are read.
type countedFile struct {
	*strings.Reader
	bytes atomic.Int64
}

// reads is how often all of the file was read. Parts overlap a little.
func (f *countedFile) reads() int { return int(f.bytes.Swap(0) / f.Size()) }

func (f *countedFile) ReadAt(b []byte, off int64) (int, error) {
	f.bytes.Add(int64(len(b)))
	return f.Reader.ReadAt(b, off)
}

// Copies of span ends count once, however they are written, and different ends of one span count each. A file is read twice
// only if some ends of a span are not the same text.
func TestVerbatimFirst(t *testing.T) {
	span := func(i int, more string) string {
		return end(fmt.Sprintf("t%d", i/12), fmt.Sprint(i+1), i%9+1, `,"level":"INFO","op":"a","n":"`+more+`"`)
	}
	spaced := func(line string) string { return strings.Replace(line, `","`, `", "`, 1) }
	pairs := func(more string) string {
		return `time=2026-03-01T09:15:00Z level=INFO msg="span end" trace=p span=1 op=a start=2026-03-01T09:15:00Z duration_ms=1 n=` + more + "\n"
	}
	// A row of an outline has room for eight of the twelve ends of a trace, and a worker for maxMine traces.
	const n = 12 * (maxMine + 100)
	var log strings.Builder
	for i := range n {
		log.WriteString(span(i, ""))
	}
	for _, test := range []struct {
		name               string
		more               string
		ends, again, reads int
	}{
		{"each once", "", n, 0, 1},
		{"the same text", span(0, "") + span(11, "") + span(n-1, ""), n, 3, 1},
		{"another form", spaced(span(0, "")), n, 1, 2},
		{"another form, of the last end of a trace", spaced(span(11, "")), n, 1, 2},
		{"another end", span(1, "x"), n + 1, 0, 2},
		{"another end, of the last span of a trace", span(n-1, "x") + span(n-1, "x"), n + 1, 1, 2},
		{"both", span(n-1, "x") + spaced(span(n-1, "x")) + spaced(span(5, "")), n + 1, 2, 2},
		{"other pairs", pairs("1") + pairs("1") + pairs("x"), n + 2, 1, 2},
		{"inside another object", `{"_index":"a","_source":` + strings.TrimSpace(span(7, "")) + "}\n", n, 1, 1},
	} {
		for _, workers := range []int{1, 3} {
			scan := ScanOptions{Workers: workers, chunk: 1 << 17}
			f := &countedFile{Reader: strings.NewReader(log.String() + test.more)}
			g, err := ScanGroups(t.Context(), []Input{{"f", f}}, &GroupOptions{ScanOptions: scan})
			reads := f.reads()
			if err != nil || len(g.Groups) != 1 || g.Groups[0].Stat.Count() != float64(test.ends) || g.Duplicates != test.again || reads != test.reads {
				t.Errorf("%s, %d workers: groups: %+v, %v; read %d times", test.name, workers, g, err, reads)
			}
			o, err := ScanOutlines(t.Context(), []Input{{"f", f}}, &OutlineOptions{ScanOptions: scan})
			spans := 0
			for sum := range o.All(nil) {
				spans += sum.Spans
			}
			reads = f.reads()
			if err != nil || spans != test.ends || o.again() != test.again || reads != test.reads {
				t.Errorf("%s, %d workers: outlines: %d spans, %d duplicates, %v; read %d times", test.name, workers, spans, o.again(), err, reads)
			}
			// What can be read only once is compared by its contents at once.
			g, err = ScanGroups(t.Context(), []Input{{"f", io.MultiReader(f.Reader)}}, &GroupOptions{ScanOptions: scan})
			if err != nil || g.Groups[0].Stat.Count() != float64(test.ends) || g.Duplicates != test.again {
				t.Errorf("%s, %d workers: of a stream: %+v, %v", test.name, workers, g, err)
			}
		}
	}
}

// A scan ends early if the first lines tell that their text is not enough.
func TestVerbatimEndsEarly(t *testing.T) {
	var log strings.Builder
	log.WriteString(end("t", "1", 1, "") + end("t", "1", 1, `, "n":1`))
	for i := range 50_000 {
		log.WriteString(end("t", fmt.Sprint(i+2), 1, ""))
	}
	f := &countedFile{Reader: strings.NewReader(log.String())}
	in, scan := []Input{{"f", f}}, ScanOptions{Workers: 2}
	if o, err := ScanOutlines(t.Context(), in, &OutlineOptions{ScanOptions: scan}); err != nil || o.Len() != 1 || f.reads() != 1 {
		t.Errorf("outlines: %v, %v", o, err)
	}
	if g, err := ScanGroups(t.Context(), in, &GroupOptions{ScanOptions: scan}); err != nil || g.Groups[0].Stat.Count() != 50_002 || f.reads() != 1 {
		t.Errorf("groups: %+v, %v", g, err)
	}
}

// Of two spans of a trace it is hardly ever said that they are one with two ends.
func TestVerbatimSpans(t *testing.T) {
	for range 3 { // in one of a hundred sets it is
		set := newVerbatimSet(nil, func() {})
		for i := range 10_000 {
			set.add(set.key(record(t, strings.TrimSpace(end("t", fmt.Sprint(i+1), 1, ""))), 0))
		}
		if !set.unlike.Load() {
			return
		}
	}
	t.Error("two spans look like one with two ends, in three sets of 10,000 spans")
}

package tracelog

import (
	"fmt"
	"sync"
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

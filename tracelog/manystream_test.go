package tracelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// A readAll is one way of reading all records of a text.
type readAll struct {
	name    string
	input   func(t *testing.T, text string) io.Reader
	workers int
	chunk   int
}

func readings() []readAll {
	var all []readAll
	inputs := []struct {
		name string
		fn   func(t *testing.T, text string) io.Reader
	}{
		{"parts", func(_ *testing.T, text string) io.Reader { return strings.NewReader(text) }},
		{"stream", func(_ *testing.T, text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }},
		{"halves", func(_ *testing.T, text string) io.Reader { return iotest.HalfReader(strings.NewReader(text)) }},
	}
	for _, in := range inputs {
		for workers := 1; workers <= 4; workers++ {
			for _, chunk := range []int{1, 7, 64, 1000, chunkSize} {
				all = append(all, readAll{fmt.Sprintf("%s/%d workers/chunks of %d", in.name, workers, chunk), in.fn, workers, chunk})
			}
		}
	}
	return all
}

// lines returns the records, sorted, and the Source.
func (a readAll) lines(t *testing.T, text string) ([]string, Source) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	o := &ScanOptions{Workers: a.workers, chunk: a.chunk}
	sources, err := ScanRecords(t.Context(), []Input{{Name: "f", Reader: a.input(t, text)}}, o, func() func(*Record) {
		return func(r *Record) {
			mu.Lock()
			lines = append(lines, string(r.Raw()))
			mu.Unlock()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines, sources[0]
}

// Reading in parts of any size gives the same records as Scan.
func TestScanRecordsIsScan(t *testing.T) {
	var many strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		switch r.IntN(6) {
		case 0:
			fmt.Fprintf(&many, "panic: %d\n", i)
		case 1:
			many.WriteString("\n")
		case 2:
			fmt.Fprintf(&many, "{\"n\":%d}\r\n", i)
		case 3:
			fmt.Fprintf(&many, `{"n":%d,"x":"%s"}`+"\n", i, strings.Repeat("x", r.IntN(300)))
		default:
			fmt.Fprintf(&many, `{"msg":"m","trace":"%d"}`+"\n", i)
		}
	}
	for _, text := range []string{
		"", "\n", "\n\n", "{}", "{}\n", "\r\n", "{}\r", "x", "x\n{}", `{"a":1}` + "\n" + `{"a":`, `{"a":1}` + "\n" + `{"a":1}`,
		"{\"a\":1}\r\n{\"b\":2}\r\n", "\n{}\n\n{}\n\n", strings.Repeat("{}\n", 100), many.String(), many.String() + `{"trace":"t"`,
		strings.Repeat("x", 5000) + "\n" + `{"b":"` + strings.Repeat("y", 20000) + "\"}\n{}\n",
	} {
		var want []string
		wantSource, _ := Scan(strings.NewReader(text), "f", func(e Entry) { want = append(want, string(e.Raw)) })
		slices.Sort(want)
		for _, a := range readings() {
			got, source := a.lines(t, text)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s: %.40q: -want +got\n%s", a.name, text, d)
			}
			if d := cmp.Diff(wantSource, source); d != "" {
				t.Fatalf("%s: %.40q: -want +got\n%s", a.name, text, d)
			}
		}
	}
}

// Lines that are too long are counted and not held in memory, wherever they end.
func TestLongLines(t *testing.T) {
	const over = maxLine + 1
	for _, test := range []struct {
		name, text string
	}{
		{"just", "{}\n" + `{"x":"` + strings.Repeat("x", maxLine-8) + "\"}\r\n{}\n"},
		{"over", "{}\n" + strings.Repeat("x", over) + "\n{}\n"},
		{"far over", "{}\n" + strings.Repeat("x", over+over/8) + "\n{}\nbad\n"},
		{"cut", "{}\n" + strings.Repeat("x", over+over/8)},
		{"last", `{"x":"` + strings.Repeat("x", maxLine-8) + `"}`},
		{"last over", `{"x":"` + strings.Repeat("x", maxLine-7) + `"}`},
	} {
		var want []string
		wantSource, _ := Scan(strings.NewReader(test.text), "f", func(e Entry) { want = append(want, string(e.Raw)) })
		slices.Sort(want)
		for _, a := range readings() {
			if a.workers != 2 || a.chunk != chunkSize || strings.HasPrefix(a.name, "halves") {
				continue
			}
			got, source := a.lines(t, test.text)
			if !slices.Equal(want, got) {
				t.Errorf("%s: %s: %d records, want %d", test.name, a.name, len(got), len(want))
			}
			if d := cmp.Diff(wantSource, source); d != "" {
				t.Errorf("%s: %s: -want +got\n%s", test.name, a.name, d)
			}
		}
	}
}

// A file is read up to the size that it has when reading begins. If it becomes shorter, it is read to its end.
func TestFileChanges(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.log")
	text := strings.Repeat(`{"a":"0123456789"}`+"\n", 1000)
	for _, test := range []struct {
		name   string
		change func(f *os.File) error
		want   func(n int) bool
	}{
		{"grows", func(f *os.File) error { _, err := f.WriteString(text); return err }, func(n int) bool { return n == 1000 }},
		{"shrinks", func(f *os.File) error { return f.Truncate(1900) }, func(n int) bool { return n >= 100 && n < 1000 }},
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var once sync.Once
		sources, err := ScanRecords(t.Context(), []Input{{Name: name, Reader: f}}, &ScanOptions{Workers: 2, chunk: 500}, func() func(*Record) {
			return func(*Record) {
				once.Do(func() {
					if err := test.change(f); err != nil {
						t.Error(err)
					}
				})
			}
		})
		if err != nil || !test.want(sources[0].Records) {
			t.Errorf("%s: %+v, %v", test.name, sources, err)
		}
	}
}

func TestScanRecordsErrors(t *testing.T) {
	broken := errors.New("broken")
	stop := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
	}
	inputs := []Input{{"a", stop("{}\n{}\n{\"x\"")}, {"b", strings.NewReader("{}\n")}, {"c", brokenAt{broken}}}
	sources, err := ScanRecords(t.Context(), inputs, nil, func() func(*Record) { return func(*Record) {} })
	if !errors.Is(err, broken) || err.Error() != "a: broken\nc: broken" {
		t.Errorf("error %v", err)
	}
	if sources[0].Records != 2 || sources[0].Lines != 3 || sources[1].Records != 1 {
		t.Errorf("%+v", sources)
	}
	ctx, cancel := context.WithCancel(t.Context())
	endless := bytes.Repeat([]byte("{}\n"), 1000)
	_, err = ScanRecords(ctx, []Input{{"a", endlessly(endless)}}, nil, func() func(*Record) { return func(*Record) { cancel() } })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_, err = ScanRecords(ctx, []Input{{"a", bytes.NewReader(endless)}}, nil, func() func(*Record) { return func(*Record) {} })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Reading ends with an error if a reader returns neither bytes nor an error: at its beginning, after some text, or when
// it is read in parts.
func TestNoProgress(t *testing.T) {
	const line = `{"trace":"4bf92f3577b34da6a3ce929d0e0e4736"}` + "\n"
	for _, test := range []struct {
		name    string
		reader  func() io.Reader
		records int
	}{
		{"at once", func() io.Reader { return nothing{} }, 0},
		{"behind a line", func() io.Reader { return io.MultiReader(strings.NewReader(line), nothing{}) }, 1},
		{"within a long line", func() io.Reader {
			return io.MultiReader(strings.NewReader(line+strings.Repeat("x", maxLine+chunkSize)), nothing{})
		}, 1},
		{"parts", func() io.Reader { return holeAt{strings.NewReader(line), 0} }, 0},
		{"parts behind a line", func() io.Reader { return holeAt{strings.NewReader(strings.Repeat(line, 10_000)), int64(len(line))} }, 1},
		{"parts within a long line", func() io.Reader {
			return holeAt{strings.NewReader(line + strings.Repeat("x", 2*maxLine)), maxLine + 3*chunkSize}
		}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			sources, err := ScanRecords(t.Context(), []Input{{"a", test.reader()}}, nil, func() func(*Record) { return func(*Record) {} })
			if !errors.Is(err, io.ErrNoProgress) || sources[0].Records != test.records {
				t.Errorf("ScanRecords: %v, %d records; want %d", err, sources[0].Records, test.records)
			}
			found, err := FindTrace(t.Context(), []Input{{"a", test.reader()}}, []string{"4bf92f"}, nil)
			if !errors.Is(err, io.ErrNoProgress) || len(found.Entries) != test.records {
				t.Errorf("FindTrace: %v, %d records; want %d", err, len(found.Entries), test.records)
			}
		})
	}
	// A reader may return nothing now and then.
	slow := &hesitant{r: strings.NewReader(strings.Repeat(line, 10)), empty: maxEmptyReads - 1}
	sources, err := ScanRecords(t.Context(), []Input{{"a", slow}}, nil, func() func(*Record) { return func(*Record) {} })
	if err != nil || sources[0].Records != 10 {
		t.Errorf("%v, %d records", err, sources[0].Records)
	}
}

// nothing is a reader that returns neither a byte nor an error.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// A holeAt is a text that cannot be read beyond an offset.
type holeAt struct {
	*strings.Reader
	from int64
}

func (h holeAt) ReadAt(b []byte, off int64) (int, error) {
	return h.Reader.ReadAt(b[:max(0, min(int64(len(b)), h.from-off))], off)
}

// A hesitant reader returns nothing several times before each few bytes.
type hesitant struct {
	r     io.Reader
	empty int
	n     int
}

func (h *hesitant) Read(b []byte) (int, error) {
	if h.n++; h.n%(h.empty+1) != 0 {
		return 0, nil
	}
	return h.r.Read(b[:min(len(b), 50)])
}

type endlessly []byte

func (r endlessly) Read(b []byte) (int, error) { return copy(b, r), nil }

type brokenAt struct{ err error }

func (b brokenAt) Read([]byte) (int, error)          { return 0, b.err }
func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }
func (b brokenAt) Size() int64                       { return 1000 }

// All ways of reading a text find the same as Scan.
func FuzzScanRecords(f *testing.F) {
	f.Add([]byte("{}\n\npanic: x\n\ngoroutine 1 [running]:\n{\"a\":1}\r\n{"), uint8(3), true)
	f.Add([]byte("2026-03-01T09:15:00Z stdout P {\"a\n2026-03-01T09:15:00Z stderr F x\n2026-03-01T09:15:00Z stdout F \":1}\n"), uint8(20), false)
	f.Add([]byte(`{"log":"{\"a\":","stream":"stdout","time":"2026-03-01T09:15:00Z"}`+"\n"+`{"log":"1}\n","stream":"stdout","time":"2026-03-01T09:15:00Z"}`), uint8(9), false)
	f.Fuzz(func(t *testing.T, text []byte, chunk uint8, stream bool) {
		var want []string
		wantSource, _ := Scan(bytes.NewReader(text), "f", func(e Entry) { want = append(want, string(e.Raw)) })
		slices.Sort(want)
		a := readings()[0]
		a.workers, a.chunk = 3, 1+int(chunk)
		if stream {
			a.input = func(_ *testing.T, text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }
		}
		got, source := a.lines(t, string(text))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if d := cmp.Diff(wantSource, source); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// A countingReader counts the bytes that are read.
type countingReader struct {
	*strings.Reader
	n atomic.Int64
}

func (r *countingReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.Reader.ReadAt(b, off)
	r.n.Add(int64(n))
	return n, err
}

// A worker reads a line that is longer than many parts once.
func TestPartsOfLongLines(t *testing.T) {
	text := strings.Repeat(`{"msg":"`+strings.Repeat("x", 1<<20)+"\"}\n{}\n", 5)
	for _, chunk := range []int{page, 64 << 10, 300 << 10} {
		in := &countingReader{Reader: strings.NewReader(text)}
		p := &partReader{ctx: t.Context(), at: in, size: int64(len(text)), chunk: int64(chunk)}
		var got countLines
		if err := p.run([]blockReader{&got}, make([][]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if got != 10 {
			t.Errorf("chunks of %d: %d lines, want 10", chunk, got)
		}
		if n := int(in.n.Load()); n > len(text)*3/2 {
			t.Errorf("chunks of %d: %d bytes of %d were read", chunk, n, len(text))
		}
	}
}

type countLines int

func (c *countLines) read(b *block) {
	*c += countLines(bytes.Count(b.buf[b.from:b.to], newline))
}

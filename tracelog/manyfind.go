package tracelog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Found is the result of [FindTrace].
type Found struct {
	// ID is the trace's id. It is "" if there is no such trace, or several.
	ID string

	// Entries are the lines of that trace, by input and line.
	Entries []Entry

	// Candidates are the ids that begin as requested, if there are several: the first 100 of them in order.
	Candidates []string
}

const maxCandidates = 100

// FindTrace returns the lines of the one trace whose id is among ids or, if there is none, begins with one of them.
// Pass the result of [TraceIDs] for the id that you look for. Small and capital letters are the same, except where
// ids differ in nothing else.
//
// It is much faster than reading all lines if each of ids has at least four characters. It holds no more than the
// lines of one trace. Errors are those of [ScanRecords]; what was found before the error is returned too.
func FindTrace(ctx context.Context, inputs []Input, ids []string, o *ScanOptions) (*Found, error) {
	if o == nil {
		o = new(ScanOptions)
	}
	f := &finder{ids: ids, needles: needlesOf(ids)}
	var errs []error
	for i := range inputs {
		err := f.input(ctx, inputs[i:i+1], o)
		if e := ctx.Err(); e != nil {
			return f.result(), e
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return f.result(), errors.Join(errs...)
}

// needlesOf returns words that are on each line of a trace with one of the ids, or with an id that begins with one,
// if the lines have no escapes that could hide the words. It is nil if there are no such words.
func needlesOf(ids []string) *needles {
	var words []string
	for _, id := range ids {
		for _, c := range []byte(id) {
			// Other characters can be escaped in more ways than findEscape knows.
			if !isDigit(c) && !('a' <= c|0x20 && c|0x20 <= 'z') && c != '-' && c != '_' && c != '.' && c != ':' {
				return nil
			}
		}
		words = append(words, id)
		if !isHex(id) {
			continue
		}
		// The id as other backends write it; see traceID.
		if len(id) > 8 {
			words = append(words, id[:8]+"-"+id[8:])
		}
		if zeros := min(len(id), 16); strings.Trim(id[:zeros], "0") == "" {
			n, err := strconv.ParseUint(id[zeros:], 16, 64)
			if len(id) != 32 || err != nil {
				return nil
			}
			words = append(words, strconv.FormatUint(n, 10))
		}
	}
	return newNeedles(words)
}

// A finder is the state that the workers of FindTrace share.
type finder struct {
	ids     []string
	needles *needles // nil if all lines must be read
	pieces  atomic.Bool

	mu         sync.Mutex
	exact      string
	candidates []string // sorted
	before     []Entry  // of exact, else of the only candidate: from the inputs before this one
	hits       [][]hit  // from this input, some at a time, so that nothing is copied as they grow
}

// A hit is a line of the trace. Its number is not known until all blocks before it have been read. An entry is larger
// than most lines, so it is made then.
type hit struct {
	seq   int
	line  int    // from the start of the block; after settle, of the input
	raw   []byte // the line
	entry *Entry // if the line alone does not tell all of it
}

// input reads one input.
func (f *finder) input(ctx context.Context, in []Input, o *ScanOptions) error {
	// An input that can be read only once is read whole. If a container's runtime cut lines, an id finds only one
	// part of such a line.
	if at, _ := parts(in[0].Reader); at == nil || f.needles == nil {
		return f.whole(ctx, in, o)
	}
	f.pieces.Store(false)
	var workers []*searcher
	err := readBlocks(ctx, in, o, func() blockReader {
		w := &searcher{lineReader: newLineReader(in, o.Filter, f.record), finder: f}
		w.parser.shape = o.Shape
		workers = append(workers, w)
		return w
	}, func(int, io.Reader, []blockReader) error {
		f.pieces.Store(true)
		return nil
	})
	if f.pieces.Load() && err == nil {
		f.hits = nil
		return f.whole(ctx, in, o)
	}
	var blocks []blockLines
	for _, w := range workers {
		blocks = append(blocks, w.blocks...)
	}
	f.settle(in[0].Name, firstLines(blocks))
	return err
}

// whole reads all lines.
func (f *finder) whole(ctx context.Context, in []Input, o *ScanOptions) error {
	sequencers, err := scanRecords(ctx, in, o, func() func(*Record) { return f.record })
	f.settle(in[0].Name, sequencers[0].first)
	return err
}

// settle takes the hits of the input with a name. First are the numbers of the first lines of its blocks.
func (f *finder) settle(name string, first []int) {
	n := 0
	for _, some := range f.hits {
		n += len(some)
	}
	hits := make([]*hit, 0, n)
	for _, some := range f.hits {
		for i := range some {
			h := &some[i]
			h.line += first[h.seq]
			hits = append(hits, h)
		}
	}
	f.hits = nil
	slices.SortStableFunc(hits, func(a, b *hit) int { return cmp.Compare(a.line, b.line) })
	begin := len(f.before)
	f.before = append(make([]Entry, 0, begin+len(hits)), f.before...)[:begin+len(hits)]
	entries := f.before[begin:]
	size := max(1000, (len(hits)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for from := 0; from < len(hits); from += size {
		to := min(from+size, len(hits))
		wg.Go(func() { makeEntries(entries[from:to], hits[from:to], name) })
	}
	wg.Wait()
}

// makeEntries makes the entries of hits in a file.
func makeEntries(entries []Entry, hits []*hit, file string) {
	p := lineParser{in: make(interner)}
	before := new(Entry)
	for i, h := range hits {
		e := &entries[i]
		if h.entry != nil {
			*e = *h.entry
		} else {
			*e = Entry{File: file, Raw: h.raw}
			p.parse(h.raw, e)
		}
		e.Line = h.line
		// All have the same trace, and siblings the same parent.
		if e.Trace == before.Trace {
			e.Trace = before.Trace
		}
		if e.Parent == before.Parent {
			e.Parent = before.Parent
		}
		before = e
	}
}

// A searcher reads only the lines that may belong to the trace.
type searcher struct {
	*lineReader
	*finder
	blocks []blockLines

	unescaped []byte
}

// A blockLines is how many lines a block has.
type blockLines struct{ seq, lines int }

func (w *searcher) read(b *block) {
	text := b.buf[:b.to]
	n := 0            // the lines
	counted := b.from // before this
	// The journal may write a line as an array of its bytes, and OTLP ids in base64.
	line, _, _ := bytes.Cut(text[b.from:], newline)
	every := bytes.Contains(line, []byte("__REALTIME_TIMESTAMP")) || bytes.Contains(line, []byte(`"resourceSpans"`)) || bytes.Contains(line, []byte(`"resourceLogs"`))
	word, escape := w.needles.find(text, b.from), w.needles.findHiding(text, b.from)
	for every && counted < b.to || word >= 0 || escape >= 0 {
		at := word
		if at < 0 || escape >= 0 && escape < at {
			at = escape
		}
		if every {
			at = counted
		}
		start := b.from + bytes.LastIndexByte(text[b.from:at], '\n') + 1
		if at == escape && !every {
			end := at + bytes.IndexByte(text[at:], '\n') + 1
			if !w.needles.mayHide(text[start:end], &w.unescaped) && (word < 0 || word >= end) {
				escape = w.needles.findHiding(text, end)
				continue
			}
		}
		n += bytes.Count(text[counted:start], newline)
		w.fast.marks.mark(b.buf, start, start+bytes.IndexByte(b.buf[start:], '\n')+1)
		next, ok := w.quick(b, start)
		v := isRecord
		if !ok {
			v = w.slow(b, b.last(next))
		}
		switch v {
		case isRecord:
			w.emit(b, n)
		case isMany:
			w.emitMany(b, n)
		case isPart:
			w.pieces.Store(true)
		case isBad:
			if _, ok := w.parser.container(w.line); ok {
				w.pieces.Store(true)
			}
		}
		n++
		counted = next
		if word >= 0 && word < next {
			word = w.needles.find(text, next)
		}
		if escape >= 0 && escape < next {
			escape = w.needles.findHiding(text, next)
		}
	}
	n += bytes.Count(text[counted:], newline)
	if b.long > 0 {
		n++
	}
	w.blocks = append(w.blocks, blockLines{b.seq, n})
}

var newline = []byte("\n")

// record takes a record that may belong to the trace.
func (f *finder) record(r *Record) {
	id := r.Trace()
	if len(id) == 0 {
		return
	}
	exact, like := false, false
	for _, want := range f.ids {
		exact = exact || string(id) == want
		like = like || len(id) >= len(want) && strings.EqualFold(string(id[:len(want)]), want)
	}
	if !like {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.has(id, exact) || f.add(string(id), exact) {
		h := hit{seq: r.seq, line: r.number}
		if r.entry != nil {
			e := r.Entry()
			h.entry = &e
		} else {
			h.raw = bytes.Clone(r.line)
		}
		last := len(f.hits) - 1
		if last < 0 || len(f.hits[last]) == cap(f.hits[last]) {
			f.hits = append(f.hits, make([]hit, 0, min(16<<min(len(f.hits), 8), 1024)))
			last++
		}
		f.hits[last] = append(f.hits[last], h)
	}
}

// has reports whether lines with the id are known to be wanted.
func (f *finder) has(id []byte, exact bool) bool {
	return string(id) == f.exact || !exact && f.exact == "" && len(f.candidates) == 1 && string(id) == f.candidates[0]
}

// add reports whether lines with the id may be wanted.
func (f *finder) add(id string, exact bool) bool {
	if exact && (f.exact == "" || id < f.exact) {
		f.exact, f.before, f.hits = id, nil, nil
	}
	if f.exact != "" {
		return id == f.exact
	}
	i, ok := slices.BinarySearch(f.candidates, id)
	if !ok {
		if len(f.candidates) > 0 {
			f.before, f.hits = nil, nil
		}
		f.candidates = slices.Insert(f.candidates, i, id)
		if len(f.candidates) > maxCandidates {
			f.candidates = f.candidates[:maxCandidates]
		}
	}
	return len(f.candidates) == 1
}

func (f *finder) result() *Found {
	switch {
	case f.exact != "":
		return &Found{ID: f.exact, Entries: f.before}
	case len(f.candidates) == 1:
		return &Found{ID: f.candidates[0], Entries: f.before}
	}
	return &Found{Candidates: f.candidates}
}

// firstLines returns the numbers of the first lines of blocks.
func firstLines(blocks []blockLines) []int {
	n := 0 // after an error blocks may be missing
	for _, b := range blocks {
		n = max(n, b.seq+1)
	}
	first := make([]int, n+1)
	for _, b := range blocks {
		first[b.seq+1] = b.lines
	}
	first[0] = 1
	for i := range n {
		first[i+1] += first[i]
	}
	return first
}

package tracelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// ScanOptions are common to all functions here that read many lines. Nil means the zero value.
type ScanOptions struct {
	// Workers is how many goroutines read; 0 means GOMAXPROCS. The results do not depend on it.
	Workers int

	// Filter, if not nil, selects the records that count. It is called by several goroutines at once.
	Filter func(*Record) bool

	// Shape, if not nil, is that of the lines. They are then read several times more slowly.
	Shape *Shape

	chunk int           // how much is read at once; 0 means chunkSize
	seed  *maphash.Seed // of the hashes that tell ends of spans apart; nil means a new one
}

func (o *ScanOptions) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (o *ScanOptions) chunkSize() int {
	if o.chunk > 0 {
		return o.chunk
	}
	return chunkSize
}

// chunkSize fits into the cache of a core.
const chunkSize = 256 << 10

// A block is whole lines of one input. One worker reads it.
type block struct {
	input int
	seq   int // in its input, from 0
	buf   []byte
	// The lines are buf[from:to], each with a newline. If cut is set, the last line's newline was added. After them
	// there is padding.
	from, to int
	cut      bool
	long     int // if not 0, a line that is too long follows: its length including its newline
	longCut  bool
}

// A blockReader processes blocks for its worker.
type blockReader interface {
	read(*block)
}

// readBlocks reads the inputs, one after the other, and gives each block to one of the workers. A worker never gets
// two blocks at a time. Inputs with documents it gives to document, with their index and the workers. The error names the inputs that
// could not be read to their end, or is ctx's.
func readBlocks(ctx context.Context, inputs []Input, o *ScanOptions, worker func() blockReader, document func(int, io.Reader, []blockReader) error) error {
	n := o.workers()
	chunk := o.chunkSize()
	workers := make([]blockReader, n)
	for i := range workers {
		workers[i] = worker()
	}
	bufs := make([][]byte, n)
	var errs []error
	for i := range inputs {
		in := inputs[i]
		var err error
		if r := openInput(ctx, &in, o.Shape); r != nil {
			err = document(i, r, workers)
		} else if at, size := parts(in.Reader); at != nil {
			p := &partReader{ctx: ctx, input: i, at: at, size: size, chunk: int64(chunk)}
			err = p.run(workers, bufs)
		} else {
			s := &streamReader{ctx: ctx, input: i, r: in.Reader, chunk: chunk}
			err = s.run(workers)
		}
		if e := ctx.Err(); e != nil {
			return e
		}
		if err != nil {
			var path *fs.PathError
			if !errors.As(err, &path) {
				err = fmt.Errorf("%s: %w", in.Name, err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// parts returns an io.ReaderAt to read r in parts with, and its size. It is nil if r cannot be read in parts.
func parts(r io.Reader) (io.ReaderAt, int64) {
	switch r := r.(type) {
	case *os.File:
		info, err := r.Stat()
		// Special files that look regular, as in /proc, have size 0.
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return r, info.Size()
		}
	case interface {
		io.ReaderAt
		Size() int64
	}:
		return r, r.Size()
	}
	return nil, 0
}

// canReadAgain reports whether all inputs can be read more than once.
func canReadAgain(inputs []Input) bool {
	return !slices.ContainsFunc(inputs, func(in Input) bool {
		at, _ := parts(in.Reader)
		return at == nil
	})
}

// A partReader reads an input in parts. The lines that begin in a part belong to it.
type partReader struct {
	ctx   context.Context
	input int
	at    io.ReaderAt
	size  int64
	chunk int64

	next atomic.Int64
	stop atomic.Bool
	mu   sync.Mutex
	err  error
}

func (p *partReader) run(workers []blockReader, bufs [][]byte) error {
	var wg sync.WaitGroup
	n := int((p.size + p.chunk - 1) / p.chunk)
	// The lines of a trace are near each other. If workers were always on neighbouring parts, they would work on the
	// same traces at the same time, and the data of these would move between the caches of the cores.
	run := max(1, min(maxRun, n/(4*len(workers))))
	for i := range min(len(workers), n) {
		wg.Go(func() {
			seq, end := 0, 0
			read := int64(0) // where the last line ends that the worker has read
			for ; p.ctx.Err() == nil; seq++ {
				if seq == end {
					end = int(p.next.Add(int64(run)))
					seq = end - run
				}
				if seq >= n || p.stop.Load() {
					return
				}
				b := block{input: p.input, seq: seq, buf: bufs[i]}
				var err error
				read, err = p.part(&b, read)
				if cap(b.buf) <= mostKept {
					bufs[i] = b.buf
				} else {
					bufs[i] = nil // a long line's
				}
				workers[i].read(&b)
				if err != nil {
					p.mu.Lock()
					p.err = err
					p.mu.Unlock()
					p.stop.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return p.err
}

// maxRun is how many parts in a row a worker reads.
const maxRun = 16

// slack is how many bytes after a part are read with it, to include the rest of its last line.
const slack = 4 << 10

// page is how many bytes before a part are read with it. If the last of them is a newline, a line begins where the part does.
// The last byte alone would tell that. A whole page is read because the system copies fastest if each byte has the same place
// in its page of memory as in its page of the file: on some processors any other place takes four times as long.
const page = 4 << 10

// part reads the lines that begin in the part, and returns where the last of them ends in the input. After an error the block has the
// lines before it. A line before the part ends at read: if that is behind the part, no line begins in it.
func (p *partReader) part(b *block, read int64) (to int64, err error) {
	begin := int64(b.seq) * p.chunk
	end := min(begin+p.chunk, p.size)
	if read >= end {
		b.buf = b.buf[:0]
		b.pad()
		return read, nil
	}
	off := max(begin-min(page, p.chunk), 0)
	b.buf = slices.Grow(b.buf[:0], int(end-off)+slack+padding+1)
	eof, err := p.more(b, off, int(min(end+slack, p.size)-off))
	if begin > 0 {
		before := min(int(begin-off)-1, len(b.buf))
		i := bytes.IndexByte(b.buf[before:], '\n')
		if b.from = before + i + 1; i < 0 || off+int64(b.from) >= end {
			b.from, b.to = 0, 0
			b.pad()
			return read, err
		}
	}
	// The last line: it begins before end.
	searched := min(int(end-off), len(b.buf))
	if searched > 0 {
		searched--
	}
	for {
		if i := bytes.IndexByte(b.buf[searched:], '\n'); i >= 0 {
			b.to = searched + i + 1
			break
		}
		searched = len(b.buf)
		if eof || err != nil {
			b.to, b.cut = len(b.buf), len(b.buf) > b.from
			break
		}
		if len(b.buf) > maxLine+2 {
			last := max(b.from, bytes.LastIndexByte(b.buf[:min(int(end-off), len(b.buf))], '\n')+1)
			if size := len(b.buf) - last; size > maxLine+2 {
				b.to, b.long = last, size
				b.longCut, err = p.rest(b, off+int64(len(b.buf)))
				break
			}
		}
		eof, err = p.more(b, off+int64(len(b.buf)), max(len(b.buf)/4, 2*slack))
	}
	b.buf = b.buf[:b.to]
	b.pad()
	return off + int64(b.to+b.long), err
}

// set makes a line all that is in the block.
func (b *block) set(line []byte) {
	b.buf = append(append(b.buf[:0], line...), '\n')
	b.to = len(b.buf)
	b.pad()
}

// pad adds what fastLine needs.
func (b *block) pad() {
	if b.cut {
		b.buf = append(b.buf, '\n')
		b.to++
	}
	b.buf = append(b.buf, make([]byte, padding)...)
}

// more appends n bytes from off, fewer at the end.
func (p *partReader) more(b *block, off int64, n int) (eof bool, err error) {
	n = int(min(int64(n), p.size-off))
	b.buf = slices.Grow(b.buf, n+padding+1)
	m, err := p.at.ReadAt(b.buf[len(b.buf):len(b.buf)+n], off)
	b.buf = b.buf[:len(b.buf)+m]
	switch {
	case err == io.EOF:
		err = nil
		eof = m < n // the file has become shorter
	case err == nil && m < n:
		err = io.ErrNoProgress // an io.ReaderAt must return a reason; without one, retrying might never end
	}
	return eof || off+int64(m) >= p.size, err
}

// rest finds the end of a line that is too long, and counts the bytes it drops.
func (p *partReader) rest(b *block, off int64) (cut bool, err error) {
	buf := make([]byte, 64<<10)
	for off < p.size {
		m, err := p.at.ReadAt(buf[:min(int64(len(buf)), p.size-off)], off)
		if i := bytes.IndexByte(buf[:m], '\n'); i >= 0 {
			b.long += i + 1
			return false, nil
		}
		b.long += m
		off += int64(m)
		switch {
		case err == io.EOF:
			return true, nil
		case err == nil && m == 0:
			return true, io.ErrNoProgress
		case err != nil:
			return true, err
		}
	}
	return true, nil
}

// A streamReader reads an input from one end to the other.
type streamReader struct {
	ctx   context.Context
	input int
	r     io.Reader
	chunk int
}

func (s *streamReader) run(workers []blockReader) error {
	full := make(chan *block)
	free := make(chan []byte, len(workers)+1)
	for range len(workers) + 1 {
		free <- nil
	}
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for b := range full {
				w.read(b)
				if cap(b.buf) > mostKept {
					b.buf = nil
				}
				free <- b.buf
			}
		})
	}
	err := s.blocks(full, free)
	close(full)
	wg.Wait()
	return err
}

// blocks reads and sends blocks until the end.
func (s *streamReader) blocks(full chan<- *block, free <-chan []byte) (err error) {
	var rest []byte // what follows the last block: usually the beginning of a line
	long := 0       // for a line that is too long: how much of it was dropped
	for seq := 0; err == nil || len(rest) > 0 || long > 0; seq++ {
		b := &block{input: s.input, seq: seq, buf: append((<-free)[:0], rest...)}
		rest = rest[:0]
		for {
			// Fill the buffer. If it contains no whole line, use a larger one.
			searched := len(b.buf)
			err = s.fill(b, max(s.chunk, 2*len(b.buf)), err)
			if long > 0 {
				i := bytes.IndexByte(b.buf, '\n')
				if i < 0 && err == nil {
					long += len(b.buf)
					b.buf = b.buf[:0]
					continue
				}
				// The line is reported after the lines of its block, which has none here.
				if b.longCut = i < 0; b.longCut {
					i = len(b.buf) - 1
				}
				b.long, long = long+i+1, 0
				rest = append(rest, b.buf[i+1:]...)
				break
			}
			if err != nil {
				b.to = len(b.buf)
				b.cut = b.to > 0 && b.buf[b.to-1] != '\n'
				break
			}
			if i := bytes.LastIndexByte(b.buf[searched:], '\n'); i >= 0 {
				b.to = searched + i + 1
				rest = append(rest, b.buf[b.to:]...)
				break
			}
			if len(b.buf) > maxLine+2 {
				long, b.buf = len(b.buf), b.buf[:0]
			}
		}
		b.buf = b.buf[:b.to]
		b.pad()
		full <- b
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// maxEmptyReads is how many reads in a row may return neither a byte nor an error, as in package bufio.
const maxEmptyReads = 100

// fill reads until b has that many bytes, or until an error, which may be an earlier one.
func (s *streamReader) fill(b *block, want int, err error) error {
	b.buf = slices.Grow(b.buf, want-len(b.buf)+padding+1)
	for empty := 0; len(b.buf) < want && err == nil; {
		var n int
		n, err = s.r.Read(b.buf[len(b.buf):want])
		b.buf = b.buf[:len(b.buf)+n]
		if err == nil {
			err = s.ctx.Err()
		}
		if empty++; n > 0 {
			empty = 0
		}
		if empty == maxEmptyReads && err == nil {
			err = io.ErrNoProgress
		}
	}
	return err
}

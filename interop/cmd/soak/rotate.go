package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// A rotator is a writer over files that are closed when they are large, then read, accounted for in a sink, and deleted.
// Write waits if too many files have not been read yet.
type rotator struct {
	dir   string
	sink  *sink
	limit int
	spoil func([]byte) []byte // nil; a test's

	mu    sync.Mutex
	file  *os.File
	size  int
	files int

	full    chan string
	pending sync.WaitGroup
	ended   chan struct{}
	read    int // files; the reader's, until it has ended
}

// waitingFiles is how many full files wait to be read, at most.
const waitingFiles = 4

func newRotator(dir string, s *sink, limit int) (*rotator, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r := &rotator{dir: dir, sink: s, limit: limit, full: make(chan string, waitingFiles), ended: make(chan struct{})}
	go r.readAll()
	return r, nil
}

func (r *rotator) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil && r.size+len(p) > r.limit {
		if err := r.rotate(); err != nil {
			return 0, err
		}
	}
	if r.file == nil {
		f, err := os.Create(filepath.Join(r.dir, fmt.Sprintf("app-%06d.log", r.files)))
		if err != nil {
			return 0, err
		}
		r.file, r.size = f, 0
		r.files++
	}
	text := p
	if r.spoil != nil {
		text = r.spoil(p)
	}
	n, err := r.file.Write(text)
	r.size += n
	if err != nil {
		return min(n, len(p)), err
	}
	return len(p), nil
}

// rotate gives the current file to the reader. The lock is held.
func (r *rotator) rotate() error {
	if r.file == nil {
		return nil
	}
	name := r.file.Name()
	err := r.file.Close()
	r.file = nil
	r.pending.Add(1)
	r.full <- name
	return err
}

// flush waits until everything that was written has been read.
func (r *rotator) flush() error {
	r.mu.Lock()
	err := r.rotate()
	r.mu.Unlock()
	r.pending.Wait()
	return err
}

func (r *rotator) close() error {
	err := r.flush()
	close(r.full)
	<-r.ended
	return err
}

func (r *rotator) readAll() {
	defer close(r.ended)
	in := bufio.NewReaderSize(nil, 1<<20)
	for name := range r.full {
		if err := errors.Join(r.readFile(in, name), os.Remove(name)); err != nil {
			r.sink.problem("%v", err)
		}
		r.read++
		r.pending.Done()
	}
}

func (r *rotator) readFile(in *bufio.Reader, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in.Reset(f)
	var numbers []int
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			numbers = r.sink.lines(line, numbers[:0])
			r.sink.take(numbers, len(line), false)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}

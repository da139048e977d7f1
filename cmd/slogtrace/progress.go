package main

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long reading takes before there is a progress bar, and redraw how often it is drawn.
const (
	patience = 500 * time.Millisecond
	redraw   = 100 * time.Millisecond
)

// A progress shows how much of the files has been read. A nil one does nothing. Several goroutines may use it.
type progress struct {
	w     io.Writer
	total int64
	begin time.Time
	now   func() time.Time

	read atomic.Int64
	next atomic.Int64 // when to draw, in nanoseconds since begin

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

// startProgress shows progress on standard error, where that is a terminal and it is known how much there is to read.
func (s *session) startProgress(total int64) {
	if s.stderrTerm && total > 0 {
		s.progress = &progress{w: s.stderr, total: total, begin: s.now(), now: s.now}
		s.progress.next.Store(int64(patience))
	}
}

func (s *session) stopProgress() {
	s.progress.hide()
	s.progress = nil
}

func (p *progress) add(n int) {
	if p == nil {
		return
	}
	read := p.read.Add(int64(n))
	at, next := int64(p.now().Sub(p.begin)), p.next.Load()
	if at < next || !p.next.CompareAndSwap(next, at+int64(redraw)) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription("reading"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionUseANSICodes(true),
		)
	}
	p.bar.Set64(min(read, p.total-1)) // the last byte would end it, and a growing file has more
}

// hide removes the bar, so that something else can be written in its place.
func (p *progress) hide() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
}

// A progressReader counts what is read.
type progressReader struct {
	io.Reader
	p *progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.add(n)
	return n, err
}

package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long reading takes before there is a progress bar.
const patience = 500 * time.Millisecond

// A progress shows how much of the files has been read. A nil one does nothing.
type progress struct {
	w     io.Writer
	total int64
	begin time.Time
	now   func() time.Time

	read int64
	bar  *progressbar.ProgressBar
}

// startProgress shows progress on standard error, where that is a terminal and it is known how much there is to read.
func (s *session) startProgress(total int64) {
	if s.stderrTerm && total > 0 {
		s.progress = &progress{w: s.stderr, total: total, begin: s.now(), now: s.now}
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
	p.read += int64(n)
	if p.bar == nil {
		if p.now().Sub(p.begin) < patience {
			return
		}
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription("reading"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionUseANSICodes(true),
		)
	}
	p.bar.Set64(min(p.read, p.total-1)) // the last byte would end it, and a growing file has more
}

// hide removes the bar, so that something else can be written in its place.
func (p *progress) hide() {
	if p != nil && p.bar != nil {
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

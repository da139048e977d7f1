package tell

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// patience is how long reading must take before a bar appears. redraw is how often the bar is drawn.
const (
	patience = 500 * time.Millisecond
	redraw   = 100 * time.Millisecond
)

// A Progress shows how much of the files has been read. A nil one does nothing. Several goroutines may use it.
type Progress struct {
	w     io.Writer
	total int64
	unit  string // "": bytes
	begin time.Time
	now   func() time.Time

	read atomic.Int64
	next atomic.Int64 // when to draw, in nanoseconds since begin

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

// StartProgress shows a bar while total bytes are read: on a terminal, and if total is more than 0.
func (t *Teller) StartProgress(total int64) { t.startProgress(total, "") }

// StartCount is StartProgress for total things of a unit other than bytes.
func (t *Teller) StartCount(total int, unit string) { t.startProgress(int64(total), unit) }

func (t *Teller) startProgress(total int64, unit string) {
	if t.terminal && total > 0 {
		p := &Progress{w: t.w, total: total, unit: unit, begin: t.now(), now: t.now}
		p.next.Store(int64(patience))
		t.progress.Store(p)
	}
}

// Progress returns the current progress, or nil.
func (t *Teller) Progress() *Progress { return t.progress.Load() }

// StopProgress removes the bar.
func (t *Teller) StopProgress() {
	t.progress.Load().hide()
	t.progress.Store(nil)
}

// NoProgress turns bars off, even on a terminal.
func (t *Teller) NoProgress() { t.terminal = false }

// Add counts n more bytes as read.
func (p *Progress) Add(n int) {
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
		how := progressbar.OptionShowBytes(true)
		if p.unit != "" {
			how = progressbar.OptionShowCount()
		}
		p.bar = progressbar.NewOptions64(p.total, how,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription("reading"),
			progressbar.OptionSetItsString(p.unit),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionUseANSICodes(true),
		)
	}
	p.bar.Set64(min(read, p.total-1)) // the last byte would end it, and a growing file has more
}

// hide removes the bar, so that a message can take its place.
func (p *Progress) hide() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
}

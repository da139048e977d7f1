package tell

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// patience is how long reading must take before a bar appears. redraw is how often the bar is drawn. tick is when it is first
// said what is waited for, and how often.
const (
	patience = 500 * time.Millisecond
	redraw   = 100 * time.Millisecond
	tick     = time.Second
)

// A Progress shows how much has been read. A nil one does nothing. Several goroutines may use it.
type Progress struct {
	w     io.Writer
	total int64  // 0: it only tells what is waited for
	unit  string // "": bytes
	begin time.Time
	now   func() time.Time

	read atomic.Int64
	next atomic.Int64 // when to draw, in nanoseconds since begin

	mu      sync.Mutex
	bar     *progressbar.ProgressBar
	waiting string // what is waited for until something is read; "": nothing
	drawn   bool   // that is on the terminal
}

// StartProgress shows a bar while total bytes are read: on a terminal, and if total is more than 0.
func (t *Teller) StartProgress(total int64) { t.startProgress(total, "") }

// StartCount is StartProgress for total things of a unit other than bytes.
func (t *Teller) StartCount(total int, unit string) { t.startProgress(int64(total), unit) }

func (t *Teller) startProgress(total int64, unit string) {
	if t.terminal && total > 0 {
		p := &Progress{w: t.w, total: total, unit: unit, begin: t.now(), now: t.now}
		p.next.Store(int64(patience))
		if old := t.progress.Load(); old != nil && old.waiting != "" {
			p.waiting, p.begin = old.waiting, old.begin
			go t.wait(p)
		}
		t.start(p)
	}
}

// StartWaiting says what is waited for and for how long, from a second on, until something is read: on a terminal. It goes on
// when StartCount makes a bar, as long as the bar has nothing to show.
func (t *Teller) StartWaiting(what string) {
	if t.terminal {
		p := &Progress{w: t.w, waiting: what, begin: t.now(), now: t.now}
		t.start(p)
		go t.wait(p)
	}
}

// start makes p the current progress, in place of another.
func (t *Teller) start(p *Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Swap(p).hide()
}

// wait draws what is waited for until p has something to show, or is no longer the current progress.
func (t *Teller) wait(p *Progress) {
	for {
		time.Sleep(tick)
		t.mu.Lock()
		more := t.progress.Load() == p && p.drawWaiting()
		t.mu.Unlock()
		if !more {
			return
		}
	}
}

// drawWaiting reports whether there is nothing else to show.
func (p *Progress) drawWaiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		return false
	}
	p.drawn = true
	fmt.Fprintf(p.w, "%swaiting for %s, %.0f s", clearLine, draw.Text(p.waiting, 200), p.now().Sub(p.begin).Seconds())
	return true
}

// clearLine removes what is in the last line of a terminal.
const clearLine = "\r\x1b[K"

// Progress returns the current progress, or nil.
func (t *Teller) Progress() *Progress { return t.progress.Load() }

// StopProgress removes the bar.
func (t *Teller) StopProgress() { t.start(nil) }

// NoProgress turns bars off, even on a terminal.
func (t *Teller) NoProgress() { t.terminal = false }

// Add counts n more bytes as read.
func (p *Progress) Add(n int) {
	if p == nil || p.total == 0 {
		return
	}
	read := p.read.Add(int64(n))
	at, next := int64(p.now().Sub(p.begin)), p.next.Load()
	if at < next || !p.next.CompareAndSwap(next, at+int64(redraw)) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		p.drawn = false
		fmt.Fprint(p.w, clearLine)
	}
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
	if past := read - p.total; past > p.total/10 { // parts of a file overlap a little, but not as much
		p.bar.Describe("reading again")
		read = past
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
	if p.drawn {
		p.drawn = false
		fmt.Fprint(p.w, clearLine)
	}
	if p.bar != nil {
		p.bar.Clear()
	}
}

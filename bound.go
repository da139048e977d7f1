package slogtrace

import (
	"log/slog"
	"sync/atomic"
)

// A boundCache holds, for one context, what handlers derived to add its ids with less work.
// It keeps the latest few, so that a program that derives a logger for each record does not fill the memory.
type boundCache struct {
	latest atomic.Pointer[boundHandler]
}

// A handlerID is part of a Handler. Its address identifies the handler.
type handlerID struct{ _ byte }

// A boundHandler is what one Handler adds under one context. After some records it also holds
// the inner handler derived with that.
type boundHandler struct {
	by      *handlerID
	op      string                       // the span's, at that time
	texts   spanTexts                    // see current.texts
	group   slog.Value                   // what is added
	derived atomic.Pointer[slog.Handler] // nil until binding pays
	uses    atomic.Int32
	count   int32 // of this one and those behind it
	next    *boundHandler
}

const (
	maxBoundHandlers = 8
	bindAtUse        = 3 // in a context and handler: binding costs more than adding to one record, but only once
)

// of returns what h derived for records under op, or nil if nothing is cached.
func (b *boundCache) of(h *handlerID, op string) *boundHandler {
	for e := b.latest.Load(); e != nil; e = e.next {
		if e.by == h && e.op == op {
			return e
		}
	}
	return nil
}

// add puts e first, for later uses. Of two added at once one may be forgotten; it will be made again.
func (b *boundCache) add(e *boundHandler) {
	e.count = 1
	if next := b.latest.Load(); next != nil && next.count < maxBoundHandlers {
		e.next, e.count = next, next.count+1
	}
	b.latest.Store(e)
}

// A spanTexts holds the texts of a span in one string: trace id, span id, parent id (zeros on a root) and start,
// which is a JSON string. None of them change. For a remote parent it holds only the ids.
// So a handler needs memory for one string, and the one made for a span's first line also serves its end.
type spanTexts string

func (p spanTexts) trace() string  { return string(p[:32]) }
func (p spanTexts) span() string   { return string(p[32:48]) }
func (p spanTexts) parent() string { return string(p[48:64]) }
func (p spanTexts) start() string  { return string(p[64+1 : len(p)-1]) } // without the quotes

package slogtrace

import (
	"log/slog"
	"sync/atomic"
)

// A boundCache holds, for one context, what handlers derived to add its ids with less work: the latest few of them,
// so that a logger derived for each record does not fill the memory.
type boundCache struct {
	latest atomic.Pointer[boundHandler]
}

// A handlerID is part of a Handler. Its address says which.
type handlerID struct{ _ byte }

// A boundHandler is what one Handler adds under one context, and from some record on its chain with that bound to it.
type boundHandler struct {
	by    *handlerID
	op    string                       // of the span then
	text  packed                       // see current.text
	group slog.Value                   // what is added
	chain atomic.Pointer[slog.Handler] // nil while it is not worth its cost
	uses  atomic.Int32
	count int32 // of this and those behind it
	next  *boundHandler
}

const (
	maxBoundHandlers = 8
	bindAtUse        = 3 // of a context and handler: to bind costs more than to add to the record, but once
)

// of returns what h derived for records under op, nil if that is not known.
func (b *boundCache) of(h *handlerID, op string) *boundHandler {
	for e := b.latest.Load(); e != nil; e = e.next {
		if e.by == h && e.op == op {
			return e
		}
	}
	return nil
}

// add remembers e, whose uses begin, as the latest. Of two added at once one may be forgotten; it will be made again.
func (b *boundCache) add(e *boundHandler) {
	e.count = 1
	if next := b.latest.Load(); next != nil && next.count < maxBoundHandlers {
		e.next, e.count = next, next.count+1
	}
	b.latest.Store(e)
}

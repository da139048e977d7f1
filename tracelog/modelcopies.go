package tracelog

import (
	"bytes"
	"time"
)

// A copyFinder finds log lines that are identical, byte for byte, to an earlier line of the same time. Entries come
// in order of time, so it remembers only those of one moment. Lines without a time are never copies: a line sent
// twice looks the same as an event that happened twice.
type copyFinder struct {
	at   time.Time
	seen []place
	by   map[string]place // used once seen is long
}

// A place is where an entry was put. An index stays valid while the slice grows.
type place struct {
	logs *[]Entry
	i    int
}

// find returns the entry in logs that e is a copy of. If there is none, e must be the next entry appended to logs.
func (c *copyFinder) find(e *Entry, logs *[]Entry) *Entry {
	if e.Time.IsZero() || len(e.Raw) == 0 {
		return nil
	}
	if !e.Time.Equal(c.at) {
		c.at, c.seen, c.by = e.Time, c.seen[:0], nil
	}
	here := place{logs, len(*logs)}
	if c.by == nil {
		for _, p := range c.seen {
			if old := &(*p.logs)[p.i]; p.logs == logs && bytes.Equal(old.Raw, e.Raw) {
				return old
			}
		}
		if c.seen = append(c.seen, here); len(c.seen) < 16 {
			return nil
		}
		c.by = make(map[string]place)
		for _, p := range c.seen[:len(c.seen)-1] {
			c.by[string((*p.logs)[p.i].Raw)] = p
		}
	} else if p, ok := c.by[string(e.Raw)]; ok && p.logs == logs {
		return &(*p.logs)[p.i]
	}
	c.by[string(e.Raw)] = here
	return nil
}

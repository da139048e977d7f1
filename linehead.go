package slogtrace

import (
	"log/slog"
	"time"
)

// appendHead appends the beginning of a line, up to where the text of the message goes.
func (f *format) appendHead(b []byte, t time.Time, level slog.Level, valid bool) []byte {
	i := uint(level-slog.LevelDebug) / 4
	if level&3 != 0 || i >= uint(len(f.headJSON)) || t.IsZero() {
		return f.appendOddHead(b, t, level, valid)
	}
	if s := f.second(t); s != nil {
		return append(s.appendTime(b, t), s.heads[i]...)
	}
	return append(appendNow(append(b, f.timeJSON...), t, valid), f.headJSON[i]...)
}

// A secondHead is a secondText with a format's JSON around it: the beginning of a line in two texts, whatever the names.
type secondHead struct {
	*secondText
	prefix string    // timeJSON and the time, up to the fraction
	heads  [4]string // the zone and headJSON, behind the fraction
	end    string    // the zone and endJSON, behind the fraction
}

// appendTime appends the beginning of a line up to the end of the fraction of t. t must be in s's second.
func (s *secondHead) appendTime(b []byte, t time.Time) []byte {
	b = append(b, s.prefix...)
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = appendFraction(b, ns)
	}
	return b
}

// second returns how lines begin in the second of t. It returns nil if this is the first line in that second.
func (f *format) second(t time.Time) *secondHead {
	if s := f.latest.Load(); s != nil && s.matches(t) {
		return s
	}
	return f.newSecond(t)
}

func (f *format) newSecond(t time.Time) *secondHead {
	c := lastSecond.Load()
	if !c.matches(t) {
		return nil
	}
	s := &secondHead{secondText: c, prefix: f.timeJSON + `"` + c.prefix, end: c.zone + `"` + f.endJSON}
	for i, head := range f.headJSON {
		s.heads[i] = c.zone + `"` + head
	}
	f.latest.Store(s)
	return s
}

// appendOddHead is appendHead for a level without a name of its own, or for no time.
func (f *format) appendOddHead(b []byte, t time.Time, level slog.Level, valid bool) []byte {
	head := f.levelJSON
	if t.IsZero() {
		b, head = append(b, '{'), head[1:]
	} else {
		b = appendNow(append(b, f.timeJSON...), t, valid)
	}
	b = appendInside(append(b, head...), f.levelName(level))
	return append(append(b, '"'), f.messageJSON...)
}

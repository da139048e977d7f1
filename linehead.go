package slogtrace

import (
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace/internal/jsontext"
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
	return append(jsontext.AppendNow(append(b, f.timeJSON...), t, valid), f.headJSON[i]...)
}

// A secondHead is a jsontext.Second with a format's JSON around it: the beginning of a line in two texts, whatever the names.
type secondHead struct {
	*jsontext.Second
	prefix string    // timeJSON and the time, up to the fraction
	heads  [4]string // the zone and headJSON, behind the fraction
	end    string    // the zone and endJSON, behind the fraction
}

// appendTime appends the beginning of a line up to the end of the fraction of t. t must be in s's second.
func (s *secondHead) appendTime(b []byte, t time.Time) []byte {
	b = append(b, s.prefix...)
	if ns := uint32(t.Nanosecond()); ns != 0 {
		b = jsontext.AppendFraction(b, ns)
	}
	return b
}

// second returns how lines begin in the second of t. It returns nil if this is the first line in that second.
func (f *format) second(t time.Time) *secondHead {
	if s := f.latest.Load(); s != nil && s.Matches(t) {
		return s
	}
	return f.newSecond(t)
}

func (f *format) newSecond(t time.Time) *secondHead {
	c := jsontext.LastSecond(t)
	if c == nil {
		return nil
	}
	s := &secondHead{Second: c, prefix: f.timeJSON + `"` + c.Prefix, end: c.Zone + `"` + f.endJSON}
	for i, head := range f.headJSON {
		s.heads[i] = c.Zone + `"` + head
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
		b = jsontext.AppendNow(append(b, f.timeJSON...), t, valid)
	}
	b = jsontext.AppendInside(append(b, head...), f.levelName(level))
	return append(append(b, '"'), f.messageJSON...)
}

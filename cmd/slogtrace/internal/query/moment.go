package query

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A moment is a flag for a point in time: a timestamp, or how long ago.
type moment struct {
	time.Time
	text string
	now  func() time.Time

	filter *Filter // the Filter of --since; nil for other flags
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "time" }

func (m *moment) Set(s string) error {
	m.text = s
	if ago, err := parseAge(s); err == nil {
		m.Time = m.now().Add(-ago)
		return nil
	}
	if t, ok := parseMoment(s); ok {
		m.Time = t
		return nil
	}
	return errors.New("want how long ago (90s, 15m, 2h, 3d), or a time (2026-03-01, 2026-03-01T09:15:00Z)")
}

// parseMoment reads a time, or a date, which means its first moment.
func parseMoment(s string) (time.Time, bool) {
	if len(s) < len(time.DateOnly) || s[0] < '0' || s[0] > '9' {
		return time.Time{}, false
	}
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", // fractions of a second are always taken
		"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
	} {
		if t, err := time.Parse(layout, s); err == nil { // without a zone it is UTC, as is all that is shown
			return t, true
		}
	}
	return time.Time{}, false
}

// parseAge is time.ParseDuration with days and weeks.
func parseAge(s string) (time.Duration, error) {
	s = strings.TrimPrefix(s, "-")
	for unit, d := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, unit); ok {
			x, err := strconv.ParseFloat(number, 64)
			if err != nil || !(x >= 0 && x < 1e5) {
				return 0, errors.New("want a number of days or weeks")
			}
			return time.Duration(x * float64(d)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if d < 0 {
		err = errors.New("negative")
	}
	return d, err
}

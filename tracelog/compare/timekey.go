package compare

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Durations and times, and what follows from them, cannot be causes: that slow traces have a large elapsed_ms is no news.

// timeWords are words in the keys of durations and times.
var timeWords = []string{
	"duration", "durations", "elapsed", "latency", "took", "time", "times", "timestamp", "timestamps", "date", "datetime", "day", "hour", "minute",
	"ms", "msec", "msecs", "millis", "milliseconds", "us", "usec", "micros", "microseconds", "ns", "nsec", "nanos", "nanoseconds", "sec", "secs",
	"second", "seconds", "started", "began", "ended", "finished", "at", "ts", "since", "until", "wait", "waited", "delay", "delayed", "queued", "lag",
	"slow", "deadline", "expires",
}

// isTime reports whether an attribute is a duration or a time, by its key or by the form of its value.
func isTime(key, value string) bool {
	if slices.ContainsFunc(wordsOf(key), func(word string) bool { return slices.Contains(timeWords, word) }) {
		return true
	}
	if value == "" || value[0] < '0' || value[0] > '9' {
		return false
	}
	if len(value) >= len(time.DateTime) {
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime} {
			if _, err := time.Parse(layout, value); err == nil {
				return true
			}
		}
	}
	last := value[len(value)-1]
	if last != 's' && last != 'm' && last != 'h' {
		return false
	}
	_, err := time.ParseDuration(value)
	return err == nil
}

// wordsOf divides a key into its words, in lower case: "queueWait.ms" has three.
func wordsOf(key string) []string {
	var words []string
	start, lower := 0, false
	cut := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(key[start:end]))
		}
	}
	for i, r := range key {
		switch {
		case !unicode.IsLetter(r):
			cut(i)
			start, lower = i+len(string(r)), false
		case unicode.IsUpper(r) && lower:
			cut(i)
			start, lower = i, false
		default:
			lower = unicode.IsLower(r)
		}
	}
	cut(len(key))
	return words
}

// isDuration reports whether a number is a duration, in any unit, to within a hundredth.
func isDuration(x float64, d time.Duration) bool {
	if d <= 0 || x <= 0 {
		return false
	}
	ratio := float64(d) / x // nanoseconds of a unit
	unit := math.Pow(1000, math.Round(math.Log10(ratio)/3))
	return unit >= 1 && unit <= 1e9 && math.Abs(ratio/unit-1) < 0.01
}

// isMoment reports whether a number is a time near start, since 1970 and in any unit.
func isMoment(x float64, start time.Time) bool {
	const near = 5 * 365 * 24 * time.Hour
	if start.IsZero() || x < 1e8 {
		return false
	}
	for _, unit := range []float64{1, 1e3, 1e6, 1e9} {
		if at := x / unit * 1e9; at < math.MaxInt64 && time.Unix(0, int64(at)).Sub(start).Abs() < near {
			return true
		}
	}
	return false
}

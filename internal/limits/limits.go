// Package limits holds the limits of tracelog that the command's messages name.
package limits

import "time"

const (
	// MaxLine is the length in bytes of the longest line that tracelog reads as a record.
	// A longer one is counted as bad and skipped, and never held in memory.
	MaxLine = 16 << 20

	// MaxExact is the number of durations up to which a tracelog.Stat keeps them all, so that its quantiles are exact.
	MaxExact = 1 << 16
	// SketchBits is the number of bits of each duration, behind the leading one, that a Stat with more durations keeps.
	SketchBits = 9
	// SketchError limits the relative error of such a Stat's quantiles.
	SketchError = 1.0 / (2 << SketchBits)

	// MaxWeight limits the number of spans that one span counts for, whatever sample rate its line has. So sums stay finite.
	MaxWeight = 1e9
	// MinSampleRate is the smallest sample rate. A smaller one counts as this.
	MinSampleRate = 1 / MaxWeight
)

// The years whose moments are nanoseconds since 1970 in an int64. In others a time counts as not known where nanoseconds
// are needed.
const (
	FirstYear = 1678
	LastYear  = 2261
)

// Nanos returns nanoseconds since 1970. It returns false if there is no time, or one that does not fit.
func Nanos(t time.Time) (int64, bool) {
	if y := t.Year(); y < FirstYear || y > LastYear {
		return 0, false
	}
	return t.UnixNano(), true
}

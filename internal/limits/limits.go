// Package limits has the limits of tracelog that the command's messages name.
package limits

const (
	// MaxLine is the length in bytes of the longest line that tracelog reads as a record.
	// A longer one is counted as bad and skipped, and never held in memory.
	MaxLine = 16 << 20

	// MaxExact is how many durations a tracelog.Stat keeps, so that its quantiles are exact.
	MaxExact = 1 << 16
	// SketchBits is how many bits of a duration, behind the leading one, a Stat with more of them keeps.
	SketchBits = 9
	// SketchError bounds the relative error of such a Stat's quantiles.
	SketchError = 1.0 / (2 << SketchBits)

	// MaxWeight is for how many spans one stands at most, whatever a line says its sample rate is: sums stay finite.
	MaxWeight = 1e9
	// MinSampleRate is the least sample rate that counts: one below it counts as this.
	MinSampleRate = 1 / MaxWeight
)

package tracelog

import (
	"math/bits"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// A sketch counts durations in buckets whose width grows with the value. The leading bit and the sketchBits bits
// after it choose the bucket. So every value in a bucket is within sketchError of its middle, and values below
// 2^(sketchBits+1) ns are kept exactly. A value's bucket does not depend on other values, so sketches of parts add up
// to that of the whole.
//
// It is DDSketch with the logarithm read from the bits, which takes one nanosecond instead of twenty.
type sketch [sketchBuckets]float64

const (
	sketchBits    = limits.SketchBits
	sketchBuckets = (63 - sketchBits + 1) << sketchBits // for the values from 0 to 1<<63 - 1
	sketchError   = limits.SketchError
)

// sketchIndex returns the bucket of a value that is not negative.
func sketchIndex(v int64) int {
	shift := max(bits.Len64(uint64(v))-sketchBits-1, 0)
	return shift<<sketchBits + int(v>>shift)
}

// sketchValue returns the middle of a bucket.
func sketchValue(i int) int64 {
	shift := max(i>>sketchBits-1, 0)
	low := int64(i-shift<<sketchBits) << shift
	return low + (int64(1)<<shift-1)/2
}

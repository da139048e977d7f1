// Package ids makes the random numbers for trace and span ids.
// It is internal so that only tracetest can replace their source.
package ids

import (
	"math/rand/v2"
	"sync/atomic"
)

var source atomic.Pointer[func() uint64]

// Uint64 returns a number that is not zero.
// It is random (math/rand/v2: ChaCha8 seeded by the system) unless a test set a source.
// It is safe for concurrent use.
func Uint64() uint64 {
	if f := source.Load(); f != nil {
		return (*f)()
	}
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}

// SetSource makes Uint64 return the numbers of next, in the whole process, until restore is called.
// next must be safe for concurrent use and must not return zero.
func SetSource(next func() uint64) (restore func()) {
	old := source.Swap(&next)
	return func() { source.Store(old) }
}

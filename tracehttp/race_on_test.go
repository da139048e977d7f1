//go:build race

package tracehttp_test

// raceEnabled reports whether the race detector is on. It makes allocation counts meaningless.
const raceEnabled = true

//go:build !race

package tracehttp_test

// raceEnabled is true where the race detector makes allocation counts mean nothing.
const raceEnabled = false

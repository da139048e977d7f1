//go:build race

package w3c_test

// raceEnabled is true where the race detector makes allocation counts mean nothing.
const raceEnabled = true

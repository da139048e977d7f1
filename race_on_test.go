//go:build race

package slogtrace

// raceEnabled is true where the race detector makes allocation counts mean nothing.
const raceEnabled = true

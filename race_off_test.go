//go:build !race

package slogtrace

// raceEnabled reports whether the race detector is on. It makes allocation counts meaningless.
const raceEnabled = false

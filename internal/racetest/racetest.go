// Package racetest tells tests whether the race detector is on.
package racetest

import "testing"

// SkipAllocs skips a test that counts allocations if the race detector is on, since the detector allocates too.
func SkipAllocs(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("race: the detector itself allocates; go test without -race counts")
	}
}

// SkipTimes skips a test that compares CPU times if the race detector is on, since most of the time is the detector's.
func SkipTimes(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("race: most of the time is the detector's; go test without -race measures")
	}
}

// Package racetest tells tests whether the race detector is on.
package racetest

import "testing"

// SkipAllocs skips a test that counts allocations if the race detector is on, since the detector allocates too.
func SkipAllocs(t testing.TB) {
	t.Helper()
	if Enabled {
		t.Skip("race: the detector allocates, so there is nothing to count")
	}
}

package slogtrace

import "testing"

// skipAllocs skips a test that counts allocations if the race detector is on, since that makes some of its own.
// The run of all tests also runs it without the detector.
func skipAllocs(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("race: the detector allocates, so there is nothing to count")
	}
}

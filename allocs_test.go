package slogtrace

import "testing"

// skipAllocs skips a test that counts allocations where the race detector makes some of its own.
// What the test counts is counted without the detector, in the same run of all tests.
func skipAllocs(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("race: the detector allocates, so there is nothing to count")
	}
}

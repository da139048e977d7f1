package tracetest

import (
	"sync/atomic"
	"testing"

	"github.com/slogtrace/slogtrace/internal/ids"
)

// SequentialIDs makes the ids of new traces and spans small numbers, counted from 1, until the test ends.
// A new trace takes two numbers, and each span takes one. So a test that starts its spans in a fixed order knows all ids.
//
// The count is for the whole process: tests that use it must not run in parallel.
func SequentialIDs(t testing.TB) {
	t.Helper()
	var n atomic.Uint64
	t.Cleanup(ids.SetSource(func() uint64 { return n.Add(1) }))
}

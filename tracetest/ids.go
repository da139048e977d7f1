package tracetest

import (
	"sync/atomic"
	"testing"

	"github.com/slogtrace/slogtrace/internal/ids"
)

// SequentialIDs makes the ids of new traces and spans small numbers, counted from 1, until the test ends:
// a new trace takes two numbers, and every span one. So in a test that starts its spans in a fixed order all ids are known.
//
// They are counted in the whole process. Tests that do so cannot run in parallel.
func SequentialIDs(t testing.TB) {
	t.Helper()
	var n atomic.Uint64
	t.Cleanup(ids.SetSource(func() uint64 { return n.Add(1) }))
}

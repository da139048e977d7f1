package compare

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls fn with each number below n, on all cores, until ctx is done.
func each(ctx context.Context, n int, fn func(int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	group.Wait()
}

package follow

import (
	"context"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// followers are what the followers of all files share.
type followers struct {
	pool   *input.Pool
	teller *tell.Teller
	wait   func(context.Context) // until a file is looked at again; nil: as long as is good for so many

	places places
	size   atomic.Int64 // how many files are followed
	calm   calm

	telling sync.Mutex
	over    bool // nothing is followed any more, though a follower may not have noticed yet
}

// pollEvery is how often a followed file is looked at. Polling costs little. Unlike notifications of the kernel, it
// works on network file systems and in containers.
const pollEvery = 200 * time.Millisecond

// lookEach times the number of files that are followed is how often a calm one is looked at, where they are many.
const lookEach = 1500 * time.Microsecond

// rest waits until it is time to look at a file again. If the file is calm, seen is what the last look at it has seen.
func (g *followers) rest(ctx context.Context, path string, seen fs.FileInfo, calm bool) {
	every := func() time.Duration { return max(pollEvery, time.Duration(g.size.Load())*lookEach) }
	switch {
	case g.wait != nil:
		g.wait(ctx)
	case calm && every() > pollEvery:
		g.calm.wait(ctx, path, seen, every)
	default:
		sleep(ctx, pollEvery)
	}
}

// tell is Talk for followers. After end it is silent.
func (g *followers) tell(format string, args ...any) {
	g.telling.Lock()
	defer g.telling.Unlock()
	if !g.over {
		g.teller.Talk(format, args...)
	}
}

// end makes them silent.
func (g *followers) end() {
	g.telling.Lock()
	defer g.telling.Unlock()
	g.over = true
}

package follow

import (
	"iter"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// mergeLines yields the lines of several sources in order of time. Within a source the order stays;
// a line without a time goes with the one before it.
func mergeLines(sources []iter.Seq[input.Line]) iter.Seq[input.Line] {
	type head struct {
		next func() (input.Line, bool)
		l    input.Line
		at   time.Time // the latest so far
	}
	return func(yield func(input.Line) bool) {
		var heads []*head
		advance := func(h *head) bool {
			var ok bool
			h.l, ok = h.next()
			if ok && h.l.Time.After(h.at) {
				h.at = h.l.Time
			}
			return ok
		}
		for _, source := range sources {
			next, stop := iter.Pull(source)
			defer stop()
			if h := (&head{next: next}); advance(h) {
				heads = append(heads, h)
			}
		}
		for len(heads) > 0 {
			first := 0
			for i, h := range heads {
				if h.at.Before(heads[first].at) {
					first = i
				}
			}
			if !yield(heads[first].l) {
				return
			}
			if !advance(heads[first]) {
				heads = append(heads[:first], heads[first+1:]...)
			}
		}
	}
}

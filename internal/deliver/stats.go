package deliver

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Stats are counts since the queue was made. Records is the sum of Delivered, Waiting and all of Dropped.
type Stats struct {
	Records   uint64            // were added
	Delivered uint64            // were sent, and the receiver answered that it has them
	Dropped   map[string]uint64 // by reason
	Batches   uint64            // were delivered
	Retries   uint64            // how often a batch was sent again
	LastError string            // of Send, "" if there was none
	Waiting   int               // records in the queue or under way
	HeldBytes int               // the memory that the queue holds for them
}

// takeLost returns an error that names what was dropped since it was called last.
func (q *Queue) takeLost() error {
	if len(q.lost) == 0 {
		return nil
	}
	var parts []string
	sum := uint64(0)
	for _, reason := range slices.Sorted(maps.Keys(q.lost)) {
		sum += q.lost[reason]
		parts = append(parts, fmt.Sprintf("%d %s", q.lost[reason], reason))
	}
	clear(q.lost)
	text := fmt.Sprintf("%s: %d lost: %s", q.opts.Name, sum, strings.Join(parts, ", "))
	if q.stats.LastError != "" {
		text += "; last error: " + q.stats.LastError
	}
	return errors.New(text)
}

package follow

import (
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// Followers that have not noticed the end yet say nothing after it.
func TestFollowersEnd(t *testing.T) {
	var stderr strings.Builder
	g := followers{teller: tell.New(&stderr, false, time.Now)}
	g.tell("%s: a new file", "a.log")
	g.end()
	g.tell("%s: gone", "a.log")
	if got := stderr.String(); got != "slogtrace: a.log: a new file\n" {
		t.Errorf("stderr %q", got)
	}
}

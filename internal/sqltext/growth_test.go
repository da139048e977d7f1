//go:build unix

package sqltext

import (
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/cputest"
)

// Reading takes time in proportion to the text.
func TestReadGrowth(t *testing.T) {
	if raceEnabled {
		t.Skip("race: the detector takes its own time")
	}
	for system, parts := range map[string][]string{ // each in a dialect that reads on
		"postgresql": {"(", "'a',", "''", "/*", "/**/", "$a$", "\"\"", "IN (1,", "(1),", "FROM t,", " "},
		"sqlite":     {"[]", "`"},
		"mysql":      {"#\n"},
		"":           {"[", "\\'"},
	} {
		for _, part := range parts {
			cputest.WantLinear(t, maxRead/8, func(n int) { Read("VALUES "+strings.Repeat(part, n/len(part)), DialectOf(system)) })
		}
	}
}

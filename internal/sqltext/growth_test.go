//go:build unix

package sqltext

import (
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/cputest"
	"github.com/slogtrace/slogtrace/internal/racetest"
)

// Read takes time in proportion to the length of the text.
func TestReadGrowth(t *testing.T) {
	racetest.SkipTimes(t)
	for system, parts := range map[string][]string{ // each in a dialect in which Read does not stop there
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

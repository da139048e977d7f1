package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// rootOp returns the operation of the root, for people.
func rootOp(t *tracelog.Trace) string {
	if root := t.Root(); root != nil {
		return cmp.Or(root.Op, "(no op)")
	}
	return "(no span)"
}

// compareTraces is the order of [tracelog.Assemble].
func compareTraces(a, b *tracelog.Trace) int {
	return cmp.Or(compareStarts(a.Start, b.Start), strings.Compare(a.ID, b.ID))
}

// compareStarts orders times. The zero time, which means unknown, is last.
func compareStarts(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		if a.IsZero() {
			return 1
		}
		return -1
	}
	return a.Compare(b)
}

// formatCount formats a sum of weights. Most are whole numbers.
func formatCount(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return strconv.FormatFloat(float64(int(x*10+0.5))/10, 'f', -1, 64)
}

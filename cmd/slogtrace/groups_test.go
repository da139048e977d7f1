package main

import (
	"fmt"
	"strings"
	"testing"
)

// Spans whose start is read after their end, as when another goroutine reads that part of a file, have ended.
func TestStatsOpenSpans(t *testing.T) {
	var log strings.Builder
	line := func(msg string, i int) {
		fmt.Fprintf(&log, `{"time":"2026-03-01T09:15:00Z","msg":%q,"trace":"t%d","span":"s","op":"x","start":"2026-03-01T09:15:00Z","duration_ms":1}`+"\n", msg, i)
	}
	const n = 4000
	for i := range n {
		line("span end", i)
	}
	for i := range n {
		line("span start", i)
	}
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"stats"}, strings.NewReader(log.String()), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	line("span start", n)
	run(t.Context(), []string{"stats"}, strings.NewReader(log.String()), &stdout, &stderr)
	if got := stderr.String(); got != "slogtrace: 1 unfinished span left out\n" {
		t.Errorf("stderr %q", got)
	}
}

package loggen

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

func TestGenerate(t *testing.T) {
	for _, hard := range []bool{false, true} {
		var a, b bytes.Buffer
		truth, err := Generate(&a, Options{Traces: 300, Seed: 1, Hard: hard})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Generate(&b, Options{Traces: 300, Seed: 1, Hard: hard}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("the same seed gives other bytes")
		}
		if n := bytes.Count(a.Bytes(), []byte("\n")); n != truth.Lines || a.Len() != int(truth.Bytes) {
			t.Errorf("%d lines, %d bytes; the truth says %d and %d", n, a.Len(), truth.Lines, truth.Bytes)
		}
		if truth.Traces != 300 || truth.FailedTraces == 0 || len(truth.Ops) < 10 || len(truth.Lookups) != maxLookups {
			t.Errorf("truth: %+v", truth)
		}
		if hard != (truth.Junk > 0) || hard != (truth.Duplicates > 0) {
			t.Errorf("hard %v: %d junk, %d duplicates", hard, truth.Junk, truth.Duplicates)
		}
		if !hard {
			for line := range bytes.Lines(a.Bytes()) {
				if !json.Valid(line) {
					t.Fatalf("not JSON: %s", line)
				}
			}
			perTrace := float64(truth.Lines) / 300
			perLine := float64(truth.Bytes) / float64(truth.Lines)
			t.Logf("%.1f lines a trace, %.1f span ends, %.0f bytes a line", perTrace, float64(truth.SpanEnds)/300, perLine)
		}
	}
}

// After Size bytes no trace begins, but those under way are finished. So the log is a bit longer.
func TestSize(t *testing.T) {
	truth, err := Generate(io.Discard, Options{Size: 1 << 20, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if truth.Bytes < 1<<20 || truth.Bytes > 1<<20+1<<19 {
		t.Errorf("%d bytes", truth.Bytes)
	}
}

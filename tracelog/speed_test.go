package tracelog

import (
	"bytes"
	"testing"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

// BenchmarkScanGroups reads what the command stats reads, with one worker.
func BenchmarkScanGroups(b *testing.B) {
	in := benchmarkInput(b)
	for b.Loop() {
		if _, err := ScanGroups(b.Context(), in(), &GroupOptions{ScanOptions: ScanOptions{Workers: 1}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScanOutlines reads what the command ls reads, with one worker.
func BenchmarkScanOutlines(b *testing.B) {
	in := benchmarkInput(b)
	for b.Loop() {
		if _, err := ScanOutlines(b.Context(), in(), &OutlineOptions{ScanOptions: ScanOptions{Workers: 1}}); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkInput returns a function that returns a log of about 30 MB.
func benchmarkInput(b *testing.B) func() []Input {
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, loggen.Options{Traces: 5000, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(log.Len()))
	return func() []Input { return []Input{{Name: "f", Reader: bytes.NewReader(log.Bytes())}} }
}

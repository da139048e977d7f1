package tracelog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
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

// BenchmarkWrapped reads logs whose lines are inside of others. The metric x/byte is the time for a byte, compared with the
// bare lines, which come first. It should be 2.5 at most, except for CSV, of which JSON is made first. The log is so long that buffers,
// and what is read first to find out whether the log has documents, cost little of it.
func BenchmarkWrapped(b *testing.B) {
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, loggen.Options{Traces: 12_000, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	printed := func(text string) string { return strings.TrimSuffix(indented(text), "\n") }
	wraps := map[string]func(line []byte) string{
		"bare":   func(line []byte) string { return string(line) },
		"object": func(line []byte) string { return `{"_index":"logs-1","_id":"a","_source":` + string(line) + `}` },
		"string": func(line []byte) string {
			return `{"log":` + quotedJSON(string(line)+"\n") + `,"stream":"stdout","kubernetes":{"pod_name":"api-7d9f-x2","container_name":"api"},"@timestamp":"2026-03-01T09:15:00.500000000Z"}`
		},
		"cri":   func(line []byte) string { return "2026-03-01T09:15:00.123456789Z stdout F " + string(line) },
		"array": func(line []byte) string { return string(line) + "," },
		"docker": func(line []byte) string {
			return `{"log":` + quotedJSON(string(line)+"\n") + `,"stream":"stdout","time":"2026-03-01T09:15:00.500000000Z"}`
		},
		"prefix": func(line []byte) string { return "2026-03-01T09:15:00.000000+00:00 api/pod/1 " + string(line) },
		"pretty": func(line []byte) string {
			return printed(`{"insertId":"a","jsonPayload":`+string(line)+`,"resource":{"type":"k8s_container"}}`) + ","
		},
		"hits": func(line []byte) string {
			return printed(`{"_index":"logs-1","_id":"a","_source":`+string(line)+`}`) + ","
		},
		"csv": func(line []byte) string {
			return `2026-03-01 09:15:00.500,"` + strings.ReplaceAll(string(line), `"`, `""`) + `"`
		},
		"loki": func(line []byte) string { return `["1772356500500000000",` + quotedJSON(string(line)) + `],` },
	}
	bare := 0.0 // ns for a byte
	for _, name := range []string{"bare", "object", "string", "docker", "prefix", "cri", "array", "pretty", "hits", "loki", "csv"} {
		var text bytes.Buffer
		for line := range bytes.Lines(log.Bytes()) {
			text.WriteString(wraps[name](bytes.TrimSuffix(line, newline)) + "\n")
		}
		if name == "csv" {
			text = *bytes.NewBufferString("@timestamp,@message\n" + text.String())
		}
		if name == "hits" { // all in one object
			all := bytes.TrimSuffix(text.Bytes(), []byte(",\n"))
			text = *bytes.NewBufferString("{\n\"hits\":{\"hits\":[\n" + string(all) + "\n]}}\n")
		}
		if name == "loki" { // answers of 5000 lines, in two streams
			all := bytes.Split(bytes.TrimSpace(bytes.Clone(text.Bytes())), newline)
			text.Reset()
			for answer := range slices.Chunk(all, 5000) {
				text.WriteString(`{"status":"success","data":{"resultType":"streams","result":[`)
				for i, stream := range [][][]byte{answer[:len(answer)/2], answer[len(answer)/2:]} {
					fmt.Fprintf(&text, `%.*s{"stream":{"app":"api","pod":"api-%d"},"values":[%s]}`, i, ",", i, bytes.TrimSuffix(bytes.Join(stream, nil), []byte(",")))
				}
				text.WriteString("]}}\n")
			}
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				in := []Input{{Name: "f", Reader: bytes.NewReader(text.Bytes())}}
				if _, err := ScanGroups(b.Context(), in, &GroupOptions{ScanOptions: ScanOptions{Workers: 1}}); err != nil {
					b.Fatal(err)
				}
			}
			took := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(text.Len())
			if name == "bare" {
				bare = took
			}
			if bare > 0 {
				b.ReportMetric(took/bare, "x/byte")
			}
		})
	}
}

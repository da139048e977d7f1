package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// summary returns what has become of all records, as Markdown.
func (s *soak) summary(command string) string {
	var b strings.Builder
	last := s.laps[len(s.laps)-1]
	outcome := "Every record is accounted for."
	if len(s.problems) > 0 {
		outcome = fmt.Sprintf("**%d problems.**", len(s.problems))
	}
	took := time.Since(s.begun)
	fmt.Fprintf(&b, "`%s`\n\n", command)
	fmt.Fprintf(&b, "%s, %s/%s, %d cores, %s, race detector %s. %d records of %d trips in %v, %.0f a second.\n\n%s\n\n",
		cpuModel(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), map[bool]string{true: "on", false: "off"}[raceDetector],
		last.records, s.trips.Load(), took.Round(time.Second), float64(last.records)/took.Seconds(), outcome)
	b.WriteString("| | in | withheld by the Tracer | dropped by TailHandler | arrived | refused by the receiver | queue full | came again | torn or wrong |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, k := range s.sinks {
		a := s.accounts[i]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %d | %d | %d |\n",
			k.name, a.in, a.withheld, a.dropped, a.arrived, reasons(k.refusals), a.missing, k.repeated, len(k.problems)+k.more)
	}
	b.WriteString("\nin = withheld + dropped + arrived + refused + queue full, record by record. The counters of the library say the same.\n\n")
	b.WriteString("| receiver | requests | faults |\n|---|--:|---|\n")
	for i, path := range []string{"spans", "logs", "lines"} {
		r := s.receivers[i]
		list := map[string]uint64{}
		for f, n := range r.faults {
			if f != int(none) && n > 0 {
				list[faultNames[f]] = uint64(n)
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %s |\n", path, r.requests, reasons(list))
	}
	retries := uint64(0)
	for _, d := range s.deliveries() {
		retries += d.retries
	}
	fmt.Fprintf(&b, "\nConnections were refused %d times. Batches were sent again %d times. %d files were written, read and deleted; %.1f GB arrived in all.\n\n",
		s.listener.times, retries, s.apiFiles.read+s.roomsFiles.read, s.arrivedBytes()/1e9)
	fmt.Fprintf(&b, "Metrics were scraped %d times. At the end they have as many spans as the account, each by its sample rate.\n\n", s.scrapes.Load())
	early := s.laps[min(1, len(s.laps)-1)]
	fmt.Fprintf(&b, "Heap after garbage collection: %.1f MB after %d records, %.1f MB after %d (at most %.0f MB more). Goroutines: %d and %d (at most %d more).\n",
		float64(early.heap)/1e6, early.records, float64(last.heap)/1e6, last.records, heapBound/1e6, early.goroutines, last.goroutines, goroutineBound)
	for _, p := range s.problems {
		fmt.Fprintf(&b, "\n- %s", p)
	}
	if len(s.problems) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *soak) arrivedBytes() (n float64) {
	for _, k := range s.sinks {
		n += float64(k.bytes)
	}
	return n
}

func reasons(list map[string]uint64) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(list)) {
		parts = append(parts, fmt.Sprintf("%d %s", list[key], key))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}

// cpuModel returns what /proc/cpuinfo says, where there is one.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

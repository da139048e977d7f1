package speed

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A Gate is a bound that must hold.
type Gate struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Bound float64 `json:"bound"`
	OK    bool    `json:"ok"`
}

// Gates are the gates of a measurement.
type Gates []Gate

// Add adds a gate for a value that must not be greater than the bound.
func (g *Gates) Add(name string, value, bound float64) {
	*g = append(*g, Gate{name, value, bound, value <= bound})
}

// OK reports whether all gates hold.
func (g Gates) OK() bool { return !slices.ContainsFunc(g, func(g Gate) bool { return !g.OK }) }

// Table writes the gates as a table in Markdown.
func (g Gates) Table(b *strings.Builder) {
	cells := [][]string{{"gate", "", "bound", ""}}
	for _, g := range g {
		ok := "ok"
		if !g.OK {
			ok = "FAIL"
		}
		cells = append(cells, []string{g.Name, fmt.Sprintf("%.2f", g.Value), fmt.Sprintf("≤ %.2f", g.Bound), ok})
	}
	Table(b, cells)
}

// Table writes cells as a table in Markdown, aligned. The first row is its head. All columns except the first are aligned
// to the right.
func Table(b *strings.Builder, cells [][]string) {
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for c, s := range row {
			widths[c] = max(widths[c], len([]rune(s)))
		}
	}
	b.WriteString("\n")
	for i, row := range cells {
		b.WriteString("|")
		for c, s := range row {
			pad := strings.Repeat(" ", widths[c]-len([]rune(s)))
			if c == 0 {
				b.WriteString(" " + s + pad + " |")
			} else {
				b.WriteString(" " + pad + s + " |")
			}
		}
		b.WriteString("\n")
		if i > 0 {
			continue
		}
		b.WriteString("|")
		for c, n := range widths {
			if c == 0 {
				b.WriteString(strings.Repeat("-", n+2) + "|")
			} else {
				b.WriteString(strings.Repeat("-", n+1) + ":|")
			}
		}
		b.WriteString("\n")
	}
}

// Write prints a report. It also writes it to the file md, and the result as JSON to jsonFile, unless their names are empty.
func Write(result any, report, jsonFile, md string) error {
	fmt.Print(report)
	if md != "" {
		if err := os.WriteFile(md, []byte(report), 0o666); err != nil {
			return err
		}
	}
	if jsonFile == "" {
		return nil
	}
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonFile, append(data, '\n'), 0o666)
}

// Version returns the first line that a program prints about its version.
func Version(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return name + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// CPU returns the name of the processor.
func CPU() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return "unknown CPU"
}

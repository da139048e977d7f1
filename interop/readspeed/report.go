package main

import (
	"debug/buildinfo"
	"fmt"
	"runtime"
	"strings"

	"github.com/slogtrace/slogtrace/internal/speed"
)

// A result is what is committed.
type result struct {
	Command  string            `json:"command"`
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	System   string            `json:"system"`
	Versions []string          `json:"versions"`
	Rounds   int               `json:"rounds"`
	Logs     map[string]string `json:"logs"`
	Gates    speed.Gates       `json:"gates"`
	Rows     []row             `json:"rows"`
}

// A row is a subject's medians.
type row struct {
	Name string  `json:"name"`
	Log  string  `json:"log"`
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`
	RSS  float64 `json:"rss_mb"`
}

func (b *bench) result(command string, rounds int, subjects []*subject) *result {
	r := &result{
		Command: command, CPU: speed.CPU(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Rounds: rounds,
		Versions: []string{runtime.Version(), speed.Version("rg", "--version"), "DuckDB " + speed.Version(b.file("duck"), "version") + duckModule(b.file("duck"))},
		Logs:     make(map[string]string),
	}
	for name, t := range b.truths {
		r.Logs[name] = fmt.Sprintf("%.2f GB, %d lines, %d traces, %d span ends, %d duplicates, %d lines of junk",
			float64(t.Bytes)/1e9, t.Lines, t.Traces, t.SpanEnds, t.Duplicates, t.Junk)
	}
	by := make(map[string]*subject)
	for _, s := range subjects {
		by[s.Name] = s
		r.Rows = append(r.Rows, row{s.Name, s.log, s.Wall.Median(), s.CPU.Median(), s.RSS.Median()})
	}
	add := r.Gates.Add
	ratio := func(a, b string) float64 { return by[a].Wall.Ratio(by[b].Wall) }
	rss := func(name string) float64 { return by[name].RSS.Median() }
	add("show: time of rg -c", ratio("show", "show: rg -c"), 4)
	add("stats: time of DuckDB", ratio("stats", "stats: DuckDB"), 0.8)
	add("stats: MB", rss("stats"), 200)
	add("ls --error: time of DuckDB", ratio("ls --error", "ls --error: DuckDB"), 0.8)
	add("ls --error: MB beyond 150 bytes a trace", rss("ls --error")-150*float64(b.truths["plain"].Traces)/(1<<20), 100)
	for _, c := range []string{"show", "stats", "ls --error"} {
		add(c+": time of the hard log / of the plain one", ratio(c+", hard", c), 1.6)
	}
	for _, c := range []string{"show", "stats", "ls --error"} {
		add(c+": time with 2 cores / with 1", ratio(c, c+", 1 core"), 0.75)
	}
	add("stats --self: time of stats", ratio("stats --self", "stats"), 4)
	add("diff: time of stats --self of the same two logs", ratio("diff, two logs", "stats --self, two logs"), 1.3)
	before, after := b.truths["before"], b.truths["after"]
	held := 20*float64(before.SpanEnds+after.SpanEnds) + 150*float64(before.Traces+after.Traces)
	add("diff: MB beyond 20 bytes a span and 150 a trace", rss("diff, two logs")-held/(1<<20), 100)
	// What a process holds differs by some MB from run to run.
	add("show: MB more for a log three times as long with as many traces", rss("show, long")-rss("show"), 5)
	add("stats, duplicates counted: the same", rss("stats, duplicates counted, long")-rss("stats, duplicates counted"), 5)
	add("stats: MB of the long log", rss("stats, long"), 200)
	add("ls --error: MB of the long log beyond 150 bytes a trace",
		rss("ls --error, long")-150*float64(b.truths["long"].Traces)/(1<<20), 100)
	return r
}

// duckModule returns the Go module of the program's DuckDB.
func duckModule(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/duckdb/duckdb-go/v2" {
			return " (" + m.Path + " " + m.Version + ")"
		}
	}
	return ""
}

func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# How fast logs are read\n\n`%s` in interop/readspeed/\n\n", r.Command)
	fmt.Fprintf(&b, "- %s, %s, %d cores; %s\n", r.CPU, r.System, r.Cores, strings.Join(r.Versions, "; "))
	fmt.Fprintf(&b, "- whole processes, on files that have just been read and so are in the page cache. Figures are medians of %d rounds. In each round all subjects take a turn, in another order\n", r.Rounds)
	b.WriteString("- a ratio is the median of the rounds' ratios. Before the rounds, each subject gave the answers that the log's generator knows\n")
	b.WriteString("- DuckDB reads with only the needed columns declared. slogtrace counts a duplicate span end once, unless the subject's name says otherwise\n")
	for _, name := range []string{"plain", "hard", "long", "before", "after"} {
		fmt.Fprintf(&b, "- %s: %s\n", name, r.Logs[name])
	}
	r.Gates.Table(&b)
	cells := [][]string{{"subject", "log", "wall s", "CPU s", "MB"}}
	for _, x := range r.Rows {
		cells = append(cells, []string{x.Name, x.Log, fmt.Sprintf("%.3f", x.Wall), fmt.Sprintf("%.2f", x.CPU), fmt.Sprintf("%.0f", x.RSS)})
	}
	speed.Table(&b, cells)
	return b.String()
}

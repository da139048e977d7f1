package main

import (
	"fmt"
	"strings"

	"github.com/slogtrace/slogtrace/internal/speed"
)

// A result is what is committed.
type result struct {
	Command  string      `json:"command"`
	CPU      string      `json:"cpu"`
	Cores    int         `json:"cores"`
	System   string      `json:"system"`
	Versions []string    `json:"versions"`
	Rounds   int         `json:"rounds"`
	Load     string      `json:"load"` // of the machine, ourselves included: averages of 1, 5 and 15 minutes at the end
	Log      string      `json:"log"`
	Gates    speed.Gates `json:"gates"`
	Rows     []row       `json:"rows"`
}

// A row is a subject's medians, and what one run sent and received.
type row struct {
	Name      string  `json:"name"`
	Wall      float64 `json:"wall_s"`
	CPU       float64 `json:"cpu_s"`
	ServerCPU float64 `json:"server_cpu_s"`
	RSS       float64 `json:"rss_mb"`
	Wire      float64 `json:"wire_kb"`
	Requests  int     `json:"requests"`
}

// measured adds the gates and the rows.
func (r *result) measured(subjects []*subject) {
	by := make(map[string]*subject)
	for _, s := range subjects {
		by[s.Name] = s
		r.Rows = append(r.Rows, row{s.Name, s.Wall.Median(), s.CPU.Median(), s.serverCPU.Median(), s.RSS.Median(), float64(s.wire) / 1000, int(s.requests)})
	}
	ratio := func(a, b string) float64 { return by[a].Wall.Ratio(by[b].Wall) }
	r.Gates.Add("show ID: time of the query for the id", ratio(show, showBare), 2)
	r.Gates.Add("show ID: kB on the wire", float64(by[show].wire)/1000, 100)
	r.Gates.Add("stats: time of the query with quantiles", ratio(stats, statsStore), 0.8)
	r.Gates.Add("ls --error: time of the query for the lines", ratio(failed, failedStore), 1.5)
}

func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# How fast VictoriaLogs is read\n\n`%s` in interop/\n\n", r.Command)
	fmt.Fprintf(&b, "- %s, %s, %d cores; %s\n", r.CPU, r.System, r.Cores, strings.Join(r.Versions, "; "))
	fmt.Fprintf(&b, "- whole processes, which ask a store on the same machine. Figures are medians of %d rounds. In each round all subjects take a turn, in another order\n", r.Rounds)
	b.WriteString("- a ratio is the median of the rounds' ratios. Before the rounds, each subject gave the answers that the log's generator knows, and requests and bytes on the wire were counted\n")
	b.WriteString("- a query is sent by a program that throws the answer away. All queries are for the time of the log\n")
	fmt.Fprintf(&b, "- the query for the lines is the store's for the traces with an error: it returns their lines, with the members that a list of traces needs (%s). From these lines any client has to make the list\n", listFields)
	b.WriteString("- the store's quantiles are those of a sample. What slogtrace answers is exact\n")
	fmt.Fprintf(&b, "- log: %s\n", r.Log)
	fmt.Fprintf(&b, "- load of the machine at the end, averages of 1, 5 and 15 minutes: %s. This measurement alone makes about 2. With more, ratios of seconds of CPU time, the store's included, say more than gates\n", r.Load)
	r.Gates.Table(&b)
	cells := [][]string{{"subject", "wall s", "CPU s", "store's CPU s", "MB", "kB on the wire", "requests"}}
	for _, x := range r.Rows {
		cells = append(cells, []string{
			x.Name, fmt.Sprintf("%.3f", x.Wall), fmt.Sprintf("%.2f", x.CPU), fmt.Sprintf("%.2f", x.ServerCPU), fmt.Sprintf("%.0f", x.RSS),
			fmt.Sprintf("%.0f", x.Wire), fmt.Sprint(x.Requests),
		})
	}
	speed.Table(&b, cells)
	return b.String()
}

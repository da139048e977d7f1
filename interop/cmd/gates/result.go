package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// An origin says how and where something was measured.
type origin struct {
	Command string `json:"command"`
	Go      string `json:"go"`
	System  string `json:"system"`
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Rounds  int    `json:"rounds"`
	Batch   string `json:"batch"`
	// Load is the load average of the minute before; other work makes ratios differ. 0 if it is not known.
	Load float64 `json:"load,omitzero"`
}

// A result is what a run found, as it is written to the JSON file.
type result struct {
	origin
	Peers    []peerResult    `json:"peers"`
	Handlers []handlerResult `json:"handlers"`
	Jobs     []jobResult     `json:"jobs"`
}

// A peerResult says which version was measured.
type peerResult struct {
	Name    string   `json:"name"`
	Modules []module `json:"modules"`
}

type module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

type jobResult struct {
	Name  string      `json:"name"`
	Title string      `json:"title"`
	Notes []string    `json:"notes,omitempty"`
	Rows  []rowResult `json:"rows"`
	// Origin is set where it differs from that of the whole: -merge has put the job there.
	Origin *origin `json:"origin,omitempty"`
}

// A rowResult is what was measured of one subject.
type rowResult struct {
	Subject    string     `json:"subject"`
	Peer       string     `json:"peer,omitempty"`
	Handler    string     `json:"handler,omitempty"` // the name of the slog handler that writes its lines
	Floor      string     `json:"floor"`             // the subject that Ratio is over
	Ratio      float64    `json:"ratio"`             // of CPU time: the median of the short rounds' ratios
	Quartiles  [2]float64 `json:"quartiles"`         // of those, the first and the third
	RatioGC    float64    `json:"ratio_with_gc"`     // of the whole CPU time of the long rounds
	CPU        float64    `json:"cpu_ns_per_op"`     // of the long rounds, the mean
	Wall       float64    `json:"wall_ns_per_op"`    // likewise
	Gate       float64    `json:"gate,omitzero"`     // what Ratio may be at most
	GateAllocs *int       `json:"gate_allocs,omitempty"`
	Status     status     `json:"status,omitempty"`
	Known      *known     `json:"known,omitempty"`
	Allocs     int        `json:"allocs_per_op"`
	Bytes      int        `json:"bytes_per_op"`
	// Approximate says why Allocs may be another number, by one, in another run.
	Approximate string `json:"approximate,omitempty"`
	Lost        int64  `json:"lost,omitzero"` // spans and records that were not exported; then the row is not to be trusted
	LostOf      int64  `json:"lost_of,omitzero"`
	Note        string `json:"note,omitempty"`
}

// result returns what the rounds of o came to.
func (o *opened) result() jobResult {
	j := jobResult{Name: o.name, Title: o.title, Notes: o.notes}
	if o.often > 0 {
		j.Notes = append(slices.Clip(j.Notes), fmt.Sprintf("The job is opened %d times, each time with as many short turns as other jobs have. Its gates are as close as the noise, and the layout of memory alone makes a difference of up to 2 %%.", o.often))
	}
	for _, e := range o.entries {
		r := rowResult{
			Subject: e.name, Peer: e.tool.peer, Floor: e.floor, Note: e.tool.note,
			Allocs: int(math.Round(e.allocs)), Bytes: int(math.Round(e.bytes)),
		}
		if e.tool.unsteady && o.want.ends > 0 || math.Abs(e.allocs-math.Round(e.allocs)) > 0.3 {
			r.Approximate = e.tool.approximate
		}
		if h := o.handlerOf(e.tool); h != nil {
			r.Handler = h.name
		}
		var q1, q3 float64
		bare := o.bareOf()
		q1, r.Ratio, q3 = quartiles(ratios(e.short.cpu, o.floor(e).short.cpu, bare.short.cpu))
		r.Quartiles = [2]float64{round(q1, 3), round(q3, 3)}
		r.Ratio = round(r.Ratio, 3)
		r.CPU = round(mean(e.long.cpu), 1)
		r.Wall = round(mean(e.long.wall), 1)
		if floor := mean(o.floor(e).long.cpu) - mean(bare.long.cpu); floor > 0 {
			r.RatioGC = round((mean(e.long.cpu)-mean(bare.long.cpu))/floor, 3)
		}
		if lost, of := o.lost(e); lost != 0 {
			r.Lost, r.LostOf = lost, of
		}
		if g, ok := gateOf(o.name, e.name); ok {
			r.Gate = g.ratio
			if g.allocs >= 0 {
				r.GateAllocs = &g.allocs
			}
			if r.Status = g.judge(r.Ratio, r.Allocs, 0); r.Status == knownToFail {
				r.Known = g.known
			}
		}
		j.Rows = append(j.Rows, r)
	}
	return j
}

// floor returns the entry that e's ratio is over.
func (o *opened) floor(e *entry) *entry {
	i := slices.IndexFunc(o.entries, func(f *entry) bool { return f.name == e.floor })
	if i < 0 {
		panic("gates: " + o.name + " has no subject " + e.floor)
	}
	return o.entries[i]
}

// bareOf returns the entry that is taken off the others, one that took no time if there is none.
func (o *opened) bareOf() *entry {
	i := slices.IndexFunc(o.entries, func(e *entry) bool { return e.name == o.bare })
	if i < 0 {
		return new(entry)
	}
	return o.entries[i]
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}

// newResult returns a result without jobs.
func newResult(command string, rounds int, batch time.Duration) result {
	r := result{origin: origin{
		Command: command, Rounds: rounds, Batch: batch.String(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpuModel(), Cores: runtime.NumCPU(), Load: loadAverage(),
	}}
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Replace != nil && m.Replace.Version != "" {
				m = m.Replace
			}
			versions[m.Path] = m.Version
		}
	}
	for _, p := range peers {
		pr := peerResult{Name: p.name}
		for _, path := range p.modules {
			// A test binary has no versions.
			pr.Modules = append(pr.Modules, module{path, versions[path]})
		}
		r.Peers = append(r.Peers, pr)
	}
	for _, j := range handlers() {
		r.Handlers = append(r.Handlers, j.result(versions))
	}
	return r
}

var modelName = regexp.MustCompile(`^(?:model name|Model|cpu model)\s*:\s*(.*)$`)

// loadAverage returns what /proc/loadavg says of the last minute, where there is one.
func loadAverage() (load float64) {
	b, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, _ = fmt.Sscan(string(b), &load)
	}
	return load
}

// place returns what a reader has to know of the machine.
func (o origin) place() string {
	s := fmt.Sprintf("%s, %s, %d cores, %s", o.CPU, o.System, o.Cores, o.Go)
	if o.Load > 0 {
		s += fmt.Sprintf(", load average %.1f at the start", o.Load)
	}
	return s
}

// cpuModel returns what /proc/cpuinfo says, where there is one.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if m := modelName.FindStringSubmatch(strings.TrimSpace(s.Text())); m != nil {
			return m[1]
		}
	}
	return "unknown"
}

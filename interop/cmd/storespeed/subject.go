package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/internal/speed"
)

// A subject asks the store.
type subject struct {
	speed.Subject
	direct, counted []string // the command, and it through the proxy

	serverCPU speed.Values // seconds, by round
	wire      int64        // bytes, of one run
	requests  int64        // of one run
}

// The subjects. Gates name them.
const (
	show, showBare    = "show ID", "show: query for the id"
	stats, statsStore = "stats", "stats: query with quantiles"
	statsFloor        = "stats: its lines, thrown away"
	statsOne          = "stats: query with one quantile"
	failed            = "ls --error"
	failedText        = "ls --error, as text with short ids"
	failedStore       = "ls --error: query for the lines"
	failedAll         = "ls --error: query for the lines, all members"
)

// listFields are the members of a line that a list of traces needs.
const listFields = "_time, _msg, level, trace, span, parent, op, kind, service, start, duration_ms, error, queued_ms"

func (s *store) subjects(command string, truth *loggen.Truth) []*subject {
	until := s.last.Add(time.Nanosecond) // --until and the end of the brackets are exclusive
	span := fmt.Sprintf("_time:[%s, %s)", s.first.Format(time.RFC3339Nano), until.Format(time.RFC3339Nano))
	times := []string{"--since", s.first.Format(time.RFC3339Nano), "--until", until.Format(time.RFC3339Nano)}
	look := truth.Lookups[2]
	var all []*subject
	add := func(name string, check func(io.Reader) error, with func(url string) []string) {
		x := &subject{direct: with(s.node.URL), counted: with("http://" + s.proxy.listener.Addr().String())}
		x.Subject = speed.Subject{Name: name, Command: x.direct, Check: check, Before: func() (err error) { return s.before(x) }, After: func() error { return s.after(x) }}
		all = append(all, x)
	}
	ours := func(name string, check func(io.Reader) error, args ...string) {
		add(name, check, func(url string) []string {
			from := strings.Replace(url, "http:", "victorialogs:", 1)
			return append(append(append([]string{command}, args...), "--from", from), times...)
		})
	}
	ask := func(name, query string, check func(io.Reader) error) {
		add(name, check, func(url string) []string {
			self, _ := os.Executable()
			return []string{self, "ask", url + "/select/logsql/query", span + " " + query}
		})
	}
	ours(show, func(r io.Reader) error { return speed.CheckShown(r, look) }, "show", "--json", look.Trace)
	ask(showBare, fmt.Sprintf("trace:=%q", look.Trace), func(r io.Reader) error { return checkRows(r, look.Lines, nil) })

	ours(stats, func(r io.Reader) error { return speed.CheckOps(r, truth) }, "stats", "--json", "--sort", "name")
	ask(statsStore, `_msg:="span end" | stats by (op) count() count, count() if (level:=ERROR) errors, quantile(0.5, duration_ms) p50, quantile(0.95, duration_ms) p95, quantile(0.99, duration_ms) p99, max(duration_ms) max`,
		func(r io.Reader) error { return checkQuantiles(r, truth) })
	ask(statsOne, `_msg:="span end" | stats by (op) quantile(0.5, duration_ms) p50`, func(r io.Reader) error { return checkRows(r, len(truth.Ops), nil) })
	ask(statsFloor, `_msg:="span end" | fields trace, span, op, duration_ms, start, level, error`, func(r io.Reader) error { return checkRows(r, truth.SpanEnds, nil) })

	ours(failed, func(r io.Reader) error { return speed.CheckTraces(r, truth.FailedTraces, truth.FailedHash) }, "ls", "--json", "--error")
	ours(failedText, func(r io.Reader) error { return checkRows(r, 1+truth.FailedTraces, nil) }, "ls", "--error")
	lines := "trace:in(" + span + " error:* | fields trace)"
	ids := func(r io.Reader) error { return checkIDs(r, truth) }
	ask(failedStore, lines+" | fields "+listFields, ids)
	ask(failedAll, lines, ids)
	return all
}

// before notes the CPU time that the store has used until a run; after, that of the run.
func (s *store) before(x *subject) error {
	cpu, err := s.node.CPU()
	x.serverCPU = append(x.serverCPU, -cpu.Seconds())
	return err
}

func (s *store) after(x *subject) error {
	cpu, err := s.node.CPU()
	x.serverCPU[len(x.serverCPU)-1] += cpu.Seconds()
	return err
}

// verify checks what a subject writes, through the proxy, and counts.
func (s *store) verify(x *subject) error {
	s.proxy.bytes.Store(0)
	s.proxy.requests.Store(0)
	x.Command = x.counted
	err := x.Verify()
	x.Command, x.serverCPU = x.direct, nil
	time.Sleep(100 * time.Millisecond) // the proxy counts what it has passed on
	x.requests, x.wire = s.proxy.requests.Load(), s.proxy.bytes.Load()
	return err
}

// checkRows counts rows, and calls fn with each.
func checkRows(r io.Reader, want int, fn func(row []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	n := 0
	for {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return err
		}
		n++
		if fn != nil {
			if err := fn(line); err != nil {
				return err
			}
		}
	}
	if n != want && want >= 0 {
		return fmt.Errorf("%d rows, want %d", n, want)
	}
	return nil
}

// checkIDs compares the ids of rows with those of the failed traces.
func checkIDs(r io.Reader, truth *loggen.Truth) error {
	seen := make(map[string]bool)
	sum := uint64(0)
	err := checkRows(r, -1, func(row []byte) error {
		_, rest, ok := bytes.Cut(row, []byte(`"trace":"`))
		if !ok || len(rest) < 32 {
			return fmt.Errorf("a row without an id: %s", row)
		}
		if id := string(rest[:32]); !seen[id] {
			seen[id] = true
			sum += loggen.Hash(id)
		}
		return nil
	})
	if got := fmt.Sprintf("%016x", sum); err == nil && (len(seen) != truth.FailedTraces || got != truth.FailedHash) {
		err = fmt.Errorf("%d traces, hash %s; want %d, %s", len(seen), got, truth.FailedTraces, truth.FailedHash)
	}
	return err
}

// checkQuantiles compares what is exact in the store's answer.
func checkQuantiles(r io.Reader, truth *loggen.Truth) error {
	want := make(map[string]loggen.Op)
	for _, o := range truth.Ops {
		want[o.Op] = o
	}
	return checkRows(r, len(truth.Ops), func(row []byte) error {
		var got struct {
			Op                                string
			Count, Errors, P50, P95, P99, Max json.Number
		}
		if err := json.Unmarshal(row, &got); err != nil {
			return err
		}
		o := want[got.Op]
		if got.Count.String() != fmt.Sprint(o.Count) || got.Errors.String() != fmt.Sprint(o.Errors) || got.Max.String() != fmt.Sprint(o.Max) {
			return fmt.Errorf("got %+v, want %+v", got, o)
		}
		return nil
	})
}

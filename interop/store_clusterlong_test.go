//go:build long

package interop

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
	"github.com/slogtrace/slogtrace/traceship"
)

// Ten million lines in a cluster of two nodes are read to the last one, and a node that dies meanwhile is noticed.
func TestStoreTenMillion(t *testing.T) {
	const traces, least = 560_000, 10_000_000
	c := victorialogs.StartCluster(t, 2)
	begin := time.Now()
	truth := ship10M(t, c.Front, traces)
	spread(t, c)
	t.Logf("%d lines, %d MB, written in %v", truth.Lines, truth.Bytes>>20, time.Since(begin).Round(time.Second))
	if truth.Lines < least {
		t.Fatalf("only %d lines", truth.Lines)
	}
	from := strings.Replace(c.Front.URL, "http:", "victorialogs:", 1)
	ask := func(args ...string) string {
		t.Helper()
		begin := time.Now()
		r := command(t, nil, append(args, "--json", "--since", sinceAll, "--max-lines", "0", "--from", from)...)
		t.Logf("%s: %v", args, time.Since(begin).Round(100*time.Millisecond))
		// With so many traces ls says how to have the unfinished spans listed, too.
		if r.code != 0 || r.stderr != "" && !strings.HasPrefix(r.stderr, "slogtrace: more than 1000 traces") {
			t.Fatalf("%s: exit code %d, %s", args, r.code, r.stderr)
		}
		return r.stdout
	}
	// Each operation has the spans, the failures and the longest span that were written.
	type group struct {
		Op            string
		Count, Errors float64
		Max           float64 `json:"max_ms"`
	}
	groups := make(map[string]group)
	for _, g := range decoded[[]group](t, ask("stats")) {
		groups[g.Op] = g
	}
	for _, op := range truth.Ops {
		want := group{op.Op, float64(op.Count), float64(op.Errors), op.Max}
		if groups[op.Op] != want {
			t.Errorf("stats: %+v, want %+v", groups[op.Op], want)
		}
	}
	if len(groups) != len(truth.Ops) {
		t.Errorf("stats: %d operations, want %d", len(groups), len(truth.Ops))
	}
	// All traces are there, and those that failed.
	type listed struct {
		Trace string
		Spans int
	}
	spans := 0
	all := decoded[[]listed](t, ask("ls", "--limit", "0"))
	for _, l := range all {
		spans += l.Spans
	}
	if len(all) != truth.Traces || spans != truth.SpanEnds {
		t.Errorf("ls: %d traces of %d spans, want %d of %d", len(all), spans, truth.Traces, truth.SpanEnds)
	}
	failed := decoded[[]listed](t, ask("ls", "--error", "--limit", "0"))
	if len(failed) != truth.FailedTraces {
		t.Errorf("ls --error: %d traces, want %d", len(failed), truth.FailedTraces)
	}
	killedUnderSlowReader(t, c, from, 50<<20)
}

// ship10M sends a log to a node while it is generated.
func ship10M(t *testing.T, n *victorialogs.Node, traces int) *loggen.Truth {
	t.Helper()
	w, err := traceship.NewWriter(n.URL+shipments[0].path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, out := io.Pipe()
	var truth *loggen.Truth
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		truth, err = loggen.Generate(out, loggen.Options{Traces: traces, Seed: 10})
		out.CloseWithError(err)
	}()
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
		if w.Stats().Waiting > 5000 {
			if err := w.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	<-done
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); len(s.Dropped) > 0 || s.Delivered != uint64(truth.Lines) {
		t.Fatalf("%+v", s)
	}
	return truth
}

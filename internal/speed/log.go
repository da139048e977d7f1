package speed

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/slogtrace/slogtrace/internal/loggen"
)

// Generate writes a log to DIR/NAME.log, unless it was written by the same options. It returns what is in it.
func Generate(dir, name string, o loggen.Options) (*loggen.Truth, error) {
	var known struct {
		Options loggen.Options
		Truth   *loggen.Truth
	}
	file, note := filepath.Join(dir, name+".log"), filepath.Join(dir, name+".json")
	if data, err := os.ReadFile(note); err == nil && json.Unmarshal(data, &known) == nil && known.Options == o {
		if info, err := os.Stat(file); err == nil && info.Size() == known.Truth.Bytes {
			return known.Truth, nil
		}
	}
	fmt.Fprintln(os.Stderr, "generating", file)
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	known.Options = o
	if known.Truth, err = loggen.Generate(f, o); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	return known.Truth, os.WriteFile(note, data, 0o666)
}

// Build builds the command in a directory as file. Work is the value of GOWORK.
func Build(file, dir, work string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "GOWORK="+work), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build in %s: %w", dir, err)
	}
	return nil
}

// CheckTraces reads what ls --json writes. It compares the number of traces and, unless hash is empty, the sum of the
// hashes of their ids (loggen.Hash).
func CheckTraces(r io.Reader, want int, hash string) error {
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil {
		return err
	}
	n, sum := 0, uint64(0)
	for ; d.More(); n++ {
		var t struct{ Trace string }
		if err := d.Decode(&t); err != nil {
			return err
		}
		sum += loggen.Hash(t.Trace)
	}
	if got := fmt.Sprintf("%016x", sum); n != want || hash != "" && got != hash {
		return fmt.Errorf("%d traces, hash %s; want %d, %s", n, got, want, hash)
	}
	return nil
}

// CheckShown reads what show --json writes of one trace.
func CheckShown(r io.Reader, want loggen.Lookup) error {
	var list []struct {
		Trace        string
		Spans, Lines int
	}
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return err
	}
	if len(list) != 1 || list[0].Trace != want.Trace || list[0].Spans != want.Spans || list[0].Lines != want.Logs {
		return fmt.Errorf("got %+v, want %+v", list, want)
	}
	return nil
}

// CheckOps reads what stats --json --sort name writes.
func CheckOps(r io.Reader, truth *loggen.Truth) error {
	var ops []loggen.Op
	if err := json.NewDecoder(r).Decode(&ops); err != nil {
		return err
	}
	if len(ops) != len(truth.Ops) {
		return fmt.Errorf("%d ops, want %d", len(ops), len(truth.Ops))
	}
	for i, got := range ops {
		want := truth.Ops[i]
		// Of more than 65,536 spans tracelog's quantiles are within 0.1 %.
		near := func(a, b float64) bool { return math.Abs(a-b) <= 0.001*b+1e-6 }
		if got.Op != want.Op || got.Count != want.Count || got.Errors != want.Errors || !near(got.Max, want.Max) ||
			!near(got.P50, want.P50) || !near(got.P95, want.P95) || !near(got.P99, want.P99) {
			return fmt.Errorf("got %+v, want %+v", got, want)
		}
	}
	return nil
}

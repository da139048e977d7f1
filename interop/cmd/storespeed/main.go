// Command storespeed measures how fast slogtrace reads VictoriaLogs, against the store's own queries.
//
//	go run ./cmd/storespeed [-gb 1] [-rounds N] [-dir DIR] [-json file] [-md file]
//
// It generates a log in DIR unless it is there, builds VictoriaLogs and the command, starts the one, and sends it the log as
// docs/guide/victorialogs.md recommends. When all lines can be searched, it checks that all subjects give the answer that the
// generator knows, counts their requests and the bytes on the wire, and then runs them as processes, one after the other, in
// another order in each round. A figure is the median; a ratio is the median of the rounds' ratios.
// The committed table is made by this command, in interop:
//
//	go run ./cmd/storespeed -json storespeed.json -md storespeed.md
//
// The exit status is 1 if a gate does not hold.
//
// A subject with the store's own query is this program, which sends the query and writes what comes back as it is:
//
//	storespeed ask URL QUERY
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/internal/speed"
	"github.com/slogtrace/slogtrace/interop/internal/program"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "ask" {
		if err := ask(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "storespeed:", err)
			os.Exit(2)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ok, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "storespeed:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// ask sends a query, without asking for compression: nothing is between us and the store.
func ask(address, query string) error {
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(url.Values{"query": {query}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{os.Stdout}, resp.Body, make([]byte, 256<<10))
	return err
}

func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(data))[:3], ", ")
}

func run(ctx context.Context, args []string) (ok bool, err error) {
	flags := flag.NewFlagSet("storespeed", flag.ContinueOnError)
	size := flags.Float64("gb", 1, "the size of the log in gigabytes")
	rounds := flags.Int("rounds", 9, "how many `rounds`")
	dir := flags.String("dir", filepath.Join(os.TempDir(), "storespeed"), "`directory` for the log and the command; they stay there")
	jsonFile := flags.String("json", "", "write the result to `file` as JSON")
	md := flags.String("md", "", "write the table to `file`")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return false, err
	}
	truth, err := speed.Generate(*dir, "plain", loggen.Options{Size: int64(*size * 1e9), Seed: 1})
	if err != nil {
		return false, err
	}
	command := filepath.Join(*dir, "slogtrace")
	if err := speed.Build(command, "../cmd/slogtrace", ""); err != nil {
		return false, err
	}
	p, err := program.Find("victorialogs")
	if err != nil {
		return false, err
	}
	if err := p.Build(ctx, runtime.NumCPU(), os.Stderr); err != nil {
		return false, err
	}
	s, err := startStore(p)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.load(ctx, filepath.Join(*dir, "plain.log"), truth.Lines); err != nil {
		return false, err
	}
	subjects := s.subjects(command, truth)
	var all []*speed.Subject
	for _, x := range subjects {
		fmt.Fprintln(os.Stderr, "verifying", x.Name)
		if err := s.verify(x); err != nil {
			return false, fmt.Errorf("%s: %w", x.Name, err)
		}
		all = append(all, &x.Subject)
	}
	if err := speed.Rounds(*rounds, all, os.Stderr); err != nil {
		return false, err
	}
	r := &result{
		Command: strings.Join(append([]string{"go run ./cmd/storespeed"}, args...), " "), CPU: speed.CPU(), Cores: runtime.NumCPU(),
		System: runtime.GOOS + "/" + runtime.GOARCH, Versions: []string{runtime.Version(), "VictoriaLogs " + p.Version}, Rounds: *rounds,
		Load: load(),
		Log: fmt.Sprintf("%.2f GB, %d lines, %d traces, %d span ends, %d failed traces",
			float64(truth.Bytes)/1e9, truth.Lines, truth.Traces, truth.SpanEnds, truth.FailedTraces),
	}
	r.measured(subjects)
	return r.Gates.OK(), speed.Write(r, r.markdown(), *jsonFile, *md)
}

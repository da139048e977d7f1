// Command servers builds the servers of other people that tests start, and prints where they are. One that was built before is
// not built again.
//
//	go run ./cmd/servers victorialogs
//	go run ./cmd/servers -p 1 jaeger
//
// Flag -p limits how many compilers run at the same time. Jaeger needs 2 GB of memory with one.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"

	"github.com/slogtrace/slogtrace/interop/internal/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("servers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: servers [-p n] name ...")
		flags.PrintDefaults()
	}
	parallel := flags.Int("p", runtime.NumCPU(), "how many compilers run at the same `time`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 || *parallel < 1 {
		flags.Usage()
		return 2
	}
	for _, name := range flags.Args() {
		p, err := program.Find(name)
		if err == nil {
			err = p.Build(ctx, *parallel, stderr)
		}
		file := ""
		if err == nil {
			file, err = p.File()
		}
		if err != nil {
			fmt.Fprintln(stderr, "servers:", err)
			return 1
		}
		fmt.Fprintln(stdout, file)
	}
	return 0
}

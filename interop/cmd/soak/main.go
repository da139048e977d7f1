// Command soak makes many records in a small town of services and accounts for each of them.
//
//	go run ./cmd/soak [-records N] [-goroutines N] [-seed N] [-dir directory] [-md file]
//
// Clients make trips: requests over HTTP to a service, the api, which asks another one, rooms, which has a SQLite database behind
// tracesql. Some trips fail, are refused, panic, or end when the client goes away. Both services redact, sample and hold records back
// (TailHandler). The api writes to files directly. The rooms service writes to files through traceship.NewAsyncWriter, sends spans and
// logs by traceotlp, ships lines by traceship.NewWriter, and has metrics, which are scraped. Files rotate. The receivers fail now and then: statuses, resets,
// hangs, refused connections, and records that were taken before the connection broke.
//
// Each record has a number. The soak foretells, from what the documentation says, whether the record of a number must be written,
// dropped or withheld. The account is taken from the files and from what the receivers got. Every record must be in it, once,
// or again only if its connection broke after it was taken. No line may be torn, no secret in it, and memory and goroutines must not grow.
// Then the counters of the library must be those of the account.
//
// Files are deleted when they have been read: the disk holds less than 1 GB. Memory holds some bits for each record of a lap, of which a
// run has at least ten. The summary goes to standard output, progress to standard error. The exit status is 1 if
// anything is not accounted for, and 2 if the command was called wrongly.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type config struct {
	records    int // at least
	goroutines int
	seed       uint64
	dir        string
	md         string

	lap        int // records
	fileSize   int
	queue      int // records
	faultEvery int // requests
	hang       time.Duration
	timeout    time.Duration
	spoil      func([]byte) []byte // what is written to files; for tests
}

func run(args []string, stdout, stderr io.Writer) int {
	c := config{fileSize: 64 << 20, queue: 1 << 14, faultEvery: 30, hang: time.Second, timeout: 20 * time.Second}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&c.records, "records", 1_000_000, "how many records to make, at least")
	flags.IntVar(&c.goroutines, "goroutines", 16, "how many clients make trips at the same time")
	flags.Uint64Var(&c.seed, "seed", 1, "of what happens at random")
	flags.StringVar(&c.dir, "dir", "", "the directory for files; empty: a temporary one")
	flags.StringVar(&c.md, "md", "", "write the summary to this `file` too")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 || c.records < 1 || c.goroutines < 1 {
		fmt.Fprintln(stderr, "soak: want at least one record and one goroutine, and no arguments")
		return 2
	}
	c.lap = min(max(c.records/10, 1000), 2_000_000)
	ok, err := c.run(strings.Join(append([]string{"go run ./cmd/soak"}, args...), " "), stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	if err != nil || !ok {
		return 1
	}
	return 0
}

func (c config) run(command string, stdout, stderr io.Writer) (ok bool, err error) {
	if c.dir, err = os.MkdirTemp(c.dir, "soak-*"); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	s, err := newSoak(c)
	if err != nil {
		return false, err
	}
	ok = s.run(stderr)
	text := s.summary(command)
	if _, err := io.WriteString(stdout, text); err != nil {
		return false, err
	}
	if c.md != "" {
		return ok, os.WriteFile(c.md, []byte(text), 0o666)
	}
	return ok, nil
}

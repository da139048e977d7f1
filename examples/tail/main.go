// Tail is a small service that logs at debug level in production, but writes the debug lines of failed requests only.
//
//	go run ./examples/tail
//	go run ./examples/tail -requests 1000 -fail 200 -log /tmp/shop.log
//
// Only newLog is special: it puts a slogtrace.TailHandler around the JSON sink. The service (shop.go) and net/http
// know nothing of it. The program sends the service some orders, and then reports what is in the log and what is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	flags.SetOutput(stderr)
	requests := flags.Int("requests", 400, "the number of `orders`")
	fail := flags.Int("fail", 100, "one of so many `orders` cannot be paid; 0 means that all can")
	name := flags.String("log", "", "`file` to log to (default a temporary one)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil || flags.NArg() > 0 || *requests < 1 || *fail < 0:
		if err == nil {
			fmt.Fprintln(stderr, "tail: want at least one order, and flags only")
		}
		return 2
	}
	if err := demonstrate(ctx, stdout, *name, *requests, *fail); err != nil {
		fmt.Fprintln(stderr, "tail:", err)
		return 1
	}
	return 0
}

// newLog returns the service's logger. Its level is Debug, and the TailHandler decides what is written:
// all lines at Info and above, and the lines below Info of requests that failed.
func newLog(w io.Writer) (*slog.Logger, *slogtrace.TailHandler) {
	sink := slogtrace.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	tail := slogtrace.NewTailHandler(sink, &slogtrace.TailOptions{PassLevel: slog.LevelInfo})
	return slog.New(tail).With("service", "shop"), tail
}

func demonstrate(ctx context.Context, stdout io.Writer, name string, requests, fail int) (err error) {
	file, err := create(name)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if name == "" {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	log, tail := newLog(file)
	server, err := startShop(log, fail)
	if err != nil {
		return err
	}
	failed, err := order(ctx, server.url, requests)
	err = errors.Join(err, server.stop(ctx))
	if err := errors.Join(err, tail.Close()); err != nil { // after the last request
		return err
	}
	return report(stdout, file, tail.Stats(), requests, failed)
}

func create(name string) (*os.File, error) {
	if name == "" {
		return os.CreateTemp("", "tail-*.log")
	}
	return os.Create(name)
}

// order sends so many orders, a few at a time, and returns how many failed.
func order(ctx context.Context, url string, requests int) (failed int, err error) {
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next = make(chan int)
	)
	for range 4 {
		wg.Go(func() {
			for n := range next {
				status, e := get(ctx, fmt.Sprintf("%s/orders/%d", url, n))
				mu.Lock()
				err = errors.Join(err, e)
				if status >= 500 {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	for n := range requests {
		next <- n + 1
	}
	close(next)
	wg.Wait()
	return failed, err
}

func get(ctx context.Context, url string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// report reads the log and prints what is in it and what is not.
func report(w io.Writer, file *os.File, stats slogtrace.TailStats, requests, failed int) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var entries []tracelog.Entry
	debug := 0
	src, err := tracelog.Scan(file, file.Name(), func(e tracelog.Entry) {
		entries = append(entries, e)
		if e.Level == slog.LevelDebug.String() {
			debug++
		}
	})
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	all := info.Size() + stats.DroppedBytes
	fmt.Fprintf(w, "%d requests, %d of them failed.\n", requests, failed)
	fmt.Fprintf(w, "In the log:     %5d lines, %4d of them debug, %5d kB.\n", src.Lines, debug, info.Size()/1000)
	fmt.Fprintf(w, "Not in the log: %5d lines, all of them debug, %5d kB: %d %% saved.\n",
		stats.Dropped, stats.DroppedBytes/1000, 100*stats.DroppedBytes/all)

	shown := map[bool]bool{}
	for _, t := range tracelog.Assemble(entries) {
		hasFailed := t.Errors > 0
		if shown[hasFailed] {
			continue
		}
		shown[hasFailed] = true
		about := "well"
		if hasFailed {
			about = "wrong"
		}
		fmt.Fprintf(w, "\nA request that went %s:\n\n", about)
		if err := draw.Tree(w, t, &draw.Options{Logs: true, Stable: true}); err != nil {
			return err
		}
	}
	return nil
}

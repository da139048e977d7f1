// Booking is a small booking service, traced with package slogtrace. With request ids alone, its work could not be followed.
//
//	go run ./examples/booking
//	go run ./examples/booking -scenario 3 -speed 10 -dir /tmp/booking
//
// There is an HTTP API (api.go), which locks seats (seats.go) and takes back what has failed halfway (rollback.go).
// There are a calendar, a payment provider and a customer's server that misbehave on demand (providers.go),
// a job queue of JSON files (files.go, queue.go), and a worker in a process of its own (worker.go).
// Each process logs JSON lines to a file of its own. The program plays seven scenarios (scenarios.go). At the end it
// reads the log files and shows the trace of each booking (report.go).
// If OTEL_EXPORTER_OTLP_ENDPOINT is set, spans also go there, with log lines as their events, such as to Jaeger.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := tour
	if len(args) > 0 && args[0] == "worker" {
		command, args = work, args[1:]
	}
	err := command(ctx, args, stdin, stdout, stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(stderr, "booking:", err)
	return 1
}

var errUsage = errors.New("usage") // the flag package has printed the details

// tour is the program without the worker, which it starts.
func tour(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) (err error) {
	var which string
	o, err := parse(args, stderr, func(flags *flag.FlagSet) {
		flags.StringVar(&which, "scenario", "all", "which `scenario` to run: 1 to 7, or all")
	})
	if err != nil {
		return err
	}
	chosen, err := choose(which)
	if err != nil {
		fmt.Fprintln(stderr, "booking:", err)
		return errUsage
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "booking-"); err != nil {
			return err
		}
	}
	log, err := openLog(o.dir, "api")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Bookings are being made. Logs, queue and payments are in %s\n", o.dir)
	defer func() { err = errors.Join(err, log.close()) }()
	slog.SetDefault(slog.New(log.service("api")))

	s, err := startSystem(ctx, o, log)
	if err != nil {
		return err
	}
	defer s.close()
	w, err := startWorker(ctx, o, s.customer.url, stderr)
	if err != nil {
		return err
	}
	defer w.stop()

	runs, err := play(ctx, s.api.url, chosen)
	if err != nil {
		return err
	}
	s.settled() // the payment provider has made its callbacks
	if err := w.drain(); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	s.close()
	return report(stdout, o.dir, runs)
}

// options are the flags of both processes.
type options struct {
	dir  string
	pace pace
}

func parse(args []string, stderr io.Writer, more func(*flag.FlagSet)) (options, error) {
	var o options
	flags := flag.NewFlagSet("booking", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "", "`directory` for logs, queue and payments (default a new one, which is not removed)")
	flags.Float64Var((*float64)(&o.pace), "speed", 1, "how many `times` faster than real life the waiting is")
	more(flags)
	if err := flags.Parse(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			err = errUsage
		}
		return o, err
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "booking: want flags only, got %q\n", flags.Arg(0))
		return o, errUsage
	}
	if !(o.pace >= 0.1) || o.pace > 1e6 {
		fmt.Fprintf(stderr, "booking: want a speed between 0.1 and 1e6, got %v\n", float64(o.pace))
		return o, errUsage
	}
	return o, nil
}

// A pace is how many times faster than in real life time passes.
type pace float64

func (p pace) of(d time.Duration) time.Duration { return time.Duration(float64(d) / float64(p)) }

func (p pace) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(p.of(d)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A logFile is where one process logs.
type logFile struct {
	file    *os.File
	handler slog.Handler
	exports map[string]*traceotlp.Handler // by service; none without an endpoint
}

// services are those of each process.
var services = map[string][]string{"api": {"api", "payments", "calendar"}, "worker": {"worker"}}

func openLog(dir, process string) (*logFile, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d.log", process, os.Getpid())
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	// The only line that a service changes: slogtrace's handler instead of slog.NewJSONHandler.
	l := &logFile{file, slogtrace.NewJSONHandler(file, nil), make(map[string]*traceotlp.Handler)}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return l, nil
	}
	for _, name := range services[process] {
		h, err := traceotlp.NewHandler(&traceotlp.Options{
			Resource: []slog.Attr{slog.String("service.name", name)},
			Logs:     traceotlp.LogEvents, // Jaeger keeps no logs
		})
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.exports[name] = h
	}
	return l, nil
}

// service returns the handler for one service of this process. Its name and pid are on each line, span records included.
func (l *logFile) service(name string) slog.Handler {
	h := l.handler
	if export := l.exports[name]; export != nil {
		h = slog.NewMultiHandler(h, export)
	}
	return h.WithAttrs([]slog.Attr{slog.String("service", name), slog.Int("pid", os.Getpid())})
}

// close sends what waits to be exported and closes the file.
func (l *logFile) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, h := range l.exports {
		errs = append(errs, h.Shutdown(ctx))
	}
	return errors.Join(append(errs, l.file.Close())...)
}

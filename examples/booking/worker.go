package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/slogtrace/slogtrace"
)

const (
	firstPause = 200 * time.Millisecond // between attempts; it doubles
	poll       = 100 * time.Millisecond // of an empty queue
)

type worker struct {
	queue queue
	pace  pace
	hooks string // the URL of the customers' server
}

// work is the worker's process. It ends when its standard input has ended and the queue is empty.
// If ctx is done, it ends after the current job. The other jobs then wait on disk for the next worker.
func work(ctx context.Context, args []string, stdin io.Reader, _, stderr io.Writer) (err error) {
	var hooks string
	o, err := parse(args, stderr, func(flags *flag.FlagSet) {
		flags.StringVar(&hooks, "hooks", "", "`URL` of the customers' server")
	})
	if err != nil {
		return err
	}
	log, err := openLog(o.dir, "worker")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	slog.SetDefault(slog.New(log.service("worker")))
	// A worker may die at any time. With LogStart, the log has the start of the span that was cut off.
	slogtrace.SetDefault(slogtrace.NewTracer(nil, &slogtrace.TracerOptions{LogStart: true}))

	files, err := openFiles(o.dir)
	if err != nil {
		return err
	}
	defer files.root.Close()
	w := &worker{queue{files}, o.pace, hooks}
	drain := make(chan struct{})
	go func() {
		io.Copy(io.Discard, stdin)
		close(drain)
	}()
	slog.Info("worker started")
	context.AfterFunc(ctx, func() { slog.Info("worker stops after the job in hand") })
	defer func() { slog.Info("worker stopped", "err", err) }()
	return w.loop(ctx, drain)
}

func (w *worker) loop(ctx context.Context, drain <-chan struct{}) error {
	if err := w.queue.recover(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		ending := false
		select {
		case <-drain: // checked before the queue, so that no job added earlier is missed
			ending = true
		default:
		}
		job, left, err := w.queue.claim(time.Now())
		switch {
		case err != nil:
			return err
		case job != nil:
			if err := w.handle(context.WithoutCancel(ctx), job); err != nil {
				return err
			}
		case ending && left == 0:
			return nil
		default:
			select {
			case <-time.After(max(w.pace.of(poll), time.Millisecond)):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// handle runs a job once and decides whether it is finished.
func (w *worker) handle(ctx context.Context, job *Job) error {
	// The worker never saw the request. The job knows its trace.
	ctx, err := job.Carrier.Context(ctx)
	if err != nil {
		slog.WarnContext(ctx, "job without its trace", "job.id", job.ID, "err", err) // it is not lost
	}
	ctx = slogtrace.With(ctx, slog.String("booking.reference", job.Booking.ID))

	if err := w.attempt(ctx, job); err != nil { // its span has the error
		if _, ok := errors.AsType[permanentError](err); ok {
			return w.queue.giveUp(ctx, job)
		}
		pause := w.pace.of(firstPause << (job.Attempt - 1))
		return w.queue.again(ctx, job, time.Now().Add(pause))
	}
	return w.queue.finish(job, done)
}

// attempt is one span: webhook.deliver or reminder.deliver.
func (w *worker) attempt(ctx context.Context, job *Job) (err error) {
	ctx, span := slogtrace.Start(ctx, job.Kind+".deliver", slogtrace.KindConsumer, slog.Int("job.attempt", job.Attempt))
	defer span.End(&err)
	span.SetAttrs(job.attrs()...)
	switch job.Kind {
	case "webhook":
		return w.postWebhook(ctx, job)
	case "reminder":
		if job.Attendee.Mail == "" {
			return permanentError("nobody to remind")
		}
		return sendMail(ctx, w.pace, job.Attendee.Mail)
	}
	return permanentError("unknown kind of job " + strconv.Quote(job.Kind))
}

// postWebhook calls the customer's server. It is not a service of ours, so it gets neither our headers nor our Carrier.
func (w *worker) postWebhook(ctx context.Context, job *Job) error {
	body, err := json.Marshal(map[string]any{"event": "booking.confirmed", "booking": job.Booking})
	if err != nil {
		return err
	}
	to := w.hooks + "/hooks/" + url.PathEscape(job.Booking.Customer)
	req, err := http.NewRequestWithContext(ctx, "POST", to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Webhook-Id", job.ID) // the same for each attempt, so that the customer recognizes a repeated webhook
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("customer %s answered %s", job.Booking.Customer, resp.Status)
	}
	return nil
}

// A workerProcess is this program, started again as the worker.
type workerProcess struct {
	cmd   *exec.Cmd
	stdin io.Closer
	stop  func()
}

// startWorker starts the worker. Its standard input is a pipe from this process. If this process dies, even suddenly,
// the pipe closes. Then the worker empties its queue and ends.
func startWorker(ctx context.Context, o options, hooks string, stderr io.Writer) (*workerProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, exe, "worker", "-dir", o.dir, "-hooks", hooks,
		"-speed", strconv.FormatFloat(float64(o.pace), 'g', -1, 64))
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // after that it is killed
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	stop := func() { // after drain it does nothing
		cancel()
		_ = cmd.Wait()
	}
	return &workerProcess{cmd, stdin, stop}, nil
}

// drain waits until the queue is empty and the worker has ended.
func (w *workerProcess) drain() error {
	w.stdin.Close()
	return w.cmd.Wait()
}

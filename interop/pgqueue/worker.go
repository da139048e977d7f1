package pgqueue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A Job is what a worker is given.
type Job struct {
	ID      int64
	Attempt int // 1, 2, …
	Payload json.RawMessage
	carrier slogtrace.Carrier
	wait    time.Duration // since the job was due
}

var errLeaseLost = errors.New("the lease ended: another worker has the job")

// Work takes one job after the other and calls do with it, until ctx is done. The job in hand is then done to its end.
// A job is gone when do returns nil. After an error it is tried again. Call Work in as many goroutines as jobs are
// to be done at once.
//
// The context of do has the span of the attempt. It is canceled if the lease is lost. It is not canceled with ctx.
func (q *Queue) Work(ctx context.Context, do func(context.Context, Job) error) error {
	for ctx.Err() == nil {
		job, err := q.take(ctx)
		switch {
		case err == nil:
			if err := q.attempt(context.WithoutCancel(ctx), job, do); err != nil {
				slog.ErrorContext(ctx, "job not finished", "job", job.ID, "attempt", job.Attempt, "err", err)
			}
		case ctx.Err() != nil:
		case errors.Is(err, sql.ErrNoRows):
			pause(ctx, q.Poll)
		default:
			slog.ErrorContext(ctx, "no job taken", "err", err)
			pause(ctx, q.Poll)
		}
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// take leases the job that has been due for the longest time. It returns sql.ErrNoRows if none is due.
// It runs outside of any trace, so tracesql writes no span for it.
func (q *Queue) take(ctx context.Context) (job Job, err error) {
	var carrier []byte
	var wait float64
	err = q.DB.QueryRowContext(ctx, `
		WITH next AS (
			SELECT id, due FROM jobs
			WHERE queue = $1 AND due <= clock_timestamp() AND attempt < $3
			ORDER BY due LIMIT 1
			FOR UPDATE SKIP LOCKED
		)
		UPDATE jobs SET attempt = attempt + 1, due = clock_timestamp() + make_interval(secs => $2)
		FROM next WHERE jobs.id = next.id
		RETURNING jobs.id, attempt, payload, carrier, extract(epoch FROM clock_timestamp() - next.due)::float8`,
		q.Name, q.Lease.Seconds(), q.MaxAttempts).Scan(&job.ID, &job.Attempt, (*[]byte)(&job.Payload), &carrier, &wait)
	if err != nil {
		return Job{}, err
	}
	job.wait = time.Duration(wait * float64(time.Second))
	if err := json.Unmarshal(carrier, &job.carrier); err != nil {
		slog.WarnContext(ctx, "job without its trace", "job", job.ID, "err", err) // it is done all the same
	}
	return job, nil
}

// attempt calls do in a span of its own, then deletes the job or puts it back.
func (q *Queue) attempt(ctx context.Context, job Job, do func(context.Context, Job) error) (err error) {
	ctx, span := q.start(ctx, job)
	defer span.End(&err)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer q.keep(ctx, job, cancel)()

	if err := do(ctx, job); err != nil {
		if errors.Is(context.Cause(ctx), errLeaseLost) {
			return context.Cause(ctx)
		}
		return errors.Join(err, q.again(context.WithoutCancel(ctx), job, err))
	}
	return q.update(context.WithoutCancel(ctx), "DELETE FROM jobs WHERE id = $1 AND attempt = $2", job.ID, job.Attempt)
}

// start starts the span of an attempt: the first one in the trace that ordered the job, a later one in a trace of its own.
func (q *Queue) start(ctx context.Context, job Job) (context.Context, *slogtrace.Span) {
	ctx, err := job.carrier.Context(ctx)
	if err != nil {
		slog.WarnContext(ctx, "job without its whole trace", "job", job.ID, "err", err)
	}
	attrs := q.attrs("process", slogtrace.KindConsumer, messageID(job.ID),
		slog.Int("attempt", job.Attempt), slog.Float64("queue_wait_ms", job.wait.Seconds()*1000))
	if job.Attempt > 1 {
		attrs = append(attrs, slogtrace.Link(slogtrace.SpanContextFromContext(ctx)))
		ctx = slogtrace.Detach(ctx)
	}
	return slogtrace.Start(ctx, "process "+q.Name, attrs...)
}

// keep renews the lease of job until the function that it returns is called.
// If the lease is lost, it cancels the work: the job belongs to another worker.
func (q *Queue) keep(ctx context.Context, job Job, cancel context.CancelCauseFunc) (stop func()) {
	ctx, end := context.WithCancel(slogtrace.Detach(ctx)) // a renewal is not part of the job's trace
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, q.Lease/3); ctx.Err() == nil; pause(ctx, q.Lease/3) {
			err := q.update(ctx, "UPDATE jobs SET due = clock_timestamp() + make_interval(secs => $3) WHERE id = $1 AND attempt = $2",
				job.ID, job.Attempt, q.Lease.Seconds())
			if errors.Is(err, errLeaseLost) {
				cancel(err)
				return
			}
		}
	}()
	return func() { end(); <-done }
}

// again makes a job due once more after a pause, or never after its last attempt.
func (q *Queue) again(ctx context.Context, job Job, cause error) error {
	pause := q.Pause << (job.Attempt - 1)
	if job.Attempt >= q.MaxAttempts {
		slog.ErrorContext(ctx, "giving up", "job", job.ID, "attempt", job.Attempt)
		return q.update(ctx, "UPDATE jobs SET due = 'infinity', error = $3 WHERE id = $1 AND attempt = $2", job.ID, job.Attempt, cause.Error())
	}
	return q.update(ctx, "UPDATE jobs SET due = clock_timestamp() + make_interval(secs => $4), error = $3 WHERE id = $1 AND attempt = $2",
		job.ID, job.Attempt, cause.Error(), pause.Seconds())
}

// update changes the row of a job, if its lease is still the worker's.
func (q *Queue) update(ctx context.Context, query string, args ...any) error {
	result, err := q.DB.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("job %v: %w", args[0], errLeaseLost)
	}
	return nil
}

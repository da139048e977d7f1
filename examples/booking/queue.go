package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A Job is work for the worker. Its Carrier has the trace of the span that ordered the job.
type Job struct {
	slogtrace.Carrier
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`    // webhook or reminder
	Attempt   int       `json:"attempt"` // the number of the next run, or of the current one
	NotBefore time.Time `json:"not_before"`
	Booking   Booking   `json:"booking"`
	Attendee  Attendee  `json:"attendee,omitzero"` // whom a reminder is for
}

// attrs identify a job on its spans.
func (j *Job) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("job.id", j.ID)}
	if j.Attendee.Seat != "" {
		attrs = append(attrs, slog.String("seat.id", j.Attendee.Seat))
	}
	return attrs
}

// A queue has a folder for each state of a job. Any process may add jobs. One worker takes them.
type queue struct{ files *files }

const (
	pending = "queue/pending"
	working = "queue/working"
	done    = "queue/done"
	failed  = "queue/failed"
)

// add adds a job and sets its id and its Carrier.
func (q queue) add(ctx context.Context, job Job) (err error) {
	ctx, span := slogtrace.Start(ctx, job.Kind+".enqueue", slogtrace.KindProducer)
	defer span.End(&err)
	job.ID, job.Attempt = newID(job.Kind), 1
	job.Carrier = slogtrace.NewCarrier(ctx)
	if job.NotBefore.IsZero() {
		job.NotBefore = time.Now()
	}
	span.SetAttrs(job.attrs()...)
	return q.files.write(pending, job.ID, job)
}

// claim takes the job that has been due for longest, or none. It returns how many are left.
func (q queue) claim(now time.Time) (job *Job, left int, err error) {
	ids, err := q.files.list(pending)
	if err != nil {
		return nil, 0, err
	}
	left = len(ids)
	for _, id := range ids {
		var j Job
		if err := q.files.read(pending, id, &j); err != nil {
			// A file that cannot be read is moved aside: it must not stop the other jobs.
			slog.Error("unreadable job", "job.id", id, "err", err)
			if err := q.files.move(id, pending, failed); err != nil {
				return nil, left, err
			}
			continue
		}
		j.ID, j.Attempt = id, max(j.Attempt, 1) // whatever the file contains
		if !j.NotBefore.After(now) && (job == nil || j.NotBefore.Before(job.NotBefore)) {
			job = &j
		}
	}
	if job == nil {
		return nil, left, nil
	}
	return job, left - 1, q.files.move(job.ID, pending, working)
}

const maxAttempts = 5

// A permanentError is one that every further attempt would meet too.
type permanentError string

func (e permanentError) Error() string { return string(e) }

// giveUp moves a job aside for good.
func (q queue) giveUp(ctx context.Context, job *Job) error {
	slog.ErrorContext(ctx, "giving up", "job.id", job.ID, "job.attempt", job.Attempt)
	return q.finish(job, failed)
}

// again puts a job back, to be run once more at the given time, unless that was the last attempt.
// Its Carrier stays. So all attempts are in one trace, below the span that ordered the job,
// and queued_ms counts from that time. The line that again logs, in ctx, is below that span too.
func (q queue) again(ctx context.Context, job *Job, at time.Time) error {
	if job.Attempt >= maxAttempts {
		return q.giveUp(ctx, job)
	}
	slog.WarnContext(ctx, "will try again", "job.attempt", job.Attempt, "job.pause_ms", time.Until(at).Round(time.Millisecond).Milliseconds())
	job.Attempt++
	job.NotBefore = at
	// Change first, then move: if this process dies in between, recover finds the job.
	if err := q.files.write(working, job.ID, job); err != nil {
		return err
	}
	return q.files.move(job.ID, working, pending)
}

func (q queue) finish(job *Job, state string) error { return q.files.move(job.ID, working, state) }

// recover puts back the job that an earlier worker was running when it died. Only one worker may run at a time.
// So a worker's death never loses a job. A job is delivered twice if the worker died between the delivery and finish.
func (q queue) recover(ctx context.Context) error {
	ids, err := q.files.list(working)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var job Job
		if err := q.files.read(working, id, &job); err != nil {
			slog.Error("unreadable job", "job.id", id, "err", err)
			if err := q.files.move(id, working, failed); err != nil {
				return err
			}
			continue
		}
		job.ID = id
		ctx, _ := job.Carrier.Context(ctx) // no span is needed to log into a trace
		slog.WarnContext(ctx, "a worker died with this job in hand", "job.id", id, "job.attempt", job.Attempt)
		if err := q.again(ctx, &job, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

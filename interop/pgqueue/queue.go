// Package pgqueue is a job queue in a table of PostgreSQL. Its spans lead from the request that orders a job to the process
// that does it. Copy it and change it: it is an example, and a test of slogtrace's carriers.
//
// A job is a row. The row's carrier column has the [slogtrace.Carrier] of the span that ordered the job.
// A worker takes the row that has been due for the longest time, with FOR UPDATE SKIP LOCKED, and leases it.
// If the worker dies, the lease ends and another worker takes the job. So no job is lost. A job can be delivered
// more than once, and each delivery has its attempt number.
//
// The first attempt is a child of the span that ordered the job. Each later attempt is a trace of its own, with a link to
// that span. So a retry one hour later does not make the first trace one hour long.
package pgqueue

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"github.com/slogtrace/slogtrace"
)

const schema = `
CREATE TABLE IF NOT EXISTS jobs (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	queue   text NOT NULL,
	payload jsonb NOT NULL,
	carrier jsonb NOT NULL,
	due     timestamptz NOT NULL DEFAULT clock_timestamp(), -- of a job in work: when its lease ends; of a dead job: infinity
	attempt int NOT NULL DEFAULT 0,                         -- how often it was taken
	error   text                                            -- of the last attempt
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (queue, due);
`

// A Queue is the jobs of one name in the table jobs. It is safe for concurrent use, by many processes at once.
type Queue struct {
	DB          *sql.DB
	Name        string        // messaging.destination.name
	Lease       time.Duration // a worker has a job for this long, and renews the lease while it works
	Pause       time.Duration // before the second attempt; it doubles with each attempt
	MaxAttempts int           // a job that was taken so often is not taken again; its row stays
	Poll        time.Duration // how often a worker asks an empty queue
}

// Create creates the table if it is missing.
func (q *Queue) Create(ctx context.Context) error {
	_, err := q.DB.ExecContext(ctx, schema)
	return err
}

// A Querier is a *sql.DB, a *sql.Conn or a *sql.Tx.
type Querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Send adds a job and returns its id. In a transaction, the job is there if and only if the transaction commits.
// The job's Carrier is that of the span of Send.
func (q *Queue) Send(ctx context.Context, db Querier, payload any) (id int64, err error) {
	ctx, span := slogtrace.Start(ctx, "send "+q.Name, q.attrs("send", slogtrace.KindProducer)...)
	defer span.End(&err)
	text, err := json.Marshal(payload)
	if err != nil {
		return 0, err
	}
	carrier, err := json.Marshal(slogtrace.NewCarrier(ctx))
	if err != nil {
		return 0, err
	}
	// As strings, since a driver sends a []byte as bytea.
	err = db.QueryRowContext(ctx, "INSERT INTO jobs (queue, payload, carrier) VALUES ($1, $2, $3) RETURNING id",
		q.Name, string(text), string(carrier)).Scan(&id)
	span.SetAttrs(messageID(id))
	return id, err
}

// attrs returns what OpenTelemetry's conventions for messaging want on each span, and more.
func (q *Queue) attrs(operation string, more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("messaging.system", "postgresql"),
		slog.String("messaging.destination.name", q.Name),
		slog.String("messaging.operation.name", operation),
		slog.String("messaging.operation.type", operation),
	}, more...)
}

func messageID(id int64) slog.Attr {
	return slog.String("messaging.message.id", strconv.FormatInt(id, 10))
}

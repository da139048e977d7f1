package tracesql

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

// A tx wraps a transaction of the driver. Its COMMIT and ROLLBACK are spans below the context of BeginTx.
type tx struct {
	base driver.Tx
	conn *conn
	ctx  context.Context // of BeginTx
}

func (t *tx) unwrap() any { return t.base }

func (t *tx) Commit() error   { return t.finish(t.conn.config.commit, "commit", t.base.Commit) }
func (t *tx) Rollback() error { return t.finish(t.conn.config.rollback, "rollback", t.base.Rollback) }

func (t *tx) finish(st *statement, outcome string, finish func() error) error {
	c := t.conn
	c.dropSkipped()
	defer func() { c.inTx = false }()
	if !c.config.traces(t.ctx) {
		return finish()
	}
	returned := false
	defer c.tx.abandonUnless(&returned)
	call := c.start(t.ctx, st, "")
	call.final = true
	// database/sql rolls back when the context ends. That must not count as a failure of the rollback.
	call.caller = context.WithoutCancel(t.ctx)
	defer call.endUnlessReturned(&returned)
	err := finish()
	call.end(err)
	c.tx.end(err, outcome)
	returned = true
	return err
}

// A transaction is the span around a whole transaction. The zero value has no span.
type transaction struct {
	call
	parent slogtrace.SpanContext // the current span of BeginTx's context
}

func (t *transaction) start(ctx context.Context, c *config) {
	t.abandon()
	*t = transaction{c.start(ctx, ctx, c.named("TRANSACTION"), "", false), slogtrace.SpanContextFromContext(ctx)}
}

// end ends the span. outcome is "commit", "rollback", or "" if the transaction did not begin or was abandoned.
func (t *transaction) end(err error, outcome string) {
	call := t.call
	call.final = outcome != "" // database/sql repeats a BEGIN, and nothing after it
	*t = transaction{}
	switch {
	case call.span == nil:
	case outcome == "" || err != nil: // what became of it then is not always known
		call.end(err)
	default:
		call.end(err, slog.String("db.transaction.outcome", outcome))
	}
}

var errNotFinished = errors.New("transaction was neither committed nor rolled back")

// abandon ends the span of a transaction whose connection is closed or begins another transaction.
func (t *transaction) abandon() {
	if t.span != nil {
		t.end(errNotFinished, "")
	}
}

// abandonUnless ends the span of a transaction whose BEGIN, COMMIT or ROLLBACK panicked. Nothing else may follow.
func (t *transaction) abandonUnless(returned *bool) {
	if !*returned {
		t.abandon()
	}
}

package tracesql

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"

	"github.com/slogtrace/slogtrace"
)

// A tx is a transaction of the driver. Its COMMIT and ROLLBACK are spans below the context of BeginTx.
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
	call := c.start(t.ctx, st, "")
	call.final = true
	// The end of their context is why database/sql rolls back, and no reason for the rollback to fail.
	call.caller = context.WithoutCancel(t.ctx)
	returned := false
	defer call.endUnlessReturned(&returned)
	err := finish()
	returned = true
	call.end(err)
	c.tx.end(err, outcome)
	return err
}

// A transaction is the span around a whole transaction. The zero transaction has none.
type transaction struct {
	call
	parent slogtrace.SpanContext // the current span of BeginTx's context
}

func (t *transaction) start(ctx context.Context, c *config) {
	t.abandon()
	*t = transaction{c.start(ctx, ctx, c.named("TRANSACTION"), "", false), slogtrace.SpanContextFromContext(ctx)}
}

// end ends the span, with the outcome if the transaction had one.
func (t *transaction) end(err error, outcome string) {
	call := t.call
	call.final = outcome != "" // a BEGIN is repeated
	*t = transaction{}
	switch {
	case call.span == nil:
	case outcome == "":
		call.end(err)
	default:
		call.end(err, slog.String("db.transaction.outcome", outcome))
	}
}

var errNotFinished = errors.New("transaction was neither committed nor rolled back")

// abandon ends the span of a transaction whose connection is closed, or begins another.
func (t *transaction) abandon() {
	if t.span != nil {
		t.end(errNotFinished, "")
	}
}

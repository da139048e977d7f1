package tracesql

//go:generate go run generate.go

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// A conn wraps a connection of the driver. It has the methods that each connection has.
// connPinger and the like add one optional method each. wrapConn combines those that the driver's connection has.
type conn struct {
	base    driver.Conn
	config  *config
	skipped skippedCall // the last call, if the driver returned driver.ErrSkip
	inTx    bool
	tx      transaction // the span around the whole transaction, if there is one
}

// A skippedCall is a query or exec for which the driver returned driver.ErrSkip. database/sql prepares it next.
type skippedCall struct {
	ctx   context.Context // nil in the zero value, which is no call
	query string
	call  call // zero outside a trace
}

func newConn(base driver.Conn, config *config) driver.Conn {
	return wrapConn(&conn{base: base, config: config}, interfacesOfConn(base))
}

// The optional interfaces of a connection.
const (
	isPinger = 1 << iota
	isResetter
	isValidator
	isConnChecker
	isExecer
	isLegacyExecer
	isQueryer
	isLegacyQueryer
)

// interfacesOfConn returns the bits of the methods that the wrapped connection has.
func interfacesOfConn(base driver.Conn) int {
	return bitIf[driver.Pinger](base, isPinger) |
		bitIf[driver.SessionResetter](base, isResetter) |
		bitIf[driver.Validator](base, isValidator) |
		bitIf[driver.NamedValueChecker](base, isConnChecker) |
		bitIf[driver.ExecerContext](base, isExecer) |
		bitIf[legacyExecer](base, isExecer|isLegacyExecer) |
		bitIf[driver.QueryerContext](base, isQueryer) |
		bitIf[legacyQueryer](base, isQueryer|isLegacyQueryer)
}

// Drivers have these, deprecated as they are.
type (
	legacyExecer  = driver.Execer  //lint:ignore SA1019 drivers have it
	legacyQueryer = driver.Queryer //lint:ignore SA1019 drivers have it
)

// bitIf returns bit if v has the methods of I, else 0.
func bitIf[I any](v any, bit int) int {
	if _, ok := v.(I); ok {
		return bit
	}
	return 0
}

func (c *conn) unwrap() any { return c.base }

func (c *conn) Close() error {
	c.dropSkipped()
	c.tx.abandon()
	return c.base.Close()
}

// start begins the span of a call on c.
func (c *conn) start(ctx context.Context, st *statement, query string) call {
	return c.config.start(ctx, c.under(ctx), st, query, c.inTx)
}

// under returns ctx, below the span of the whole transaction if the call belongs to it.
func (c *conn) under(ctx context.Context) context.Context {
	if c.tx.span == nil || slogtrace.SpanContextFromContext(ctx) != c.tx.parent {
		return ctx
	}
	return hook.Under(ctx, c.tx.ctx)
}

func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.dropSkipped()
	if !c.config.traces(ctx) {
		base, err := c.begin(ctx, ctx, opts)
		return c.newTx(ctx, base, err)
	}
	returned := false
	defer c.tx.abandonUnless(&returned)
	if c.config.opts.Transactions {
		c.tx.start(ctx, c.config)
	}
	call := c.start(ctx, c.config.begin, "")
	defer call.endUnlessReturned(&returned)
	base, err := c.begin(ctx, call.ctx, opts)
	call.end(err)
	if err != nil {
		c.tx.end(err, "")
	}
	returned = true
	return c.newTx(ctx, base, err)
}

func (c *conn) newTx(ctx context.Context, base driver.Tx, err error) (driver.Tx, error) {
	if err != nil {
		return nil, err
	}
	c.inTx = true
	return &tx{base: base, conn: c, ctx: ctx}, nil
}

// begin begins a transaction as database/sql does. ctx is the caller's context, and spanCtx also has the span.
func (c *conn) begin(ctx, spanCtx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.base.(driver.ConnBeginTx); ok {
		return b.BeginTx(spanCtx, opts)
	}
	if opts.Isolation != 0 {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if opts.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	base, err := c.base.Begin() //lint:ignore SA1019 the driver has no BeginTx
	if err == nil && ctx.Err() != nil {
		_ = base.Rollback()
		return nil, ctx.Err()
	}
	return base, err
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s := c.skipped; s.ctx != nil && s.query == query && same(s.ctx, ctx) {
		c.skipped = skippedCall{}
		return c.prepareSkipped(ctx, s)
	}
	c.dropSkipped()
	if !c.config.traces(ctx) {
		base, err := c.prepare(ctx, query)
		if err != nil {
			return nil, err
		}
		return newStmt(base, c, query), nil
	}
	p := c.startPrepare(ctx, query)
	returned := false
	defer p.endUnlessReturned(&returned)
	base, err := c.prepare(p.ctx, p.text)
	p.end(err)
	returned = true
	if err != nil {
		return nil, err
	}
	return newStmt(base, c, query), nil
}

// prepareSkipped prepares a skipped call, in the span of that call. The span ends when the statement has run.
func (c *conn) prepareSkipped(ctx context.Context, s skippedCall) (driver.Stmt, error) {
	if s.call.span == nil {
		return c.prepare(ctx, s.query) // not wrapped: it is used once, outside a trace
	}
	returned := false
	defer s.call.endUnlessReturned(&returned)
	base, err := c.prepare(s.call.ctx, s.query)
	if err != nil {
		s.call.end(err)
	}
	returned = true
	if err != nil {
		return nil, err
	}
	return newSkippedStmt(base, c, s), nil
}

// prepare prepares a statement as database/sql does.
func (c *conn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if p, ok := c.base.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	base, err := c.base.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = base.Close()
		return nil, ctx.Err()
	}
	return base, err
}

// skip notes a call that the driver skipped.
func (c *conn) skip(ctx context.Context, query string, call call) {
	c.skipped = skippedCall{ctx, query, call}
}

// dropSkipped ends the span of a skipped call that database/sql did not prepare.
func (c *conn) dropSkipped() {
	if c.skipped.ctx != nil {
		call := c.skipped.call
		c.skipped = skippedCall{}
		call.drop()
	}
}

var errNotExecuted = errors.New("prepared, but not executed")

// drop ends the span of a call that database/sql did not make in the end, since an argument did not fit.
func (c *call) drop() {
	if c.span != nil {
		c.span.SetAttrs(slog.String("error.type", "not_executed"))
		c.span.Fail(errNotExecuted)
		c.span.End()
	}
}

type (
	connPinger    struct{ c *conn }
	connResetter  struct{ c *conn }
	connValidator struct{ c *conn }
	connChecker   struct{ c *conn }
)

func (c connPinger) Ping(ctx context.Context) error { return c.c.base.(driver.Pinger).Ping(ctx) }

func (c connResetter) ResetSession(ctx context.Context) error {
	c.c.dropSkipped()
	return c.c.base.(driver.SessionResetter).ResetSession(ctx)
}

func (c connValidator) IsValid() bool { return c.c.base.(driver.Validator).IsValid() }

func (c connChecker) CheckNamedValue(v *driver.NamedValue) error {
	return c.c.base.(driver.NamedValueChecker).CheckNamedValue(v)
}

// The optional methods of a connection that execute a query's text.
type (
	connExecer        struct{ c *conn }
	connLegacyExecer  struct{ c *conn }
	connQueryer       struct{ c *conn }
	connLegacyQueryer struct{ c *conn }
)

// Exec has no context. database/sql calls ExecContext instead.
func (c connLegacyExecer) Exec(query string, args []driver.Value) (driver.Result, error) {
	return c.c.base.(driver.Execer).Exec(query, args) //lint:ignore SA1019 the driver has it
}

// Query has no context. database/sql calls QueryContext instead.
func (c connLegacyQueryer) Query(query string, args []driver.Value) (driver.Rows, error) {
	return c.c.base.(driver.Queryer).Query(query, args) //lint:ignore SA1019 the driver has it
}

func (m connExecer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return runText(ctx, m.c, query, args, (*conn).exec, call.endExec)
}

func (m connQueryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return runText(ctx, m.c, query, args, (*conn).query, call.endQuery)
}

// runText calls do, which executes the text of a query. In a trace the call is a span, and end ends it.
func runText[R any](ctx context.Context, c *conn, query string, args []driver.NamedValue,
	do func(*conn, context.Context, string, []driver.NamedValue) (R, error), end func(call, R, error) (R, error)) (R, error) {
	c.dropSkipped()
	if !c.config.traces(ctx) {
		r, err := do(c, ctx, query, args)
		if err == driver.ErrSkip {
			c.skip(ctx, query, call{})
		}
		return r, err
	}
	call := c.start(ctx, c.config.texts.statementOf(query), query)
	returned := false
	defer call.endUnlessReturned(&returned)
	call.setArgs(args)
	r, err := do(c, call.ctx, call.commented(query), args)
	if err == driver.ErrSkip {
		c.skip(ctx, query, call)
	} else {
		r, err = end(call, r, err)
	}
	returned = true
	return r, err
}

// exec calls the driver as database/sql does.
func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := c.base.(driver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.base.(driver.Execer).Exec(query, values) //lint:ignore SA1019 the driver has it
}

// query calls the driver as database/sql does.
func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := c.base.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	values, err := legacyArgs(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.base.(driver.Queryer).Query(query, values) //lint:ignore SA1019 the driver has it
}

// legacyArgs returns the arguments for a driver that takes neither a context nor names.
// Like database/sql, it fails if an argument has a name or if ctx is done.
func legacyArgs(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if a.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = a.Value
	}
	return values, ctx.Err()
}

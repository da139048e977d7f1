package tracesql

import (
	"context"
	"database/sql/driver"
	"errors"
)

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

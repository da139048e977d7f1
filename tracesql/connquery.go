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

// Exec is for callers other than database/sql, and has no context.
func (c connLegacyExecer) Exec(query string, args []driver.Value) (driver.Result, error) {
	return c.c.base.(driver.Execer).Exec(query, args) //lint:ignore SA1019 the driver has it
}

// Query is for callers other than database/sql, and has no context.
func (c connLegacyQueryer) Query(query string, args []driver.Value) (driver.Rows, error) {
	return c.c.base.(driver.Queryer).Query(query, args) //lint:ignore SA1019 the driver has it
}

func (m connExecer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c := m.c
	c.dropSkipped()
	if !c.config.traces(ctx) {
		result, err := c.exec(ctx, query, args)
		if err == driver.ErrSkip {
			c.skip(ctx, query, call{})
		}
		return result, err
	}
	call := c.start(ctx, c.config.texts.statementOf(query), query)
	returned := false
	defer call.endUnlessReturned(&returned)
	call.setArgs(args)
	result, err := c.exec(call.ctx, call.commented(query), args)
	returned = true
	if err == driver.ErrSkip {
		c.skip(ctx, query, call)
		return result, err
	}
	call.endExec(result, err)
	return result, err
}

func (m connQueryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c := m.c
	c.dropSkipped()
	if !c.config.traces(ctx) {
		rows, err := c.query(ctx, query, args)
		if err == driver.ErrSkip {
			c.skip(ctx, query, call{})
		}
		return rows, err
	}
	call := c.start(ctx, c.config.texts.statementOf(query), query)
	returned := false
	defer call.endUnlessReturned(&returned)
	call.setArgs(args)
	rows, err := c.query(call.ctx, call.commented(query), args)
	returned = true
	if err == driver.ErrSkip {
		c.skip(ctx, query, call)
		return rows, err
	}
	return call.rows(rows, err)
}

// exec does what database/sql does.
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

// query does what database/sql does.
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

// legacyArgs returns the arguments for a driver that takes neither a context nor names. Like database/sql, it fails
// if an argument has a name or if ctx is done.
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

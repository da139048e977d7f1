package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
)

// Wrap returns a connector that opens c's connections and traces them. Nil options mean the defaults. The options are copied.
//
//	db := sql.OpenDB(tracesql.Wrap(connector, nil))
//
// If c is already wrapped, its connections are traced once, with the new options.
func Wrap(c driver.Connector, opts *Options) driver.Connector {
	c, _ = Unwrap(c).(driver.Connector)
	w := &connector{base: c, config: newConfig(c.Driver(), opts)}
	if _, ok := c.(io.Closer); ok {
		return &closingConnector{w}
	}
	return w
}

// Open is like [sql.Open], and traces the connections. Nil options mean the defaults. The options are copied.
func Open(driverName, dsn string, opts *Options) (*sql.DB, error) {
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, err
	}
	// Only the driver is needed. db does not give access to its connector.
	d := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	var c driver.Connector = dsnConnector{d, dsn}
	if dc, ok := d.(driver.DriverContext); ok {
		if c, err = dc.OpenConnector(dsn); err != nil {
			return nil, err
		}
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Server == "" {
		o.Server = serverOf(dsn)
	}
	return sql.OpenDB(Wrap(c, &o)), nil
}

// A dsnConnector is for drivers that have no connector of their own. database/sql has the same type.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// Unwrap returns the driver's own value if x is a connector, connection, statement, rows or transaction of this package.
// Otherwise it returns x.
//
//	err := conn.Raw(func(c any) error {
//		pgConn := tracesql.Unwrap(c).(*stdlib.Conn).Conn()
func Unwrap(x any) any {
	for {
		w, ok := x.(interface{ unwrap() any })
		if !ok {
			return x
		}
		x = w.unwrap()
	}
}

type connector struct {
	base   driver.Connector
	config *config
}

func (w *connector) unwrap() any           { return w.base }
func (w *connector) Driver() driver.Driver { return w.base.Driver() }

func (w *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if !w.config.traces(ctx) {
		base, err := w.base.Connect(ctx)
		if err != nil {
			return nil, err
		}
		return newConn(base, w.config), nil
	}
	c := w.config.start(ctx, ctx, w.config.connect, "", false)
	returned := false
	defer c.endUnlessReturned(&returned)
	base, err := w.base.Connect(c.ctx)
	c.end(err)
	returned = true
	if err != nil {
		return nil, err
	}
	return newConn(base, w.config), nil
}

// A closingConnector wraps a connector that is an io.Closer.
type closingConnector struct{ *connector }

func (w *closingConnector) Close() error { return w.base.(io.Closer).Close() }

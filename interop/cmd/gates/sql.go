package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/XSAM/otelsql"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracesql"
	"go.opentelemetry.io/otel/attribute"
)

// sqlJobs are those of database/sql.
func sqlJobs() []job {
	notes := []string{
		"The ratio is that of the overhead: the time of bare database/sql in the same round is first subtracted from both. The other columns include it.",
		"The driver does nothing. It has no SessionResetter: with one, otelsql would report the reset before each call too.",
		"otelsql has its default options, and db.system.name. Its metrics are off.",
	}
	const twoSpans = "otelsql reports two spans, of the call and of its rows. slogtrace reports one."
	tools := func(spans int) []tool {
		return []tool{bareSQL, otelSQL(spans), oursSQL(oursJSON, tracesql.Options{}), oursSQL(oursHandler, tracesql.Options{})}
	}
	timed := oursSQL(oursJSON, tracesql.Options{RowTimes: true})
	timed.name += rowTimes
	newJob := func(name, title string, tools []tool, op func(*database), more ...string) job {
		return job{
			name: name, title: title + ": what is added to database/sql", notes: slices.Concat(notes, more), tools: tools, bare: bareSQL.name,
			subjects: func(t tool) []subject {
				return []subject{{t.name, otelSQLName, func(s *session) work {
					w := each(func() { op(s.database) })
					if t.name == bareSQL.name {
						w.check = func() error { return nil } // it leaves nothing behind
					}
					return w
				}}}
			},
			want: want{ends: 1, end: map[string]string{"db.system.name": sqlSystem}},
		}
	}
	return []job{
		newJob("sqlexec", "an exec", tools(1), (*database).exec),
		newJob("sqlprepared", "an exec of a prepared statement", tools(1), (*database).execPrepared),
		newJob("sqlrow", "a query of one row", tools(2), func(d *database) { d.query(1) }, twoSpans),
		newJob("sqlrows", "a query of 100 rows", append(tools(2), timed), func(d *database) { d.query(100) }, twoSpans, "RowTimes reads the clock twice a row."),
	}
}

const (
	otelSQLName = "otelsql, no-op exporter"
	rowTimes    = ", RowTimes"
	sqlSystem   = "postgresql"
)

var bareSQL = tool{
	name: "database/sql alone",
	open: func(*sink) (*session, error) {
		d, err := openDatabase(context.Background(), sql.OpenDB(idleDriver{}))
		if err != nil {
			return nil, err
		}
		return &session{database: d, close: d.close}, nil
	},
}

// otelSQL returns the tool for a job in which it reports that many spans.
func otelSQL(spans int) tool {
	return tool{
		name: otelSQLName, peer: "otelsql", ends: endsExported, spansPerEnd: spans, ids: keys{trace: "trace_id", span: "span_id"},
		open: func(sk *sink) (*session, error) {
			o := newOtel(new(countingExporter), sk)
			s := o.session(nil)
			d, err := openDatabase(s.ctx, otelsql.OpenDB(idleDriver{},
				otelsql.WithTracerProvider(o.provider), otelsql.WithAttributes(attribute.String("db.system.name", sqlSystem))))
			if err != nil {
				return nil, err
			}
			s.database = d
			s.flush()
			before := s.exported() // the spans of what opened it
			exported, end := s.exported, s.close
			s.exported = func() int64 { return exported() - before }
			s.close = func() {
				d.close()
				end()
			}
			return s, nil
		},
	}
}

// oursSQL returns t for these jobs.
func oursSQL(t tool, opts tracesql.Options) tool {
	open := t.judged.open
	t.slog, t.judged = false, nil // there are no lines but those of the spans
	t.open = func(sk *sink) (*session, error) {
		opts := opts
		opts.System = sqlSystem
		opts.Tracer = slogtrace.NewTracer(open(sk.lines, &sk.opts), nil)
		ctx, span := opts.Tracer.Start(context.Background(), op)
		sc := span.SpanContext()
		d, err := openDatabase(ctx, sql.OpenDB(tracesql.Wrap(idleDriver{}, &opts)))
		if err != nil {
			return nil, err
		}
		return &session{database: d, at: ids{sc.TraceID.String(), sc.SpanID.String()}, close: d.close}, nil
	}
	return t
}

// A database has one connection.
type database struct {
	ctx      context.Context // of all calls
	db       *sql.DB
	prepared *sql.Stmt
}

const (
	sqlExec  = "UPDATE bookings SET state = ? WHERE id = ?"
	sqlQuery = "SELECT id, seat FROM bookings WHERE customer = ? LIMIT ?"
)

// openDatabase opens the connection and prepares the statement outside of the trace of ctx.
func openDatabase(ctx context.Context, db *sql.DB) (*database, error) {
	db.SetMaxOpenConns(1)
	stmt, err := db.Prepare(sqlExec)
	return &database{ctx, db, stmt}, err
}

func (d *database) close() {
	_ = d.prepared.Close()
	_ = d.db.Close()
}

func (d *database) exec() {
	if _, err := d.db.ExecContext(d.ctx, sqlExec, "confirmed", booking); err != nil {
		panic(err)
	}
}

func (d *database) execPrepared() {
	if _, err := d.prepared.ExecContext(d.ctx, "confirmed", booking); err != nil {
		panic(err)
	}
}

// query reads n rows.
func (d *database) query(n int) {
	rows, err := d.db.QueryContext(d.ctx, sqlQuery, booking, n)
	if err != nil {
		panic(err)
	}
	got := 0
	for rows.Next() {
		got++
	}
	if err := rows.Close(); err != nil || rows.Err() != nil || got != n {
		panic(fmt.Sprintf("gates: want %d rows, got %d, %v, %v", n, got, err, rows.Err()))
	}
}

package interop

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/lib/pq"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/postgres"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

// postgresDrivers are the names under which pgx and lib/pq are registered.
var postgresDrivers = []string{"pgx", "postgres"}

// eachPostgresDriver runs a test with each of them.
func eachPostgresDriver(t *testing.T, test func(t *testing.T, driver string)) {
	for _, driver := range postgresDrivers {
		t.Run(driver, func(t *testing.T) { test(t, driver) })
	}
}

// A pgSession is what a test does with a database. It is done with a bare one and with a traced one, and must see the same.
type pgSession struct {
	*testing.T
	Driver string
	DB     *sql.DB
	Ctx    context.Context // traced: in the span root
	App    string          // its schema, and the application_name of its connections
	Admin  *sql.DB         // another way to the server, bare, which all sessions share

	notes []string
	rec   *tracetest.Recorder // nil: bare
}

// Traced reports whether the session is the traced one.
func (s *pgSession) Traced() bool { return s.rec != nil }

// Spans returns the spans that have ended so far.
func (s *pgSession) Spans() []pgSpan { return readPgSpans(s, s.rec) }

// Note notes what the session saw.
func (s *pgSession) Note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// Exec notes the outcome of an exec.
func (s *pgSession) Exec(ctx context.Context, query string, args ...any) {
	result, err := s.DB.ExecContext(ctx, query, args...)
	s.Note("%s: %v", query, err)
	if err == nil {
		n, err := result.RowsAffected()
		s.Note("%d %v", n, err)
	}
}

// Read notes all of a query's result sets.
func (s *pgSession) Read(rows *sql.Rows, err error) {
	s.Note("query: %v", err)
	if err != nil {
		return
	}
	defer rows.Close()
	for more := true; more; more = rows.NextResultSet() {
		types, err := rows.ColumnTypes()
		s.Note("%v", err)
		for _, c := range types {
			length, ok := c.Length()
			nullable, ok2 := c.Nullable()
			precision, scale, ok3 := c.DecimalSize()
			s.Note("%s %s %v %d %t %t %t %d %d %t", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, ok, nullable, ok2, precision, scale, ok3)
		}
		for rows.Next() {
			values := make([]any, len(types))
			for i := range values {
				values[i] = new(any)
			}
			s.Note("%v", rows.Scan(values...))
			for i := range values {
				s.Note("%T %v", *values[i].(*any), *values[i].(*any))
			}
		}
	}
	s.Note("end: %v %v", rows.Err(), rows.Close())
}

// Must ends the test if there is an error.
func (s *pgSession) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// Wait waits until a query over Admin is true.
func (s *pgSession) Wait(query string, args ...any) {
	s.Helper()
	until(s, query, func() (ok bool) {
		s.Must(s.Admin.QueryRow(query, args...).Scan(&ok))
		return ok
	})
}

const pgAsleep = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep' AND strpos(query, $2) > 0"

// Sleeping waits until a query with that text is in pg_sleep. Before, while it is prepared, it cannot be canceled.
func (s *pgSession) Sleeping(text string) {
	s.Helper()
	s.Wait(pgAsleep, s.App, text)
}

// Kill terminates all backends of the session, and waits until they are gone.
func (s *pgSession) Kill() {
	s.Helper()
	var pids string
	s.Must(s.Admin.QueryRow("SELECT array_agg(pid)::text FROM pg_stat_activity WHERE application_name = $1", s.App).Scan(&pids))
	_, err := s.Admin.Exec("SELECT pg_terminate_backend(pid) FROM unnest($1::text::int[]) pid", pids)
	s.Must(err)
	s.Wait("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = ANY($1::text::int[])", pids)
}

// until waits until ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a minute has passed without: ", what)
		}
	}
}

var (
	pgSessions atomic.Int64
	pgAdmin    = sync.OnceValues(func() (*sql.DB, error) { return sql.Open("pgx", pgDSN) })
	pgDSN      string // of the server, once it runs
)

// newPgSession returns a session with a schema of its own. rec is nil for a bare one.
func newPgSession(t *testing.T, driver string, ctx context.Context, rec *tracetest.Recorder) *pgSession {
	t.Helper()
	pgDSN = postgres.Shared(t).DSN()
	admin, err := pgAdmin()
	s := &pgSession{T: t, Driver: driver, Ctx: ctx, App: fmt.Sprint("session", pgSessions.Add(1)), Admin: admin, rec: rec}
	s.Must(err)
	_, err = admin.Exec("CREATE SCHEMA " + s.App)
	s.Must(err)
	return s
}

// DSN returns the data source name of the session: with its schema, its application_name and more parameters.
func (s *pgSession) DSN(params url.Values) string {
	u, err := url.Parse(pgDSN)
	s.Must(err)
	q := u.Query()
	q.Set("search_path", s.App)
	q.Set("application_name", s.App)
	for key := range params {
		q.Set(key, params.Get(key))
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// A pgTest is a session, and how the driver and its tracing are set.
type pgTest struct {
	Params    url.Values                                         // of the data source name
	Connector func(s *pgSession, dsn string) sqldriver.Connector // nil: that of the driver's name
	Options   tracesql.Options
	Pool      int // connections; 0: 1
	Do        func(*pgSession)
}

// do does the session with a database.
func (test pgTest) do(s *pgSession, db *sql.DB) {
	defer db.Close()
	pool := max(test.Pool, 1)
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	s.DB = db
	test.Do(s)
}

// run does the session bare and traced, and compares what they saw. It returns the spans of the traced one.
func (test pgTest) run(t *testing.T, driver string) *pgTraced {
	t.Helper()
	s := newPgSession(t, driver, t.Context(), nil)
	var (
		db  *sql.DB
		err error
	)
	if dsn := s.DSN(test.Params); test.Connector == nil {
		db, err = sql.Open(driver, dsn)
		s.Must(err)
	} else {
		db = sql.OpenDB(test.Connector(s, dsn))
	}
	test.do(s, db)
	bare := s.notes

	rec := tracetest.NewRecorder()
	opts := test.Options
	opts.Tracer = slogtrace.NewTracer(rec, nil)
	ctx, root := opts.Tracer.Start(t.Context(), "root")
	s = newPgSession(t, driver, ctx, rec)
	if dsn := s.DSN(test.Params); test.Connector == nil {
		db, err = tracesql.Open(driver, dsn, &opts)
		s.Must(err)
	} else {
		u, err := url.Parse(dsn)
		s.Must(err)
		opts.Server = u.Host
		db = sql.OpenDB(tracesql.Wrap(test.Connector(s, dsn), &opts))
	}
	test.do(s, db)
	root.End()
	if diff := gocmp.Diff(bare, s.notes); diff != "" {
		t.Errorf("(-bare +traced):\n%s", diff)
	}
	return &pgTraced{driver, rec, root}
}

// A pgTraced is what a traced session has written.
type pgTraced struct {
	driver string
	rec    *tracetest.Recorder
	root   *slogtrace.Span
}

// Spans returns the spans of database calls, in the order of their ends.
func (traced *pgTraced) Spans(t *testing.T) (spans []pgSpan) {
	t.Helper()
	for _, s := range readPgSpans(t, traced.rec) {
		if s.Kind != "client" || s.System == "" { // the test's own
			continue
		}
		spans = append(spans, s)
		if s.System != "postgresql" || s.Address != "127.0.0.1" || s.Port == 0 {
			t.Errorf("system or server: %s", s.line)
		}
	}
	return spans
}

// Want compares the spans, which must all be children of root. A wanted line may begin with the name of a driver and
// a colon, and is then for that one only.
func (traced *pgTraced) Want(t *testing.T, want string) {
	t.Helper()
	var got []string
	for _, s := range traced.Spans(t) {
		got = append(got, s.String())
		if s.Parent != traced.root.SpanContext().SpanID.String() {
			t.Errorf("the parent is not root: %s", s.line)
		}
	}
	if diff := gocmp.Diff(wantedFor(traced.driver, want), got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// WantTree compares the ops of all spans, in the order of their starts, with a dot for each span around one.
// Those of whole transactions also have their outcome.
func (traced *pgTraced) WantTree(t *testing.T, want string) {
	t.Helper()
	texts := make(map[string]string)
	for _, s := range traced.Spans(t) {
		if s.Op == "TRANSACTION" {
			texts[s.Span] = s.String()
		}
	}
	var got []string
	for _, trace := range traced.rec.Traces() {
		for depth, s := range trace.All() {
			got = append(got, strings.Repeat(".", depth)+cmp.Or(texts[s.ID], s.Op))
		}
	}
	if diff := gocmp.Diff(wantedFor(traced.driver, want), got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

// wantedFor returns the lines for a driver.
func wantedFor(driver, want string) (lines []string) {
	for line := range strings.Lines(want) {
		line = strings.TrimSpace(line)
		of, rest, ok := strings.Cut(line, ": ")
		switch {
		case line == "" || ok && of != driver:
			continue
		case ok:
			line = rest
		}
		lines = append(lines, line)
	}
	return lines
}

// A pgSpan is what the line of a span says.
type pgSpan struct {
	Op, Kind, Span, Parent, Trace string

	Error    string
	Type     string `json:"error.type"`
	Status   string `json:"db.response.status_code"`
	Returned *int   `json:"db.response.returned_rows"`
	Affected *int   `json:"db.response.affected_rows"`
	BadConn  bool   `json:"db.bad_conn"`
	Attempt  int    `json:"db.attempt"`
	Outcome  string `json:"db.transaction.outcome"`
	System   string `json:"db.system.name"`
	Text     string `json:"db.query.text"`
	Address  string `json:"server.address"`
	Port     int    `json:"server.port"`

	line string
}

func readPgSpans(t testing.TB, rec *tracetest.Recorder) (spans []pgSpan) {
	t.Helper()
	for line := range bytes.Lines(rec.Lines()) {
		s := pgSpan{line: string(line)}
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
	}
	return spans
}

// String returns op, error.type after !, and what else is known of the outcome.
func (s pgSpan) String() string {
	text := s.Op
	if s.Error != "" {
		text += " !" + s.Type
	}
	if s.Status != "" && s.Status != s.Type {
		text += " status " + s.Status
	}
	if s.BadConn {
		text += " bad_conn"
	}
	if s.Attempt > 0 {
		text += fmt.Sprint(" attempt ", s.Attempt)
	}
	if s.Returned != nil {
		text += fmt.Sprint(" returned ", *s.Returned)
	}
	if s.Affected != nil {
		text += fmt.Sprint(" affected ", *s.Affected)
	}
	if s.Outcome != "" {
		text += " " + s.Outcome
	}
	return text
}

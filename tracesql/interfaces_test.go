package tracesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/racetest"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A subject opens a database over a fake.
type subject func(*fake) *sql.DB

func bare(f *fake) *sql.DB { return sql.OpenDB(f) }

func wrapped(opts *Options) subject {
	return func(f *fake) *sql.DB { return sql.OpenDB(Wrap(f, opts)) }
}

// combinations calls fn with a fake for each set of optional interfaces.
// It does not combine all sets of connection, statement and rows, since they do not depend on each other.
func combinations(fn func(*fake)) {
	step := 1
	if racetest.Enabled {
		step = 37 // the detector is slow, and a few sets are enough to find races
	}
	for bits := 0; bits <= allConnBits; bits += step {
		fn(&fake{connBits: bits, stmtBits: bits % (allStmtBits + 1), rowsBits: bits % (allRowsBits + 1)})
	}
	for bits := range allStmtBits + 1 {
		for _, conn := range []int{0, hasChecker, hasExecer | hasQueryer, hasOldExecer | hasOldQueryer | hasChecker} {
			fn(&fake{connBits: conn, stmtBits: bits})
		}
	}
	for bits := range (allRowsBits | allScannerBits) + 1 {
		fn(&fake{connBits: hasQueryer, rowsBits: bits, sets: bits & 1})
	}
	for i := range 4 {
		fn(&fake{preparer: i&1 != 0, beginner: i&2 != 0})
	}
	fn(newFake())
}

func (f *fake) String() string {
	return fmt.Sprintf("conn %08b stmt %04b rows %07b preparer %t beginner %t", f.connBits, f.stmtBits, f.rowsBits, f.preparer, f.beginner)
}

// clone returns a fake with the interfaces of f.
func (f *fake) clone() *fake {
	return &fake{connBits: f.connBits, stmtBits: f.stmtBits, rowsBits: f.rowsBits, preparer: f.preparer, beginner: f.beginner, sets: f.sets}
}

// behaviour makes all kinds of calls of database/sql. It returns their results and the calls that the driver got.
func behaviour(ctx context.Context, f *fake, open subject) (got []string) {
	db := open(f)
	db.SetMaxOpenConns(1)
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }

	note("ping: %v", db.PingContext(ctx))
	f.fail("Ping", errBroken)
	note("ping: %v", db.PingContext(ctx))
	for _, args := range [][]any{nil, {1}, {1, "x"}, {custom{5}}, {sql.Named("a", 1)}, {"remove", 2}, {struct{}{}}, {sql.NullString{}}} {
		for _, query := range []string{"UPDATE t SET a = ?", "skip INTO t ?"} {
			result, err := db.ExecContext(ctx, query, args...)
			note("exec %v: %v", args, err)
			if err == nil {
				n, err := result.RowsAffected()
				id, err2 := result.LastInsertId()
				note("%d %v %d %v", n, err, id, err2)
			}
			noteRows(note, func() (*sql.Rows, error) { return db.QueryContext(ctx, query, args...) })
			stmt, err := db.PrepareContext(ctx, query)
			note("prepare: %v", err)
			if err != nil {
				continue
			}
			_, err = stmt.ExecContext(ctx, args...)
			note("stmt exec: %v", err)
			noteRows(note, func() (*sql.Rows, error) { return stmt.QueryContext(ctx, args...) })
			note("stmt close: %v", stmt.Close())
		}
	}
	for _, name := range []string{"ExecContext", "Exec", "QueryContext", "Query", "PrepareContext", "Prepare", "Stmt.Exec", "Stmt.Query",
		"Stmt.ExecContext", "Stmt.QueryContext", "Next", "NextRow", "Rows.Close", "IsValid", "ResetSession", "Conn.CheckNamedValue"} {
		errs := []error{errBroken, driver.ErrBadConn}
		if strings.HasPrefix(name, "Q") {
			errs = append(errs, fmt.Errorf("wrapped: %w", driver.ErrBadConn), sql.ErrNoRows, io.EOF, context.Canceled)
		}
		for _, err := range errs {
			f.fail(name, err)
			_, err := db.ExecContext(ctx, "UPDATE t SET a = ?", 1)
			note("exec with %s: %v", name, err)
			noteRows(note, func() (*sql.Rows, error) { return db.QueryContext(ctx, "SELECT a FROM t WHERE b = ?", 1) })
			f.mu.Lock()
			f.fails = nil
			f.mu.Unlock()
		}
	}
	for _, opts := range []*sql.TxOptions{nil, {}, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		tx, err := db.BeginTx(ctx, opts)
		note("begin %v: %v", opts, err)
		if err != nil {
			continue
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM t")
		note("exec: %v", err)
		f.fail("Commit", errBroken)
		note("commit: %v", tx.Commit())
		f.mu.Lock()
		f.fails = nil
		f.mu.Unlock()
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	conn, err := db.Conn(ctx)
	note("conn: %v", err)
	_, err = conn.ExecContext(canceled, "UPDATE t SET a = 1")
	note("canceled: %v", err)
	_, err = conn.QueryContext(canceled, "SELECT a FROM t")
	note("canceled: %v", err)
	synctest.Wait() // database/sql closes the rows of a driver that ignores the context
	_, err = conn.PrepareContext(canceled, "SELECT a FROM t")
	note("canceled: %v", err)
	_, err = conn.BeginTx(canceled, nil)
	note("canceled: %v", err)
	synctest.Wait() // and rolls back its transaction
	note("conn close: %v", conn.Close())

	// If the context of a transaction ends, database/sql closes the connection, unless it is a SessionResetter and a Validator.
	synctest.Wait()
	soon, cancel := context.WithCancel(ctx)
	_, err = db.BeginTx(soon, nil)
	note("begin: %v", err)
	f.fail("Rollback", errBroken)
	before := len(f.calls())
	cancel()
	synctest.Wait()
	note("open: %d", db.Stats().OpenConnections)
	log := f.calls()
	slices.Sort(log[before:]) // one connection is closed and another one opened, in any order
	got = append(got, log...)
	note("close: %v", db.Close())
	return got
}

// noteRows notes everything that an application can learn from rows.
func noteRows(note func(string, ...any), query func() (*sql.Rows, error)) {
	rows, err := query()
	note("query: %v", err)
	if err != nil {
		return
	}
	types, err := rows.ColumnTypes()
	note("types: %v", err)
	for _, c := range types {
		length, hasLength := c.Length()
		nullable, hasNullable := c.Nullable()
		precision, scale, hasDecimal := c.DecimalSize()
		note("%s %s %v %d %t %t %t %d %d %t", c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable,
			precision, scale, hasDecimal)
	}
	for {
		for rows.Next() {
			var id int
			var name sql.RawBytes
			note("scan: %v", rows.Scan(&id, &name))
			note("%d %s", id, name)
		}
		if !rows.NextResultSet() {
			break
		}
		note("next set")
	}
	note("err: %v", rows.Err())
	note("close: %v", rows.Close())
}

// A trial is a subject that is used inside or outside a trace.
type trial struct {
	name   string
	open   subject
	traced bool
}

// different compares each trial with the bare driver.
// It returns for how many sets of interfaces they behave differently, and the first difference.
func different(t *testing.T, trials ...trial) (n []int, first []string) {
	slogtrace.SetDefault(slogtrace.NewTracer(tracetest.NewRecorder(), nil))
	n, first = make([]int, len(trials)), make([]string, len(trials))
	combinations(func(f *fake) {
		synctest.Test(t, func(t *testing.T) {
			traced, span := slogtrace.Start(t.Context(), "test")
			defer span.End()
			want := behaviour(t.Context(), f.clone(), bare)
			for i, trial := range trials {
				ctx := t.Context()
				if trial.traced {
					ctx = traced
				}
				got := behaviour(ctx, f.clone(), trial.open)
				if slices.Equal(want, got) {
					continue
				}
				if n[i]++; n[i] == 1 {
					first[i] = fmt.Sprintf("%v (-bare +wrapped):\n%s", f, cmp.Diff(want, got))
				}
			}
		})
	})
	return n, first
}

func TestSameBehaviour(t *testing.T) {
	trials := []trial{
		{"untraced", wrapped(nil), false},
		{"traced", wrapped(nil), true},
		{"all options", wrapped(&Options{NewTraces: true, Args: true, Prepares: true, Transactions: true, RowTimes: true}), true},
	}
	n, first := different(t, trials...)
	for i, trial := range trials {
		if n[i] > 0 {
			t.Errorf("%s: %d sets of interfaces behave differently; the first is %s", trial.name, n[i], first[i])
		}
	}
}

// The optional interfaces of connections, statements and rows.
var connInterfaces = map[string]reflect.Type{
	"Pinger":            reflect.TypeFor[driver.Pinger](),
	"SessionResetter":   reflect.TypeFor[driver.SessionResetter](),
	"Validator":         reflect.TypeFor[driver.Validator](),
	"NamedValueChecker": reflect.TypeFor[driver.NamedValueChecker](),
	"Execer":            reflect.TypeFor[driver.Execer](),  //lint:ignore SA1019 drivers have it
	"Queryer":           reflect.TypeFor[driver.Queryer](), //lint:ignore SA1019 drivers have it
	"ExecerContext":     reflect.TypeFor[driver.ExecerContext](),
	"QueryerContext":    reflect.TypeFor[driver.QueryerContext](),
}

var stmtInterfaces = map[string]reflect.Type{
	"NamedValueChecker": reflect.TypeFor[driver.NamedValueChecker](),
	"ColumnConverter":   reflect.TypeFor[driver.ColumnConverter](), //lint:ignore SA1019 drivers have it
}

var rowsInterfaces = map[string]reflect.Type{
	"RowsNextResultSet":              reflect.TypeFor[driver.RowsNextResultSet](),
	"RowsColumnTypeScanType":         reflect.TypeFor[driver.RowsColumnTypeScanType](),
	"RowsColumnTypeDatabaseTypeName": reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](),
	"RowsColumnTypeLength":           reflect.TypeFor[driver.RowsColumnTypeLength](),
	"RowsColumnTypeNullable":         reflect.TypeFor[driver.RowsColumnTypeNullable](),
	"RowsColumnTypePrecisionScale":   reflect.TypeFor[driver.RowsColumnTypePrecisionScale](),
}

// TestSameInterfaces compares the interfaces of a wrapped value with those of the driver's.
func TestSameInterfaces(t *testing.T) {
	slogtrace.SetDefault(slogtrace.NewTracer(tracetest.NewRecorder(), nil))
	ctx, span := slogtrace.Start(t.Context(), "test")
	defer span.End()
	n := 0
	compare := func(f *fake, kind string, base, wrapped any, interfaces map[string]reflect.Type, added ...string) {
		n++
		if reflect.TypeOf(base) == reflect.TypeOf(wrapped) {
			t.Errorf("%v: %s is not wrapped", f, kind)
		}
		if Unwrap(wrapped) != base {
			t.Errorf("%v: Unwrap of %s is another value", f, kind)
		}
		for name, typ := range interfaces {
			want := reflect.TypeOf(base).Implements(typ) || slices.Contains(added, name)
			if got := reflect.TypeOf(wrapped).Implements(typ); got != want {
				t.Errorf("%v: %s is a driver.%s: %t, want %t", f, kind, name, got, want)
			}
		}
	}
	combinations(func(f *fake) {
		conn, err := Wrap(f, nil).Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		base := Unwrap(conn)
		var added []string
		if f.connBits&hasOldExecer != 0 {
			added = append(added, "ExecerContext")
		}
		if f.connBits&hasOldQueryer != 0 {
			added = append(added, "QueryerContext")
		}
		compare(f, "the connection", base, conn, connInterfaces, added...)
		for _, always := range []reflect.Type{reflect.TypeFor[driver.ConnPrepareContext](), reflect.TypeFor[driver.ConnBeginTx]()} {
			if !reflect.TypeOf(conn).Implements(always) {
				t.Errorf("the connection does not implement %v", always)
			}
		}
		stmt, err := conn.Prepare("SELECT a FROM t")
		if err != nil {
			t.Fatal(err)
		}
		compare(f, "the statement", Unwrap(stmt), stmt, stmtInterfaces)
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		compare(f, "the rows", Unwrap(rows), rows, rowsInterfaces)
		rows.Close()
		tx, err := conn.Begin() //lint:ignore SA1019 the test is about this method
		if err != nil || Unwrap(tx) == tx {
			t.Error(tx, err)
		}
	})
	if n < 1000 && !racetest.Enabled {
		t.Errorf("only %d values were compared", n)
	}
}

type closingFake struct {
	*fake
	closed int
}

func (f *closingFake) Close() error { f.closed++; return errBroken }

func TestConnector(t *testing.T) {
	f := &closingFake{fake: newFake()}
	c := Wrap(f, nil)
	if Unwrap(c) != driver.Connector(f) || c.Driver() != f.Driver() {
		t.Error("connector or driver differs from the wrapped one")
	}
	if err := sql.OpenDB(c).Close(); err != errBroken || f.closed != 1 {
		t.Errorf("Close: %v, %d times", err, f.closed)
	}
	if _, ok := Wrap(f.fake, nil).(io.Closer); ok {
		t.Error("a connector without Close has one")
	}
	if again := Wrap(c, nil); Unwrap(again) != driver.Connector(f) || again.(*closingConnector).base != driver.Connector(f) {
		t.Error("a wrapped connector is wrapped twice")
	}
	if x := 3; Unwrap(x) != 3 || Unwrap(nil) != nil {
		t.Error("Unwrap changes a value of another package")
	}
}

// TestGenerated compares the generated files with the output of the generator.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "run", "generate.go", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(got), "// Code generated by generate.go;") {
			continue
		}
		n++
		if want, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s differs from the output of go generate: %v", name, err)
		}
	}
	if written, err := os.ReadDir(dir); err != nil || n == 0 || n != len(written) {
		t.Errorf("%d generated files, and the generator writes %d: %v", n, len(written), err)
	}
}

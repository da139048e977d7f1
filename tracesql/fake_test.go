package tracesql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
)

// A fake is a driver whose connections, statements and rows have the optional interfaces of its bits.
// It logs each call. A query with the word skip returns driver.ErrSkip. The same calls always give the same log.
type fake struct {
	connBits, stmtBits, rowsBits int
	preparer, beginner           bool // ConnPrepareContext and ConnBeginTx

	mu  sync.Mutex
	log []string
	ctx []context.Context // of each call that had one

	fails map[string][]error // the errors of the next calls, by the name of the call
	rows  int                // rows of a query; 0 means 2
	sets  int                // result sets after the first one
	block chan struct{}      // if not nil, Next receives from it before it returns
}

const (
	hasPinger = 1 << iota
	hasResetter
	hasValidator
	hasChecker
	hasExecer
	hasOldExecer
	hasQueryer
	hasOldQueryer
	allConnBits = 1<<iota - 1
)

const (
	hasStmtExecer = 1 << iota
	hasStmtQueryer
	hasStmtChecker
	hasStmtConverter
	allStmtBits = 1<<iota - 1
)

const allRowsBits = isNextResultSet | isScanType | isDatabaseTypeName | isLength | isNullable | isPrecisionScale

// newFake returns a driver with the interfaces that most current drivers have.
func newFake() *fake {
	return &fake{connBits: hasPinger | hasResetter | hasValidator | hasChecker | hasExecer | hasQueryer,
		stmtBits: hasStmtExecer | hasStmtQueryer, preparer: true, beginner: true}
}

// call logs a call and returns the error set by fail, if any.
func (f *fake) call(ctx context.Context, name string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	if ctx != nil {
		f.ctx = append(f.ctx, ctx)
	}
	errs := f.fails[name]
	if len(errs) == 0 {
		return nil
	}
	f.fails[name] = errs[1:]
	if p, ok := errs[0].(*panics); ok {
		panic(p.value)
	}
	return errs[0]
}

// note is call for methods without a context.
func (f *fake) note(name string, args ...any) error {
	return f.call(context.Context(nil), name, args...)
}

type panics struct{ value any }

func (*panics) Error() string { return "panics" }

// fail makes the next calls of that name return errs, one each.
func (f *fake) fail(name string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		f.fails = make(map[string][]error)
	}
	f.fails[name] = append(f.fails[name], errs...)
}

func (f *fake) calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.log...)
}

func (f *fake) Driver() driver.Driver { return fakeDriver{f} }

func (f *fake) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.call(ctx, "Connect"); err != nil {
		return nil, err
	}
	c := &fakeConn{f}
	switch {
	case f.preparer && f.beginner && f.connBits == newFake().connBits:
		return struct {
			*fakeConn
			fakePreparer
			fakeBeginner
			fakePinger
			fakeResetter
			fakeValidator
			fakeChecker
			fakeExecer
			fakeQueryer
		}{c, fakePreparer{c}, fakeBeginner{c}, fakePinger{c}, fakeResetter{c}, fakeValidator{c}, fakeChecker{c}, fakeExecer{c}, fakeQueryer{c}}, nil
	case f.preparer && f.beginner && f.connBits == 0:
		return struct {
			*fakeConn
			fakePreparer
			fakeBeginner
		}{c, fakePreparer{c}, fakeBeginner{c}}, nil
	case f.preparer && f.connBits == 0:
		return struct {
			*fakeConn
			fakePreparer
		}{c, fakePreparer{c}}, nil
	case f.beginner && f.connBits == 0:
		return struct {
			*fakeConn
			fakeBeginner
		}{c, fakeBeginner{c}}, nil
	case f.preparer || f.beginner:
		panic("fake has no such combination")
	}
	return wrapFakeConn(c, f.connBits), nil
}

type fakeDriver struct{ f *fake }

func (d fakeDriver) Open(string) (driver.Conn, error) { return d.f.Connect(context.Background()) }

type fakeConn struct{ f *fake }

func (c *fakeConn) Close() error { return c.f.note("Conn.Close") }

func (c *fakeConn) Prepare(query string) (driver.Stmt, error) {
	if err := c.f.note("Prepare", query); err != nil {
		return nil, err
	}
	return c.f.stmt(query), nil
}

func (c *fakeConn) Begin() (driver.Tx, error) {
	if err := c.f.note("Begin"); err != nil {
		return nil, err
	}
	return fakeTx{c.f}, nil
}

type (
	fakePreparer   struct{ c *fakeConn }
	fakeBeginner   struct{ c *fakeConn }
	fakePinger     struct{ c *fakeConn }
	fakeResetter   struct{ c *fakeConn }
	fakeValidator  struct{ c *fakeConn }
	fakeChecker    struct{ c *fakeConn }
	fakeExecer     struct{ c *fakeConn }
	fakeOldExecer  struct{ c *fakeConn }
	fakeQueryer    struct{ c *fakeConn }
	fakeOldQueryer struct{ c *fakeConn }
)

func (c fakePreparer) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.c.f.call(ctx, "PrepareContext", query); err != nil {
		return nil, err
	}
	return c.c.f.stmt(query), nil
}

func (c fakeBeginner) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.c.f.call(ctx, "BeginTx", opts); err != nil {
		return nil, err
	}
	return fakeTx{c.c.f}, nil
}

func (c fakePinger) Ping(ctx context.Context) error { return c.c.f.call(ctx, "Ping") }
func (c fakeResetter) ResetSession(ctx context.Context) error {
	return c.c.f.call(ctx, "ResetSession")
}
func (c fakeValidator) IsValid() bool { return c.c.f.note("IsValid") == nil }

// custom is an argument that only a NamedValueChecker accepts.
type custom struct{ n int }

func (c fakeChecker) CheckNamedValue(v *driver.NamedValue) error {
	return c.c.f.check("Conn.CheckNamedValue", v)
}

func (f *fake) check(name string, v *driver.NamedValue) error {
	if err := f.note(name, describe(*v)); err != nil {
		return err
	}
	switch x := v.Value.(type) {
	case custom:
		v.Value = int64(x.n)
		return nil
	case string:
		if x == "remove" {
			return driver.ErrRemoveArgument
		}
	}
	return driver.ErrSkip
}

func describe(args ...driver.NamedValue) string {
	s := ""
	for _, a := range args {
		s += fmt.Sprintf("[%s %d %T %v]", a.Name, a.Ordinal, a.Value, a.Value)
	}
	return s
}

func (c fakeExecer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.c.f.call(ctx, "ExecContext", query, describe(args...)); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(3), nil
}

func (c fakeOldExecer) Exec(query string, args []driver.Value) (driver.Result, error) {
	if err := c.c.f.note("Exec", query, args); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(4), nil
}

func (c fakeQueryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.c.f.call(ctx, "QueryContext", query, describe(args...)); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return c.c.f.newRows(), nil
}

func (c fakeOldQueryer) Query(query string, args []driver.Value) (driver.Rows, error) {
	if err := c.c.f.note("Query", query, args); err != nil {
		return nil, err
	}
	if strings.Contains(query, "skip") {
		return nil, driver.ErrSkip
	}
	return c.c.f.newRows(), nil
}

type fakeTx struct{ f *fake }

func (t fakeTx) Commit() error   { return t.f.note("Commit") }
func (t fakeTx) Rollback() error { return t.f.note("Rollback") }

type fakeStmt struct {
	f     *fake
	query string
}

func (f *fake) stmt(query string) driver.Stmt {
	return wrapFakeStmt(&fakeStmt{f, query}, f.stmtBits)
}

func (s *fakeStmt) Close() error { return s.f.note("Stmt.Close") }
func (s *fakeStmt) NumInput() int {
	return strings.Count(s.query, "?")
}

func (s *fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	if err := s.f.note("Stmt.Exec", args); err != nil {
		return nil, err
	}
	return driver.RowsAffected(5), nil
}

func (s *fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	if err := s.f.note("Stmt.Query", args); err != nil {
		return nil, err
	}
	return s.f.newRows(), nil
}

type (
	fakeStmtExecer    struct{ s *fakeStmt }
	fakeStmtQueryer   struct{ s *fakeStmt }
	fakeStmtChecker   struct{ s *fakeStmt }
	fakeStmtConverter struct{ s *fakeStmt }
)

func (s fakeStmtExecer) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.s.f.call(ctx, "Stmt.ExecContext", describe(args...)); err != nil {
		return nil, err
	}
	return driver.RowsAffected(6), nil
}

func (s fakeStmtQueryer) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.s.f.call(ctx, "Stmt.QueryContext", describe(args...)); err != nil {
		return nil, err
	}
	return s.s.f.newRows(), nil
}

func (s fakeStmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	return s.s.f.check("Stmt.CheckNamedValue", v)
}

func (s fakeStmtConverter) ColumnConverter(i int) driver.ValueConverter {
	_ = s.s.f.note("ColumnConverter", i)
	return upper{}
}

// upper converts strings to upper case. The result shows that it was called.
type upper struct{}

func (upper) ConvertValue(v any) (driver.Value, error) {
	if s, ok := v.(string); ok {
		return strings.ToUpper(s), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

type fakeRows struct {
	f         *fake
	row, sets int
}

func (f *fake) newRows() driver.Rows {
	r := &fakeRows{f: f, sets: f.sets}
	return wrapFakeRows(r, f.rowsBits)
}

func (r *fakeRows) Columns() []string { return []string{"id", "name"} }
func (r *fakeRows) Close() error      { return r.f.note("Rows.Close") }

// advance moves to the next row. The name is that of the driver's method.
func (r *fakeRows) advance(name string) error {
	if err := r.f.note(name); err != nil {
		return err
	}
	if r.f.block != nil {
		<-r.f.block
	}
	n := r.f.rows
	if n == 0 {
		n = 2
	}
	if r.row >= n {
		return io.EOF
	}
	r.row++
	return nil
}

func (r *fakeRows) Next(dest []driver.Value) error {
	if err := r.advance("Next"); err != nil {
		return err
	}
	dest[0], dest[1] = int64(r.row), "ann"
	return nil
}

type (
	fakeRowsNextResultSet    struct{ r *fakeRows }
	fakeRowsScanType         struct{ r *fakeRows }
	fakeRowsDatabaseTypeName struct{ r *fakeRows }
	fakeRowsLength           struct{ r *fakeRows }
	fakeRowsNullable         struct{ r *fakeRows }
	fakeRowsPrecisionScale   struct{ r *fakeRows }
)

func (r fakeRowsNextResultSet) HasNextResultSet() bool {
	_ = r.r.f.note("HasNextResultSet")
	return r.r.sets > 0
}

func (r fakeRowsNextResultSet) NextResultSet() error {
	if err := r.r.f.note("NextResultSet"); err != nil {
		return err
	}
	if r.r.sets == 0 {
		return io.EOF
	}
	r.r.sets--
	r.r.row = 0
	return nil
}

func (r fakeRowsScanType) ColumnTypeScanType(i int) reflect.Type           { return reflect.TypeFor[int64]() }
func (r fakeRowsDatabaseTypeName) ColumnTypeDatabaseTypeName(i int) string { return "INT" }
func (r fakeRowsLength) ColumnTypeLength(i int) (int64, bool)              { return 7, true }
func (r fakeRowsNullable) ColumnTypeNullable(i int) (bool, bool)           { return true, true }
func (r fakeRowsPrecisionScale) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return 5, 2, true
}

// A codeError is a database's error with a code.
type codeError struct{ code string }

func (e *codeError) Error() string    { return "error " + e.code }
func (e *codeError) SQLState() string { return e.code }

var errBroken = errors.New("broken")

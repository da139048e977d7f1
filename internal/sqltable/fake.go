package sqltable

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Fake is a driver, and its connector. Its connections, statements and rows have the optional interfaces of its bits.
// It logs each call. A query with the word skip returns driver.ErrSkip. The same calls always give the same log.
// The zero Fake has no optional interfaces. Its fields must not change while it is in use.
type Fake struct {
	ConnBits, StmtBits, RowsBits int
	Preparer, Beginner           bool          // ConnPrepareContext and ConnBeginTx, with the usual ConnBits or none
	RowCount                     int           // rows of a query; 0 means 2, and less than 0 none
	MoreSets                     int           // result sets after the first one
	Block                        chan struct{} // if not nil, Next receives from it before it returns

	mu       sync.Mutex
	log      []string
	contexts []context.Context
	fails    map[string][]error
}

// Bits of a connection.
const (
	HasPinger = 1 << iota
	HasResetter
	HasValidator
	HasChecker
	HasExecer
	HasOldExecer // without a context
	HasQueryer
	HasOldQueryer // without a context
	allConnBits   = 1<<iota - 1
)

// Bits of a statement.
const (
	HasStmtExecer = 1 << iota
	HasStmtQueryer
	HasStmtChecker
	HasStmtConverter
	AllStmtBits = 1<<iota - 1
)

// Bits of rows.
const (
	HasNextResultSet = 1 << iota
	HasScanType
	HasDatabaseTypeName
	HasLength
	HasNullable
	HasPrecisionScale
	allRowsBits      = 1<<iota - 1
	HasColumnScanner = 1 << (iota - 1) // since Go 1.27
)

const usualConnBits = HasPinger | HasResetter | HasValidator | HasChecker | HasExecer | HasQueryer

// NewFake returns a driver with the interfaces that most current drivers have.
func NewFake() *Fake {
	return &Fake{ConnBits: usualConnBits, StmtBits: HasStmtExecer | HasStmtQueryer, Preparer: true, Beginner: true}
}

// Clone returns a Fake like f without calls.
func (f *Fake) Clone() *Fake {
	return &Fake{ConnBits: f.ConnBits, StmtBits: f.StmtBits, RowsBits: f.RowsBits, Preparer: f.Preparer, Beginner: f.Beginner,
		RowCount: f.RowCount, MoreSets: f.MoreSets}
}

func (f *Fake) String() string {
	return fmt.Sprintf("conn %08b stmt %04b rows %07b preparer %t beginner %t", f.ConnBits, f.StmtBits, f.RowsBits, f.Preparer, f.Beginner)
}

// Fail makes the next calls of that name return errs, one each. The name is that of the driver's method.
// If several types have such a method, it begins with the type: "ExecContext", "Stmt.ExecContext", "Rows.Close".
func (f *Fake) Fail(name string, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails == nil {
		f.fails = make(map[string][]error)
	}
	f.fails[name] = append(f.fails[name], errs...)
}

// failNoMore forgets what Fail has set.
func (f *Fake) failNoMore() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = nil
}

// Panic returns an error for Fail. The call then panics with v.
func Panic(v any) error { return &panics{v} }

type panics struct{ value any }

func (*panics) Error() string { return "panics" }

// ErrBroken is an error for Fail.
var ErrBroken = errors.New("broken")

// Calls returns the name and the arguments of each call so far.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// Contexts returns the contexts of the calls that had one.
func (f *Fake) Contexts() []context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.contexts)
}

// call logs a call and returns the error set by Fail, if any.
func (f *Fake) call(ctx context.Context, name string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, strings.TrimSpace(name+" "+fmt.Sprintln(args...)))
	if ctx != nil {
		f.contexts = append(f.contexts, ctx)
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
func (f *Fake) note(name string, args ...any) error {
	return f.call(context.Context(nil), name, args...)
}

// Driver returns a driver that opens connections of f.
func (f *Fake) Driver() driver.Driver { return openDriver{f} }

package sqltable

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"reflect"
	"slices"
)

var connInterfaces = map[string]reflect.Type{
	"Pinger":             reflect.TypeFor[driver.Pinger](),
	"SessionResetter":    reflect.TypeFor[driver.SessionResetter](),
	"Validator":          reflect.TypeFor[driver.Validator](),
	"NamedValueChecker":  reflect.TypeFor[driver.NamedValueChecker](),
	"Execer":             reflect.TypeFor[driver.Execer](),  //lint:ignore SA1019 drivers have it
	"Queryer":            reflect.TypeFor[driver.Queryer](), //lint:ignore SA1019 drivers have it
	"ExecerContext":      reflect.TypeFor[driver.ExecerContext](),
	"QueryerContext":     reflect.TypeFor[driver.QueryerContext](),
	"ConnPrepareContext": reflect.TypeFor[driver.ConnPrepareContext](),
	"ConnBeginTx":        reflect.TypeFor[driver.ConnBeginTx](),
}

var stmtInterfaces = map[string]reflect.Type{
	"NamedValueChecker": reflect.TypeFor[driver.NamedValueChecker](),
	"ColumnConverter":   reflect.TypeFor[driver.ColumnConverter](), //lint:ignore SA1019 drivers have it
	"StmtExecContext":   reflect.TypeFor[driver.StmtExecContext](),
	"StmtQueryContext":  reflect.TypeFor[driver.StmtQueryContext](),
}

var rowsInterfaces = map[string]reflect.Type{
	"RowsNextResultSet":              reflect.TypeFor[driver.RowsNextResultSet](),
	"RowsColumnTypeScanType":         reflect.TypeFor[driver.RowsColumnTypeScanType](),
	"RowsColumnTypeDatabaseTypeName": reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](),
	"RowsColumnTypeLength":           reflect.TypeFor[driver.RowsColumnTypeLength](),
	"RowsColumnTypeNullable":         reflect.TypeFor[driver.RowsColumnTypeNullable](),
	"RowsColumnTypePrecisionScale":   reflect.TypeFor[driver.RowsColumnTypePrecisionScale](),
}

// ConnInterfaces returns the names of the optional interfaces that a connection has, sorted.
func ConnInterfaces(conn any) []string { return has(conn, connInterfaces) }

// StmtInterfaces returns those of a statement.
func StmtInterfaces(stmt any) []string { return has(stmt, stmtInterfaces) }

// RowsInterfaces returns those of rows. RowsColumnScanner exists since Go 1.27.
func RowsInterfaces(rows any) []string { return has(rows, rowsInterfaces) }

func has(v any, interfaces map[string]reflect.Type) (names []string) {
	typ := reflect.TypeOf(v)
	for _, name := range slices.Sorted(maps.Keys(interfaces)) {
		if typ.Implements(interfaces[name]) {
			names = append(names, name)
		}
	}
	return names
}

// surface returns the names of the optional interfaces of a connection of db, of a statement and of rows, as database/sql gets them.
// The names begin with "Conn: ", "Stmt: " or "Rows: ".
func surface(ctx context.Context, db *sql.DB) (names []string, err error) {
	add := func(kind string, more []string) {
		for _, name := range more {
			names = append(names, kind+": "+name)
		}
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = c.Raw(func(raw any) error {
		add("Conn", ConnInterfaces(raw))
		stmt, err := prepare(ctx, raw.(driver.Conn), "SELECT a FROM t")
		if err != nil {
			return err
		}
		add("Stmt", StmtInterfaces(stmt))
		rows, err := query(ctx, stmt)
		if err != nil {
			return err
		}
		add("Rows", RowsInterfaces(rows))
		return rows.Close()
	})
	if err != nil {
		return nil, err
	}
	return names, c.Close()
}

func prepare(ctx context.Context, c driver.Conn, query string) (driver.Stmt, error) {
	if p, ok := c.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	return c.Prepare(query)
}

func query(ctx context.Context, s driver.Stmt) (driver.Rows, error) {
	if q, ok := s.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, nil)
	}
	return s.Query(nil) //lint:ignore SA1019 the statement has no other method
}

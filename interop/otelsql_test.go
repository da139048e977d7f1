package interop

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"maps"
	"slices"
	"testing"

	"github.com/XSAM/otelsql"
	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltest "go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/sqltable"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

// A driverConnector opens connections of a driver that was wrapped itself.
type driverConnector struct{ driver driver.Driver }

func (c driverConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open("") }
func (c driverConnector) Driver() driver.Driver                        { return c.driver }

// In each set of optional interfaces of a driver, tracesql behaves as the bare driver does.
// otelsql is the control: the comparison must find what it is known to change.
func TestDriverInterfaces(t *testing.T) {
	tracer := slogtrace.NewTracer(tracetest.NewRecorder(), nil)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(oteltest.NewNoopExporter()))
	defer provider.Shutdown(context.Background())
	otel := otelsql.WithTracerProvider(provider)
	ours := func(ctx context.Context) context.Context { ctx, _ = tracer.Start(ctx, "test"); return ctx }
	theirs := func(ctx context.Context) context.Context {
		ctx, _ = provider.Tracer("test").Start(ctx, "test")
		return ctx
	}
	reports := sqltable.Compare(t,
		sqltable.Trial{Open: func(f *sqltable.Fake) *sql.DB { return sql.OpenDB(tracesql.Wrap(f, nil)) }, Context: ours},
		sqltable.Trial{Open: func(f *sqltable.Fake) *sql.DB { return otelsql.OpenDB(f, otel) }, Context: theirs},
		sqltable.Trial{Open: func(f *sqltable.Fake) *sql.DB {
			return sql.OpenDB(driverConnector{otelsql.WrapDriver(f.Driver(), otel)})
		}, Context: theirs},
	)

	r := reports[0]
	t.Logf("tracesql: %v", r)
	if r.Different > 0 {
		t.Errorf("tracesql behaves otherwise; the first set is %s (-bare +tracesql):\n%s", r.First, cmp.Diff(r.FirstBare, r.FirstWrapped))
	}
	// The methods that take a context are there in each case, or in place of those that take none. Nothing else is added.
	added := slices.Sorted(maps.Keys(r.Added))
	want := []string{"Conn: ConnBeginTx", "Conn: ConnPrepareContext", "Conn: ExecerContext", "Conn: QueryerContext", "Stmt: StmtExecContext", "Stmt: StmtQueryContext"}
	if diff := cmp.Diff(want, added); diff != "" || len(r.Lost) > 0 {
		t.Errorf("tracesql loses %v, and adds (-want +got):\n%s", r.Lost, diff)
	}

	for i, name := range []string{"OpenDB", "WrapDriver"} {
		r := reports[1+i]
		t.Logf("otelsql.%s: %v", name, r)
		if r.Different == 0 {
			t.Errorf("otelsql.%s: no difference was found", name)
		}
		for _, name := range []string{"Stmt: ColumnConverter", "Rows: RowsColumnTypeScanType"} {
			if r.Lost[name] == 0 {
				t.Errorf("otelsql keeps %s", name)
			}
		}
		for _, name := range []string{"Conn: Validator", "Conn: NamedValueChecker", "Stmt: NamedValueChecker"} {
			if r.Added[name] == 0 {
				t.Errorf("otelsql claims no %s where the driver has none", name)
			}
		}
	}
}

package tracesql

import (
	"context"
	"database/sql"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace/internal/sqltable"
	"github.com/slogtrace/slogtrace/tracetest"
)

func TestLogPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sqltable.NewFake(), nil)
		defer b.db.Close()
		ctx, cancel := context.WithCancel(b.ctx)
		LogPool(ctx, b.db, time.Second)
		time.Sleep(10*time.Second + 500*time.Millisecond) // between two checks of the pool
		b.want(t)                                         // nobody waited

		conn, err := b.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(300 * time.Millisecond) // before the next check
			conn.Close()
		}()
		if _, err := b.db.Exec("DELETE FROM t"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		lines := b.lines(t)
		if len(lines) != 1 {
			t.Fatalf("%v", lines)
		}
		for key, want := range map[string]string{"msg": "waited for database connections", "level": "WARN", "waits": "1", "wait_ms": "300",
			"open": "1", "in_use": "0", "idle": "1", "max_open": "1", "span": b.root.SpanContext().SpanID.String()} {
			if got := lines[0].text(key); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		cancel() // ends LogPool's goroutine, which synctest.Test waits for
	})
}

// The default interval is a minute. Without a trace the record goes to slog's default logger.
func TestLogPoolDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := tracetest.Record(t)
		db := sql.OpenDB(sqltable.NewFake())
		defer db.Close()
		db.SetMaxOpenConns(1)
		LogPool(t.Context(), db, 0)
		conn, _ := db.Conn(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		db.ExecContext(ctx, "DELETE FROM t") // waits until its timeout
		time.Sleep(58 * time.Second)
		if len(rec.Lines()) > 0 {
			t.Error("a record before a minute has passed")
		}
		time.Sleep(2 * time.Second)
		if len(rec.Lines()) == 0 {
			t.Error("no record after a minute")
		}
		conn.Close()
	})
}

package tracesql

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace"
)

// LogPool logs, every so often until ctx ends, how long calls waited for a connection of db, if any did since the last time.
// It returns at once. If every is not positive, it is a minute.
//
// A driver, and so a span, does not see that wait: it is before the span of the query, in the span of the caller.
// The record, at level Warn, goes to [slogtrace.Logger] of ctx:
//
//	{…,"level":"WARN","msg":"waited for database connections","waits":17,"wait_ms":2310.4,"open":10,"in_use":10,"idle":0,"max_open":10}
//
// waits and wait_ms count what was added since the last record.
// database/sql counts a wait when it begins and its duration when it ends, so either may be there without the other.
func LogPool(ctx context.Context, db *sql.DB, every time.Duration) {
	if every <= 0 {
		every = time.Minute
	}
	last := db.Stats()
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			now := db.Stats()
			if now.WaitCount > last.WaitCount || now.WaitDuration > last.WaitDuration {
				slogtrace.Logger(ctx).LogAttrs(ctx, slog.LevelWarn, "waited for database connections",
					slog.Int64("waits", now.WaitCount-last.WaitCount),
					slog.Float64("wait_ms", milliseconds(now.WaitDuration-last.WaitDuration)),
					slog.Int("open", now.OpenConnections),
					slog.Int("in_use", now.InUse),
					slog.Int("idle", now.Idle),
					slog.Int("max_open", now.MaxOpenConnections))
			}
			last = now
		}
	}()
}

package tracesql

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/slogtrace/slogtrace"
)

// LogPool logs how long calls waited for a connection of db. It checks once in each interval, whose length is every,
// and logs a record if a call has waited since the last check. If every is not positive, it is a minute.
// LogPool returns at once. It logs until ctx ends.
//
// A driver does not see this wait, so the span of the query does not include it. The span of the caller does.
// The record has level Warn and goes to the [slogtrace.Logger] of ctx:
//
//	{…,"level":"WARN","msg":"waited for database connections","waits":17,"wait_ms":2310.4,"open":10,"in_use":10,"idle":0,"max_open":10}
//
// waits and wait_ms are for the time since the last check.
// database/sql counts a wait when it begins and adds its duration when it ends, so one of the two may be 0.
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

package traceotel

import (
	"log/slog"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
)

// NewHandler returns a handler that puts the ids of the current span onto records, whether it is the SDK's or slogtrace's:
// at the root, exactly once, whatever groups are open, as [slogtrace.NewHandler] does. If the SDK's span has a method Name,
// as the SDK's own have, it is the record's op.
//
// If inner is one of slogtrace's handlers that write ids, NewHandler returns inner itself, which then does all this.
// So to choose names, pass it such a handler:
//
//	traceotel.NewHandler(slogtrace.OTel.NewJSONHandler(os.Stdout, nil)) // trace_id, span_id, trace_flags
//
// It panics if inner is nil. Wrap first, open groups later: see [slogtrace.NewHandler].
func NewHandler(inner slog.Handler) slog.Handler {
	share()
	if inner != nil && hook.AddsIDs(inner) {
		return inner
	}
	return slogtrace.NewHandler(inner)
}

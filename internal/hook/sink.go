package hook

import (
	"context"
	"log/slog"
)

// The functions in this file are for sinks that are not lines of text. They get the ids from SpanOf and
// SpanContextFromContext, and write the attributes as they like.

// ContextAttrs returns the attributes of slogtrace.With and the baggage in ctx, under the user's own keys.
// The slice must not be changed.
func ContextAttrs(ctx context.Context) []slog.Attr { return core.ContextAttrs(ctx) }

// IsMark reports whether a, of a record or bound to a handler, was added by slogtrace: it holds the ids, the schema of
// a span record and the attributes of the context.
func IsMark(a slog.Attr) bool { return core.IsMark(a) }

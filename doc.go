// Package slogtrace provides distributed tracing built from log/slog records. It needs only the standard library.
//
// Set it up once, in main. If you pass a logger to your code, send the spans to that logger's handler:
//
//	h := slogtrace.NewJSONHandler(os.Stdout, nil)
//	logger := slog.New(h)
//	slogtrace.SetDefault(slogtrace.NewTracer(h, nil))
//
// If your code calls slog.InfoContext and the like, set slog's default logger. Spans go to it without further setup:
//
//	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil)))
//
// If you do neither, spans go to slog's initial logger, which writes text to stderr.
// Now the function
//
//	func book(ctx context.Context) (err error) {
//		ctx, span := slogtrace.Start(ctx, "book")
//		defer span.End(&err)
//
//		slog.InfoContext(ctx, "seat held", "seat", "12A")
//		return charge(ctx)
//	}
//
// prints, shortened,
//
//	{"time":…,"level":"INFO","msg":"seat held","trace":"4bf9…","span":"00f0…","op":"book","seat":"12A"}
//	{"time":…,"level":"INFO","msg":"span end","trace":"4bf9…","span":"00f0…","op":"book","start":…,"duration_ms":1.204}
//
// # Spans are records
//
// [Start] begins a span. [Span.End] reports it as one record with parent, start, duration and error.
// Every record made in between with the span's context carries the ids of the trace and the span, and the span's name.
// Nothing else is written, nothing is kept, and there is no backend: the log is the trace.
// Package tracelog and the command slogtrace rebuild traces from such lines. docs/records.md describes the schema.
//
// # Handlers
//
// [NewJSONHandler] replaces slog's handler of that name. In a span it also writes the ids, and it costs less.
// [NewHandler] adds the ids to the records of any other handler. Both take other names from a [Format].
// The ids appear at the root of every record, exactly once, whatever groups are open.
//
// # Work done later or elsewhere
//
// A [Carrier] takes the context through a JSON payload: a job on a queue, a payment that is confirmed tomorrow.
// Package tracehttp takes it over HTTP, in the headers of W3C Trace Context: for servers, clients and other users of headers.
// Use [WithBaggage] for what every process along the way should know and log, such as a tenant.
// Use [With] for what must stay in this process.
//
// # Caveats
//
//   - A log call without a context (slog.Info instead of slog.InfoContext) knows no span. [Logger] helps there.
//   - A span's end is a record at level Info. A handler enabled only for Warn and above hides it.
//     [TracerOptions.Level] changes the level, and [Tracer.Stats] counts the hidden records.
//   - If a group was opened on a handler before [NewHandler] wrapped it, the ids are inside that group. Wrap first.
//   - A span that is never ended is never reported, unless [TracerOptions.LogStart] is set.
//   - Carriers, headers and logs contain the names of your operations, and anybody can read the baggage in them.
//     Do not send them to strangers.
//
// All functions and methods are safe for concurrent use unless their doc says otherwise.
// Every call works with a nil context and without any span.
package slogtrace

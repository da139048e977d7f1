// Package slogtrace provides distributed tracing built from log/slog records. It needs only the standard library.
//
// Set it up once, in main. If you pass a logger to your code, send the spans to that logger's handler:
//
//	h := slogtrace.NewJSONHandler(os.Stdout, nil)
//	logger := slog.New(h)
//	slogtrace.SetDefault(slogtrace.NewTracer(h, nil))
//
// If your code calls slog.InfoContext and the like, set slog's default logger. The spans go there by themselves:
//
//	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil)))
//
// If you call neither, spans go to the logger that slog begins with, which writes text to stderr.
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
// [Start] begins a span, [Span.End] reports it as one record with parent, start, duration and error.
// Every record made in between with its context carries the ids of the trace and the span, and the span's name.
// Nothing else is written, nothing is kept, and there is no backend: the log is the trace.
// Package tracelog and the command slogtrace rebuild traces from such lines; docs/records.md is the schema.
//
// # Handlers
//
// [NewJSONHandler] is a replacement for slog's own; in a span it writes the ids, and it is cheaper.
// [NewHandler] puts the ids on the records of any other handler. Either has a [Format] for other names.
// The ids stand at the root of every record, exactly once, whatever groups are open.
//
// # Work done later, and elsewhere
//
// A [Carrier] takes the context through a JSON payload: a job on a queue, a payment that is confirmed tomorrow.
// Package tracehttp takes it over HTTP, as W3C Trace Context has it: servers, clients and other carriers of headers.
// What every process on the way is to know, and to write on its records, a tenant, a test run, is [WithBaggage];
// what is to stay in this one is [With].
//
// # Caveats
//
//   - A log call without a context, slog.Info instead of slog.InfoContext, knows no span. [Logger] helps there.
//   - A span's end is a record at level Info: a handler that is enabled for Warn and above only hides it.
//     [TracerOptions.Level] changes the level, [Tracer.Stats] counts what was hidden.
//   - A group that was opened on a handler before [NewHandler] wrapped it holds the ids too. Wrap first.
//   - A span that is never ended is never reported, unless [TracerOptions.LogStart] is set.
//   - A context in a carrier, a header or a log names your operations, and baggage is there to be read. Do not send it to strangers.
//
// All functions and methods are safe for concurrent use unless their doc says otherwise.
// Every call works with a nil context and without any span.
package slogtrace

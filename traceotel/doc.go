// Package traceotel lets code that traces with OpenTelemetry's API write slogtrace spans, without OpenTelemetry's SDK:
//
//	otel.SetTracerProvider(traceotel.NewTracerProvider(nil))
//	otel.SetTextMapPropagator(traceotel.Propagator())
//
// From then on, the spans of libraries such as otelhttp, otelgrpc, otelpgx, redisotel or kotel are records in your log,
// in one trace with those of [slogtrace.Start].
//
// # Beside the SDK
//
// A program that has the SDK leaves its TracerProvider where it is, and uses [NewHandler]. Log records then have the ids
// of the SDK's spans, and slogtrace's spans are in the SDK's traces. So a trace has one id in the log and in the backend.
// To have the SDK's spans in the log too, copy the span processor lineProcessor from interop/traceotel_test.go.
//
// # One current span
//
// A context can have spans of both kinds. The current one is the one that was put in last, for all code:
//
//   - trace.SpanFromContext returns slogtrace's current span as a [trace.Span]. So OpenTelemetry's propagators send
//     its ids, and the SDK makes its children children of it.
//   - [slogtrace.Start] makes a child of the SDK's current span. That child's record has parent_kind "external", since
//     its parent need not be in the log.
//   - slogtrace.SpanFromContext returns nil if the current span is the SDK's.
//     slogtrace.SpanContextFromContext returns the identity of either kind.
//
// This begins with the first call of [NewTracerProvider], [NewHandler] or [Propagator]. Call it before the first span.
//
// # How OpenTelemetry's API is written
//
//   - Attributes have the same types in the record: strings, numbers, booleans, arrays; a map is a group. Bytes are text
//     in base64. NaN and infinities are text. otel.scope.name and otel.scope.version, and the scope's attributes under
//     otel.scope., name the library that made the span.
//   - An event is a log record of the span, at level Info, written at once. It goes where [slogtrace.Logger] writes.
//   - RecordError is an event named exception, at level Warn, with exception.type and exception.message. It does not fail
//     the span.
//   - SetStatus with codes.Error fails the span when it ends, unless codes.Ok follows. The error is the recorded one if that
//     has the same text, so [slogtrace.TracerOptions].IsFailure sees it. slogtrace's own Fail, or End with an error, fails the span
//     in spite of codes.Ok, and so does a panic that a deferred End recovers.
//   - In a trace that is not sampled, IsRecording reports true, because a span that fails is written all the same. Events are dropped.
//
// What has no form in a record is counted on the span's record, in otel.dropped_attributes_count (attributes without a key),
// otel.dropped_events_count, otel.dropped_links_count (links without ids) and otel.dropped_link_attributes_count.
// A scope's schema URL is not written.
package traceotel

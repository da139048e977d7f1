// Package export writes traces in the formats of other tools: OTLP as JSON, Chrome's trace events (for Perfetto), Zipkin's JSON
// and CSV. [LnavFormat] is the format file with which lnav reads logs.
//
//	w := export.NewOTLP(os.Stdout, nil)
//	for _, t := range tracelog.Assemble(entries) {
//		if err := w.Trace(t); err != nil {
//			return err
//		}
//	}
//	return w.Close()
//
// A Writer holds one trace at a time. It writes times as the log has them, without [tracelog.Span.Shift]: starts to the nanosecond,
// durations to the microsecond. Chrome's trace events are the exception: there a span begins where a waterfall draws it.
//
// A span that has not ended gets the last sign of it as its end, and the attribute slogtrace.state. A span without a start is left
// out, and [Counts] counts it. A span that only another tracing system of its process has recorded is left out, too.
//
// The formats have binary ids; in logs an id can be any text. An id that is not 16 or 8 bytes in hexadecimal is replaced by its hash,
// and kept as an attribute: slogtrace.trace or slogtrace.span. Equal ids have equal hashes.
package export

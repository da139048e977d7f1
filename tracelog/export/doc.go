// Package export writes traces in the formats of other tools: OTLP as JSON, Chrome's trace events (for Perfetto), Zipkin's JSON,
// and CSV. It also has the format file that lnav needs to read logs.
//
//	w := export.NewOTLP(os.Stdout, nil)
//	for _, t := range tracelog.Assemble(entries) {
//		if err := w.Trace(t); err != nil {
//			return err
//		}
//	}
//	return w.Close()
//
// A Writer holds one trace at a time. It writes times as the log has them: start to the nanosecond, duration to the microsecond,
// without [tracelog.Span.Shift]. Chrome's trace events are the exception: there a span begins where a waterfall draws it.
//
// A span that has not ended gets the last sign of it as its end, and the attribute slogtrace.state. A span without a start is left
// out, and so is one that only the other tracing system of its process knows. [Counts] has the numbers.
//
// The formats have binary ids, and logs may have any text. An id that is not 16 or 8 bytes in hexadecimal is replaced by a hash of
// it, and is an attribute: slogtrace.trace, slogtrace.span. Equal ids stay equal.
package export

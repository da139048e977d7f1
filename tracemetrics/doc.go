// Package tracemetrics makes metrics of spans: how many there are, how many fail, and how long they take, for each operation.
// Prometheus reads them.
//
//	metrics := tracemetrics.NewHandler(nil)
//	h := slog.NewMultiHandler(slogtrace.NewJSONHandler(os.Stdout, nil), metrics)
//	slog.SetDefault(slog.New(h))
//	http.Handle("/metrics", metrics)
//
// A [Handler] is a slog.Handler: a sink of span records beside others. It is also an http.Handler, which answers Prometheus, and
// an expvar.Var. It ignores log records.
//
// # Metrics
//
//	slogtrace_spans_total            spans that have ended; the label outcome is ok, error, timeout or canceled
//	slogtrace_traces_total           of those, the ones without a parent: one for each trace
//	slogtrace_span_duration_seconds  a histogram of their durations
//	slogtrace_span_errors_total      failed spans; the label error_type is the attribute error.type
//	slogtrace_span_queued_seconds    a histogram of the time that work waited before the first span under its Carrier
//	slogtrace_circuit_breaker_open   1 if the last known state of the circuit breaker is not closed, else 0
//
// The first five have the labels op and kind, and those of [Options.Labels]. A span without a kind is internal. An attribute that a span
// does not have is no label. The rate of errors, without clients that left:
//
//	sum(rate(slogtrace_spans_total{kind="server",outcome=~"error|timeout"}[5m])) / sum(rate(slogtrace_spans_total{kind="server"}[5m]))
//
// A failed span is a timeout or canceled if its error.type says so: see [Options.Timeouts]. The package slogtrace, tracehttp and
// tracesql set that attribute. Without it, the error itself decides. error_type is _OTHER if nothing is known.
//
// The circuit breaker's name and state are attributes of the spans of calls through it: circuit_breaker.name, and
// circuit_breaker.state, which is "closed" if calls go through.
//
// Exemplars lead from a bucket, from an outcome other than ok and from an error type to the trace of the last such span. Prometheus
// stores them if it runs with --enable-feature=exemplar-storage. They are in OpenMetrics only.
//
// [Handler.ExportTracer], [Handler.ExportTail], [Handler.ExportOTLP] and [Handler.ExportShip] add what a Tracer, a TailHandler and sinks
// count: slogtrace_tracer_…, slogtrace_tail_… and slogtrace_delivery_….
//
// # Limits
//
// Values of labels come from the program and sometimes from strangers. So each label has a limit of values, and there is a limit of series.
// A span with one value too many is counted under the value _OTHER, and a span with one combination too many under the op _OTHER without
// further labels. slogtrace_metrics_overflow_spans_total says how many spans that happened to, by limit. A value keeps its place
// as long as the program runs. Values are cut after 128 bytes.
//
// With the defaults a series takes about 2 KB of memory on two processors, and 4 KB on eight or more, since up to eight count separately.
// So the 2,000 series of the default limit take 4 to 8 MB. An answer has about 25 lines for each series.
//
// A span of a series that is known costs no allocation. Where the values of labels are over a limit, a span takes a lock that all share.
//
// # Sampling
//
// A span of a trace that is sampled at a rate below 1 counts as 1/rate spans, so all metrics are estimates for all traces. Counts are then
// not whole numbers; OpenMetrics has the counts of buckets rounded. Failed spans of traces that are not sampled do not count:
// slogtrace_metrics_unsampled_spans_total does. A TailHandler that drops traces can be in front of this Handler, since what it lets through
// has its rate. Counts are more exact if this Handler is beside it, and sees all spans. Then exemplars may lead to traces
// that it dropped.
//
// # Other metrics
//
// Counters and gauges of your own, and those of the Go runtime and the process, are not made here. Use
// github.com/prometheus/client_golang for them, with a path of its own, such as /metrics for promhttp.Handler() and /metrics/spans for
// this Handler, and two entries in scrape_configs.
package tracemetrics

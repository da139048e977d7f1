// Package tracelog reads log lines and builds traces from them. It reads the lines of package slogtrace and of other
// loggers.
//
// There are two ways to use it. The first holds everything in memory, about five times the size of the log, and can
// answer any question. [Scan] makes an [Entry] of each line. [Assemble] makes each [Trace] from entries:
//
//	var entries []tracelog.Entry
//	src, err := tracelog.Scan(file, "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
//	if err != nil {
//		return err // the file could not be read to its end
//	}
//	for _, t := range tracelog.Assemble(entries) {
//		draw.Tree(os.Stdout, t, nil)
//	}
//	if src.Bad > 0 {
//		fmt.Fprintf(os.Stderr, "%s: %d of %d lines are no records\n", src.File, src.Bad, src.Lines)
//	}
//
// This prints for each trace
//
//	trace 4bf92f3577b34da6a3ce929d0e0e4736 · 2026-03-01 09:15:00.000Z · 1.204s · 3 spans · 2 errors
//	  api
//	POST /bookings [api]  1.204s  ✗ charge: card declined
//	├─ db.insert          12.1ms
//	└─ payment.charge      301ms  ✗ card declined
//
// The second is for streams of any size. It reads on all cores and holds only what the answer needs:
//
//	question                         function          what it holds, beside 0.6 MB for each core
//	how often, how slow, by group    ScanGroups        1 MB at most for each group and core;
//	                                                   8 to 16 bytes for each span end, 64 MB at most
//	one trace, by its id             FindTrace         the lines of that trace
//	which traces there are           ScanOutlines      about 200 bytes for each trace
//	those traces, whole              Outlines.Traces   those traces and the ones under way at the point of reading
//	self times, of whole traces      ScanTraceSizes,   16 to 36 bytes for each trace, and the span records of those
//	                                 Timings           under way at the point of reading
//	anything else                    ScanRecords       nothing
//
// Both lead to traces, which answer:
//
//	where did the time go?           CriticalPath, SelfTime
//	how slow are operations?         GroupStats, Stat
//	what fails, and how often?       ErrorGrouper, Fold
//	which services does one call?    Span.Peer
//	what is wrong with the log?      Trace.Problems, Source
//	what does it look like?          package tracelog/draw
//
// # Input formats
//
// [Scan] reads one line at a time as one [Entry]. A span is known from its end record: a line "span end" with the
// span's ids, start, duration and attributes. Log lines written during the span carry its ids. The ids may be any
// strings.
//
// The names of the ids are recognized line by line, see [Entry.Schema]. They may be slogtrace's own (trace, span),
// OpenTelemetry's (trace_id, span_id), or those of Datadog, Google Cloud, ECS, Honeycomb, New Relic, Axiom,
// VictoriaLogs and X-Ray, with dots or as objects. The two ids may have names of different schemas (trace with
// span_id). A trace id may be a whole traceparent. The time, the level and the message are also recognized under the
// names that zap, zerolog, logrus, pino, Python, structlog, Monolog, Grafana, .NET and Serilog use. A time may be a number, quoted or
// not: seconds, milliseconds, microseconds or nanoseconds since 1970.
//
// A line is one of these:
//
//   - a JSON object. Numbers that are not finite (NaN, -Infinity) are read as strings. The object may be on a line of its own
//     in an array: a comma or a bracket before or after it is ignored;
//   - only key=value pairs, up to 1 MiB, as slog.TextHandler and logrus write them (logfmt).
//     The pairs must include a message, a level or a trace id;
//   - text with the ids in brackets: 2026-03-01 09:15:00 INFO [trace:4bf9 span:00f0 op:POST /bookings] seat held.
//     The text after the brackets is the message. After "span end" there may be key=value pairs.
//     The op may be a JSON string: op:"GET http://x";
//   - text as slog's default logger writes it: 2026/03/01 09:15:00 INFO seat held trace=4bf9 span=00f0 seat=12A;
//   - other text for people with a level, whose ids are key=value pairs behind the message or directly before it;
//   - a JSON string with one of these lines, or with several of them;
//   - several objects, each with a record.
//
// An object, or key=value pairs, without a trace id may have such brackets at the start of the message or in a member
// "prefix". If the line has a trace id among its members, that id is used, whatever the message begins with.
//
// The record may be inside of an object, an array or a string of the line, or behind any text, as stores, shippers and
// tools give lines back. It is found by structure. An object is a record if it has a message and, beside it, a trace
// id, a level or a time; nothing is searched for in it. Otherwise the record is the outermost one inside of the object,
// behind at most 8 objects and arrays and 2 strings of JSON. A line may have several records, also as the rows of a
// table. Numbers and booleans of a record may be in quotes. What is around a record
// gives what it lacks (ids, time, level, service), and is among its attributes. The form of [Entry.Raw] is then that of
// a line with this record only.
//
// The ids, and whatever else a record of its schema has, may be in an object beside the level and the message, if its name is one
// that loggers use for a record's attributes or context: context, attrs, fields, extra, metadata, mdc, contextMap, Properties and
// others. The object must have both ids, and no message. Under a name of content, such as body or data, it is not read.
//
// Spans and log lines of OTLP, of OpenTelemetry's exporters to standard output and of its schema for ClickHouse, of
// Serilog's compact form (CLEF), of GELF, of tracers with a name, ids, a start and a duration, and of slogtrace show --json are
// read, too. Their Raw is a line of the record schema. The events of a span are log lines.
//
// JSON may be printed on many lines, if the first of it is behind at most 20 lines with a brace and 200 others of the input. Each
// 64 KiB of a line with a brace count as a further line. Such JSON is read as a stream, one element of the outermost array after the
// other. All lines of an object may have the same prefix, apart from times in it, or be in an object of a shipper each, and lines of
// others may be between them. [Shape] describes lines of which nothing tells where their record is, or what its members are called.
//
// If the first line of an input has the names of columns, and the lines behind it are rows of CSV (RFC 4180) with as many cells,
// each row is read as an object of strings, without the cells that are empty or null. Tabs may be between the cells.
//
// The line may be wrapped in other output:
//
//   - escape codes that colour text on a terminal or erase a line;
//   - the prefix of docker compose logs (web-1  | ), of kubectl logs --prefix ([pod/name/container] ),
//     and the time that both add with -t or --timestamps; of stern (pod container ), with or without times;
//   - the prefix of a syslog daemon, in the forms of RFC 3164, RFC 5424 and rsyslog's with an ISO time,
//     or of journalctl with any of its options -o for text. Ids in one element of RFC 5424's structured data are those of
//     the record behind it, or of a text;
//   - the labels of a Loki stream, {app="shop", pod="shop-1"};
//   - the actions of Elasticsearch's bulk API, which are on lines of their own and count as blank;
//   - an entry of a container's log in the form of CRI or of docker's json-file. The parts of long lines are joined;
//   - an entry of the journal as journalctl -o json writes it.
//
// If the line itself has no time or no service, they are taken from this wrapping.
//
// [Assemble] takes entries in any order, from any number of files, and some of them may be duplicates. It never
// fails: it works around missing and contradictory entries and marks them, see [Trace.Problems].
//
// # Caveats
//
// Times are used as recorded. Clocks of different machines differ, so a child may seem to begin before its parent.
// Where that is detected, [Span.Shift] is how far the child must be moved. Drawings and analyses use it.
//
// Sampled traces are weighted: see [Span.Weight].
//
// On amd64, [ScanRecords] and the functions that use it contain some assembly, for SSE2. The build tag purego removes
// it. Other processors have none.
//
// A user's log line within a span whose message is "span start" is read as a start record. It has no effect once the
// span's end record is there.
package tracelog

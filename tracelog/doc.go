// Package tracelog reads log lines, those of package slogtrace and of other loggers, and makes traces of them.
//
// There are two ways in. The first one holds everything in memory, about five times the size of the log, and answers
// any question. [Scan] makes an [Entry] of each line, [Assemble] makes each [Trace] of entries:
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
// prints for each trace
//
//	trace 4bf92f3577b34da6a3ce929d0e0e4736 · 2026-03-01 09:15:00.000Z · 1.204s · 3 spans · 2 errors
//	  api
//	POST /bookings [api]  1.204s  ✗ charge: card declined
//	├─ db.insert          12.1ms
//	└─ payment.charge      301ms  ✗ card declined
//
// The second one is for streams of any size. It reads on all cores, and holds what the answer needs:
//
//	question                         function          what it holds, beside 0.6 MB for each core
//	how often, how slow, by group    ScanGroups        1 MB at most for each group and core;
//	                                                   8 to 16 bytes for each span end, 64 MB at most
//	one trace, by its id             FindTrace         the lines of that trace
//	which traces there are           ScanOutlines      about 200 bytes for each trace
//	those traces, whole              Outlines.Traces   those and the traces that are under way where it reads
//	anything else                    ScanRecords       nothing
//
// Both ways lead to traces, which answer:
//
//	where did the time go?           CriticalPath, SelfTime
//	how slow are operations?         GroupStats, Stat
//	what fails, and how often?       ErrorGrouper, Fold
//	whom does a service call?        Span.Peer
//	what is wrong with the log?      Trace.Problems, Source
//	what does it look like?          package tracelog/draw
//
// # What is read
//
// [Scan] reads one line at a time as one [Entry]. A span is known by its end record, a line "span end" that has its
// ids, start, duration and attributes; in between, log lines carry the ids of their span. The ids may be any strings.
//
// Whose names a line has is decided line by line, see [Entry.Schema]: slogtrace's own (trace, span), OpenTelemetry's
// (trace_id, span_id), or those of Datadog, Google Cloud, ECS, Honeycomb, New Relic, Axiom, VictoriaLogs and X-Ray,
// with dots or as objects. The two ids may have names of different schemas (trace with span_id), and an id of a trace
// may be a whole traceparent. The time, the level and the message are known under the names that zap, zerolog, logrus,
// pino, Python, Grafana, .NET and Serilog have for them, too. A time may be a number, in quotes or not: seconds, milliseconds,
// microseconds or nanoseconds since 1970.
//
// A line is one of these:
//
//   - a JSON object. Numbers that are not finite (NaN, -Infinity) are read as strings. The object may be on a line of its own
//     in an array: a comma or a bracket before it or behind it is no part of it;
//   - key=value pairs and nothing else, with a message, a level or the id of a trace among them,
//     as slog.TextHandler and logrus write them (logfmt), up to 1 MiB;
//   - text with the ids in brackets: 2026-03-01 09:15:00 INFO [trace:4bf9 span:00f0 op:POST /bookings] seat held.
//     What stands behind the brackets is the message; behind "span end" there may be key=value pairs;
//     the op may be a JSON string: op:"GET http://x";
//   - text as slog's default logger writes it: 2026/03/01 09:15:00 INFO seat held trace=4bf9 span=00f0 seat=12A.
//
// An object, or key=value pairs, without the id of a trace may have such brackets at the start of the message, or in a member
// "prefix" of their own. A line that has the id of a trace among its members has that one, whatever its message begins with.
//
// It may stand within what others put around it:
//
//   - the codes that colour text on a terminal or erase a line;
//   - the prefix of docker compose logs (web-1  | ), of kubectl logs --prefix ([pod/name/container] ),
//     and the time that either puts in front with -t or --timestamps; of stern (pod container ), with times or without;
//   - the prefix of a syslog daemon, in the forms of RFC 3164, RFC 5424 and rsyslog's with an ISO time,
//     or of journalctl with any of its options -o for text;
//   - an entry of a container's log in the form of CRI or of docker's json-file, whose parts of long lines are joined;
//   - an entry of the journal as journalctl -o json writes it.
//
// A time and a service that the line itself does not have come from there.
//
// [Assemble] takes entries in any order, from any number of files, some of them twice. It never fails:
// what is missing or contradicts itself is worked around and marked, see [Trace.Problems].
//
// # Caveats
//
// Times are taken as they are. Clocks of different machines differ, so a child may seem to begin before its parent.
// Where that shows, [Span.Shift] is how far the child must be moved. Drawings and analyses use it.
//
// Sampled traces are weighted: see [Span.Weight].
//
// On amd64, [ScanRecords] and the functions that use it read with some assembly, for SSE2. With the build tag purego
// there is none, as on all other processors.
//
// A user's log line within a span whose message is "span start" reads as a start record. It changes nothing
// once the span's end record is there.
package tracelog

// Package tracelog reads the JSON lines that package slogtrace and other loggers write, and makes traces of them.
//
//	var entries []tracelog.Entry
//	src, err := tracelog.Scan(file, "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
//	if err != nil {
//		return err // the file could not be read to its end
//	}
//	for _, t := range tracelog.Assemble(entries) {
//		tracelog.WriteTree(os.Stdout, t, nil)
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
// # What is read
//
// [Scan] reads one line at a time as one [Entry]. A span is known by its end record, a line "span end" that has its
// ids, start, duration and attributes; in between, log lines carry the ids of their span. The names of the ids
// are slogtrace's own (trace, span) or OpenTelemetry's (trace_id, span_id), decided line by line.
// The ids may be any strings.
//
// [Assemble] takes entries in any order, from any number of files, some of them twice. It never fails:
// what is missing or contradicts itself is worked around and marked, see [Trace.Problems].
//
// # Caveats
//
// All entries of all traces are held in memory, and so are their lines.
//
// Times are taken as they are: clocks of different machines differ, so a child may seem to begin before its parent.
//
// A user's log line within a span whose message is "span start" reads as a start record. It changes nothing
// once the span's end record is there.
package tracelog

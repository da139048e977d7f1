package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/slogtrace/slogtrace/tracelog"
)

// manySpans are so many that a garbage collection more is worth its time.
const manySpans = 10_000

// forgetLines drops what only the attributes of a trace's spans and lines need: a third of its memory.
func forgetLines(t *tracelog.Trace) {
	forget := func(lines []tracelog.Entry) {
		for i := range lines {
			lines[i].Raw = nil
		}
	}
	forget(t.Logs)
	for _, s := range t.All() {
		s.Attrs = nil
		for _, e := range []*tracelog.Entry{s.StartRecord, s.EndRecord} {
			if e != nil {
				e.Raw = nil
			}
		}
		forget(s.Logs)
	}
	if t.Spans >= manySpans {
		runtime.GC()
	}
}

// collectOften lets the garbage grow to a fifth of what is in use, if that is traces with many spans. It returns a function that
// ends this. The user's GOGC has precedence.
func collectOften(traces []*tracelog.Trace) (end func()) {
	spans := 0
	for _, t := range traces {
		spans += t.Spans
	}
	if spans < manySpans || os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(20)
	return func() { debug.SetGCPercent(before) }
}

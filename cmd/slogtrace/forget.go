package main

import (
	"runtime"

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

package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/slogtrace/slogtrace/tracelog"
)

// firstCollection is how large the heap is when garbage is collected for the first time, if keepLean is called early. Many
// commands end before.
const firstCollection = 16 << 20

// keepLean collects garbage when the heap has reached firstCollection. From then on, it does so each time when the heap has grown by
// so many percent. It returns a function that ends this. The user's GOGC has precedence.
func keepLean(percent int) (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	const least = 4 << 20 // of the heap, with 100 percent, before the runtime collects garbage
	before := debug.SetGCPercent(firstCollection / least * 100)
	// Nothing refers to this, so the first collection finds it.
	first := runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, percent)
	return func() {
		first.Stop()
		debug.SetGCPercent(before)
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

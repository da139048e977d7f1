package tracelog_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

// Nothing in these lines tells what their members are.
func ExampleScanLines() {
	const text = `
{"when":"2026-03-01T09:15:00Z","ctx":{"tid":"4bf9","sid":"00f0"},"what":"charge","took":12}
Segmentation fault
`
	shape := &tracelog.Shape{Names: map[string]string{
		"time": "when", "trace": "ctx.tid", "span": "ctx.sid", "op": "what", "duration_ms": "took",
	}}
	src, err := tracelog.ScanLines(strings.NewReader(text), "pay.log", &tracelog.LineOptions{
		Shape: shape,
		Bad:   func(line int, text []byte) { fmt.Printf("line %d is not a record: %s\n", line, text) },
	}, func(e tracelog.Entry) {
		fmt.Printf("line %d: %v of %s, %v\n", e.Line, e.Event, e.Op, e.Duration)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(src.Records, "record")
	// Output:
	// line 2: span end of charge, 12ms
	// line 3 is not a record: Segmentation fault
	// 1 record
}

func ExampleShapeNames() {
	fmt.Println(tracelog.ShapeNames()[:6])
	// Output: [time level msg trace span op]
}

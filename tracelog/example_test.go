package tracelog_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

const exampleLog = `
{"time":"2026-03-01T09:15:00.0132Z","level":"INFO","msg":"span end","trace":"4bf92f3577b34da6","span":"b3","op":"db.insert","parent":"b1","start":"2026-03-01T09:15:00.0011Z","duration_ms":12.104,"table":"bookings"}
{"time":"2026-03-01T09:15:00.2143Z","level":"WARN","msg":"provider slow","trace":"4bf92f3577b34da6","span":"b2","op":"payment.charge","attempt":2}
{"time":"2026-03-01T09:15:00.315Z","level":"ERROR","msg":"span end","trace":"4bf92f3577b34da6","span":"b2","op":"payment.charge","parent":"b1","start":"2026-03-01T09:15:00.014Z","duration_ms":301.002,"error":"card declined","amount":"129.00"}
{"time":"2026-03-01T09:15:00.3184Z","level":"ERROR","msg":"span end","trace":"4bf92f3577b34da6","span":"b1","op":"POST /bookings","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":318.401,"error":"charge: card declined"}
panic: not a record
`

func Example() {
	var entries []tracelog.Entry
	src, err := tracelog.Scan(strings.NewReader(exampleLog), "app.log", func(e tracelog.Entry) {
		entries = append(entries, e)
	})
	if err != nil {
		fmt.Println(err) // the file could not be read to its end
	}
	for _, t := range tracelog.Assemble(entries) {
		draw.Tree(os.Stdout, t, &draw.Options{Logs: true})
	}
	fmt.Printf("%d records, %d bad\n", src.Records, src.Bad)
	for _, bad := range src.BadLines {
		fmt.Printf("%s:%d: %s\n", src.File, bad.Line, bad.Reason)
	}
	// Output:
	// trace 4bf92f3577b34da6 · 2026-03-01 09:15:00.000Z · 318.4ms · 3 spans · 2 errors · api
	// POST /bookings [api]  318.4ms  ✗ charge: card declined
	// ├─ db.insert           12.1ms
	// └─ payment.charge       301ms  ✗ card declined
	//    ·  +214.3ms  WARN   provider slow  attempt=2
	// 4 records, 1 bad
	// app.log:6: panic of a Go program
}

func ExampleEntry_Attrs() {
	const line = `{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"charging","trace":"t1","span":"s1","op":"charge","amount":12.50,"currency":"EUR"}`
	tracelog.Scan(strings.NewReader(line), "", func(e tracelog.Entry) {
		for _, a := range e.Attrs() {
			fmt.Printf("%s = %s\n", a.Key, a.Value)
		}
	})
	// Output:
	// amount = 12.50
	// currency = "EUR"
}

func ExampleTrace_All() {
	var entries []tracelog.Entry
	tracelog.Scan(strings.NewReader(exampleLog), "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
	for _, t := range tracelog.Assemble(entries) {
		for depth, span := range t.All() {
			fmt.Println(depth, span.Op, span.Duration, span.Failed)
		}
	}
	// Output:
	// 0 POST /bookings 318.401ms true
	// 1 db.insert 12.104ms false
	// 1 payment.charge 301.002ms true
}

func ExampleParseLevel() {
	for _, text := range []string{"WARN+1", "warning", "crit", "50", "loud"} {
		level, ok := tracelog.ParseLevel(text)
		fmt.Println(level, ok)
	}
	// Output:
	// WARN+1 true
	// WARN true
	// ERROR+4 true
	// ERROR true
	// INFO false
}

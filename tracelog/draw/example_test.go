package draw_test

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
`

func assemble(log string) []*tracelog.Trace {
	var entries []tracelog.Entry
	tracelog.Scan(strings.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
	return tracelog.Assemble(entries)
}

func ExampleTree() {
	for _, t := range assemble(exampleLog) {
		draw.Tree(os.Stdout, t, &draw.Options{Logs: true, Attrs: true})
	}
	// Output:
	// trace 4bf92f3577b34da6 · 2026-03-01 09:15:00.000Z · 318.4ms · 3 spans · 2 errors · api
	// POST /bookings [api]  318.4ms  ✗ charge: card declined
	// ├─ db.insert           12.1ms
	// │     table=bookings
	// └─ payment.charge       301ms  ✗ card declined
	//    │  amount=129.00
	//    ·  +214.3ms  WARN   provider slow  attempt=2
}

func ExampleWaterfall() {
	for _, t := range assemble(exampleLog) {
		draw.Waterfall(os.Stdout, t, &draw.Options{Width: 80})
	}
	// Output:
	// trace 4bf92f3577b34da6 · 2026-03-01 09:15:00.000Z · 318.4ms · 3 spans
	//   2 errors · api
	// █ critical path  ━ beside it   ╷0s            ╷100ms         ╷200ms
	// POST /bookings [api]  318.4ms  ▏━▏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▐
	// │  ✗ charge: card declined
	// ├─ db.insert           12.1ms  ▉█
	// └─ payment.charge       301ms    ▉█████████████████████████████████████████████▌
	//       ✗ card declined
}

func ExampleSVG() {
	for _, t := range assemble(exampleLog) {
		var picture strings.Builder
		if err := draw.SVG(&picture, t, &draw.Options{Width: 80}); err != nil {
			fmt.Println(err)
		}
		first, _, _ := strings.Cut(picture.String(), "\n")
		fmt.Println(first)
	}
	// Output:
	// <svg xmlns="http://www.w3.org/2000/svg" width="656" height="192" viewBox="0 0 656 192" role="img" xml:space="preserve">
}

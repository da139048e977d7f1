package export_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/export"
	"github.com/slogtrace/slogtrace/traceotlp"
)

// The spans of a log, as CSV with a column for an attribute.
func ExampleNewCSV() {
	const log = `{"time":"2026-03-01T09:15:00.318Z","level":"ERROR","msg":"span end","trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7","op":"charge","kind":"client","start":"2026-03-01T09:15:00.1Z","duration_ms":218,"error":"card declined","amount":129,"currency":"EUR"}`
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(strings.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		fmt.Println(err)
	}
	w := export.NewCSV(os.Stdout, &export.Options{Columns: []string{"amount"}})
	for _, t := range tracelog.Assemble(entries) {
		if err := w.Trace(t); err != nil {
			fmt.Println(err)
		}
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// trace,span,parent,op,kind,service,start,duration_ms,self_ms,state,failed,error,queued_ms,sample_rate,amount,attrs
	// 4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7,,charge,client,,2026-03-01T09:15:00.1Z,218,218,ended,true,card declined,,,129,"{""currency"":""EUR""}"
}

// Traces of a log, sent to an OTLP receiver. The one here only counts bytes.
func ExampleNewOTLPSender() {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Println(r.URL.Path, n > 0, err)
	}))
	defer receiver.Close()
	const log = `{"msg":"span end","trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7","op":"charge","service":"shop","start":"2026-03-01T09:15:00.1Z","duration_ms":218}`
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(strings.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	sender, err := traceotlp.NewSender(&traceotlp.Options{Endpoint: receiver.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := export.NewOTLPSender(ctx, sender, nil)
	for _, t := range tracelog.Assemble(entries) {
		if err := w.Trace(t); err != nil {
			fmt.Println(err)
		}
	}
	if err := sender.Shutdown(ctx); err != nil {
		fmt.Println(err) // names what was lost
	}
	stats := sender.Stats()
	fmt.Println(stats.Delivered, "delivered,", len(stats.Dropped), "reasons for drops")
	// Output:
	// /v1/traces true <nil>
	// 1 delivered, 0 reasons for drops
}

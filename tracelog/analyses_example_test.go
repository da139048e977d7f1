package tracelog_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

func assemble(log string) []*tracelog.Trace {
	var entries []tracelog.Entry
	tracelog.Scan(strings.NewReader(log), "app.log", func(e tracelog.Entry) { entries = append(entries, e) })
	return tracelog.Assemble(entries)
}

func ExampleCriticalPath() {
	for _, t := range assemble(exampleLog) {
		for _, s := range tracelog.CriticalPath(t) {
			fmt.Println(s.Start.Sub(t.Start), s.End.Sub(s.Start), s.Span.Op)
		}
	}
	// Output:
	// 0s 1.1ms POST /bookings
	// 1.1ms 12.104ms db.insert
	// 13.204ms 796µs POST /bookings
	// 14ms 301.002ms payment.charge
	// 315.002ms 3.399ms POST /bookings
}

func ExampleSelfTime() {
	for _, t := range assemble(exampleLog) {
		for _, s := range t.All() {
			fmt.Println(s.Op, s.Duration, tracelog.SelfTime(s))
		}
	}
	// Output:
	// POST /bookings 318.401ms 5.295ms
	// db.insert 12.104ms 12.104ms
	// payment.charge 301.002ms 301.002ms
}

func ExampleCallMap() {
	var calls tracelog.CallMap
	for _, t := range assemble(callsLog) {
		calls.Add(t)
	}
	for _, e := range calls.Edges() {
		from := cmp.Or(e.From.Name, "outside")
		fmt.Printf("%s calls %s (%s): %v, %v failed, %.0f %% of the time\n", from, e.To.Name, e.To.Kind, e.Calls.Count(), e.Calls.Errors(), 100*e.Share)
	}
	// Output:
	// shop calls bank.example (host): 1, 1 failed, 60 % of the time
	// outside calls shop (service): 1, 0 failed, 25 % of the time
	// shop calls postgresql shop (database): 1, 0 failed, 15 % of the time
}

func ExampleStacks() {
	var stacks tracelog.Stacks
	for _, t := range assemble(callsLog) {
		stacks.Add(t)
	}
	for frames, x := range stacks.All() {
		for _, f := range frames {
			fmt.Print(f.Op, "; ")
		}
		fmt.Println(x.Self)
	}
	// Output:
	// POST /orders; 25ms
	// POST /orders; charge; 60ms
	// POST /orders; insert order; 15ms
}

// An order, for which the service shop asks a bank and a database.
const callsLog = `
{"msg":"span end","trace":"4bf92f3577b34da6","span":"s1","op":"POST /orders","kind":"server","service":"shop","start":"2026-03-01T09:15:00Z","duration_ms":100}
{"msg":"span end","trace":"4bf92f3577b34da6","span":"s2","op":"charge","parent":"s1","kind":"client","service":"shop","start":"2026-03-01T09:15:00.02Z","duration_ms":60,"error":"declined","server.address":"bank.example"}
{"msg":"span end","trace":"4bf92f3577b34da6","span":"s3","op":"insert order","parent":"s1","kind":"client","service":"shop","start":"2026-03-01T09:15:00.08Z","duration_ms":15,"db.system.name":"postgresql","db.namespace":"shop"}
`

func ExampleErrorGrouper() {
	var failures tracelog.ErrorGrouper
	for _, t := range assemble(exampleLog) {
		failures.Add(t)
	}
	for _, g := range failures.Groups() {
		fmt.Println(g.Count, g.Op, g.Message, g.Traces)
	}
	// Output:
	// 1 payment.charge card declined [4bf92f3577b34da6]
}

func ExampleFold() {
	fmt.Println(tracelog.Fold(`user 6ba7b810-9dad-11d1-80b4-00c04fd430c8: seat 12A of "La Traviata" is gone since 1.5s`))
	// Output:
	// user <id>: seat #A of "…" is gone since #
}

func ExampleGroupStats() {
	for _, g := range tracelog.GroupStats(assemble(exampleLog), tracelog.GroupBy("op"), tracelog.SelfTime) {
		fmt.Println(g.Key, g.Stat.Count(), g.Stat.Errors(), g.Stat.Max())
	}
	// Output:
	// POST /bookings 1 1 5.295ms
	// db.insert 1 0 12.104ms
	// payment.charge 1 1 301.002ms
}

func ExampleStat() {
	var s tracelog.Stat
	for i := range 1000 {
		s.Add(time.Duration(i+1)*time.Millisecond, i%100 == 0, 1)
	}
	fmt.Println(s.Count(), s.Errors(), s.Quantile(0.5), s.Quantile(0.99), s.Max(), s.Exact())
	fmt.Printf("[%s]\n", s.Histogram(20, 0, 0))
	// Output:
	// 1000 10 500.5ms 990.01ms 1s true
	// [▁ ▁▁▁▁▁▁▁▁▁▁▁▁▂▃▃▅▆█]
}

func ExampleTrace_AsOf() {
	const log = `{"time":"2026-03-01T09:15:00Z","msg":"span start","trace":"t1","span":"s1","op":"import"}`
	for _, t := range assemble(log) {
		fmt.Println(t.Root().State)
		t.AsOf(t.End.Add(time.Hour))
		fmt.Println(t.Root().State)
	}
	// Output:
	// open
	// abandoned
}

// The clock of the second service is 3 s behind.
func ExampleSpan_Interval() {
	const log = `
{"time":"2026-03-01T09:15:00.2Z","msg":"span end","trace":"t1","span":"s1","op":"order","service":"shop","start":"2026-03-01T09:15:00Z","duration_ms":200}
{"time":"2026-03-01T09:14:57.15Z","msg":"span end","trace":"t1","span":"s2","op":"charge","parent":"s1","service":"pay","start":"2026-03-01T09:14:57.05Z","duration_ms":100}
`
	for _, t := range assemble(log) {
		for _, s := range t.All() {
			start, end := s.Interval()
			fmt.Println(s.Op, s.Shift, start.Format("05.000"), end.Format("05.000"))
		}
	}
	// Output:
	// order 0s 00.000 00.200
	// charge 2.95s 00.000 00.100
}

// The service that a client span called is that of the called span. If the trace does not have that span, it is from the attributes.
func ExampleSpan_Peer() {
	const log = `
{"time":"2026-03-01T09:15:00.2Z","msg":"span end","trace":"t1","span":"s1","op":"SELECT","kind":"client","service":"shop","start":"2026-03-01T09:15:00Z","duration_ms":2,"server.address":"db.example"}
`
	for _, t := range assemble(log) {
		fmt.Println(t.Root().Op, t.Root().Peer())
	}
	// Output:
	// SELECT db.example
}

func ExamplePeerKeys() {
	fmt.Println(slices.Contains(tracelog.PeerKeys(), "server.address"))
	// Output: true
}

func ExampleSpan_Attr() {
	for _, t := range assemble(exampleLog) {
		for _, s := range t.All() {
			if amount, ok := s.Attr("amount"); ok {
				fmt.Println(s.Op, string(amount))
			}
		}
	}
	// Output:
	// payment.charge "129.00"
}

// The parent's record is in another log.
func ExampleProblem() {
	const log = `
{"time":"2026-03-01T09:15:00.2Z","msg":"span end","trace":"t1","span":"s2","op":"charge","parent":"s1","start":"2026-03-01T09:15:00Z","duration_ms":2}
`
	for _, t := range assemble(log) {
		for _, p := range t.Problems {
			fmt.Println(p, p.Kind == tracelog.MissingParent, p.Span.ParentID)
		}
	}
	// Output:
	// span "s2": missing parent true s1
}

func ExampleGroupBy() {
	table := tracelog.GroupBy("table")
	for _, t := range assemble(exampleLog) {
		for _, s := range t.All() {
			fmt.Printf("%s: %q\n", s.Op, table(s))
		}
	}
	// Output:
	// POST /bookings: ""
	// db.insert: "bookings"
	// payment.charge: ""
}

// Sampled spans count as often as there were such spans.
func ExampleEntry_Weight() {
	const line = `{"msg":"span end","trace":"t1","span":"s1","start":"2026-03-01T09:15:00Z","duration_ms":2,"sample_rate":0.1}`
	tracelog.Scan(strings.NewReader(line), "", func(e tracelog.Entry) { fmt.Println(e.Weight()) })
	// Output:
	// 10
}

package tracelog_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// inputs returns two logs, as of two services. A reader can be read once, so each call makes new ones.
func inputs() []tracelog.Input {
	return []tracelog.Input{
		{Name: "shop.log", Reader: strings.NewReader(`
{"time":"2026-03-01T09:15:00.2Z","level":"INFO","msg":"span end","trace":"4bf92f3577b34da6","span":"s1","op":"order","service":"shop","start":"2026-03-01T09:15:00Z","duration_ms":200}
{"time":"2026-03-01T09:15:00.17Z","level":"INFO","msg":"span end","trace":"4bf92f3577b34da6","span":"s2","op":"POST /charge","parent":"s1","kind":"client","service":"shop","start":"2026-03-01T09:15:00.04Z","duration_ms":130}
{"time":"2026-03-01T09:16:00.09Z","level":"ERROR","msg":"span end","trace":"0af7651916cd43dd","span":"s4","op":"order","service":"shop","start":"2026-03-01T09:16:00Z","duration_ms":90,"error":"sold out"}
`)},
		{Name: "pay.log", Reader: strings.NewReader(`
{"time":"2026-03-01T09:15:00.1Z","level":"WARN","msg":"bank is slow","trace":"4bf92f3577b34da6","span":"s3","op":"charge","service":"pay"}
{"time":"2026-03-01T09:15:00.15Z","level":"INFO","msg":"span end","trace":"4bf92f3577b34da6","span":"s3","op":"charge","parent":"s2","kind":"server","service":"pay","start":"2026-03-01T09:15:00.05Z","duration_ms":100}
`)},
	}
}

func ExampleScan() {
	const text = `
2026-03-01 09:15:00 INFO [trace:4bf9 span:00f0 op:charge] asking the bank
level=WARN msg="bank is slow" trace=4bf9 span=00f0 waited=200ms
{"time":"2026-03-01T09:15:01Z","msg":"charged","trace":"4bf9","span":"00f0"}
Segmentation fault
`
	src, err := tracelog.Scan(strings.NewReader(text), "pay.log", func(e tracelog.Entry) {
		fmt.Printf("line %d: trace %s: %s\n", e.Line, e.Trace, e.Message)
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, bad := range src.BadLines {
		fmt.Printf("line %d: %s\n", bad.Line, bad.Reason)
	}
	// Output:
	// line 2: trace 4bf9: asking the bank
	// line 3: trace 4bf9: bank is slow
	// line 4: trace 4bf9: charged
	// line 5: not a JSON object
}

// How many lines of each level there are. Each worker counts in a map of its own.
func ExampleScanRecords() {
	var counts []map[string]int
	sources, err := tracelog.ScanRecords(context.Background(), inputs(), nil, func() func(*tracelog.Record) {
		count := make(map[string]int)
		counts = append(counts, count)
		return func(r *tracelog.Record) { count[string(r.Level())]++ }
	})
	if err != nil {
		log.Fatal(err)
	}
	total := make(map[string]int)
	for _, count := range counts {
		for level, n := range count {
			total[level] += n
		}
	}
	fmt.Println(total)
	for _, src := range sources {
		fmt.Printf("%s: %d records\n", src.File, src.Records)
	}
	// Output:
	// map[ERROR:1 INFO:3 WARN:1]
	// shop.log: 3 records
	// pay.log: 2 records
}

// A filter that all workers call sees a few lines of millions.
func ExampleScanOptions() {
	var bytes atomic.Int64
	o := &tracelog.ScanOptions{Workers: 2, Filter: func(r *tracelog.Record) bool {
		bytes.Add(int64(len(r.Raw())))
		return string(r.Level()) == "WARN"
	}}
	_, err := tracelog.ScanRecords(context.Background(), inputs(), o, func() func(*tracelog.Record) {
		return func(r *tracelog.Record) { fmt.Printf("%s: %s\n", r.File(), r.Message()) }
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Load(), "bytes in records")
	// Output:
	// pay.log: bank is slow
	// 965 bytes in records
}

func ExampleScanGroups() {
	o := &tracelog.GroupOptions{By: func(r *tracelog.Record) ([]byte, bool) { return r.Service(), true }}
	found, err := tracelog.ScanGroups(context.Background(), inputs(), o)
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range found.Groups {
		fmt.Printf("%s: %g spans, %g failed, p50 %v, max %v\n", g.Key, g.Stat.Count(), g.Stat.Errors(), g.Stat.Quantile(0.5), g.Stat.Max())
	}
	// Output:
	// pay: 1 spans, 0 failed, p50 100ms, max 100ms
	// shop: 3 spans, 1 failed, p50 130ms, max 200ms
}

// How many spans of each operation began in each minute.
func ExampleGroupOptions_every() {
	found, err := tracelog.ScanGroups(context.Background(), inputs(), &tracelog.GroupOptions{Every: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	for _, g := range found.Groups {
		fmt.Printf("%s %s: %g spans, p95 %v\n", g.Start.Format("15:04"), g.Key, g.Stat.Count(), g.Stat.Quantile(0.95))
	}
	// Output:
	// 09:15 POST /charge: 1 spans, p95 130ms
	// 09:15 charge: 1 spans, p95 100ms
	// 09:15 order: 1 spans, p95 200ms
	// 09:16 order: 1 spans, p95 90ms
}

func ExampleScanOutlines() {
	traces, err := tracelog.ScanOutlines(context.Background(), inputs(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for t := range traces.All(nil) {
		fmt.Printf("%s %s %v: %d spans in %v, failed: %q\n", t.ID, t.Op, t.End.Sub(t.Start), t.Spans, t.Services, t.Error)
	}
	// Output:
	// 4bf92f3577b34da6 order 200ms: 3 spans in [pay shop], failed: ""
	// 0af7651916cd43dd order 90ms: 1 spans in [shop], failed: "sold out"
}

// First which traces failed, then those whole: the inputs are read twice.
func ExampleOutlines_Traces() {
	ctx := context.Background()
	traces, err := tracelog.ScanOutlines(ctx, inputs(), nil)
	if err != nil {
		log.Fatal(err)
	}
	failed := func(o *tracelog.Outline) bool { return o.Errors > 0 }
	err = traces.Traces(ctx, inputs(), nil, failed, func(t *tracelog.Trace) {
		fmt.Println(t.ID, t.Root().Op, t.Root().Error)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0af7651916cd43dd order sold out
}

// How long operations take themselves, and how long traces take, without an Entry of any line.
func ExampleTraceSizes_Timings() {
	ctx := context.Background()
	sizes, err := tracelog.ScanTraceSizes(ctx, inputs(), nil)
	if err != nil {
		log.Fatal(err)
	}
	self := make(map[string]*tracelog.Stat)
	whole := new(tracelog.Stat)
	_, err = sizes.Timings(ctx, inputs(), nil, func(t *tracelog.Timing) {
		for _, s := range t.Spans {
			op := t.Name(s.Op)
			if self[op] == nil {
				self[op] = new(tracelog.Stat)
			}
			self[op].Add(s.Self, s.Failed, s.Weight)
		}
		if d, ok := t.Duration(); ok {
			root := t.Spans[t.Root()]
			whole.Add(d, root.Failed, root.Weight)
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, op := range []string{"order", "POST /charge", "charge"} {
		fmt.Println(op, self[op].Quantile(0.5))
	}
	fmt.Println(whole.N(), "traces, the longest", whole.Max())
	// Output:
	// order 80ms
	// POST /charge 30ms
	// charge 100ms
	// 2 traces, the longest 200ms
}

func ExampleFindTrace() {
	found, err := tracelog.FindTrace(context.Background(), inputs(), tracelog.TraceIDs("4bf9"), nil)
	if err != nil {
		log.Fatal(err)
	}
	if found.ID == "" {
		fmt.Println("none, or several:", found.Candidates)
	}
	for _, t := range tracelog.Assemble(found.Entries) {
		for depth, s := range t.All() {
			fmt.Println(strings.Repeat("  ", depth)+s.Op, s.Duration)
		}
	}
	// Output:
	// order 200ms
	//   POST /charge 130ms
	//     charge 100ms
}

func ExampleTraceIDs() {
	fmt.Println(tracelog.TraceIDs("1-67891233-abcdef012345678912345678"))
	fmt.Println(tracelog.TraceIDs("projects/shop/traces/4bf92f3577b34da6a3ce929d0e0e4736"))
	// Output:
	// [1-67891233-abcdef012345678912345678 67891233abcdef012345678912345678]
	// [projects/shop/traces/4bf92f3577b34da6a3ce929d0e0e4736 4bf92f3577b34da6a3ce929d0e0e4736]
}

// Each goroutine has a Stat of its own.
func ExampleStat_Merge() {
	var shop, pay, all tracelog.Stat
	shop.Add(200e6, false, 1)
	pay.Add(100e6, false, 1)
	all.Merge(&shop)
	all.Merge(&pay)
	fmt.Println(all.N(), all.Mean())
	// Output:
	// 2 150ms
}

func ExampleIntervalStart() {
	at := time.Date(2026, 3, 1, 9, 15, 12, 0, time.FixedZone("", 2*60*60))
	fmt.Println(tracelog.IntervalStart(at, time.Hour))
	// Output: 2026-03-01 07:00:00 +0000 UTC
}

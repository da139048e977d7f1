package tracelog

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// mapOf returns the edges of a log, a line each.
func mapOf(t *testing.T, log string) (m CallMap, lines string) {
	t.Helper()
	var entries []Entry
	if _, err := Scan(strings.NewReader(log), "app.log", func(e Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	for _, tr := range Assemble(entries) {
		m.Add(tr)
	}
	var b strings.Builder
	share := 0.0
	for _, e := range m.Edges() {
		fmt.Fprintf(&b, "%s:%s -%s-> %s:%s calls %g errors %g p95 %v", e.From.Kind, e.From.Name, e.Kind, e.To.Kind, e.To.Name,
			e.Calls.Count(), e.Calls.Errors(), e.Calls.Quantile(0.95))
		if e.Wait.N() > 0 {
			fmt.Fprintf(&b, " wait %v", e.Wait.Quantile(0.95))
		}
		if e.Open > 0 {
			fmt.Fprintf(&b, " open %d", e.Open)
		}
		fmt.Fprintf(&b, " share %.2f\n", e.Share)
		share += e.Share
	}
	if len(m.Edges()) > 0 && math.Abs(share-1) > 1e-9 {
		t.Errorf("shares are %g together", share)
	}
	return m, b.String()
}

func TestCallMap(t *testing.T) {
	line := func(id, parent, rest string) string {
		return `{"msg":"span end","trace":"t","span":"` + id + `","parent":"` + parent + `",` + rest + "}\n"
	}
	for _, test := range []struct{ name, log, want string }{
		{"a client and a server are one call, as the client sees it",
			line("1", "", `"op":"a","service":"web","kind":"server","start":"2026-03-01T09:15:00Z","duration_ms":100`) +
				line("2", "1", `"op":"b","service":"web","kind":"client","start":"2026-03-01T09:15:00.01Z","duration_ms":80,"error":"x"`) +
				line("3", "2", `"op":"c","service":"api","kind":"server","start":"2026-03-01T09:15:00.02Z","duration_ms":60`) +
				line("4", "3", `"op":"d","service":"api","kind":"client","start":"2026-03-01T09:15:00.03Z","duration_ms":40,"db.system.name":"postgresql","db.namespace":"shop"`),
			`service:web -call-> service:api calls 1 errors 1 p95 80ms share 0.40
service:api -call-> database:postgresql shop calls 1 errors 0 p95 40ms share 0.40
: -entry-> service:web calls 1 errors 0 p95 100ms share 0.20
`},
		{"a call without a client's span, and a host",
			line("1", "", `"op":"a","service":"web","start":"2026-03-01T09:15:00Z","duration_ms":100`) +
				line("2", "1", `"op":"b","service":"api","start":"2026-03-01T09:15:00Z","duration_ms":50`) +
				line("3", "2", `"op":"c","service":"api","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":50,"server.address":"bank.example"`) +
				line("4", "1", `"op":"d","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1`),
			`: -entry-> service:web calls 1 errors 0 p95 100ms share 0.50
service:api -call-> host:bank.example calls 1 errors 0 p95 50ms share 0.50
service:web -call-> service:api calls 1 errors 0 p95 50ms share 0.00
`},
		{"a queue between two services, by its name",
			line("1", "", `"op":"send","service":"web","kind":"producer","start":"2026-03-01T09:15:00Z","duration_ms":10,"messaging.destination.name":"orders"`) +
				line("2", "1", `"op":"receive","service":"worker","kind":"consumer","start":"2026-03-01T09:15:02Z","duration_ms":30,"queued_ms":2000,"messaging.destination.name":"orders"`) +
				line("3", "1", `"op":"receive","service":"mailer","kind":"consumer","start":"2026-03-01T09:15:01Z","duration_ms":30,"queued_ms":1000`),
			`service:web -queue-> queue:orders calls 1 errors 0 p95 10ms share 1.00
queue:orders -queue-> service:mailer calls 1 errors 0 p95 30ms wait 1s share 0.00
queue:orders -queue-> service:worker calls 1 errors 0 p95 30ms wait 2s share 0.00
: -entry-> service:web calls 1 errors 0 p95 10ms share 0.00
`},
		{"a job without a queue's name, and a webhook back to the same service",
			line("1", "", `"op":"pay","service":"web","kind":"server","start":"2026-03-01T09:15:00Z","duration_ms":10`) +
				line("2", "1", `"op":"POST /paid","service":"web","kind":"server","start":"2026-03-01T09:15:05Z","duration_ms":20,"queued_ms":5000`) +
				line("3", "1", `"op":"deliver","service":"worker","start":"2026-03-01T09:15:01Z","duration_ms":20,"queued_ms":900`),
			`: -entry-> service:web calls 1 errors 0 p95 10ms share 1.00
service:web -webhook-> service:web calls 1 errors 0 p95 20ms wait 5s share 0.00
service:web -queue-> service:worker calls 1 errors 0 p95 20ms wait 900ms share 0.00
`},
		{"weights, and what has not ended",
			line("1", "", `"op":"a","service":"web","start":"2026-03-01T09:15:00Z","duration_ms":100,"sample_rate":0.1`) +
				`{"msg":"span start","time":"2026-03-01T09:15:00Z","trace":"t","span":"2","parent":"1","op":"b","service":"api"}` + "\n",
			`: -entry-> service:web calls 10 errors 0 p95 100ms share 1.00
service:web -call-> service:api calls 0 errors 0 p95 0s open 1 share 0.00
`},
	} {
		if _, got := mapOf(t, test.log); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
	if m, _ := mapOf(t, line("4", "", `"op":"d","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1`)); m.Unknown != 1 || m.Traces != 1 {
		t.Errorf("%+v", m)
	}
}

// The number of edges is bounded, and what is left out is counted.
func TestCallMapBound(t *testing.T) {
	var b strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&b, `{"msg":"span end","trace":"t%d","span":"1","op":"a","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1,"server.address":"host%d"}`+"\n", i, i)
	}
	m, _ := mapOf(t, b.String())
	if len(m.Edges()) != 1000 || m.Dropped != 501 {
		t.Errorf("%d edges, %d dropped", len(m.Edges()), m.Dropped)
	}
}

// Edges of equal share and time are in order of their nodes' names and kinds, not of a map.
func TestCallMapOrder(t *testing.T) {
	const log = `{"msg":"span end","trace":"t","span":"1","op":"a","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1,"server.address":"x"}
{"msg":"span end","trace":"t","span":"2","op":"a","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1,"db.namespace":"x"}
{"msg":"span end","trace":"t","span":"3","op":"a","service":"web","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":1,"messaging.system":"x"}
`
	m, _ := mapOf(t, log)
	for range 50 {
		var kinds []string
		for _, e := range m.Edges() {
			if e.Share == 0 && e.To.Name == "x" {
				kinds = append(kinds, e.To.Kind)
			}
		}
		if len(kinds) != 2 || !slices.IsSorted(kinds) { // the third has the critical path
			t.Fatal(kinds)
		}
	}
}

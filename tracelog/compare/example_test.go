package compare_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/compare"
)

// booking returns a trace in which a tenant's query takes a time.
func booking(id int, tenant string, query time.Duration) *tracelog.Trace {
	start := time.Date(2026, 3, 1, 9, 15, id, 0, time.UTC)
	end := func(span, parent, op string, d time.Duration) tracelog.Entry {
		return tracelog.Entry{
			Event: tracelog.EventEnd, Trace: fmt.Sprint("trace ", id), Span: span, Parent: parent, Op: op, Start: start, Duration: d,
			Raw: fmt.Appendf(nil, `{"msg":"span end","trace":"t","span":%q,"op":%q,"duration_ms":1,"tenant":%q}`, span, op, tenant),
		}
	}
	return tracelog.Assemble([]tracelog.Entry{
		end("1", "", "POST /bookings", query+5*time.Millisecond), end("2", "1", "db.query", query),
	})[0]
}

func ExampleData_Compare() {
	var d compare.Data
	for i := range 40 {
		ms := time.Duration(20+i) * time.Millisecond
		d.Add(compare.Before, booking(i, "acme", ms))
		d.Add(compare.After, booking(i, "acme", ms*3/2))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := d.Compare(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range report.Rows {
		fmt.Printf("%s %s: %v to %v, %.0f %% of the change\n", row.Change, row.Op, row.P50.Before, row.P50.After, 100*row.Share)
	}
	// Output:
	// slower db.query: 39.5ms to 59.25ms, 100 % of the change
	// slower POST /bookings: 44.5ms to 64.25ms, 0 % of the change
}

func ExamplePopulation_Causes() {
	var p compare.Population
	for i := range 200 {
		if i%10 == 0 {
			p.Add(booking(i, "globex", 90*time.Millisecond), true)
		} else {
			p.Add(booking(i, []string{"acme", "initech"}[i%2], 20*time.Millisecond), i == 1)
		}
	}
	report, err := p.Causes(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range report.Causes {
		fmt.Printf("%s=%s: %d of %d traces, %.1f times as often\n", c.Key, c.Value, c.ChosenWith, c.With, c.Lift)
	}
	// Output:
	// tenant=globex: 20 of 20 traces, 9.5 times as often
}

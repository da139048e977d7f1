package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

// testSpeed is high, but low enough to measure the 4.2 s of scenario 5 and the pauses.
const testSpeed = 20

// The edges are written manually. Each has the parent and then the span. A line --- is between two traces.
var scenarioTests = []struct {
	edges string
	pids  []int // how many processes wrote each trace; nil: two
	check func(t *testing.T, tr []*tracelog.Trace, all map[string]*tracelog.Trace)
}{
	{edges: `
		- > POST /bookings [api]
		POST /bookings > booking.confirm [api]
		booking.confirm > calendar.reserve [api] FAILED rate limit exceeded
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=A1
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1
	`, check: func(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
		if d := find(tr[0], "webhook.deliver")[0]; d.Queued <= 0 {
			t.Error("the webhook does not say how long it waited")
		}
	}},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > payment.take [api]
		payment.take > payment.charge [api]
		payment.charge > POST /charges [payments]
		POST /charges > fraud.check [payments]
		payment.take > booking.confirm [api]
		booking.confirm > calendar.reserve [api]
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=A1
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1
	`, check: checkCallback},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > booking.confirm [api]
		booking.confirm > calendar.reserve [api]
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=A1
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1 FAILED customer flaky answered 503 Service Unavailable
		webhook.enqueue > webhook.deliver [worker] job.attempt=2 FAILED customer flaky answered 503 Service Unavailable
		webhook.enqueue > webhook.deliver [worker] job.attempt=3
	`, check: func(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
		waited := time.Duration(0)
		for i, d := range find(tr[0], "webhook.deliver") {
			if got, want := attr(d, "job.attempt"), fmt.Sprint(i+1); got != want {
				t.Errorf("attempt %s where %s should be", got, want)
			}
			// Each pause is twice the one before it.
			if least := waited + firstPause<<i/2/testSpeed; i > 0 && d.Queued < least {
				t.Errorf("attempt %d: queued %v, want at least %v", i+1, d.Queued, least)
			}
			waited = d.Queued
		}
	}},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > booking.confirm [api]
		booking.confirm > calendar.reserve [api]
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=A1
		booking.confirm > mail.confirmation [api] seat.id=A2 FAILED 550 mailbox unavailable
		booking.confirm > mail.confirmation [api] seat.id=A3
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1
		booking.confirm > reminder.enqueue [api] seat.id=A1
		booking.confirm > reminder.enqueue [api] seat.id=A2
		booking.confirm > reminder.enqueue [api] seat.id=A3
		reminder.enqueue > reminder.deliver [worker] seat.id=A1 job.attempt=1
		reminder.enqueue > reminder.deliver [worker] seat.id=A2 job.attempt=1 FAILED 550 mailbox unavailable
		reminder.enqueue > reminder.deliver [worker] seat.id=A3 job.attempt=1
	`, check: func(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
		for _, d := range find(tr[0], "reminder.deliver") {
			if ordered := attr(d.Parent, "seat.id"); attr(d, "seat.id") != ordered {
				t.Errorf("the reminder of seat %s is below the span that ordered that of %s", attr(d, "seat.id"), ordered)
			}
			// Orders are written one by one, and are due at the same time.
			if due := find(tr[0], "booking.confirm")[0].Start.Add(remindAfter / testSpeed); d.Start.Before(due) {
				t.Errorf("reminded %v too early", due.Sub(d.Start))
			}
		}
	}},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > payment.take [api]
		payment.take > payment.charge [api]
		payment.charge > POST /charges [payments]
		POST /charges > fraud.check [payments]
		POST /charges > bank.authorize [payments]
		POST /bookings > booking.confirm [api]
		booking.confirm > calendar.reserve [api]
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=A1
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1
	`, check: func(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
		least := 4200 * time.Millisecond / testSpeed
		for s := find(tr[0], "bank.authorize")[0]; s != nil; s = s.Parent {
			if s.Duration < least {
				t.Errorf("%s took %v, want at least %v", s.Op, s.Duration, least)
			}
			least = s.Duration
		}
	}},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > availability.check [api]
		POST /bookings > price.quote [api]
		POST /bookings > seat.lock [api] seat.id=12A
		POST /bookings > inventory.take [api]
		POST /bookings > payment.take [api]
		payment.take > payment.charge [api]
		payment.charge > POST /charges [payments]
		POST /charges > fraud.check [payments]
		POST /charges > bank.authorize [payments]
		POST /bookings > booking.confirm [api]
		booking.confirm > calendar.reserve [api]
		calendar.reserve > POST /events [calendar]
		booking.confirm > mail.confirmation [api] seat.id=12A
		booking.confirm > webhook.enqueue [api]
		webhook.enqueue > webhook.deliver [worker] job.attempt=1
		---
		- > POST /bookings [api]
		POST /bookings > availability.check [api]
		POST /bookings > price.quote [api]
		POST /bookings > seat.lock [api] seat.id=12A
	`, pids: []int{2, 1}, check: checkContention},

	{edges: `
		- > POST /bookings [api]
		POST /bookings > availability.check [api]
		POST /bookings > price.quote [api]
		POST /bookings > seat.lock [api] seat.id=7C
		POST /bookings > inventory.take [api]
		POST /bookings > payment.take [api]
		payment.take > payment.charge [api]
		payment.charge > POST /charges [payments]
		POST /charges > voucher.redeem [payments]
		POST /bookings > payment.take [api] FAILED payment: card declined
		payment.take > payment.charge [api] FAILED card declined
		payment.charge > POST /charges [payments]
		POST /charges > fraud.check [payments]
		POST /charges > bank.authorize [payments] FAILED card declined
		POST /bookings > booking.rollback [api]
		booking.rollback > payment.refund [api]
		payment.refund > POST /refunds [payments]
		booking.rollback > inventory.restore [api]
		booking.rollback > seat.release [api] seat.id=7C
	`, pids: []int{1}, check: checkDeclined},
}

// checkContention checks the winner's trace and the loser's: what the event says, and that both requests had seen a free seat.
func checkContention(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
	winner, loser := tr[0].Roots[0], tr[1].Roots[0]
	for root, status := range map[*tracelog.Span]string{winner: "201", loser: "409"} {
		if got := attr(root, "http.response.status_code"); got != status {
			t.Errorf("status %s, want %s", got, status)
		}
	}
	lost := find(tr[1], "seat.lock")[0]
	if len(lost.Logs) != 1 {
		t.Fatalf("%d lines of the lost seat.lock, want the event", len(lost.Logs))
	}
	event := lost.Logs[0]
	got := map[string]string{"msg": event.Message, "level": event.Level}
	for _, a := range event.Attrs() {
		got[a.Key] = a.Text()
	}
	want := map[string]string{
		"msg": "lock_contention", "level": "WARN", "seat.id": "12A", "seat.holder": attr(winner, "booking.reference"),
		"booking.reference": attr(loser, "booking.reference"), "pid": attr(loser, "pid"),
	}
	if diff := cmp.Diff(want, got); diff != "" || want["seat.holder"] == want["booking.reference"] || want["seat.holder"] == "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if won := find(tr[0], "seat.lock")[0]; len(won.Logs) != 0 {
		t.Errorf("lines of the winner's seat.lock: %v", won.Logs)
	}
	customers := []string{attr(winner, "booking.customer"), attr(loser, "booking.customer")}
	if slices.Sort(customers); !slices.Equal(customers, []string{"acme", "globex"}) {
		t.Errorf("customers %q", customers)
	}
}

func checkDeclined(t *testing.T, tr []*tracelog.Trace, _ map[string]*tracelog.Trace) {
	root := tr[0].Roots[0]
	if status := attr(root, "http.response.status_code"); status != "402" {
		t.Errorf("status %s, want 402", status)
	}
	// Steps are taken back after the last of them has failed, in reverse order, and before the response.
	var steps []*tracelog.Span
	for _, op := range []string{"seat.lock", "inventory.take", "payment.take"} {
		steps = append(steps, find(tr[0], op)...)
	}
	steps = append(steps, find(tr[0], "booking.rollback")[0].Children...)
	var ops []string
	for i, s := range steps {
		if ops = append(ops, s.Op); i > 0 && s.Start.Before(steps[i-1].End) {
			t.Errorf("%s began before the end of %s", s.Op, steps[i-1].Op)
		}
	}
	want := []string{"seat.lock", "inventory.take", "payment.take", "payment.take", "payment.refund", "inventory.restore", "seat.release"}
	if diff := cmp.Diff(want, ops); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if last := steps[len(steps)-1]; last.End.After(root.End) {
		t.Error("answered before everything was taken back")
	}
	for _, s := range tr[0].All() {
		if a := attr(s, "hall.seats.left"); s.Op == "inventory.restore" && a != fmt.Sprint(hallSeats) {
			t.Errorf("%s seats left, want %d", a, hallSeats)
		}
	}
}

func TestScenarios(t *testing.T) {
	for i, test := range scenarioTests {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out, err := program(t, "-scenario", fmt.Sprint(i+1), "-speed", fmt.Sprint(testSpeed), "-dir", dir).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			all := logs(t, dir)
			checkExplained(t, string(out), dir)
			trees := strings.Split(test.edges, "---\n")
			var traces []*tracelog.Trace
			for j, id := range printed(t, string(out), i, i+1) {
				tr := all[id]
				if tr == nil || j == len(trees) {
					t.Fatalf("trace %s is not in the log, or there are more than %d", id, len(trees))
				}
				traces = append(traces, tr)
				want := strings.Split(strings.TrimSpace(trees[j]), "\n")
				for i := range want {
					want[i] = strings.TrimSpace(want[i])
				}
				slices.Sort(want)
				if diff := cmp.Diff(want, edges(tr)); diff != "" {
					t.Errorf("parents and children (-want +got):\n%s", diff)
				}
				processes := 2
				if test.pids != nil {
					processes = test.pids[j]
				}
				if p := pids(tr); len(p) != processes || p[0] == "" {
					t.Errorf("pids %q, want %d", p, processes)
				}
			}
			if len(traces) != len(trees) {
				t.Fatalf("%d traces are shown, want %d", len(traces), len(trees))
			}
			test.check(t, traces, all)
		})
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	out, err := program(t, "-speed", "100", "-dir", t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ids := printed(t, string(out), 0, len(scenarios))
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != len(scenarios)+1 { // two of the bookings for one seat
		t.Errorf("%d traces, want %d", n, len(scenarios)+1)
	}
}

// printed checks that out shows the scenarios from index i to below end, in order, and returns the trace ids.
func printed(t *testing.T, out string, i, end int) (ids []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^(\d\. .*)\n=+\nPOST `).FindAllStringSubmatch(out, -1) {
		if i < end && m[1] != fmt.Sprintf("%d. %s", i+1, scenarios[i].title) {
			t.Errorf("heading %q for scenario %d", m[1], i+1)
		}
		i++
	}
	shown := regexp.MustCompile(`(?m)^POST /bookings: .*\nX-Trace-Id: ([0-9a-f]{32})\n\n(?s:Two lines .*?\n\n)?trace ([0-9a-f]{32}) `)
	for _, m := range shown.FindAllStringSubmatch(out, -1) {
		if m[1] != m[2] {
			t.Errorf("the answer says trace %s, the tree %s", m[1], m[2])
		}
		ids = append(ids, m[2])
	}
	if i != end {
		t.Fatalf("not all scenarios are shown:\n%s", out)
	}
	commands := regexp.MustCompile(`(?m)^  go run ./cmd/slogtrace show( --logs)?( --attrs)? ([0-9a-f]{8}) (\S+)$`).FindAllStringSubmatch(out, -1)
	for j, id := range ids {
		if len(commands) != len(ids) || commands[j][3] != id[:shortID] || !strings.HasSuffix(out, "\nThe logs, the queue and the payments stay in "+commands[j][4]+"\n") {
			t.Errorf("commands %q for the traces %q", commands, ids)
		}
	}
	if !strings.Contains(out, "█ critical path") {
		t.Errorf("no bars:\n%s", out)
	}
	for line := range strings.Lines(out) {
		// The paths of lines that name a directory are the test's.
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && line[0] != '{' && !strings.Contains(line, os.TempDir()) {
			t.Errorf("%d columns, want at most %d: %s", n, width, line)
		}
	}
	return ids
}

// checkExplained checks the text before the first drawing. It has a log line and the end of a span, of the drawn trace,
// as they are in a file. It explains each mark in the legends of the drawings.
func checkExplained(t *testing.T, out, dir string) {
	t.Helper()
	m := regexp.MustCompile(`(?s)\n\nTwo lines .*?\n\n(\{.*?\})\n(\{.*?\})\n\n(All lines .*?)\n\ntrace ([0-9a-f]{32}) `).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no two lines and explanations before the first drawing:\n%s", out)
	}
	var files []byte
	names, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, name := range names {
		files = append(files, must(os.ReadFile(name))...)
	}
	for i, isEnd := range []bool{strings.Contains(m[0], "the ends of two spans"), true} {
		line := m[1+i]
		if !bytes.Contains(files, []byte(line+"\n")) || !strings.Contains(line, m[4]) || strings.Contains(line, `"msg":"span end"`) != isEnd {
			t.Errorf("line %d is not one of trace %s in a file, or of the wrong kind: %s", i+1, m[4], line)
		}
	}
	legend := regexp.MustCompile(`(\S) (critical path|beside it|in a queue|not ended|abandoned|moved by its clock)`)
	for _, mark := range legend.FindAllStringSubmatch(out[strings.Index(out, m[4]+" · "):], -1) {
		if !regexp.MustCompile(`(?m)^  ` + mark[1] + ` .*` + mark[2]).MatchString(m[3]) {
			t.Errorf("the mark of %q is not explained:\n%s", mark[0], m[3])
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestShowCommand(t *testing.T) {
	for _, tt := range []struct {
		dir  string
		show draw.Options
		want string
	}{
		{"/tmp/booking-12", draw.Options{}, "go run ./cmd/slogtrace show 4bf92f35 /tmp/booking-12"},
		{"it's here", draw.Options{Logs: true, Attrs: true}, `go run ./cmd/slogtrace show --logs --attrs 4bf92f35 'it'\''s here'`},
	} {
		if got := showCommand("4bf92f3577b34da6a3ce929d0e0e4736", tt.dir, &tt.show); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func checkCallback(t *testing.T, tr []*tracelog.Trace, all map[string]*tracelog.Trace) {
	confirm := find(tr[0], "booking.confirm")[0]
	if least := 1500 * time.Millisecond / testSpeed; confirm.Queued < least {
		t.Errorf("confirmed after %v, want at least %v", confirm.Queued, least)
	}
	if answered := find(tr[0], "POST /bookings")[0]; !confirm.Start.After(answered.End) {
		t.Error("confirmed before the request was answered")
	}
	if len(confirm.Links) != 1 {
		t.Fatalf("%d links, want one to the callback", len(confirm.Links))
	}
	link := confirm.Links[0]
	callback := all[link.Trace]
	if callback == nil || callback == tr[0] {
		t.Fatalf("the link leads to trace %s, want another one in the log", link.Trace)
	}
	if diff := cmp.Diff([]string{"- > POST /payments/{id}/paid [api]"}, edges(callback)); diff != "" {
		t.Errorf("trace of the callback (-want +got):\n%s", diff)
	}
	if id := callback.Roots[0].ID; id != link.Span {
		t.Errorf("the link names span %s, the callback's is %s", link.Span, id)
	}
}

func TestChoose(t *testing.T) {
	for which, want := range map[string]string{
		"all": "[0 1 2 3 4 5 6]", "1": "[0]", "7": "[6]", "0": "[]", "8": "[]", "": "[]", "x": "[]",
	} {
		got, err := choose(which)
		if fmt.Sprint(got) != want || (err == nil) != (len(got) > 0) {
			t.Errorf("choose(%q) = %v, %v, want %s", which, got, err, want)
		}
	}
}

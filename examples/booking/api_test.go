package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
)

// The body and the header of an error response name the same trace as the log.
func TestErrors(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	tests := []struct {
		name, path, body string
		status           int
		text             string
		failed           string // the span's error in the log
		trace            string
	}{
		{name: "no JSON", path: "/bookings", body: "{", status: 400, text: "not the JSON that is expected here: unexpected EOF"},
		{name: "unknown customer", path: "/bookings", body: bookingBody("../acme", ""), status: 400, text: "want a known customer and 1 to 20 attendees"},
		{name: "declined", path: "/bookings", body: bookingBody("acme", "declined"), status: 402, text: "card declined"},
		{name: "broken", path: "/bookings", body: bookingBody("acme", "broken"), status: 502, text: "payment provider out of order",
			failed: "payment provider out of order: something went wrong on our side"},
		{name: "no such payment", path: "/payments/p-000000000000/paid", status: 404, text: "no such payment is waiting"},
		{name: "no id", path: "/payments/..%2f..%2fqueue/paid", status: 404, text: "no such payment is waiting"},
	}
	for i := range tests {
		test := &tests[i]
		status, header, answer := post(t, s.api.url+test.path, test.body)
		if status != test.status || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: status %d, type %s", test.name, status, header.Get("Content-Type"))
		}
		test.trace = header.Get("X-Trace-Id")
		if diff := cmp.Diff(map[string]any{"error": test.text, "trace": test.trace}, answer); diff != "" {
			t.Errorf("%s: answer (-want +got):\n%s", test.name, diff)
		}
	}
	s.close()
	all := logs(t, o.dir)
	for _, test := range tests {
		tr := all[test.trace]
		if tr == nil {
			t.Errorf("%s: trace %q is not in the log", test.name, test.trace)
			continue
		}
		root := tr.Roots[0]
		if len(tr.Roots) != 1 || !strings.HasPrefix(root.Op, "POST /") || root.Error != test.failed {
			t.Errorf("%s: %d roots, %s, error %q, want %q", test.name, len(tr.Roots), root.Op, root.Error, test.failed)
		}
	}
	// The cause is on the span where it occurred.
	if bank := find(all[tests[3].trace], "bank.authorize"); len(bank) != 1 || bank[0].Error != "bank: tls: handshake failure" {
		t.Error("the bank's error is not in the trace")
	}
}

// A callback that fails refers to the booking's trace, not to its own.
func TestCallbackError(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	ctx, span := slogtrace.Start(context.Background(), "payment.take")
	p := Payment{Carrier: slogtrace.NewCarrier(ctx), ID: newID("p"), Booking: Booking{ID: newID("b")}}
	span.End()
	if err := s.files.write("payments/waiting", p.ID, p); err != nil {
		t.Fatal(err)
	}
	if err := s.files.root.Remove(pending); err != nil { // no job can be added any more
		t.Fatal(err)
	}
	status, header, answer := post(t, s.api.url+"/payments/"+p.ID+"/paid", "")
	want := span.SpanContext().TraceID.String()
	if status != http.StatusInternalServerError || header.Get("X-Trace-Id") != want || answer["trace"] != want {
		t.Errorf("status %d, header %q, answer %v, want trace %s", status, header.Get("X-Trace-Id"), answer, want)
	}
	s.close()
	tr := logs(t, o.dir)[want]
	wantEdges := []string{
		"- > payment.take [api]",
		"booking.confirm > calendar.reserve [api]",
		"booking.confirm > webhook.enqueue [api] FAILED " + find(tr, "webhook.enqueue")[0].Error,
		"calendar.reserve > POST /events [calendar]",
		"payment.take > booking.confirm [api] FAILED " + find(tr, "webhook.enqueue")[0].Error,
	}
	if diff := cmp.Diff(wantEdges, edges(tr)); diff != "" {
		t.Errorf("parents and children (-want +got):\n%s", diff)
	}
}

// A payment is confirmed once. A second report of the provider gets an error.
func TestCallbackTwice(t *testing.T) {
	s, _ := startTestSystem(t, 1000)
	if status, _, answer := post(t, s.api.url+"/bookings", bookingBody("acme", "later")); status != http.StatusAccepted {
		t.Fatalf("%d %v", status, answer)
	}
	s.settled()
	ids, err := s.files.list("payments/paid")
	if err != nil || len(ids) != 1 {
		t.Fatalf("paid: %v, %v", ids, err)
	}
	if status, _, answer := post(t, s.api.url+"/payments/"+ids[0]+"/paid", ""); status != http.StatusNotFound {
		t.Errorf("%d %v", status, answer)
	}
	if n := jobs(t, queue{s.files}, pending); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

// A declined payment does not wait: no callback confirms it.
// A payment whose confirmation failed still waits, because the provider will call again.
func TestCallbackAfterwards(t *testing.T) {
	s, _ := startTestSystem(t, 1000)
	if status, _, answer := post(t, s.api.url+"/bookings", bookingBody("acme", "declined")); status != http.StatusPaymentRequired {
		t.Fatalf("%d %v", status, answer)
	}
	ids, err := s.files.list("payments/declined")
	if err != nil || len(ids) != 1 {
		t.Fatalf("declined: %v, %v", ids, err)
	}
	if status, _, answer := post(t, s.api.url+"/payments/"+ids[0]+"/paid", ""); status != http.StatusNotFound {
		t.Errorf("declined and then paid: %d %v", status, answer)
	}

	p := Payment{ID: newID("p"), Booking: Booking{ID: newID("b")}}
	if err := s.files.write("payments/waiting", p.ID, p); err != nil {
		t.Fatal(err)
	}
	if err := s.files.root.Remove(pending); err != nil {
		t.Fatal(err)
	}
	for want := range 2 {
		if want == 1 { // the second call finds the queue repaired
			if err := s.files.root.Mkdir(pending, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		status, _, answer := post(t, s.api.url+"/payments/"+p.ID+"/paid", "")
		if status != []int{http.StatusInternalServerError, http.StatusOK}[want] {
			t.Errorf("call %d: %d %v", want, status, answer)
		}
	}
}

// The API accepts no trace from the public. It gives the public only an id to refer to.
func TestPublic(t *testing.T) {
	s, o := startTestSystem(t, 1000)
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	_, header, answer := post(t, s.api.url+"/bookings", bookingBody("acme", ""), "Traceparent", "00-"+theirs+"-00f067aa0ba902b7-01")
	trace := header.Get("X-Trace-Id")
	if len(trace) != 32 || trace == theirs {
		t.Errorf("trace %q", trace)
	}
	url, next := testCustomer(t)
	w := startTestWorker(t, o, url)
	h := next()
	h.answer <- 200
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(h.body, answer["id"].(string)) {
		t.Errorf("webhook %s is not about booking %v", h.body, answer["id"])
	}
	for _, key := range []string{"Traceparent", "Tracestate", "Baggage", "X-Trace-Id"} {
		if h.header.Get(key) != "" {
			t.Errorf("the customer gets %s: %s", key, h.header.Get(key))
		}
	}
	if strings.Contains(h.body, "trace") {
		t.Errorf("the customer gets a trace: %s", h.body)
	}
}

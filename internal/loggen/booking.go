package loggen

import (
	"container/heap"
	"strconv"
)

// begin makes the lines of one more trace, a booking.
func (g *generator) begin() {
	g.now += 500 + g.rand.Int64N(3000)
	g.open++
	b := &booking{g: g, trace: g.hex(16), id: "b-" + g.hex(8)[:6]}
	g.truth.Traces++
	at := g.now
	for range max(1, g.repeat) {
		at = b.root(at) + 1000
	}
	last := b.lines[0]
	for _, r := range b.lines {
		if r.at >= last.at {
			last = r
		}
		heap.Push(&g.lines, r)
	}
	last.last = true
	if b.failed {
		g.truth.fail(b.trace)
	}
	if g.truth.Traces <= maxLookups || g.truth.Traces%10007 == 0 {
		g.truth.look(b.trace, b.lines)
	}
}

type booking struct {
	g      *generator
	trace  string
	id     string
	lines  []*record
	failed bool
}

const (
	api      = "booking-api"
	worker   = "booking-worker"
	calendar = "calendar"
	payments = "payments"
)

// A span under construction.
type span struct {
	b       *booking
	r       record
	started int64
}

func (b *booking) start(at int64, parent, op, kind, service string) *span {
	s := &span{b: b, started: at, r: record{
		trace: b.trace, span: b.g.hex(8), parent: parent, op: op, kind: kind, service: service,
	}}
	if service == api || service == worker { // the other services have no bookings
		s.r.booking = b.id
	}
	return s
}

// log adds a log line in the span.
func (s *span) log(at int64, level, msg string, attrs ...attr) {
	r := s.r
	r.at, r.level, r.msg, r.attrs = at, level, msg, attrs
	r.parent, r.kind = "", ""
	s.b.add(&r)
}

// begun adds a "span start" line.
func (s *span) begun(queued int64, attrs ...attr) {
	r := s.r
	r.at, r.level, r.msg, r.attrs, r.queued = s.started, "INFO", "span start", attrs, queued
	s.b.add(&r)
}

func (s *span) end(at int64, failed string, attrs ...attr) {
	r := s.r
	r.at, r.level, r.msg, r.attrs, r.failed = at, "INFO", "span end", attrs, failed
	r.start, r.micros = s.started, at-s.started
	if failed != "" {
		r.level = "ERROR"
		s.b.failed = true
	}
	s.b.add(&r)
	s.b.g.truth.end(&r)
}

func (b *booking) add(r *record) {
	b.g.seq++
	r.seq = b.g.seq
	b.lines = append(b.lines, r)
}

func http(method, route string, status int) []attr {
	return []attr{
		text("http.request.method", method), text("http.route", route), number("http.response.status_code", status),
	}
}

// root makes the request for a booking: about 7.5 spans, and 11 other lines.
func (b *booking) root(at int64) (end int64) {
	g := b.g
	root := b.start(at, "", "POST /bookings", "server", api)
	root.log(at+40, "INFO", "booking requested", text("room", "Sea view, 2nd floor"))
	root.log(at+65, "DEBUG", "rate limit checked", number("left", g.rand.IntN(100)))
	root.log(at+68, "DEBUG", "customer known")
	root.log(at+70, "DEBUG", "room looked up", number("rooms", g.rand.IntN(40)))
	confirm := b.start(at+90, root.r.span, "booking.confirm", "", api)
	t := at + 110
	confirm.log(t, "INFO", "seat held", text("seat", "A"+strconv.Itoa(1+g.rand.IntN(30))), number("attempt", 1))
	confirm.log(t+20, "DEBUG", "price computed", number("amount", 100+g.rand.IntN(900)), text("currency", "EUR"))
	failed := ""

	t = b.reserve(t+60, confirm)
	if g.chance(0.27) {
		t, failed = b.pay(t+30, confirm)
	}
	if failed == "" {
		for n := 1; n == 1 || n == 2 && g.chance(0.3); n++ {
			mail := b.start(t+10, confirm.r.span, "mail.confirmation", "", api)
			t += 10 + g.micros(1400)
			refused := ""
			if g.chance(0.01) {
				refused = "550 mailbox unavailable"
			}
			mail.log(t-5, "DEBUG", "mail handed over", text("to", "guest-"+g.hex(8)[:4]+"@example.com"), text("relay", "mx1"))
			mail.end(t, refused, text("seat", "A"+strconv.Itoa(1+g.rand.IntN(30))))
		}
		if g.chance(0.5) {
			t = b.webhook(t+20, confirm)
		}
	}
	confirm.log(t+20, "INFO", "booking stored", number("bytes", 300+g.rand.IntN(700)))
	t += 40
	confirm.end(t, failed)
	status := 201
	if failed != "" {
		status = 402
	}
	root.log(t+15, "INFO", "response written", number("status", status), number("bytes", 200+g.rand.IntN(900)))
	t += 30
	root.end(t, failed, http("POST", "/bookings", status)...)
	return t
}

func (b *booking) reserve(at int64, parent *span) int64 {
	g := b.g
	reserve := b.start(at, parent.r.span, "calendar.reserve", "client", api)
	server := b.start(at+300, reserve.r.span, "POST /events", "server", calendar)
	t := at + 300 + g.micros(700)
	status, refused := 201, ""
	if g.chance(0.02) {
		status, refused = 429, "rate limit exceeded"
		server.log(t-10, "WARN", "request refused", number("status", 429), text("err", refused))
	} else {
		server.log(t-20, "INFO", "event created", text("event", "e-"+g.hex(8)[:12]))
	}
	server.end(t, "", http("POST", "/events", status)...)
	t += 100 + g.micros(150)
	reserve.end(t, refused, number("http.response.status_code", status))
	if refused != "" {
		parent.log(t+8, "WARN", "booking goes on without a calendar entry", text("err", refused))
	}
	return t
}

func (b *booking) pay(at int64, parent *span) (int64, string) {
	g := b.g
	take := b.start(at, parent.r.span, "payment.take", "", api)
	charge := b.start(at+25, take.r.span, "payment.charge", "client", api)
	charges := b.start(at+200, charge.r.span, "POST /charges", "server", payments)
	fraud := b.start(at+230, charges.r.span, "fraud.check", "", payments)
	t := at + 230 + g.micros(800)
	fraud.log(t-12, "DEBUG", "score computed", number("score", g.rand.IntN(1000)), text("model", "rules-7"))
	fraud.end(t, "")
	charges.log(t+6, "INFO", "bank transfer ordered", text("bank", "DE"+g.hex(8)[:10]))
	t += g.micros(300)
	failed := ""
	status := 202
	if g.chance(0.08) {
		failed, status = "card declined: \"insufficient funds\"", 402
	}
	charges.end(t, "", http("POST", "/charges", status)...)
	t += g.micros(120)
	charge.end(t, failed, number("http.response.status_code", status))
	take.log(t+10, "INFO", "not paid yet, the provider will call back", text("payment", "p-"+g.hex(8)[:12]))
	t += 30
	take.end(t, failed)
	return t, failed
}

func (b *booking) webhook(at int64, parent *span) int64 {
	g := b.g
	job := "webhook-" + g.hex(8)[:6]
	enqueue := b.start(at, parent.r.span, "webhook.enqueue", "producer", api)
	t := at + g.micros(900)
	enqueue.end(t, "", text("job", job))
	run := t + 200
	for attempt := 1; attempt <= 3; attempt++ {
		deliver := b.start(run, enqueue.r.span, "webhook.deliver", "consumer", worker)
		queued := run - t
		deliver.r.queued = queued
		deliver.begun(queued, text("job", job), number("attempt", attempt))
		run += g.micros(2500)
		failed := ""
		if g.chance(0.1) {
			failed = "customer flaky answered 503 Service Unavailable"
		}
		deliver.log(run-30, "INFO", "customer called", text("host", "hooks.example.net"), number("attempt", attempt))
		deliver.end(run, failed, text("job", job), number("attempt", attempt))
		if failed == "" {
			break
		}
		enqueue.log(run+20, "WARN", "will try again", number("attempt", attempt), text("pause", "4ms"))
		run += 4000 + g.rand.Int64N(500)
	}
	return t
}

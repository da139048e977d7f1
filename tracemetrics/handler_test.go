package tracemetrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracetest"
)

// What a span's record says is in the counts of its series.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(nil)
		tracer := tracerOf(h)
		ctx, root := tracer.Start(t.Context(), "GET /bookings", slogtrace.KindServer, slog.String("http.route", "/bookings"))
		for i, err := range []error{
			nil, errors.New("no"), fmt.Errorf("a: %w", context.DeadlineExceeded), context.Canceled, &json.SyntaxError{},
		} {
			_, span := tracer.Start(ctx, "charge")
			time.Sleep(time.Duration(i) * 30 * time.Millisecond)
			span.End(&err)
		}
		root.End()
		x := scrape(t, h)
		charge := []string{"op=charge", "kind=internal"}
		for name, want := range map[string]float64{"ok": 1, "error": 2, "timeout": 1, "canceled": 1} {
			diff(t, name, x.value(t, "slogtrace_spans_total", append(charge, "outcome="+name)...), want)
		}
		for name, want := range map[string]float64{"_OTHER": 1, "timeout": 1, "canceled": 1, "*json.SyntaxError": 1} {
			diff(t, name, x.value(t, "slogtrace_span_errors_total", append(charge, "error_type="+name)...), want)
		}
		diff(t, "count", x.value(t, "slogtrace_span_duration_seconds_count", charge...), 5.0)
		if got := x.value(t, "slogtrace_span_duration_seconds_sum", charge...); math.Abs(got-0.3) > 1e-9 {
			t.Errorf("sum %v, want 0.3", got)
		}
		for le, want := range map[string]float64{"0.005": 1, "0.025": 1, "0.05": 2, "0.075": 3, "0.1": 4, "0.25": 5, "10": 5, "+Inf": 5} {
			diff(t, "le="+le, x.value(t, "slogtrace_span_duration_seconds_bucket", append(charge, "le="+le)...), want)
		}
		request := []string{"op=GET /bookings", "kind=server", "http_route=/bookings"}
		diff(t, "requests", x.value(t, "slogtrace_spans_total", append(request, "outcome=ok")...), 1.0)
		diff(t, "traces", x.sum("slogtrace_traces_total"), 1.0)
		diff(t, "of the request", x.value(t, "slogtrace_traces_total", append(request, "outcome=ok")...), 1.0)
		diff(t, "series", x.value(t, "slogtrace_metrics_series"), 2.0)
	})
}

// A bound belongs to the bucket below it. Buckets are in order, each once, without those that no duration has.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(&Options{Buckets: []float64{1, 0.1, math.Inf(1), 1, -1, 0, math.NaN()}})
		tracer := tracerOf(h)
		for _, d := range []time.Duration{100 * time.Millisecond, 100*time.Millisecond + 1, time.Second, time.Second + 1} {
			_, span := tracer.Start(t.Context(), "a")
			time.Sleep(d)
			span.End()
		}
		x := scrape(t, h)
		diff(t, "buckets", len(x.samples("slogtrace_span_duration_seconds_bucket")), 3)
		for le, want := range map[string]float64{"0.1": 1, "1": 3, "+Inf": 4} {
			diff(t, "le="+le, x.value(t, "slogtrace_span_duration_seconds_bucket", "le="+le), want)
		}
	})
	// Without any valid bound there are the defaults.
	b := newBounds([]float64{-1}, defaultBuckets)
	diff(t, "defaults", b.seconds, defaultBuckets)
}

// error.type decides what a timeout is; without it the error does.
func TestOutcomes(t *testing.T) {
	h := NewHandler(&Options{Timeouts: []string{"lock_timeout"}})
	own := slogtrace.NewTracer(h, &slogtrace.TracerOptions{ErrorAttrs: func(error) []slog.Attr { return nil }})
	no := errors.New("no")
	for i, test := range []struct {
		err  error
		kind slog.Attr
		want string
	}{
		{no, slog.Attr{}, "error _OTHER"},
		{no, slog.String("error.type", "504"), "timeout 504"},
		{no, slog.String("error.type", "57014"), "timeout 57014"},
		{no, slog.String("error.type", "lock_timeout"), "timeout lock_timeout"},
		{no, slog.Int("error.type", 500), "error 500"},
		{no, slog.String("error.type", ""), "error _OTHER"},
		{no, slog.String("error.type", "canceled"), "canceled canceled"},
		{context.DeadlineExceeded, slog.Attr{}, "timeout timeout"},
		{context.Canceled, slog.Attr{}, "canceled canceled"},
		{context.DeadlineExceeded, slog.String("error.type", "X"), "error X"},
		{panics{}, slog.Attr{}, "error _OTHER"},
		{nil, slog.String("error.type", "timeout"), "ok "},
	} {
		op := strconv.Itoa(i)
		attrs := []slog.Attr{test.kind}
		if test.kind.Key == "" {
			attrs = nil
		}
		end(t.Context(), own, op, test.err, attrs...)
		x := scrape(t, h)
		got := ""
		for _, s := range x.samples("slogtrace_spans_total", "op="+op) {
			if s.value == 1 {
				got += s.labels["outcome"] + " "
			}
		}
		for _, s := range x.samples("slogtrace_span_errors_total", "op="+op) {
			got += s.labels["error_type"]
		}
		diff(t, fmt.Sprint(test.err, test.kind), got, test.want)
	}
}

type panics struct{}

func (panics) Error() string { return "no" }
func (panics) Timeout() bool { panic("no") }

// A span of a trace that is sampled at a rate counts for those that are not written. Failed spans of unsampled traces do not count.
func TestWeights(t *testing.T) {
	h := NewHandler(nil)
	const n = 20000
	tracer := slogtrace.NewTracer(h, &slogtrace.TracerOptions{Sampler: slogtrace.Ratio(0.3)})
	for i := range n {
		var err error
		if i%10 == 0 {
			err = errors.New("no")
		}
		end(t.Context(), tracer, "a", err)
	}
	x := scrape(t, h)
	if got := x.sum("slogtrace_spans_total"); math.Abs(got-n) > 0.05*n {
		t.Errorf("%v spans, want about %d", got, n)
	}
	if got := x.value(t, "slogtrace_spans_total", "outcome=error"); math.Abs(got-n/10) > 0.2*n/10 {
		t.Errorf("%v failed, want about %d", got, n/10)
	}
	written := x.sum("slogtrace_spans_total") * 0.3
	if got := math.Round(written); math.Abs(written-got) > 1e-6 {
		t.Errorf("%v spans are not a multiple of the weight", written)
	}
	// 7 of 10 failed spans are in unsampled traces.
	if got := x.value(t, "slogtrace_metrics_unsampled_spans_total"); math.Abs(got-0.7*n/10) > 0.1*n/10 {
		t.Errorf("%v unsampled, want about %v", got, 0.7*n/10)
	}
}

// Labels come from the span, the logger and the context, in this order, each with its own name.
func TestLabels(t *testing.T) {
	h := NewHandler(&Options{Labels: []Label{
		{Attr: "service"}, {Attr: "a.b"}, {Attr: "a_b"}, {Attr: "op"}, {Attr: "le"}, {Attr: "9"}, {Attr: "__x"}, {Attr: "é"},
		{Attr: "server.address", Kind: "client"}, {Attr: "x", Name: "in group"}, {Attr: "only", Kind: "internal"},
	}})
	logger := slog.New(h).With("service", "api", "a.b", "logger")
	ctx := slogtrace.With(t.Context(), slog.String("service", "context"), slog.String("a_b", "context"))
	ctx, err := slogtrace.WithBaggage(ctx, "le", "0.5")
	if err != nil {
		t.Fatal(err)
	}
	end(ctx, tracerOf(logger.Handler()), "s", nil, slogtrace.KindServer, slog.Group("a", slog.Int("b", 5)), slog.Bool("9", true),
		slog.Float64("__x", 1.5), slog.Duration("é", time.Second), slog.String("server.address", "evil"), slog.Any("x", lazy{"lazy"}), slog.String("only", "no"))
	s := scrape(t, h).sample(t, "slogtrace_spans_total", "outcome=ok")
	delete(s.labels, "outcome")
	diff(t, "labels", s.labels, map[string]string{
		"op": "s", "kind": "server", "service": "api", "a_b": "5", "attr_a_b": "context", "attr_le": "0.5",
		"attr_9": "true", "attr___x": "1.5", "_": "1s", "in_group": "lazy",
	})
}

type lazy struct{ v any }

func (l lazy) LogValue() slog.Value { return slog.AnyValue(l.v) }

// In a group of the logger's, an attribute has the group's name in its key. Handlers derived from one do not disturb each other.
func TestGroups(t *testing.T) {
	h := NewHandler(&Options{Labels: []Label{{Attr: "g.x"}, {Attr: "x"}, {Attr: "g.h.x"}, {Attr: "l.x"}}})
	base := h.WithAttrs([]slog.Attr{slog.String("x", "root")})
	group := base.WithGroup("g")
	one := group.WithAttrs([]slog.Attr{slog.String("x", "one")})
	two := group.WithAttrs([]slog.Attr{slog.Any("h", lazy{slog.GroupValue(slog.String("x", "deep"))})})
	if base.WithGroup("") != base || h.WithAttrs(nil) != slog.Handler(h) {
		t.Error("WithGroup(\"\") and WithAttrs(nil) do not return their receiver")
	}
	for op, test := range map[string]struct {
		h     slog.Handler
		attrs []slog.Attr
		want  string
	}{
		"base":     {base, nil, `,kind="internal",op="base",outcome="ok",x="root"`},
		"group":    {group, []slog.Attr{slog.String("x", "own")}, `,g_x="own",kind="internal",op="group",outcome="ok",x="root"`},
		"one":      {one, nil, `,g_x="one",kind="internal",op="one",outcome="ok",x="root"`},
		"two":      {two, nil, `,g_h_x="deep",kind="internal",op="two",outcome="ok",x="root"`},
		"override": {base, []slog.Attr{slog.String("x", "own")}, `,kind="internal",op="override",outcome="ok",x="own"`},
		"lazy":     {h, []slog.Attr{slog.Any("l", lazy{slog.GroupValue(slog.Any("x", lazy{3}))})}, `,kind="internal",l_x="3",op="lazy",outcome="ok"`},
		"inline":   {h, []slog.Attr{slog.Group("", slog.Any("x", errors.New("e")))}, `,kind="internal",op="inline",outcome="ok",x="e"`},
	} {
		end(t.Context(), tracerOf(test.h), op, nil, test.attrs...)
		s := scrape(t, h).sample(t, "slogtrace_spans_total", "outcome=ok", "op="+op)
		diff(t, op, s.id(), "slogtrace_spans_total"+test.want)
	}
}

// Each label has a limit, and all together have one. What is over them is counted where it can be seen.
func TestLimits(t *testing.T) {
	h := NewHandler(&Options{MaxOps: 3, MaxSeries: 5, Labels: []Label{{Attr: "a", Max: 2}}})
	tracer := tracerOf(h)
	for i := range 4 {
		end(t.Context(), tracer, "op"+strconv.Itoa(i), nil)
	}
	for i := range 4 {
		end(t.Context(), tracer, "op0", nil, slog.Int("a", i))
	}
	end(t.Context(), tracer, "op0", nil, slogtrace.KindClient)
	x := scrape(t, h)
	for _, test := range []struct {
		labels []string
		want   float64
	}{
		{[]string{"op=op0", "a="}, 1}, {[]string{"op=op2"}, 1}, {[]string{"op=op0", "a=0"}, 1},
		// op3; then 5 series are there
		{[]string{"op=_OTHER", "kind=internal"}, 1 + 3},
		{[]string{"op=_OTHER", "kind=client"}, 1},
	} {
		diff(t, fmt.Sprint(test.labels), x.value(t, "slogtrace_spans_total", append(test.labels, "outcome=ok")...), test.want)
	}
	for limit, want := range map[string]float64{"op": 1, "a": 0, "series": 4, "error_type": 0} {
		diff(t, limit, x.value(t, "slogtrace_metrics_overflow_spans_total", "limit="+limit), want)
	}
	diff(t, "series", x.value(t, "slogtrace_metrics_series"), 5.0)

	h = NewHandler(&Options{Labels: []Label{{Attr: "a", Max: 2}}})
	tracer = tracerOf(h)
	for i := range 4 {
		end(t.Context(), tracer, "op", nil, slog.Int("a", i))
	}
	for range 3 {
		end(t.Context(), tracer, "op", nil, slog.Int("a", 1))
	}
	x = scrape(t, h)
	diff(t, "a=1", x.value(t, "slogtrace_spans_total", "a=1", "outcome=ok"), 4.0)
	diff(t, "a=_OTHER", x.value(t, "slogtrace_spans_total", "a=_OTHER", "outcome=ok"), 2.0)
	diff(t, "overflow", x.value(t, "slogtrace_metrics_overflow_spans_total", "limit=a"), 2.0)
}

// Texts that are not valid, and so become the same label, are one series.
func TestInvalidText(t *testing.T) {
	h := NewHandler(nil)
	for _, op := range []string{"a\xff", "a\xfe", "a\ufffd"} {
		end(t.Context(), tracerOf(h), op, errors.New("no"), slog.String("error.type", op))
	}
	x := scrape(t, h)
	diff(t, "spans", x.value(t, "slogtrace_spans_total", "op=a\ufffd", "outcome=error"), 3.0)
	diff(t, "errors", x.value(t, "slogtrace_span_errors_total", "error_type=a\ufffd"), 3.0)
}

// Types of errors have a limit too.
func TestErrorTypes(t *testing.T) {
	h := NewHandler(&Options{MaxSeries: 60})
	tracer := tracerOf(h)
	for op := range 3 {
		for i := range 2 * maxErrorTypes {
			end(t.Context(), tracer, strconv.Itoa(op), errors.New("no"), slog.Int("error.type", i))
		}
	}
	x := scrape(t, h)
	diff(t, "samples", len(x.samples("slogtrace_span_errors_total")), 60+3)
	diff(t, "in all", x.sum("slogtrace_span_errors_total"), 6.0*maxErrorTypes)
	diff(t, "op 2", x.sum("slogtrace_span_errors_total", "op=2"), 2.0*maxErrorTypes)
	if got := x.value(t, "slogtrace_metrics_overflow_spans_total", "limit=error_type"); got < 3*maxErrorTypes {
		t.Errorf("overflow %v", got)
	}
}

// A million names of operations, and of everything else, need no more memory than a thousand.
func TestMillionNames(t *testing.T) {
	if testing.Short() {
		t.Skip("race: short runs are those under the detector, where a million spans take too long; go test without -short runs them")
	}
	h := NewHandler(nil)
	tracer := tracerOf(h)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	failure := errors.New("no")
	before := heap()
	for i := range 2500 { // more than there is room for
		end(t.Context(), tracer, strconv.Itoa(i%50), failure, slog.Int("http.route", i/50), slog.Int("error.type", i%40))
	}
	full := heap()
	for i := range 1_000_000 {
		text := strconv.Itoa(i)
		if i%10 != 0 {
			end(t.Context(), tracer, text, nil)
			continue
		}
		end(t.Context(), tracer, text, failure, slogtrace.KindClient, slog.String("http.route", text), slog.String("server.address", text),
			slog.String("error.type", text), slog.String("circuit_breaker.name", text), slog.String("circuit_breaker.state", text))
	}
	after := heap()
	t.Logf("%d KB with 2,000 series, %d KB more with a million names", (full-before)>>10, (after-full)>>10)
	if full-before > 6<<20 || after-full > 64<<10 {
		t.Errorf("%d bytes for all series, then %d more", full-before, after-full)
	}
	x := scrape(t, h)
	diff(t, "spans", x.sum("slogtrace_spans_total"), 1e6+2500)
	diff(t, "errors", x.sum("slogtrace_span_errors_total"), 1e5+2500)
	if n := len(x); n > 2000*30 {
		t.Errorf("%d samples", n)
	}
}

// Handlers above and below change nothing but what they are there for.
func TestCombinations(t *testing.T) {
	for _, test := range []struct {
		name string
		wrap func(slog.Handler) slog.Handler
	}{
		{"alone", func(h slog.Handler) slog.Handler { return h }},
		{"Handler", func(h slog.Handler) slog.Handler { return slogtrace.NewHandler(h) }},
		{"OTel", func(h slog.Handler) slog.Handler { return slogtrace.OTel.NewHandler(h) }},
		{"Prefix", func(h slog.Handler) slog.Handler { return slogtrace.NewPrefixHandler(h) }},
		{"Multi", func(h slog.Handler) slog.Handler {
			return slog.NewMultiHandler(slogtrace.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}), h)
		}},
		{"Tail", func(h slog.Handler) slog.Handler { return slogtrace.NewTailHandler(h, nil) }},
		{"Redact", func(h slog.Handler) slog.Handler {
			return slogtrace.NewRedactHandler(h, &slogtrace.RedactOptions{Errors: true})
		}},
		{"Redact, Tail, Handler", func(h slog.Handler) slog.Handler {
			return slogtrace.NewRedactHandler(slogtrace.NewTailHandler(slogtrace.NewHandler(h), nil), nil)
		}},
		{"Handler, Multi, Tail", func(h slog.Handler) slog.Handler {
			return slogtrace.NewHandler(slog.NewMultiHandler(slog.NewTextHandler(io.Discard, nil), slogtrace.NewTailHandler(h, nil)))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := NewHandler(&Options{Labels: []Label{{Attr: "service"}, {Attr: "seat"}, {Attr: "password"}, {Attr: "trace"}, {Attr: "booking.source"}}})
			outer := slog.New(test.wrap(h)).With("service", "api").Handler()
			tracer, log := tracerOf(outer), slog.New(outer)
			ctx := slogtrace.With(t.Context(), slog.String("booking.source", "web"))
			ctx, span := tracer.Start(ctx, "book", slog.String("seat", "12A"), slog.String("password", "hunter2"))
			for range 4 { // from the third record on, ids are bound
				log.InfoContext(ctx, "held", "seat", 1)
			}
			_, inner := slogtrace.NewTracer(outer.WithGroup("g"), nil).Start(ctx, "inner", slog.String("seat", "12B"))
			inner.End()
			span.Fail(errors.New("password=hunter2 declined"))
			span.End()

			x := scrape(t, h)
			diff(t, "spans", x.sum("slogtrace_spans_total"), 2.0)
			s := x.sample(t, "slogtrace_spans_total", "op=book", "outcome=error")
			password := "hunter2"
			if strings.Contains(test.name, "Redact") {
				password = "[redacted]"
			}
			want := map[string]string{
				"op": "book", "kind": "internal", "outcome": "error", "service": "api", "seat": "12A", "password": password, "booking.source": "web",
			}
			want["booking_source"] = want["booking.source"]
			delete(want, "booking.source")
			diff(t, "labels", s.labels, want)
			diff(t, "inner", x.sample(t, "slogtrace_spans_total", "op=inner", "outcome=ok").labels["service"], "api")
			diff(t, "exemplar", s.exemplar.labels, map[string]string{
				"trace_id": span.SpanContext().TraceID.String(), "span_id": span.SpanContext().SpanID.String()})
		})
	}
}

// Behind a TailHandler, the spans that it lets through stand for those that it drops.
func TestBehindTail(t *testing.T) {
	h, beside := NewHandler(nil), NewHandler(nil)
	tail := slogtrace.NewTailHandler(h, &slogtrace.TailOptions{Share: 0.25, PassLevel: slog.LevelError})
	tracer := tracerOf(slog.NewMultiHandler(tail, beside))
	const n = 8000
	for i := range n {
		ctx, root := tracer.Start(t.Context(), "request")
		var err error
		if i%100 == 0 {
			err = errors.New("no")
		}
		end(ctx, tracer, "query", err)
		root.End()
	}
	x, y := scrape(t, h), scrape(t, beside)
	diff(t, "spans beside", y.sum("slogtrace_spans_total"), 2.0*n)
	diff(t, "failed beside", y.sum("slogtrace_spans_total", "outcome=error"), n/100.0)
	diff(t, "failed behind", x.sum("slogtrace_spans_total", "outcome=error"), n/100.0)
	if got := x.sum("slogtrace_spans_total"); math.Abs(got-2*n) > 0.1*2*n {
		t.Errorf("%v spans behind, want about %d", got, 2*n)
	}
}

// Requests and calls of tracehttp have their route, their host and their status.
func TestHTTP(t *testing.T) {
	h := NewHandler(nil)
	tracer := tracerOf(h)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bookings/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "0" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	server := httptest.NewServer(tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: tracer}))
	defer server.Close()
	client := http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: tracer})}
	for i := range 4 {
		resp, err := client.Get(server.URL + "/bookings/" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	server.Close()
	x := scrape(t, h)
	route := []string{"op=GET /bookings/{id}", "kind=server", "http_route=/bookings/{id}", "server_address="}
	diff(t, "requests", x.sum("slogtrace_spans_total", route...), 4.0)
	diff(t, "503", x.value(t, "slogtrace_span_errors_total", append(route, "error_type=503")...), 1.0)
	diff(t, "calls", x.sum("slogtrace_spans_total", "op=GET", "kind=client", "server_address=127.0.0.1"), 4.0)
	diff(t, "traces", x.sum("slogtrace_traces_total"), 4.0)
}

// Beside a sink of lines, a Handler does not disturb it.
func TestBesideLines(t *testing.T) {
	check := func(others ...slog.Handler) string {
		err := tracetest.CheckHandler(func(w io.Writer) slog.Handler {
			return slog.NewMultiHandler(append([]slog.Handler{slogtrace.NewJSONHandler(w, nil)}, others...)...)
		})
		rules := []string{}
		if err != nil {
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				v, _ := errors.AsType[*tracetest.Violation](e)
				rules = append(rules, v.Rule)
			}
		}
		return strings.Join(rules, ", ")
	}
	diff(t, "broken rules", check(NewHandler(nil)), check())
}

// Handlers of one registry, answers and String may be used at the same time.
func TestConcurrentUse(t *testing.T) {
	h := NewHandler(&Options{MaxOps: 20})
	const workers, spans = 8, 500
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			derived := h.WithAttrs([]slog.Attr{slog.Int("service", i%3)})
			tracer := tracerOf(derived)
			for j := range spans {
				var err error
				if j%5 == 0 {
					err = errors.New("no")
				}
				end(context.Background(), tracer, strconv.Itoa(j%30), err, slog.Int("error.type", j%7),
					slog.Int("circuit_breaker.name", j%5), slog.String("circuit_breaker.state", "open"))
			}
		})
		group.Go(func() {
			for range 5 {
				if _, err := parse(answer(t, h, i%2 == 0), i%2 == 0); err != nil {
					t.Error(err)
				}
				_ = h.String()
				h.ExportTracer(strconv.Itoa(i), slogtrace.NewTracer(h, nil).Stats)
			}
		})
	}
	group.Wait()
	x := scrape(t, h)
	diff(t, "spans", x.sum("slogtrace_spans_total"), float64(workers*spans))
	diff(t, "durations", x.sum("slogtrace_span_duration_seconds_count"), float64(workers*spans))
	diff(t, "errors", x.sum("slogtrace_span_errors_total"), float64(workers*spans/5))
}

// Lines below the level of the other handlers are not made for this one's sake.
func TestEnabled(t *testing.T) {
	h := NewHandler(nil)
	multi := slog.NewMultiHandler(slogtrace.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}), h)
	tracer := slogtrace.NewTracer(multi, &slogtrace.TracerOptions{Level: slog.LevelDebug})
	ctx, span := tracer.Start(t.Context(), "a")
	if multi.Enabled(ctx, slog.LevelInfo) {
		t.Error("Info is enabled in a span")
	}
	span.End()
	for level, want := range map[slog.Level]bool{slog.LevelDebug: false, slog.LevelInfo: true} {
		diff(t, level.String(), h.Enabled(t.Context(), level), want)
	}
	diff(t, "spans", scrape(t, h).sum("slogtrace_spans_total"), 1.0)
	if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "span end", 0)); err != nil {
		t.Error(err)
	}
	diff(t, "after a line", scrape(t, h).sum("slogtrace_spans_total"), 1.0)
}

package interop

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/contrib/propagators/b3"
	otelbaggage "go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// A span is what either side says of one.
type span struct {
	Trace, Span, Parent, Kind string
}

// A service is one side: what it puts around handlers and round trippers, and the spans that it has ended.
type service struct {
	name      string
	handler   func(http.Handler) http.Handler
	transport http.RoundTripper
	spans     func() []span
	baggage   func(context.Context) map[string]string // as its own users see it
}

// newOurs returns a service with slogtrace. Nil options and a nil sampler are the defaults.
func newOurs(h *tracehttp.HandlerOptions, tr *tracehttp.TransportOptions, sampler slogtrace.Sampler) *service {
	rec := new(spanRecorder)
	tracer := slogtrace.NewTracer(rec, &slogtrace.TracerOptions{Sampler: sampler})
	var ho tracehttp.HandlerOptions
	if h != nil {
		ho = *h
	}
	var to tracehttp.TransportOptions
	if tr != nil {
		to = *tr
	}
	ho.Tracer, to.Tracer = tracer, tracer
	return &service{
		name:      "slogtrace",
		handler:   func(next http.Handler) http.Handler { return tracehttp.NewHandler(next, &ho) },
		transport: tracehttp.NewTransport(nil, &to),
		spans:     rec.all,
		baggage:   func(ctx context.Context) map[string]string { return maps.Collect(slogtrace.Baggage(ctx)) },
	}
}

// A spanRecorder is a slog.Handler that keeps the spans.
type spanRecorder struct {
	mu    sync.Mutex
	spans []span
}

func (*spanRecorder) Enabled(context.Context, slog.Level) bool   { return true }
func (h *spanRecorder) WithAttrs(attrs []slog.Attr) slog.Handler { return h }
func (h *spanRecorder) WithGroup(name string) slog.Handler       { return h }

func (h *spanRecorder) Handle(_ context.Context, r slog.Record) error {
	if s, ok := slogtrace.SpanOf(r); ok && s.Ended {
		h.mu.Lock()
		h.spans = append(h.spans, span{s.TraceID.String(), s.SpanID.String(), s.Parent.String(), s.Kind})
		h.mu.Unlock()
	}
	return nil
}

func (h *spanRecorder) all() []span {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.spans)
}

// newTheirs returns a service with OpenTelemetry's SDK and otelhttp. Nothing global is set.
func newTheirs(p propagation.TextMapPropagator, sampler sdktrace.Sampler) *service {
	e := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(e), sdktrace.WithSampler(sdktrace.ParentBased(sampler)))
	opts := []otelhttp.Option{otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(p)}
	return &service{
		name:      "OpenTelemetry",
		handler:   func(next http.Handler) http.Handler { return otelhttp.NewHandler(next, "request", opts...) },
		transport: otelhttp.NewTransport(http.DefaultTransport, opts...),
		spans: func() []span {
			var list []span
			for _, s := range e.GetSpans() {
				parent := ""
				if s.Parent.SpanID().IsValid() {
					parent = s.Parent.SpanID().String()
				}
				list = append(list, span{s.SpanContext.TraceID().String(), s.SpanContext.SpanID().String(), parent, s.SpanKind.String()})
			}
			return list
		},
		baggage: func(ctx context.Context) map[string]string {
			m := map[string]string{}
			for _, member := range otelbaggage.FromContext(ctx).Members() {
				m[member.Key()] = member.Value()
			}
			return m
		},
	}
}

// w3c is what OTel's documentation tells to set.
var w3c = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// send makes a request by transport and waits for its end.
func send(ctx context.Context, transport http.RoundTripper, url string, h http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if h != nil {
		req.Header = h
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// A hop is a request as a service got it.
type hop struct {
	header  http.Header
	baggage map[string]string
}

// chain lets each of services serve, and call the next one; enter may change the context in between, by the number of
// the service. It sends a request with header h to the first one and returns what each got,
// the last one, which has no tracing, being where the last of services sends to.
func chain(t *testing.T, h http.Header, enter func(i int, ctx context.Context) context.Context, services ...*service) []hop {
	t.Helper()
	hops := make([]hop, len(services)+1)
	url := ""
	for i := len(services); i >= 0; i-- {
		next := url
		handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hops[i].header = r.Header.Clone()
			if i == len(services) {
				return
			}
			hops[i].baggage = services[i].baggage(r.Context())
			ctx := r.Context()
			if enter != nil {
				ctx = enter(i, ctx)
			}
			if err := send(ctx, services[i].transport, next, nil); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
			}
		}))
		if i < len(services) {
			handler = services[i].handler(handler)
		}
		// Close waits for the handlers, and so for the ends of their spans.
		s := httptest.NewServer(handler)
		defer s.Close()
		url = s.URL
	}
	if err := send(t.Context(), http.DefaultTransport, url, h); err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return hops
}

const (
	callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan  = "00f067aa0ba902b7"
)

// checkTrace wants a server and a client span of each service, each the child of the one before it, all in one trace:
// that of the caller, or a new one if callerSpan is "".
func checkTrace(t *testing.T, trace, parent string, services []*service) {
	t.Helper()
	for i, s := range services {
		for _, kind := range []string{"server", "client"} {
			spans := slices.DeleteFunc(s.spans(), func(sp span) bool { return sp.Kind != kind })
			if len(spans) != 1 {
				t.Fatalf("service %d, %s: want one %s span, got %v", i, s.name, kind, spans)
			}
			trace = cmp.Or(trace, spans[0].Trace)
			want := span{trace, spans[0].Span, parent, kind}
			if diff := gocmp.Diff(want, spans[0]); diff != "" {
				t.Errorf("service %d, %s (-want +got):\n%s", i, s.name, diff)
			}
			parent = spans[0].Span
		}
	}
}

func TestHTTP(t *testing.T) {
	for _, test := range []struct {
		name         string
		header       http.Header
		trace, span  string
		state, flags string // at the end
		notFirst     string // who cannot read it
	}{
		{"a new trace", nil, "", "", "", "", ""},
		{"a caller's", http.Header{"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-01"}}, callerTrace, callerSpan, "", "-01", ""},
		{
			"a caller's, random, with a state",
			http.Header{"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-03"}, "Tracestate": {"a=1,b@c=2,d=3"}},
			callerTrace, callerSpan, "a=1,b@c=2,d=3", "-03", "",
		},
		{
			// W3C Trace Context Level 2, 3.3.1: several lines are one list. OTel reads the first one.
			"a state in two lines",
			http.Header{"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-01"}, "Tracestate": {"a=1,b@c=2", "d=3"}},
			callerTrace, callerSpan, "a=1,b@c=2,d=3", "-01", "theirs",
		},
	} {
		for _, order := range [][]string{{"ours", "theirs"}, {"theirs", "ours"}, {"ours", "theirs", "ours"}, {"theirs", "ours", "theirs"}} {
			if order[0] == test.notFirst {
				continue
			}
			t.Run(test.name+"/"+strings.Join(order, " "), func(t *testing.T) {
				var services []*service
				for _, who := range order {
					if who == "ours" {
						services = append(services, newOurs(nil, nil, nil))
					} else {
						services = append(services, newTheirs(w3c, sdktrace.AlwaysSample()))
					}
				}
				hops := chain(t, test.header, nil, services...)
				checkTrace(t, test.trace, test.span, services)

				last := hops[len(hops)-1].header
				sc, err := slogtrace.ParseTraceparent(last.Get("traceparent"))
				spans := services[len(services)-1].spans()
				sent := spans[slices.IndexFunc(spans, func(s span) bool { return s.Kind == "client" })] // checkTrace has found it
				if err != nil || sc.SpanID.String() != sent.Span {
					t.Errorf("want a traceparent of %v, got %q", sent, last["Traceparent"])
				}
				if got := last.Get("tracestate"); got != test.state {
					t.Errorf("want the tracestate %q, got %q", test.state, got)
				}
				if got := last.Get("traceparent"); test.flags != "" && got[len(got)-3:] != test.flags {
					t.Errorf("want the flags %s, got %s", test.flags, got)
				}
			})
		}
	}
}

// never is a Sampler.
type never struct{}

func (never) Sample(slogtrace.SampleInput) (bool, float64) { return false, 0.01 }

// Whoever begins the trace decides, and the others obey.
func TestHTTPNotSampled(t *testing.T) {
	for _, test := range []struct {
		name     string
		services []*service
	}{
		{"we begin", []*service{newOurs(nil, nil, never{}), newTheirs(w3c, sdktrace.AlwaysSample()), newOurs(nil, nil, nil)}},
		{"they begin", []*service{newTheirs(w3c, sdktrace.NeverSample()), newOurs(nil, nil, nil), newTheirs(w3c, sdktrace.AlwaysSample())}},
	} {
		t.Run(test.name, func(t *testing.T) {
			hops := chain(t, nil, nil, test.services...)
			traces := map[slogtrace.TraceID]bool{}
			for i, h := range hops[1:] {
				sc, err := slogtrace.ParseTraceparent(h.header.Get("traceparent"))
				if err != nil || sc.IsSampled() {
					t.Errorf("service %d sends %q, want a trace that is not sampled", i, h.header["Traceparent"])
				}
				traces[sc.TraceID] = true
			}
			if len(traces) != 1 {
				t.Errorf("want one trace, got %v", traces)
			}
			for i, s := range test.services {
				if spans := s.spans(); len(spans) > 0 {
					t.Errorf("service %d, %s: want no spans, got %v", i, s.name, spans)
				}
			}
		})
	}
}

func TestHTTPBaggage(t *testing.T) {
	open := func() *service {
		return newOurs(&tracehttp.HandlerOptions{Baggage: true}, &tracehttp.TransportOptions{BaggageHosts: []string{"127.0.0.1"}}, nil)
	}
	header := http.Header{
		"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-01"},
		"Tracestate":  {"a=1"},
		"Baggage":     {"tenant=acme,city=K%C3%B6ln%20S%C3%BCd", "tier=gold;ttl=3"},
	}
	want := map[string]string{"tenant": "acme", "city": "Köln Süd", "tier": "gold"}

	t.Run("slogtrace, OpenTelemetry, slogtrace", func(t *testing.T) {
		services := []*service{open(), newTheirs(w3c, sdktrace.AlwaysSample()), open()}
		added := maps.Clone(want)
		added["booking"] = `b-1, "first" 100% = ü;`
		hops := chain(t, header, func(i int, ctx context.Context) context.Context {
			var err error
			switch i {
			case 0:
				ctx, err = slogtrace.WithBaggage(ctx, "booking", added["booking"])
			case 1:
				var m otelbaggage.Member
				if m, err = otelbaggage.NewMemberRaw("user", "17 ½"); err == nil {
					var b otelbaggage.Baggage
					b, err = otelbaggage.FromContext(ctx).SetMember(m)
					ctx = otelbaggage.ContextWithBaggage(ctx, b)
				}
			}
			if err != nil {
				t.Error(err)
			}
			return ctx
		}, services...)
		checkTrace(t, callerTrace, callerSpan, services)
		both := maps.Clone(added)
		both["user"] = "17 ½"
		for i, want := range []map[string]string{want, added, both} {
			if diff := gocmp.Diff(want, hops[i].baggage); diff != "" {
				t.Errorf("service %d (-want +got):\n%s", i, diff)
			}
		}
		last := propagation.Baggage{}.Extract(t.Context(), propagation.HeaderCarrier(hops[3].header))
		if diff := gocmp.Diff(both, services[1].baggage(last)); diff != "" {
			t.Errorf("what the last one sends (-want +got):\n%s", diff)
		}
		if got := hops[3].header["Tracestate"]; !slices.Equal(got, []string{"a=1"}) {
			t.Errorf("want the tracestate a=1, got %q", got)
		}
	})

	// Without the options it neither comes in nor goes out.
	t.Run("not from strangers", func(t *testing.T) {
		services := []*service{newOurs(nil, &tracehttp.TransportOptions{BaggageHosts: []string{"127.0.0.1"}}, nil), newTheirs(w3c, sdktrace.AlwaysSample())}
		for i, h := range chain(t, header, nil, services...)[:2] {
			if len(h.baggage) > 0 {
				t.Errorf("service %d: want no baggage, got %v", i, h.baggage)
			}
		}
		checkTrace(t, callerTrace, callerSpan, services)
	})
	t.Run("not to strangers", func(t *testing.T) {
		services := []*service{newOurs(&tracehttp.HandlerOptions{Baggage: true}, nil, nil), newTheirs(w3c, sdktrace.AlwaysSample())}
		hops := chain(t, header, nil, services...)
		if diff := gocmp.Diff(want, hops[0].baggage); diff != "" {
			t.Errorf("service 0 (-want +got):\n%s", diff)
		}
		if len(hops[1].baggage) > 0 {
			t.Errorf("service 1: want no baggage, got %v", hops[1].baggage)
		}
		checkTrace(t, callerTrace, callerSpan, services)
	})
}

// OTel's B3 knows nothing of traceparent, which we send too.
func TestHTTPB3(t *testing.T) {
	const ids = callerTrace + "-" + callerSpan
	single := &tracehttp.TransportOptions{B3: true}
	multi := &tracehttp.TransportOptions{B3Multi: true}
	multiHeader := func(sampled, flags string) http.Header {
		h := http.Header{"X-B3-Traceid": {callerTrace}, "X-B3-Spanid": {callerSpan}, "X-B3-Parentspanid": {"05e3ac9a4f6e3b90"}}
		if sampled != "" {
			h["X-B3-Sampled"] = []string{sampled}
		}
		if flags != "" {
			h["X-B3-Flags"] = []string{flags}
		}
		return h
	}
	for _, test := range []struct {
		name   string
		opts   *tracehttp.TransportOptions
		enc    b3.Encoding
		header http.Header
		trace  string
		state  string // sent by each
		traced bool
	}{
		{"single, sampled", single, b3.B3SingleHeader, http.Header{"B3": {ids + "-1"}}, callerTrace, "1", true},
		{"single, not sampled", single, b3.B3SingleHeader, http.Header{"B3": {ids + "-0"}}, callerTrace, "0", false},
		{"single, debug", single, b3.B3SingleHeader, http.Header{"B3": {ids + "-d"}}, callerTrace, "d", true},
		{"single, 64 bits", single, b3.B3SingleHeader, http.Header{"B3": {ids[16:] + "-1"}}, "0000000000000000" + callerTrace[16:], "1", true},
		{"multi, sampled", multi, b3.B3MultipleHeader, multiHeader("1", ""), callerTrace, "1", true},
		{"multi, not sampled", multi, b3.B3MultipleHeader, multiHeader("0", ""), callerTrace, "0", false},
		{"multi, debug", multi, b3.B3MultipleHeader, multiHeader("", "1"), callerTrace, "d", true},
	} {
		for _, oursFirst := range []bool{true, false} {
			t.Run(test.name+"/"+map[bool]string{true: "ours", false: "theirs"}[oursFirst]+" first", func(t *testing.T) {
				p := b3.New(b3.WithInjectEncoding(test.enc))
				services := []*service{newOurs(nil, test.opts, nil), newTheirs(p, sdktrace.AlwaysSample()), newOurs(nil, test.opts, nil)}
				if !oursFirst {
					services = []*service{newTheirs(p, sdktrace.AlwaysSample()), newOurs(nil, test.opts, nil), newTheirs(p, sdktrace.AlwaysSample())}
				}
				hops := chain(t, test.header, nil, services...)
				if test.traced {
					checkTrace(t, test.trace, callerSpan, services)
				}
				for i, h := range hops[1:] {
					trace, state := h.header.Get("X-B3-TraceId"), h.header.Get("X-B3-Sampled")
					if h.header.Get("X-B3-Flags") == "1" {
						state += "d" // and nothing beside it
					}
					if test.enc == b3.B3SingleHeader {
						v := h.header.Get("b3")
						if len(v) != 51 {
							t.Fatalf("service %d sends b3 %q", i, v)
						}
						trace, state = v[:32], v[50:]
					}
					if trace != test.trace || state != test.state {
						t.Errorf("service %d, %s: want the trace %s and %s, got %s and %s", i, services[i].name, test.trace, test.state, trace, state)
					}
				}
			})
		}
	}
}

// captured is a RoundTripper that keeps the headers.
type captured struct{ header http.Header }

func (c *captured) RoundTrip(r *http.Request) (*http.Response, error) {
	c.header = r.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// What one side writes the other one reads, over random ids: those with zeros in front among them.
func TestB3BothWays(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	tracer := slogtrace.NewTracer(slog.DiscardHandler, nil)
	for i := range 1000 {
		opts, enc := &tracehttp.TransportOptions{Tracer: tracer, B3: true}, b3.B3SingleHeader
		if i%2 == 1 {
			opts, enc = &tracehttp.TransportOptions{Tracer: tracer, B3Multi: true}, b3.B3MultipleHeader
		}
		p := b3.New(b3.WithInjectEncoding(enc))
		want := randomSpanContext(rng)
		want.State, want.Flags = "", want.Flags&slogtrace.FlagSampled // the others do not exist in B3

		var c captured
		ctx := slogtrace.ContextWithRemoteSpanContext(t.Context(), want)
		if err := send(ctx, tracehttp.NewTransport(&c, opts), "http://127.0.0.1/", nil); err != nil {
			t.Fatal(err)
		}
		sent, err := slogtrace.ParseTraceparent(c.header.Get("traceparent"))
		if err != nil {
			t.Fatal(err)
		}
		sent.Flags &= slogtrace.FlagSampled
		got := fromOTel(trace.SpanContextFromContext(p.Extract(t.Context(), propagation.HeaderCarrier(c.header))))
		if got != sent || got.TraceID != want.TraceID || got.Flags != want.Flags {
			t.Fatalf("OTel reads %v\nas   %+v\nwant %+v", c.header, got, sent)
		}

		theirs := trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID(want.TraceID), SpanID: trace.SpanID(want.SpanID), TraceFlags: trace.TraceFlags(want.Flags),
		})
		h := http.Header{}
		p.Inject(trace.ContextWithSpanContext(t.Context(), theirs), propagation.HeaderCarrier(h))
		ctx, err = tracehttp.Extract(t.Context(), h)
		if got := slogtrace.SpanContextFromContext(ctx); err != nil || got != want {
			t.Fatalf("we read %v\nas   %+v, error %v\nwant %+v", h, got, err, want)
		}
	}
}

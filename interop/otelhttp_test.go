package interop

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/traceotel"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	otelbaggage "go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

type brokenTransport struct{}

func (brokenTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the cable is out")
}

// otelhttp on both sides, and tracehttp on either.
func TestOTelHTTP(t *testing.T) {
	u := newOTelUser(nil)
	opts := []otelhttp.Option{otelhttp.WithTracerProvider(u.provider), otelhttp.WithPropagators(u.propagator)}
	var mux http.ServeMux
	mux.HandleFunc("GET /seats/{id}", func(w http.ResponseWriter, r *http.Request) {
		ctx, span := slogtrace.Start(r.Context(), "seats.find")
		defer span.End()
		slogtrace.Logger(ctx).InfoContext(ctx, "looking")
		switch r.PathValue("id") {
		case "1Z":
			http.NotFound(w, r)
		case "12A":
			http.Error(w, "broken", http.StatusInternalServerError)
		}
	})
	theirs := httptest.NewServer(otelhttp.NewHandler(&mux, "seats", opts...))
	defer theirs.Close()
	ours := httptest.NewServer(tracehttp.NewHandler(&mux, &tracehttp.HandlerOptions{Tracer: u.tracer, Baggage: true}))
	defer ours.Close()
	theirTransport := otelhttp.NewTransport(http.DefaultTransport, opts...)
	ourTransport := tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: u.tracer, BaggageHosts: []string{"127.0.0.1"}})
	broken := otelhttp.NewTransport(brokenTransport{}, opts...)

	ctx, err := slogtrace.WithBaggage(t.Context(), "tenant", "acme")
	if err != nil {
		t.Fatal(err)
	}
	u.in(ctx, "book", func(ctx context.Context) {
		for _, call := range []struct {
			transport http.RoundTripper
			url       string
			fails     bool
		}{
			{theirTransport, theirs.URL + "/seats/1A", false},
			{theirTransport, theirs.URL + "/seats/1Z", true},
			{theirTransport, theirs.URL + "/seats/12A", true},
			{theirTransport, ours.URL + "/seats/1A", false},
			{ourTransport, theirs.URL + "/seats/1A", false},
			{broken, "http://seats.example/seats/1A", true},
		} {
			if err := send(ctx, call.transport, call.url, nil); (err != nil) != call.fails {
				t.Errorf("%s: error %v", call.url, err)
			}
		}
	})
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	theirs.Close() // waits for the ends of the server's spans
	ours.Close()
	u.check(t, `book tenant="acme"
  HTTP GET [client] tenant="acme" http.response.status_code=200
    GET /seats/{id} [server] tenant="acme" http.response.status_code=200
      seats.find tenant="acme"
        · looking "acme"
  HTTP GET [client] tenant="acme" http.response.status_code=404 ✗ 404
    GET /seats/{id} [server] tenant="acme" http.response.status_code=404
      seats.find tenant="acme"
        · looking "acme"
  HTTP GET [client] tenant="acme" http.response.status_code=500 ✗ 500
    GET /seats/{id} [server] tenant="acme" http.response.status_code=500 ✗ 500
      seats.find tenant="acme"
        · looking "acme"
  HTTP GET [client] tenant="acme" http.response.status_code=200
    GET /seats/{id} [server] tenant="acme" http.response.status_code=200
      seats.find tenant="acme"
        · looking "acme"
  GET [client] tenant="acme" http.response.status_code=200
    GET /seats/{id} [server] tenant="acme" http.response.status_code=200
      seats.find tenant="acme"
        · looking "acme"
  HTTP GET [client] tenant="acme" ✗ the cable is out
`, "tenant", "http.response.status_code")
}

// newViaOTel returns a service that has otelhttp over slogtrace.
func newViaOTel() *service {
	rec := new(spanRecorder)
	provider := traceotel.NewTracerProvider(slogtrace.NewTracer(rec, nil))
	opts := []otelhttp.Option{otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(traceotel.Propagator())}
	return &service{
		name:      "otelhttp over slogtrace",
		handler:   func(next http.Handler) http.Handler { return otelhttp.NewHandler(next, "request", opts...) },
		transport: otelhttp.NewTransport(http.DefaultTransport, opts...),
		spans:     rec.all,
		baggage:   func(ctx context.Context) map[string]string { return maps.Collect(slogtrace.Baggage(ctx)) },
	}
}

// Ids, tracestate and baggage go through otelhttp over slogtrace, otelhttp over the SDK, and otelhttp over slogtrace.
// Each adds to the baggage.
func TestOTelThreeHops(t *testing.T) {
	services := []*service{newViaOTel(), newTheirs(w3c, sdktrace.AlwaysSample()), newViaOTel()}
	header := http.Header{
		"Traceparent": {"00-" + callerTrace + "-" + callerSpan + "-03"},
		"Tracestate":  {"a=1,b@c=2"},
		"Baggage":     {"city=K%C3%B6ln%20S%C3%BCd,tier=gold;ttl=3"},
	}
	hops := chain(t, header, func(i int, ctx context.Context) context.Context {
		var err error
		switch i {
		case 1:
			var m otelbaggage.Member
			if m, err = otelbaggage.NewMemberRaw("user", "17 ½"); err == nil {
				var b otelbaggage.Baggage
				b, err = otelbaggage.FromContext(ctx).SetMember(m)
				ctx = otelbaggage.ContextWithBaggage(ctx, b)
			}
		default:
			ctx, err = slogtrace.WithBaggage(ctx, "booking", "b-1, 100%")
		}
		if err != nil {
			t.Error(err)
		}
		return ctx
	}, services...)
	checkTrace(t, callerTrace, callerSpan, services)
	first := map[string]string{"city": "Köln Süd", "tier": "gold"}
	second := maps.Clone(first)
	second["booking"] = "b-1, 100%"
	third := maps.Clone(second)
	third["user"] = "17 ½"
	for i, want := range []map[string]string{first, second, third} {
		if diff := gocmp.Diff(want, hops[i].baggage); diff != "" {
			t.Errorf("service %d (-want +got):\n%s", i, diff)
		}
	}
	for i, h := range hops[1:] {
		if got := h.header["Tracestate"]; !slices.Equal(got, []string{"a=1,b@c=2"}) {
			t.Errorf("service %d sends the tracestate %q", i, got)
		}
		if sc, err := slogtrace.ParseTraceparent(h.header.Get("Traceparent")); err != nil || sc.Flags != 3 || sc.TraceID.String() != callerTrace {
			t.Errorf("service %d sends %v, error %v", i, sc, err)
		}
	}
}

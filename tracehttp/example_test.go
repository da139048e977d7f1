package tracehttp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

// shown returns a Tracer whose records show only what is the same in each run.
func shown() *slogtrace.Tracer {
	return slogtrace.NewTracer(slogtrace.NewHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case "op", "kind", "error", "http.response.status_code", "detail", "correlation_id":
				return a
			}
			return slog.Attr{}
		},
	})), nil)
}

func ExampleNewHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bookings/{id}", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the calendar is down", http.StatusServiceUnavailable)
	})
	h := tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: shown()})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/bookings/4711", nil))
	// Output:
	// op="GET /bookings/{id}" kind=server error="503 Service Unavailable" http.response.status_code=503
}

// Middleware that copies the request hides the route. A second handler around the mux reports it.
func ExampleNewHandler_middleware() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /bookings/{id}", func(w http.ResponseWriter, r *http.Request) {})
	h := http.TimeoutHandler(tracehttp.NewHandler(mux, nil), time.Second, "too late")
	h = tracehttp.NewHandler(h, &tracehttp.HandlerOptions{Tracer: shown()})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/bookings/4711", nil))
	// Output:
	// op="GET /bookings/{id}" kind=server http.response.status_code=200
}

// A router other than http.ServeMux knows the route only after routing.
func ExampleSetRoute() {
	router := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracehttp.SetRoute(r.Context(), "/bookings/:id")
	})
	h := tracehttp.NewHandler(router, &tracehttp.HandlerOptions{Tracer: shown()})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/bookings/4711", nil))
	// Output:
	// op="GET /bookings/:id" kind=server http.response.status_code=200
}

// healthless samples no request for /health. It looks at the path, which is known before the route.
type healthless struct{ others slogtrace.Sampler }

func (s healthless) Sample(in slogtrace.SampleInput) (bool, float64) {
	for _, a := range in.Attrs {
		if a.Key == "url.path" && a.Value.String() == "/health" {
			return false, 1
		}
	}
	return s.others.Sample(in)
}

func ExampleRequestID() {
	opts := &tracehttp.HandlerOptions{
		Tracer:     shown(),
		RequestIDs: []tracehttp.RequestID{{Generate: true, Baggage: true}, {Header: "X-Correlation-Id"}},
	}
	h := tracehttp.NewHandler(http.NotFoundHandler(), opts)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Correlation-Id", "c-4711")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Header().Get("X-Correlation-Id"), len(w.Header().Get("X-Request-Id")))
	// Output:
	// op=GET kind=server correlation_id=c-4711 http.response.status_code=404
	// c-4711 26
}

// On a public edge, partners' traces are only linked to, and those of strangers are ignored.
func ExampleTrust() {
	opts := &tracehttp.HandlerOptions{
		Tracer: shown(),
		Trust: func(r *http.Request) tracehttp.Trust {
			if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
				return tracehttp.TrustLink // a partner
			}
			return tracehttp.TrustIgnore
		},
	}
	h := tracehttp.NewHandler(http.NotFoundHandler(), opts)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Output:
	// op=GET kind=server http.response.status_code=404
}

func ExampleNewTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("traceparent:", len(r.Header.Get("Traceparent")), "bytes")
	}))
	defer server.Close()

	client := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: shown()})}
	resp, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	// Output:
	// traceparent: 55 bytes
	// op=GET kind=client http.response.status_code=200
}

// A queue whose messages have properties, each of one string.
func ExampleInject() {
	ctx, err := tracehttp.Extract(context.Background(), http.Header{"Traceparent": {parent}})
	if err != nil {
		fmt.Println(err)
	}

	h := http.Header{}
	tracehttp.Inject(ctx, h)
	properties := map[string]string{}
	for key, values := range h {
		properties[strings.ToLower(key)] = strings.Join(values, ",")
	}
	fmt.Println(properties)

	// On the other side:
	h = http.Header{}
	for key, value := range properties {
		h.Set(key, value)
	}
	ctx, err = tracehttp.Extract(context.Background(), h)
	fmt.Println(slogtrace.SpanContextFromContext(ctx).TraceID, err)
	// Output:
	// map[traceparent:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01]
	// 4bf92f3577b34da6a3ce929d0e0e4736 <nil>
}

// MD is like metadata.MD of google.golang.org/grpc: values by keys in lower case.
type MD map[string][]string

// In gRPC interceptors: the metadata of a call has keys in lower case.
func ExampleExtract() {
	incoming := MD{"traceparent": {parent}} // metadata.FromIncomingContext
	ctx, err := tracehttp.Extract(context.Background(), http.Header(incoming))
	fmt.Println(slogtrace.SpanContextFromContext(ctx).SpanID, err)

	h := http.Header{}
	tracehttp.Inject(ctx, h)
	outgoing := MD{} // metadata.NewOutgoingContext
	for key, values := range h {
		outgoing[strings.ToLower(key)] = values
	}
	fmt.Println(outgoing)
	// Output:
	// 00f067aa0ba902b7 <nil>
	// map[traceparent:[00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01]]
}

func ExampleError() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracehttp.Error(w, r, http.StatusConflict, "seat 12A is taken", slog.String("code", "seat_taken"))
	})
	ctx, _ := tracehttp.Extract(context.Background(), http.Header{"Traceparent": {parent}})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/bookings", nil).WithContext(ctx))
	fmt.Print(w.Body)
	// Output:
	// {"title":"Conflict","status":409,"detail":"seat 12A is taken","code":"seat_taken","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}
}

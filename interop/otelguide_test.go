package interop

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/traceotel"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The code of docs/guide/opentelemetry.md. It sets what is global, so each part runs in a process of its own.

// instead is main of a program that has slogtrace instead of the SDK.
func instead() {
	h := slogtrace.NewJSONHandler(os.Stdout, nil)
	slog.SetDefault(slog.New(h.WithAttrs(slogtrace.EnvAttrs())))
	otel.SetTracerProvider(traceotel.NewTracerProvider(nil))
	otel.SetTextMapPropagator(traceotel.Propagator())
}

// besideSDK is main of a program that has both.
func besideSDK() {
	h := traceotel.NewHandler(slog.NewJSONHandler(os.Stdout, nil))
	slog.SetDefault(slog.New(h))
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(lineProcessor{h}))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
}

// book is a program's own code, which uses both APIs.
func book(ctx context.Context) {
	ctx, span := otel.Tracer("bookings").Start(ctx, "seats.find")
	defer span.End()
	span.SetAttributes(attribute.Int("seat.count", 2))

	ctx, own := slogtrace.Start(ctx, "seats.lock")
	defer own.End()
	slog.InfoContext(ctx, "locked")
}

func TestOTelGuide(t *testing.T) {
	mains := map[string]func(){"instead": instead, "beside": besideSDK}
	if name := os.Getenv("OTEL_GUIDE"); name != "" {
		mains[name]()
		serveBooking(t)
		return
	}
	for name, want := range map[string]string{
		"instead": `HTTP GET [client]
  GET [server]
    seats.find seat.count=2
      seats.lock
        · locked
`,
		"beside": `HTTP GET [client]
  GET [server]
    seats.find seat.count=2
      seats.lock
        · locked
`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestOTelGuide$")
			cmd.Env = append(os.Environ(), "OTEL_GUIDE="+name, "OTEL_SERVICE_NAME=api", "GORACE=atexit_sleep_ms=0")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var entries []tracelog.Entry
			if _, err := tracelog.Scan(bytes.NewReader(out), "log", func(e tracelog.Entry) {
				if e.Trace != "" {
					entries = append(entries, e)
				}
			}); err != nil {
				t.Fatal(err)
			}
			traces := tracelog.Assemble(entries)
			if len(traces) != 1 || len(traces[0].Problems) > 0 {
				t.Fatalf("%d traces:\n%s", len(traces), out)
			}
			var b strings.Builder
			for depth, s := range traces[0].All() {
				writeSpan(&b, strings.Repeat("  ", depth), s, []string{"seat.count"})
				if name == "instead" && s.Service != "api" {
					t.Errorf("%s: the service is %q", s.Op, s.Service)
				}
			}
			if b.String() != want {
				t.Errorf("want\n%s\ngot\n%s\n%s", want, b.String(), out)
			}
		})
	}
}

// serveBooking books once over HTTP, with otelhttp on the client's side and, with the SDK, on the server's.
func serveBooking(t *testing.T) {
	handler := http.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { book(r.Context()) }))
	if _, sdk := otel.GetTracerProvider().(*sdktrace.TracerProvider); sdk {
		handler = otelhttp.NewHandler(handler, "bookings")
	} else {
		handler = tracehttp.NewHandler(handler, nil)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	if err := send(context.Background(), otelhttp.NewTransport(http.DefaultTransport), server.URL, nil); err != nil {
		t.Error(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

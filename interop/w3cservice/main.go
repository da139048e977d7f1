// Command w3cservice is the service that the W3C's public test suite for Trace Context drives:
// github.com/w3c/trace-context, directory test.
//
//	go run ./w3cservice -addr 127.0.0.1:5000
//	STRICT_LEVEL=2 SPEC_LEVEL=2 python3 test.py http://127.0.0.1:5000/test
//
// To POST /test comes a list of {"url": …, "arguments": […]}. Each of the arguments is posted to its url,
// within the trace of the request, before that is answered.
// The records of the spans, and what was not taken of headers, go to standard error.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracehttp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("w3cservice", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:5000", "the `address` to listen on")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "w3cservice: want no arguments, got %q\n", flags.Args())
		return 2
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		fmt.Fprintln(stderr, "w3cservice:", err)
		return 1
	}
	// With port 0 nobody else knows which one it is.
	fmt.Fprintf(stdout, "http://%s/test\n", l.Addr())
	h := slogtrace.NewJSONHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug})
	s := &http.Server{Handler: newService(slogtrace.NewTracer(h, nil)), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() {
		// The suite keeps no connection that is worth waiting for.
		_ = s.Close()
		close(stopped)
	})
	if err := s.Serve(l); ctx.Err() == nil {
		fmt.Fprintln(stderr, "w3cservice:", err)
		return 1
	}
	<-stopped
	return 0
}

// An action is what the suite wants to have posted where.
type action struct {
	URL       string          `json:"url"`
	Arguments json.RawMessage `json:"arguments"`
}

// maxBody is in bytes. The suite's lists have three members.
const maxBody = 1 << 20

func newService(t *slogtrace.Tracer) http.Handler {
	client := &http.Client{Transport: tracehttp.NewTransport(nil, &tracehttp.TransportOptions{Tracer: t}), Timeout: 5 * time.Second}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /test", func(w http.ResponseWriter, r *http.Request) {
		var actions []action
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&actions); err != nil {
			http.Error(w, "want a JSON list of actions: "+err.Error(), http.StatusBadRequest)
			return
		}
		for _, a := range actions {
			if err := a.do(r.Context(), client); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "null\n")
	})
	return tracehttp.NewHandler(mux, &tracehttp.HandlerOptions{Tracer: t})
}

func (a action) do(ctx context.Context, client *http.Client) error {
	body := a.Arguments
	if body == nil {
		body = json.RawMessage("[]")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", a.URL, resp.Status)
	}
	return nil
}

// Package jaeger starts Jaeger v2 for tests, which is a distribution of OpenTelemetry's Collector. It keeps spans in memory, and
// listens on 127.0.0.1 only. Without the program (package program), tests skip.
package jaeger

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/slogtrace/slogtrace/interop/internal/process"
	"github.com/slogtrace/slogtrace/interop/internal/program"
)

// A Server is a running Jaeger. It is safe for concurrent use.
type Server struct {
	OTLP   string // the base URL of its receiver, OTLP over HTTP
	Zipkin string // the base URL of its receiver of Zipkin's formats
	Query  string // the base URL of its API

	command process.Command
}

// config is the configuration. %[1]d is the port of the receiver, then those of the API, then what logs need, and the port of Zipkin's receiver.
const config = `service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [otlp, zipkin]
      exporters: [jaeger_storage_exporter]
%[4]s
  telemetry:
    metrics:
      level: none
extensions:
  jaeger_query:
    storage:
      traces: memory
    http:
      endpoint: 127.0.0.1:%[2]d
    grpc:
      endpoint: 127.0.0.1:%[3]d
  jaeger_storage:
    backends:
      memory:
        memory:
          max_traces: 100000
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:%[1]d
  zipkin:
    endpoint: 127.0.0.1:%[5]d
exporters:
  jaeger_storage_exporter:
    trace_storage: memory
`

// logsPipeline and logsExporter send logs on. Jaeger itself keeps none.
const (
	logsPipeline = `    logs:
      receivers: [otlp]
      exporters: [otlphttp]`
	logsExporter = `  otlphttp:
    logs_endpoint: %s
`
)

// Start starts a server that runs until the test ends. logs is the URL to which it sends the logs that it gets, as protobuf; "": it
// has no pipeline for logs, and answers 404 to them.
func Start(t testing.TB, logs string) *Server {
	t.Helper()
	file := program.Need(t, "jaeger")
	var err error
	// Another process may take a port that was free. The server then ends.
	for range 5 {
		var s *Server
		if s, err = start(t, file, logs); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

func start(t testing.TB, file, logs string) (*Server, error) {
	var ports [4]int
	for i := range ports {
		port, err := process.FreePort()
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	pipeline, exporter := "", ""
	if logs != "" {
		pipeline, exporter = logsPipeline, fmt.Sprintf(logsExporter, logs)
	}
	dir, err := os.MkdirTemp("", "jaeger")
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(config, ports[0], ports[1], ports[2], pipeline, ports[3]) + exporter
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	url := func(i int) string { return fmt.Sprintf("http://127.0.0.1:%d", ports[i]) }
	s := &Server{OTLP: url(0), Query: url(1), Zipkin: url(3)}
	s.command = process.Command{Dir: dir, Args: []string{file, "--config=" + filepath.Join(dir, "config.yaml")}}
	running, err := s.command.Start(s.ready)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	t.Cleanup(func() {
		log := s.Log(t)
		if err := running.Stop(); err != nil {
			t.Errorf("stop Jaeger: %v\n%s", err, log)
		}
	})
	return s, nil
}

func (s *Server) ready() bool {
	for _, url := range []string{s.OTLP, s.Query + "/api/v3/services"} {
		resp, err := http.Get(url)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		if url != s.OTLP && resp.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}

// Log returns what the server has logged so far.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.command.Dir, "log"))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// Trace returns a trace by its id, as /api/v3/traces has it. It repeats the request until there are at least so many spans, for 20
// seconds at most: spans appear some time after they were accepted.
func (s *Server) Trace(t testing.TB, id string, spans int) ptrace.Traces {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		traces, err := s.trace(id)
		if err == nil && (traces.SpanCount() >= spans || time.Now().After(deadline)) {
			return traces
		}
		if time.Now().After(deadline) {
			t.Fatalf("Jaeger: trace %s: %v", id, err)
		}
	}
}

func (s *Server) trace(id string) (ptrace.Traces, error) {
	resp, err := http.Get(s.Query + "/api/v3/traces/" + id + "?raw_traces=true") // without what the page adds, such as warnings
	if err != nil {
		return ptrace.Traces{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return ptrace.Traces{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return ptrace.Traces{}, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body[:min(len(body), 500)])))
	}
	var answer struct{ Result json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return ptrace.Traces{}, err
	}
	return new(ptrace.JSONUnmarshaler).UnmarshalTraces(answer.Result)
}

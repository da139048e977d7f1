package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/internal/hook"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracemetrics"
	"github.com/slogtrace/slogtrace/traceotlp"
	"github.com/slogtrace/slogtrace/traceship"
)

// spanOf makes a span of a given duration.
func spanOf(ctx context.Context, tracer *slogtrace.Tracer, op string, d time.Duration, attrs ...slog.Attr) {
	end := time.Now()
	ctx = hook.StartSpan(ctx, hook.Start{Tracer: tracer, Op: op, At: end.Add(-d), Attrs: attrs})
	hook.EndSpan(ctx, end, nil)
}

// A scraped is the answers to Prometheus.
type scraped struct {
	http.Handler
	mu    sync.Mutex
	types []string
}

func (s *scraped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Handler.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.types = append(s.types, w.Header().Get("Content-Type")+" "+w.Header().Get("Content-Encoding"))
}

// What a real Prometheus has scraped is what was counted: values, texts, exemplars, and quantiles as far as buckets tell them.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	metrics := tracemetrics.NewHandler(nil)
	tracer := slogtrace.NewTracer(slog.NewMultiHandler(slogtrace.NewJSONHandler(&lines, nil), metrics), nil)
	metrics.ExportTracer("default", tracer.Stats)
	metrics.ExportTail("", func() slogtrace.TailStats { return slogtrace.TailStats{Held: 1} })
	metrics.ExportOTLP("collector", func() traceotlp.Stats { return traceotlp.Stats{} })
	metrics.ExportShip("store", func() traceship.Stats { return traceship.Stats{Lines: 7} })
	target := &scraped{Handler: metrics}
	server := httptest.NewServer(target)
	defer server.Close()
	p := startPrometheus(t, server.URL)

	const seed = 18
	random := rand.New(rand.NewPCG(seed, 0))
	const n = 2000
	medians := map[string]time.Duration{"fast": 3 * time.Millisecond, "usual": 80 * time.Millisecond, "slow": 2 * time.Second}
	for range n {
		for op, median := range medians {
			spanOf(t.Context(), tracer, op, time.Duration(float64(median)*math.Exp(0.6*random.NormFloat64())))
		}
	}
	hostile := []string{"a\"b\\c\nd\r\te", "\x00\x1b[31m", "\u2028\ufeff\U0001F600", "{le=\"1\"} 1\n# EOF\nevil 1\n", "\xff", strings.Repeat("é", 500), "# HELP x", "\\", "\\n", "\"", " "}
	for _, op := range hostile {
		_, span := tracer.Start(t.Context(), op, slog.String("task", op), slog.String("error.type", op),
			slog.String("circuit_breaker.name", op), slog.String("circuit_breaker.state", "open"))
		span.Fail(errors.New("no"))
		span.End()
	}
	p.waitFor(t, "sum(slogtrace_spans_total)", float64(3*n+len(hostile)))
	p.waitFor(t, "sum(slogtrace_span_duration_seconds_count)", float64(3*n+len(hostile)))
	p.waitFor(t, "sum(slogtrace_span_errors_total)", float64(len(hostile)))
	p.waitFor(t, "sum(slogtrace_circuit_breaker_open)", float64(len(hostile)))

	for _, op := range hostile {
		if op == "\xff" {
			op = "\ufffd"
		}
		if len(op) > 128 {
			op = op[:128]
		}
		expr := "slogtrace_span_errors_total{op=" + strconv.QuoteToASCII(op) + "}"
		got := p.query(t, expr)
		if len(got) != 1 || got[0].Metric["task"] != op || got[0].Metric["error_type"] != op || got[0].Value != 1 {
			t.Errorf("%s: %v", expr, got)
		}
	}
	p.waitFor(t, `sum(slogtrace_delivery_records_total{sink="store",signal="lines"})`, 7)
	p.waitFor(t, "sum(slogtrace_tail_held_records)", 1)
	if evil := p.query(t, "evil"); len(evil) > 0 {
		t.Errorf("a text became a sample: %v", evil)
	}

	// The format is the one that Prometheus likes best.
	target.mu.Lock()
	for _, got := range target.types {
		if want := "application/openmetrics-text; version=1.0.0; charset=utf-8 gzip"; got != want {
			t.Errorf("an answer of type %s, want %s", got, want)
		}
	}
	target.mu.Unlock()

	// promtool reads 0.0.4 only. It prints what it does not like.
	answer := httptest.NewRecorder()
	metrics.ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if out := promtool(t, answer.Body.String(), "check", "metrics"); out != "" {
		t.Errorf("promtool check metrics:\n%s", out)
	}

	// Quantiles of the buckets, and those that slogtrace stats finds in the lines.
	var entries []tracelog.Entry
	if _, err := tracelog.Scan(bytes.NewReader(lines.Bytes()), "log", func(e tracelog.Entry) { entries = append(entries, e) }); err != nil {
		t.Fatal(err)
	}
	var groups []struct {
		Op  string
		P50 float64 `json:"p50_ms"`
		P95 float64 `json:"p95_ms"`
		P99 float64 `json:"p99_ms"`
	}
	file := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(file, lines.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	stats := command(t, nil, "stats", "--json", file)
	if err := json.Unmarshal([]byte(stats.stdout), &groups); err != nil {
		t.Fatal(err, stats.stderr)
	}
	found := 0
	for _, g := range groups {
		if medians[g.Op] == 0 {
			continue
		}
		for q, ms := range map[string]float64{"0.5": g.P50, "0.95": g.P95, "0.99": g.P99} {
			exact := ms / 1000
			lower, upper := bucketOf(exact)
			got := p.query(t, "histogram_quantile("+q+", sum by (le) (slogtrace_span_duration_seconds_bucket{op=\""+g.Op+"\"}))")
			if len(got) != 1 || float64(got[0].Value) < lower-1e-9 || float64(got[0].Value) > upper+1e-9 {
				t.Errorf("seed %d: %s %s: Prometheus has %v, slogtrace stats %v, in the bucket from %v to %v", seed, g.Op, q, got, exact, lower, upper)
			}
			found++
		}
	}
	if found != 9 {
		t.Errorf("%d quantiles were compared, want 9", found)
	}

	// Exemplars lead to traces in the log.
	traces := map[string]tracelog.Entry{}
	for _, e := range entries {
		traces[e.Trace] = e
	}
	for _, metric := range []string{"slogtrace_span_duration_seconds_bucket", "slogtrace_spans_total", "slogtrace_span_errors_total"} {
		var data []struct {
			SeriesLabels map[string]string
			Exemplars    []struct {
				Labels map[string]string
				Value  string
			}
		}
		now := time.Now()
		p.get(t, "/api/v1/query_exemplars", url.Values{"query": {metric}, "start": {unix(now.Add(-time.Hour))}, "end": {unix(now.Add(time.Minute))}}, &data)
		n := 0
		for _, s := range data {
			for _, e := range s.Exemplars {
				n++
				line, ok := traces[e.Labels["trace_id"]]
				if !ok || line.Span != e.Labels["span_id"] || medians[line.Op] != 0 && line.Op != s.SeriesLabels["op"] {
					t.Errorf("%s %v: exemplar %v, which is of %q", metric, s.SeriesLabels, e.Labels, line.Op)
				}
				value, err := strconv.ParseFloat(e.Value, 64)
				if strings.HasSuffix(metric, "_bucket") && (err != nil || math.Abs(value-line.Duration.Seconds()) > 1e-6) {
					t.Errorf("%s: exemplar %v has %s, and its line %v", metric, e.Labels, e.Value, line.Duration)
				}
			}
		}
		if n < len(hostile) {
			t.Errorf("%s: %d exemplars", metric, n)
		}
	}
}

// bucketOf returns the bounds of the bucket that has a duration in seconds, with the default buckets.
func bucketOf(seconds float64) (lower, upper float64) {
	for _, upper = range []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10} {
		if seconds <= upper {
			return lower, upper
		}
		lower = upper
	}
	return lower, lower // histogram_quantile returns the last bound
}

func unix(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }

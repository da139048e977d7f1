package tracemetrics

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

// The answers in both formats, byte for byte.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracetest.SequentialIDs(t)
		h := NewHandler(&Options{Buckets: []float64{0.1, 1}, QueueBuckets: []float64{2.5}})
		tracer := tracerOf(h.WithAttrs([]slog.Attr{slog.String("service", "api")}))
		h.ExportTracer("", tracer.Stats)
		ctx, root := tracer.Start(t.Context(), "POST /bookings", slogtrace.KindServer, slog.String("http.route", "/bookings"))
		job := slogtrace.NewCarrier(ctx)
		time.Sleep(250 * time.Millisecond)
		root.End()
		time.Sleep(1750 * time.Millisecond)
		ctx, err := job.Context(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		end(ctx, tracer, "say \"hi\"\\\n", errors.New("no"), slogtrace.KindConsumer,
			slog.String("circuit_breaker.name", "mail"), slog.String("circuit_breaker.state", "open"))
		for name, open := range map[string]bool{"text.golden": false, "openmetrics.golden": true} {
			got := answer(t, h, open)
			file := filepath.Join("testdata", name)
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, file, got, string(want))
		}
	})
}

// The parser of these tests refuses what neither format allows.
func TestParse(t *testing.T) {
	const text = "# HELP a_total Text.\n# TYPE a_total counter\na_total{x=\"\\\\\\\"\\n\"} 1\n" +
		"# HELP b Text.\n# TYPE b histogram\nb_bucket{le=\"0.5\"} 1\nb_bucket{le=\"+Inf\"} 2\nb_sum 1.5\nb_count 2\n"
	open := strings.NewReplacer("HELP a_total", "HELP a", "TYPE a_total", "TYPE a", "le=\"0.5\"} 1", "le=\"0.5\"} 1 # {t=\"1\"} 0.5 1.5").Replace(text) + "# EOF\n"
	for _, test := range []struct {
		open     bool
		old, new string
		fails    bool
	}{
		{false, "", "", false}, {true, "", "", false},
		{false, "\\n", "\\r", true}, {false, "\\n", "\n", true}, {false, "x=", "é=", true}, {false, "x=", "__x=", true},
		{false, `"} 1`, `",} 1`, true}, {false, `"} 1`, `",x="2"} 1`, true}, {false, "b_sum", "c_sum", true}, {false, "} 2", "} 0", true},
		{false, "b_count 2", "b_count 3", true}, {false, "+Inf", "0.7", true}, {false, "1.5\n", "1.5\n\n", true}, {false, "a_total{", "a{", true},
		{false, "b_count 2\n", "b_count 2", true}, {false, "b_sum 1.5", "b_sum -1", true}, {false, "b_sum 1.5", "b_sum x", true},
		{false, "Text.\n# TYPE a_total counter\n", "Text.\n", true}, {false, "HELP b", "HELP a_total", true},
		{false, "b_count 2\n", "b_count 2\na_total 1\n", true}, {false, "\"} 1\n", "\"} 1 # {} 1\n", true}, {false, "Text.", "Text\xff", true},
		{true, "# EOF\n", "", true}, {true, "0.5 1.5", "0.6 1.5", true}, {true, "0.5 1.5", "0.5", true}, {true, `t="1"`, `t="` + strings.Repeat("1", 128) + `"`, true},
		{true, `"0.5"`, `"1"`, true}, {true, "} 2", "} 2.0", true}, {true, "b_sum 1.5", "b_sum 1.5 # {} 1 1", true}, {true, "a_total{", "a{", true},
	} {
		whole := text
		if test.open {
			whole = open
		}
		_, err := parse(strings.Replace(whole, test.old, test.new, 1), test.open)
		if (err != nil) != test.fails {
			t.Errorf("open %t, %q for %q: %v", test.open, test.new, test.old, err)
		}
	}
}

// Whatever is in names and values, both formats can be read, and say what went in.
func FuzzExposition(f *testing.F) {
	f.Add("GET /x", "booking.source", "web", "*net.OpError", "bank", int64(1), 1.0)
	f.Add("a\"b\\c\nd\r\x00\u2028\xff", "é.\xff\"", "{le=\"1\"} 1\n# EOF\n", "x\ny", "\"\\\n", int64(time.Minute), 0.3)
	f.Add(strings.Repeat("é", 200), "", strings.Repeat("\xff", 300), strings.Repeat("a", 127)+"é", strings.Repeat("\\", 128), int64(-1), 1e-9)
	f.Add("_OTHER", "op", "+Inf", "_OTHER", "", int64(1)<<62, 0.999)
	f.Fuzz(func(t *testing.T, op, key, value, errorType, breaker string, queued int64, rate float64) {
		if key == "error.type" || strings.HasPrefix(key, "circuit_breaker.") {
			return
		}
		h := NewHandler(&Options{Labels: []Label{{Attr: key}, {Attr: "le"}, {Attr: "fixed"}}, Buckets: []float64{rate, 1}})
		opts := &slogtrace.TracerOptions{}
		if rate > 0 && rate < 1 {
			opts.Sampler = rated(rate)
		}
		tracer := slogtrace.NewTracer(h, opts)
		ctx := t.Context()
		for i := range 3 {
			end(ctx, tracer, op, nil, slog.String(key, value), slog.Int("fixed", i))
		}
		span := end(ctx, tracer, op, errors.New("no"), slog.String("error.type", errorType),
			slog.String("circuit_breaker.name", breaker), slog.String("circuit_breaker.state", "open"))
		x := scrape(t, h)
		weight := 1.0
		if opts.Sampler != nil {
			weight = 1 / max(rate, 1.0/(1<<56))
		}
		near := func(what string, got, want float64) {
			t.Helper()
			if got-want > 1e-9*want || want-got > 1e-9*want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		near("spans", x.sum("slogtrace_spans_total"), 4*weight)
		near("failed", x.sum("slogtrace_spans_total", "outcome=error")+x.sum("slogtrace_spans_total", "outcome=timeout")+
			x.sum("slogtrace_spans_total", "outcome=canceled"), weight)
		wantOp := op
		if op == "" {
			wantOp = "unnamed"
		}
		for _, s := range x.samples("slogtrace_spans_total") {
			checkText(t, "op", s.labels["op"], wantOp)
			for name, got := range s.labels {
				if name != "op" && name != "kind" && name != "outcome" && name != "fixed" {
					checkText(t, name, got, value)
				}
			}
		}
		errorSample := x.sample(t, "slogtrace_span_errors_total")
		if errorType != "" {
			checkText(t, "error_type", errorSample.labels["error_type"], errorType)
		}
		diff(t, "exemplar", errorSample.exemplar.labels["trace_id"], span.SpanContext().TraceID.String())
		if breakers := x.samples("slogtrace_circuit_breaker_open"); len(breakers) != 1 || breakers[0].value != 1 {
			t.Errorf("%d circuit breakers", len(breakers))
		} else {
			checkText(t, "circuit breaker", breakers[0].labels["circuit_breaker_name"], breaker)
		}
		// A known series takes the fast way, or the slow one leads to the same series.
		n := len(slices.Collect(maps.Keys(x)))
		end(ctx, tracer, op, nil, slog.String(key, value), slog.Int("fixed", 1))
		diff(t, "samples", len(scrape(t, h)), n)
	})
}

// rated is a Sampler that writes all traces as if they were sampled at a rate.
type rated float64

func (r rated) Sample(slogtrace.SampleInput) (bool, float64) { return true, float64(r) }

// checkText checks a label's value: it is what went in, if that is short valid text, and else a beginning of it.
func checkText(t *testing.T, what, got, in string) {
	t.Helper()
	if utf8.ValidString(in) && len(in) <= maxText {
		diff(t, what, got, in)
		return
	}
	if !utf8.ValidString(got) || len(got) > maxText {
		t.Errorf("%s: %q", what, got)
	}
	plain := strings.ReplaceAll(strings.ToValidUTF8(in, ""), "\ufffd", "")
	if kept := strings.ReplaceAll(got, "\ufffd", ""); !strings.HasPrefix(plain, kept) || utf8.ValidString(in) && len(got) < maxText-3 {
		t.Errorf("%s: %q of %q", what, got, in)
	}
}

package tracemetrics

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"expvar"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/traceotlp"
	"github.com/slogtrace/slogtrace/traceship"
)

var (
	_ slog.Handler = (*Handler)(nil)
	_ http.Handler = (*Handler)(nil)
	_ expvar.Var   = (*Handler)(nil)
)

// What a client accepts decides the format.
func TestAccept(t *testing.T) {
	const prometheus2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
	const prometheus3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
		"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "text/plain": false, "text/*": false, "text/html, */*;q=0.1": false,
		prometheus2: true, prometheus3: true, "application/openmetrics-text": true, "Application/OpenMetrics-Text; Version=1.0.0": true,
		"application/openmetrics-text;version=\"1.0.0\"": true, "application/*": true, "application/*, text/plain": false,
		"application/openmetrics-text;version=0.0.1":                              false,
		"application/openmetrics-text;version=2.0.0, text/plain;q=0.1":            false,
		"application/openmetrics-text;q=0.5, text/plain;q=0.6":                    false,
		"application/openmetrics-text;q=0.6, text/plain;q=0.5":                    true,
		"application/openmetrics-text;q=0, */*":                                   false,
		"application/openmetrics-text;q=0.1, application/*;q=1, text/plain;q=0.5": false,
		"text/plain;q=0, */*": true,
		"text/plain;version=0.0.4;q=0.1, text/plain;q=1, application/openmetrics-text;q=0.5": true,
		"application/openmetrics-text;q=2":                                                   false,
		"application/openmetrics-text;q=x, text/plain;q=0.1":                                 false,
		";;;, application/openmetrics-text":                                                  true,
		"text/plain;q=0, application/openmetrics-text;q=0":                                   false,
	} {
		if got := prefersOpen([]string{accept}); got != want {
			t.Errorf("Accept: %s: OpenMetrics %t, want %t", accept, got, want)
		}
	}
	if !prefersOpen([]string{"text/plain;q=0.5", "application/openmetrics-text"}) {
		t.Error("two lines are not one list")
	}
	if prefersOpen([]string{strings.Repeat("a/b,", 1000) + "application/openmetrics-text"}) {
		t.Error("the list has no end")
	}
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "GZIP;q=1": true, "deflate, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "*;q=0": false,
		"*;q=0, gzip": true, "gzip;q=0, *": false, "identity": false, "gzip; q=0.000": false, "gzip;q=x": false,
	} {
		if got := allowsGzip([]string{accept}); got != want {
			t.Errorf("Accept-Encoding: %s: gzip %t, want %t", accept, got, want)
		}
	}
}

// Neither case nor the lines of a list matter, whatever is in it.
func FuzzAccept(f *testing.F) {
	f.Add("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "gzip, *;q=0")
	f.Add("text/plain;q=0, application/*;q=\"0.5\"", "identity;q=0")
	f.Fuzz(func(t *testing.T, accept, encoding string) {
		upper := func(text string) string {
			return strings.Map(func(r rune) rune {
				if 'a' <= r && r <= 'z' {
					return r - 'a' + 'A'
				}
				return r
			}, text)
		}
		if !utf8.ValidString(accept) || !utf8.ValidString(encoding) {
			return // Map would change it
		}
		open, gzip := prefersOpen([]string{accept}), allowsGzip([]string{encoding})
		for _, lines := range [][]string{strings.Split(accept, ","), {"", accept, " ,"}, {upper(accept)}} {
			if prefersOpen(lines) != open {
				t.Errorf("Accept: %q is %t, %q is not", accept, open, lines)
			}
		}
		for _, lines := range [][]string{strings.Split(encoding, ","), {"", encoding, " ,"}, {upper(encoding)}} {
			if allowsGzip(lines) != gzip {
				t.Errorf("Accept-Encoding: %q is %t, %q is not", encoding, gzip, lines)
			}
		}
	})
}

func TestServe(t *testing.T) {
	h := NewHandler(nil)
	end(t.Context(), tracerOf(h), "a", nil)
	server := httptest.NewServer(h)
	defer server.Close()
	do := func(method, encoding string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", encoding)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body := io.Reader(resp.Body)
		if resp.Header.Get("Content-Encoding") == "gzip" && method == "GET" {
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(text)
	}
	plain, text := do("GET", "identity")
	for range 2 { // the second time with a writer that was used before
		zipped, unzipped := do("GET", "gzip")
		diff(t, "unzipped", unzipped, text)
		diff(t, "encodings", []string{plain.Header.Get("Content-Encoding"), zipped.Header.Get("Content-Encoding")}, []string{"", "gzip"})
	}
	diff(t, "Vary", plain.Header.Get("Vary"), "Accept, Accept-Encoding")
	if _, err := parse(text, false); err != nil {
		t.Error(err)
	}
	head, body := do("HEAD", "identity")
	diff(t, "HEAD", []any{head.StatusCode, head.Header.Get("Content-Type"), body}, []any{200, textType, ""})
	post, _ := do("POST", "identity")
	diff(t, "POST", []any{post.StatusCode, post.Header.Get("Allow")}, []any{405, "GET, HEAD"})
}

// What others count is there under their names.
func TestSources(t *testing.T) {
	h := NewHandler(nil)
	h.ExportTracer("", func() slogtrace.TracerStats { panic("replaced") })
	h.ExportTracer("", func() slogtrace.TracerStats { return slogtrace.TracerStats{Withheld: 1, Refused: 2, Lost: 3} })
	h.ExportTracer("second\xff", func() slogtrace.TracerStats { return slogtrace.TracerStats{Lost: 4} })
	h.ExportTail("debug", func() slogtrace.TailStats {
		return slogtrace.TailStats{Held: 1, HeldBytes: 2, Kept: 3, Passed: 4, Dropped: 5, DroppedBytes: 6, Late: 7, Lost: 8, KeptRoots: 9,
			DroppedRoots: 10, OverRootBytes: 11, OverBytes: 12, OverAge: 13, Flushed: 14}
	})
	many := map[string]uint64{"queue full": 5, "status 400": 6}
	for i := range 100 {
		many["reason "+strings.Repeat("x", i)] = 1
	}
	h.ExportOTLP("", func() traceotlp.Stats {
		return traceotlp.Stats{
			Spans:         traceotlp.Delivery{Records: 1, Delivered: 2, Batches: 3, Retries: 4, Waiting: 5, HeldBytes: 6},
			Logs:          traceotlp.Delivery{Dropped: many},
			DroppedEvents: 7,
		}
	})
	h.ExportShip("", func() traceship.Stats { return traceship.Stats{Lines: 8, Delivered: 9, Retries: 10} })
	x := scrape(t, h)
	for _, test := range []struct {
		name string
		want float64
	}{
		{"tracer_unwritten_spans_total tracer= reason=withheld", 1}, {"tracer_unwritten_spans_total tracer= reason=refused", 2},
		{"tracer_unwritten_spans_total tracer= reason=lost", 3}, {"tracer_unwritten_spans_total tracer=second\ufffd reason=lost", 4},
		{"tail_held_records tail=debug", 1}, {"tail_held_bytes", 2}, {"tail_records_total verdict=kept", 3}, {"tail_records_total verdict=passed", 4},
		{"tail_records_total verdict=dropped", 5}, {"tail_dropped_bytes_total", 6}, {"tail_late_records_total", 7}, {"tail_lost_records_total", 8},
		{"tail_roots_total verdict=kept", 9}, {"tail_roots_total verdict=dropped", 10}, {"tail_roots_total verdict=over_root_bytes", 11},
		{"tail_roots_total verdict=over_bytes", 12}, {"tail_roots_total verdict=over_age", 13}, {"tail_roots_total verdict=flushed", 14},
		{"delivery_records_total signal=spans", 1}, {"delivery_delivered_records_total signal=spans", 2}, {"delivery_batches_total signal=spans", 3},
		{"delivery_retries_total signal=spans", 4}, {"delivery_waiting_records signal=spans", 5}, {"delivery_held_bytes signal=spans", 6},
		{"delivery_dropped_records_total signal=spans reason=queue+full", 0}, {"delivery_dropped_records_total signal=logs reason=queue+full", 5},
		{"delivery_dropped_events_total", 7}, {"delivery_records_total signal=lines", 8}, {"delivery_delivered_records_total signal=lines", 9},
	} {
		words := strings.Fields(test.name)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "+", " ")
		}
		diff(t, test.name, x.value(t, "slogtrace_"+words[0], words[1:]...), test.want)
	}
	diff(t, "reasons", len(x.samples("slogtrace_delivery_dropped_records_total", "signal=logs")), maxReasons+1)
	diff(t, "dropped", x.sum("slogtrace_delivery_dropped_records_total", "signal=logs"), 5+6+100.0)
}

// The last state of each circuit breaker counts, and there may be a hundred.
func TestBreakers(t *testing.T) {
	h := NewHandler(nil)
	tracer := tracerOf(h)
	call := func(name, state string) {
		end(t.Context(), tracer, "call", nil, slogtrace.KindClient, slog.String("circuit_breaker.name", name), slog.String("circuit_breaker.state", state))
	}
	for _, c := range []string{"a closed", "a open", "b open", "b closed", "c half_open"} {
		name, state, _ := strings.Cut(c, " ")
		call(name, state)
	}
	end(t.Context(), tracer, "call", nil, slog.String("circuit_breaker.name", "no state"))
	x := scrape(t, h)
	for name, want := range map[string]float64{"a": 1, "b": 0, "c": 1} {
		diff(t, name, x.value(t, "slogtrace_circuit_breaker_open", "circuit_breaker_name="+name), want)
	}
	diff(t, "breakers", len(x.samples("slogtrace_circuit_breaker_open")), 3)
	for i := range 2 * maxBreakers {
		call(strings.Repeat("x", i/2), "open")
	}
	x = scrape(t, h)
	diff(t, "breakers", len(x.samples("slogtrace_circuit_breaker_open")), maxBreakers)
	diff(t, "overflow", x.value(t, "slogtrace_metrics_overflow_spans_total", "limit=circuit_breaker_name"), 6.0)
}

// String is a JSON object with the same counts, and quantiles.
func TestString(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHandler(nil)
		diff(t, "empty", h.String(), `{"series":[],"overflow_spans":{"circuit_breaker_name":0,"db_operation_name":0,"db_system_name":0,`+
			`"error_type":0,"http_route":0,"messaging_destination_name":0,"op":0,"series":0,"server_address":0,"service":0,"task":0,"webhook":0},"unsampled_spans":0}`)
		tracer := tracerOf(h)
		h.ExportTracer("t", tracer.Stats)
		h.ExportShip("s", func() traceship.Stats { return traceship.Stats{Lines: 3} })
		for i := range 100 {
			_, span := tracer.Start(t.Context(), "a", slog.String("task", "sync"))
			time.Sleep(time.Duration(i) * time.Millisecond)
			if i%10 == 0 {
				span.Fail(errors.New("no"))
			}
			span.End()
		}
		end(t.Context(), tracer, "b", nil, slog.String("circuit_breaker.name", "x"), slog.String("circuit_breaker.state", "open"))
		var all allVars
		if err := json.Unmarshal([]byte(h.String()), &all); err != nil {
			t.Fatal(err)
		}
		a := all.Series[0]
		if a.P50 < 0.025 || a.P50 > 0.05 || a.P95 < 0.075 || a.P95 > 0.1 || a.P99 < a.P95 || a.Seconds < 4.94 || a.Seconds > 4.96 {
			t.Errorf("%+v", a)
		}
		a.P50, a.P95, a.P99, a.Seconds = 0, 0, 0, 0
		diff(t, "a", a, seriesVar{Op: "a", Kind: "internal", Labels: map[string]string{"task": "sync"}, Count: 100, Failed: 10, Errors: map[string]float64{"_OTHER": 10}})
		diff(t, "breakers", all.Breakers, map[string]bool{"x": true})
		diff(t, "tracers", all.Tracers, map[string]slogtrace.TracerStats{"t": {}})
		diff(t, "sent", all.Deliveries["s"]["lines"], deliveryVar{Records: 3})
	})
}

// Quantiles are those of Prometheus's histogram_quantile.
func TestQuantile(t *testing.T) {
	b := newBounds([]float64{1, 2, 4}, nil)
	for _, test := range []struct {
		q       float64
		buckets []float64
		want    float64
	}{
		{0.5, []float64{0, 0, 0, 0}, 0}, {0.5, []float64{2, 0, 0, 0}, 0.5}, {0.5, []float64{1, 1, 0, 0}, 1}, {0.75, []float64{1, 1, 0, 0}, 1.5},
		{0.5, []float64{0, 0, 4, 0}, 3}, {0.99, []float64{1, 0, 0, 9}, 4},
	} {
		if got := b.quantile(test.q, test.buckets); got != test.want {
			t.Errorf("%v of %v: %v, want %v", test.q, test.buckets, got, test.want)
		}
	}
}

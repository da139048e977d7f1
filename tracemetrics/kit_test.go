package tracemetrics

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
)

// answer returns the answer of h in one of the formats.
func answer(t testing.TB, h http.Handler, open bool) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	want := textType
	if open {
		r.Header.Set("Accept", "application/openmetrics-text")
		want = openType
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != want {
		t.Fatalf("%d %s", w.Code, got)
	}
	return w.Body.String()
}

// A table is all samples by name and labels, as in slogtrace_spans_total,op="a",kind="internal".
type table map[string]parsedSample

// scrape reads the answers of h in both formats, and checks that they say the same. It returns that of OpenMetrics.
func scrape(t testing.TB, h http.Handler) table {
	t.Helper()
	var both [2]table
	for i := range both {
		text := answer(t, h, i == 1)
		families, err := parse(text, i == 1)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		both[i] = table{}
		for _, f := range families {
			for _, s := range f.samples {
				if le, ok := s.labels["le"]; ok {
					s.labels["le"] = strings.TrimSuffix(le, ".0")
				}
				both[i][s.id()] = s
			}
		}
	}
	for id, s := range both[0] {
		if other, ok := both[1][id]; !ok || other.value-s.value > 0.5 || s.value-other.value > 0.5 {
			t.Errorf("%s is %v in text, %v in OpenMetrics", id, s.value, other.value)
		}
	}
	if len(both[0]) != len(both[1]) {
		t.Errorf("%d samples in text, %d in OpenMetrics", len(both[0]), len(both[1]))
	}
	return both[1]
}

// value returns the value of the sample with that name and at least those labels, like op=a. There must be one.
func (x table) value(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	s := x.sample(t, name, labels...)
	return s.value
}

func (x table) sample(t testing.TB, name string, labels ...string) parsedSample {
	t.Helper()
	found := x.samples(name, labels...)
	if len(found) != 1 {
		t.Fatalf("%d samples %s %v, want 1: %v", len(found), name, labels, x.ids(name))
	}
	return found[0]
}

func (x table) samples(name string, labels ...string) (found []parsedSample) {
next:
	for _, s := range x {
		if s.name != name {
			continue
		}
		for _, l := range labels {
			if key, value, _ := strings.Cut(l, "="); s.labels[key] != value {
				continue next
			}
		}
		found = append(found, s)
	}
	return found
}

func (x table) ids(name string) (ids []string) {
	for id, s := range x {
		if s.name == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// sum returns the sum of all samples with that name and those labels.
func (x table) sum(name string, labels ...string) (sum float64) {
	for _, s := range x.samples(name, labels...) {
		sum += s.value
	}
	return sum
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// tracerOf returns a Tracer whose spans go to h.
func tracerOf(h slog.Handler) *slogtrace.Tracer { return slogtrace.NewTracer(h, nil) }

// end makes a span.
func end(ctx context.Context, tracer *slogtrace.Tracer, op string, err error, attrs ...slog.Attr) *slogtrace.Span {
	_, span := tracer.Start(ctx, op, attrs...)
	span.End(&err)
	return span
}

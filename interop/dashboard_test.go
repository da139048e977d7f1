package interop

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Title, Type string
	Description string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct{ RefID, Expr, LegendFormat string }
	FieldConfig struct{ Defaults struct{ Unit string } }
}

const dashboardFile = "../docs/dashboard/slogtrace.json"

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// Grafana can import the dashboard: what it needs is there, panels do not overlap, and all data come from the source that is chosen.
func TestDashboardFile(t *testing.T) {
	d := readDashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("uid %q, title %q, schemaVersion %d", d.UID, d.Title, d.SchemaVersion)
	}
	variables := ""
	for _, v := range d.Templating.List {
		variables += v.Name + ":" + v.Type + " "
	}
	if variables != "datasource:datasource job:query " {
		t.Errorf("variables %s", variables)
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.ID == 0 || p.Description == "" || p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s: id %d, description %q, unit %q", p.Title, p.ID, p.Description, p.FieldConfig.Defaults.Unit)
		}
		ids[p.ID] = true
		if p.Datasource.Type != "prometheus" || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s: datasource %v", p.Title, p.Datasource)
		}
		if g := p.GridPos; g.W < 1 || g.H < 1 || g.X+g.W > 24 {
			t.Errorf("%s: %v is not in 24 columns", p.Title, g)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" && taken[at] != p.Title {
					t.Fatalf("%s and %s overlap", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
	}
	// What it has to show.
	for _, want := range []string{
		"Traces an hour", "Error traces an hour", "P50 of requests", "P95 of requests", "P99 of requests", "Latency by endpoint, P95",
		"Latency by external service, P95", "Webhooks by type and status", "Webhooks by type, P95", "Tasks by type and status", "Tasks by type, P95",
		"Database operations by type", "Cache operations by type", "Errors by service and category", "HTTP 5xx by endpoint", "Queue wait, P95",
		"Open circuit breakers",
	} {
		found := false
		for _, p := range d.Panels {
			found = found || p.Title == want && len(p.Targets) > 0
		}
		if !found {
			t.Errorf("there is no panel %s", want)
		}
	}
}

// Each query of each panel has a result, with data of a service that has everything.
func TestDashboardQueries(t *testing.T) {
	needPrometheus(t)
	s := newBookingService(t)
	server := httptest.NewServer(s.routes())
	defer server.Close()
	p := startPrometheus(t, server.URL)
	stop := make(chan struct{})
	var users sync.WaitGroup
	defer users.Wait()
	defer close(stop)
	for range 2 {
		users.Go(func() { s.use(t, server.URL, stop) })
	}
	expand := strings.NewReplacer("$__rate_interval", "1m", "$job", "bookings").Replace
	rows := func(expr string) (rows []string) {
		for _, sample := range p.query(t, expand(expr)) {
			if v := float64(sample.Value); math.IsNaN(v) || v < 0 {
				return nil // no span yet between two scrapes
			}
			rows = append(rows, fmt.Sprint(sample.Metric, " ", float64(sample.Value)))
		}
		return rows
	}
	n := 0
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			n++
			until(t, panel.Title+": "+target.Expr, func() bool { return len(rows(target.Expr)) > 0 })
			for _, word := range strings.Split(target.LegendFormat, "{{")[1:] { // labels in the legend are in the result
				label, _, _ := strings.Cut(word, "}}")
				got := strings.Join(rows(target.Expr), "\n")
				if !strings.Contains(got, label+":") {
					t.Errorf("%s: no label %s in\n%s", panel.Title, label, got)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d queries", n)
	}
	// Panels show what the service does.
	for _, want := range []string{
		`sum(slogtrace_spans_total{webhook="booking.confirmed",outcome="ok"})`, `sum(slogtrace_spans_total{webhook="booking.confirmed",outcome="error"})`,
		`sum(slogtrace_spans_total{task="receipt.print",outcome="ok"})`, `sum(slogtrace_spans_total{task="calendar.retry",outcome="error"})`,
		`sum(slogtrace_spans_total{db_system_name="sqlite",db_operation_name="INSERT"})`, `sum(slogtrace_spans_total{db_system_name="redis",db_operation_name="GET"})`,
		`sum(slogtrace_span_errors_total{kind="server",http_route="/bookings",error_type="503"})`,
		`sum(slogtrace_span_errors_total{kind="client",server_address="127.0.0.1",error_type="502",service="bookings"})`,
		`sum(slogtrace_spans_total{kind="client",server_address="localhost"})`, `max_over_time(slogtrace_circuit_breaker_open{circuit_breaker_name="calendar"}[1m])`,
		`sum(slogtrace_traces_total{http_route="/bookings/{id}"})`,
	} {
		until(t, want, func() bool {
			got := p.query(t, want)
			return len(got) == 1 && got[0].Value > 0
		})
	}
}

// The alert rules are valid, and fire when they should.
func TestAlertRules(t *testing.T) {
	promtool(t, "", "check", "rules", "../docs/dashboard/alerts.yaml")
	promtool(t, "", "test", "rules", "../docs/dashboard/alerts_test.yaml")
}

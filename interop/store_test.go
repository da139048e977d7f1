package interop

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// storeQuestions are commands whose answers must be the same from a file and from a store.
var storeQuestions = []string{
	"ls", "ls --error", "ls --op POST*", "ls --op calendar.reserve --min 10ms", "ls --service payments --max 3ms", "ls --sort duration --limit 5",
	"ls --where http.response.status_code>=500", "ls --where attempt=2", "ls --where error~timed", "ls --grep timed.out", "ls --where state=open",
	"ls --since 2026-03-01T09:15:02Z --until 2026-03-01T09:15:03Z", "ls --error --since 2026-03-01T09:15:01Z", "ls --where level=WARN", "ls --min 1h",
	"stats", "stats --by service", "stats --by op,error", "stats --by http.route", "stats --error", "stats --op calendar.*", "stats --self", "stats --min 5ms --by kind",
	"stats --since 2026-03-01T09:15:02Z --until 2026-03-01T09:15:04Z", "stats --where http.response.status_code=200",
	"errors", "errors --sort last", "errors --op payment.*", "errors --since 2026-03-01T09:15:02Z", "errors --grep declined",
	"show --tree --limit 3", "show --error --limit 2", "show --op webhook.deliver --limit 2",
}

// sinceAll makes the time of a question that of all lines.
const sinceAll = "2026-02-28"

// Every command gives the same answer from VictoriaLogs as from the file with the same lines, in each layout.
func TestStoreSameAnswers(t *testing.T) {
	n := victorialogs.Start(t)
	for tenant, name := range []string{"JSONLines", "JSONLines with the line", "Loki, whole", "Splunk"} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(shipments, func(s shipmentKind) bool { return s.name == name })
			s := storeLog(t, n, string(rune('1'+tenant)), i, loggen.Options{Traces: 120, Seed: uint64(tenant)})
			for i, q := range storeQuestions { // each as text and as JSON, but not in each layout
				args := strings.Fields(q)
				if (i+tenant)%2 == 1 {
					args = append(args, "--json")
				}
				compareStore(t, s, args...)
			}
			var ids []struct{ Trace string }
			list := command(t, nil, "ls", "--json", s.file)
			if err := json.Unmarshal([]byte(list.stdout), &ids); err != nil || len(ids) < 100 {
				t.Fatalf("%d ids, %v", len(ids), err)
			}
			for _, id := range ids[:3] {
				compareStore(t, s, "show", id.Trace)
				compareStore(t, s, "show", "--json", id.Trace[:9])
				compareStore(t, s, "show", "--tree", strings.ToUpper(id.Trace[:12]))
			}
		})
	}
}

// compareStore compares the answer from a file with that from a store. The JSON of show has attributes: it is compared with the
// keys of each object in order.
func compareStore(t *testing.T, s stored, args ...string) {
	t.Helper()
	if !slices.Contains(args, "--since") {
		args = append(args, "--since", sinceAll)
	}
	file := command(t, nil, append(args, s.file)...)
	store := command(t, []string{"SLOGTRACE_FROM=" + s.from}, args...)
	got, want := store.stdout, file.stdout
	if slices.Contains(args, "--json") && args[0] == "show" {
		got, want = withoutPlaces(t, got), withoutPlaces(t, want)
	}
	if diff := cmp.Diff(want, got); diff != "" || store.code != file.code {
		t.Errorf("%s: exit code %d, want %d, %s\n(-file +store):\n%.3000s", args, store.code, file.code, store.stderr, diff)
	}
}

// withoutPlaces returns JSON with sorted keys, and without the file and the line of log lines.
func withoutPlaces(t *testing.T, text string) string {
	t.Helper()
	if text == "" {
		return ""
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				strip(e)
			}
		case map[string]any:
			if _, ok := v["event"]; ok {
				delete(v, "file")
				delete(v, "line")
			}
			for _, e := range v {
				strip(e)
			}
		}
	}
	strip(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

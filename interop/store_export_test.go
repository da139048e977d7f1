package interop

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// export writes the same traces from a store as from a file, in the same order. Stores with members sort attributes, which are
// therefore compared in order of their keys.
func TestStoreExport(t *testing.T) {
	t.Parallel()
	lines := generated(t, loggen.Options{Traces: 60, Seed: 11})
	ask := func(t *testing.T, s stored, whole bool) {
		t.Helper()
		for _, q := range []string{"chrome", "chrome --logs --error", "zipkin --op webhook*", "otlp --logs", "csv --columns http.route,attempt", "csv --where attempt=2"} {
			args := append([]string{"export"}, strings.Fields(q)...)
			file := command(t, nil, append(args, s.file)...)
			store := command(t, nil, append(args, "--since", sinceAll, "--from", s.from)...)
			want, got := file.stdout, store.stdout
			if !whole {
				want, got = inKeyOrder(t, args[1], want), inKeyOrder(t, args[1], got)
			}
			if diff := cmp.Diff(want, got); diff != "" || store.code != 0 || want == "" {
				t.Errorf("%s: exit code %d, %s\n(-file +store):\n%.2000s", args, store.code, store.stderr, diff)
			}
		}
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		for tenant, name := range []string{"JSONLines", "Loki, whole"} {
			t.Run(name, func(t *testing.T) {
				ask(t, storeLines(t, n, fmt.Sprint(tenant), shipmentNamed(t, name), lines), tenant > 0)
			})
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		ask(t, storeColumns(t, server, "logs", lines), false)
	})
}

// inKeyOrder is an export with the keys of attributes in order.
func inKeyOrder(t *testing.T, format, text string) string {
	t.Helper()
	if format == "csv" {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			for i := range row {
				if strings.HasPrefix(row[i], "{") {
					row[i] = sortedJSON(t, row[i])
				}
			}
		}
		return fmt.Sprint(rows)
	}
	var all []string
	if format == "otlp" { // a request on each line
		for line := range strings.Lines(text) {
			all = append(all, sortedJSON(t, line))
		}
		return strings.Join(all, "\n")
	}
	return sortedJSON(t, text)
}

// sortedJSON is JSON with sorted keys, and with OTLP's lists of attributes sorted by key.
func sortedJSON(t *testing.T, text string) string {
	t.Helper()
	v := decoded[any](t, text)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if list, ok := v["attributes"].([]any); ok {
				slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

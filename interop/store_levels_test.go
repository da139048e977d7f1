package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// levelLines are lines with several names of the level, of the message and of the error: the first that a reader knows counts,
// and the other is an attribute. Each line is a trace of its own, whose span has not ended.
func levelLines() []byte {
	var b bytes.Buffer
	for i, members := range []string{
		`"level":"ERROR","severity":"INFO"`, `"level":"INFO","severity":"ERROR"`, `"severity":"ERROR"`, `"severity":"INFO"`, `"level":"INFO"`, `"level":"ERROR"`,
		`"lvl":"info","level":"ERROR"`, `"Level":"info","severity":"error"`, `"levelname":"INFO","lvl":"error"`, `"level":"FATAL","lvl":"debug"`, `"level":"warn","severity":"WARN"`,
		`"level":"ERROR+2","severity":"WARN"`, `"lvl":"crit"`, `"x":1`, `"level":"WARN","error":"an attribute"`,
	} {
		fmt.Fprintf(&b, `{"time":"2026-03-01T09:15:%02d.123456789Z",%s,"msg":"line %[1]d","trace":"%032[1]x","span":"%016[3]x","op":"work","service":"s","at":%[1]d}`+"\n", i+1, members, i+1)
	}
	return b.Bytes()
}

// What a condition excludes is excluded by the level that readers see, whatever other members are called.
func TestStoreLevels(t *testing.T) {
	t.Parallel()
	lines := levelLines()
	ask := func(t *testing.T, s stored) {
		t.Helper()
		for _, q := range []string{
			"ls --error --json", "ls --where level!=INFO --json", "ls --where level>=ERROR --json", "ls --where level<ERROR --json", "stats --lines --by level --error",
			"stats --lines --by level", "stats --lines --by level --where level!=ERROR", "ls --where severity=INFO --json", "ls --where lvl!=info --json", "errors",
		} {
			compareStore(t, s, strings.Fields(q)...)
		}
		for _, flag := range []string{"--error", "--where=level!=INFO", "--where=level>=WARN"} {
			args := []string{"tail", "--follow=false", "-n", "-1", "--json", flag, "--since", sinceAll}
			file, store := command(t, nil, append(args, s.file)...), command(t, []string{"SLOGTRACE_FROM=" + s.from}, args...)
			if got, want := tailed(t, store.stdout), tailed(t, file.stdout); got != want || want == "" {
				t.Errorf("%s: lines %s, want %s: %s", args, got, want, store.stderr)
			}
		}
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		for tenant, name := range []string{"JSONLines", "JSONLines with the line", "Loki, whole"} {
			t.Run(name, func(t *testing.T) { ask(t, storeLines(t, n, fmt.Sprint(tenant), shipmentNamed(t, name), lines)) })
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		t.Run("columns", func(t *testing.T) { ask(t, storeColumns(t, server, "logs", lines)) })
		t.Run("lines", func(t *testing.T) { ask(t, storeText(t, server, "texts", lines)) })
	})
}

// tailed returns the messages of lines as JSON.
func tailed(t *testing.T, text string) string {
	t.Helper()
	var all []string
	for line := range strings.Lines(text) {
		all = append(all, decoded[struct{ Msg string }](t, line).Msg)
	}
	return strings.Join(all, ", ")
}

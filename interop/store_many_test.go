package interop

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// manyBegin is when the traces of manyTraces begin.
var manyBegin = time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)

// manyTraces returns the lines of n traces, one each 5 ms. Nine of ten failed. A trace is a root, a call and a line. If long is
// set, one of a thousand has a root that began three hours before, and lines of that time and later: more than a store is read
// beyond the question at first.
func manyTraces(n int, long bool) []byte {
	var b bytes.Buffer
	for i := range n {
		id := fmt.Sprintf("%016x%016x", uint64(i+1)*0x9e3779b97f4a7c15, i)
		end := manyBegin.Add(time.Duration(i) * 5 * time.Millisecond)
		start := end.Add(-4 * time.Millisecond)
		if long && i%1000 == 500 {
			start = start.Add(-3 * time.Hour)
			for _, at := range []time.Time{start, end.Add(-50 * time.Minute)} {
				fmt.Fprintf(&b, `{"time":%q,"level":"ERROR","msg":"early","trace":%q,"span":"%016x","op":"POST /bookings","service":"api"}`+"\n",
					at.Format(time.RFC3339Nano), id, 2*i+1)
			}
		}
		level, failed := "ERROR", fmt.Sprintf(`"error":"declined %d",`, i%7)
		if i%10 == 9 {
			level, failed = "INFO", ""
		}
		fmt.Fprintf(&b, `{"time":%q,"level":"WARN","msg":"try again","trace":%q,"span":"%016x","op":"charge","service":"api","pause":"%dms"}`+"\n",
			end.Add(-3*time.Millisecond).Format(time.RFC3339Nano), id, 2*i+2, i%3)
		fmt.Fprintf(&b, `{"time":%q,"level":%q,"msg":"span end","trace":%q,"span":"%016x","op":"charge","parent":"%016x","kind":"client","start":%q,"duration_ms":1.5,%s"service":"api","attempt":%d}`+"\n",
			end.Add(-time.Millisecond).Format(time.RFC3339Nano), level, id, 2*i+2, 2*i+1, end.Add(-2500*time.Microsecond).Format(time.RFC3339Nano), failed, i%5)
		fmt.Fprintf(&b, `{"time":%q,"level":%q,"msg":"span end","trace":%q,"span":"%016x","op":"POST /bookings","kind":"server","start":%q,"duration_ms":%d,%s"service":"api","http.route":"/b%d"}`+"\n",
			end.Format(time.RFC3339Nano), level, id, 2*i+1, start.Format(time.RFC3339Nano), end.Sub(start).Milliseconds(), failed, i%3)
	}
	return b.Bytes()
}

// manyQuestions choose more traces than are fetched by their ids.
var manyQuestions = []string{
	"ls --error --limit 0", "show --where attempt>=0 --limit 4 --tree", "errors --json", "ls --where http.route=/b* --op POST* --limit 0 --json",
	"show --error --json --limit 30", "stats --error", "ls --grep declined --limit 0 --json", // from here on only with the build tag long
}

// More traces than fit in some queries are read by another way: with a query in the query, or all of them. Among them are some
// that begin long before the time of the question.
func TestStoreManyTraces(t *testing.T) {
	t.Parallel()
	const since, until = "2026-03-01T09:15:00Z", "2026-03-01T09:17:00Z"
	questions := manyQuestions[:4]
	if everyLayout {
		questions = manyQuestions
	}
	ask := func(t *testing.T, s stored) {
		for _, q := range questions {
			compareStore(t, s, append(strings.Fields(q), "--since", since, "--until", until)...)
		}
	}
	const told = "so lines more than an hour before or after the time of the question were not read"
	tells := func(t *testing.T, s stored, want bool) {
		r := command(t, nil, "ls", "--error", "--since", since, "--until", until, "--from", s.from)
		if r.code != 0 || strings.Contains(r.stderr, told) != want {
			t.Errorf("want %q: %t, got %s", told, want, r.stderr)
		}
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		members := storeLines(t, n, "1", shipmentNamed(t, "JSONLines"), manyTraces(3500, true))
		t.Run("members", func(t *testing.T) {
			ask(t, members)
			if r := command(t, nil, "ls", "--error", "--explain", "--since", since, "--until", until, "--from", members.from); !strings.Contains(r.stderr, `"trace":in(_time:`) {
				t.Errorf("no query in the query\n%.3000s", r.stderr)
			}
		})
		t.Run("lines", func(t *testing.T) {
			s := storeLines(t, n, "2", shipmentNamed(t, "Loki, whole"), manyTraces(1600, false))
			ask(t, s)
			tells(t, s, false)
			tells(t, storeLines(t, n, "3", shipmentNamed(t, "Loki, whole"), manyTraces(1600, true)), true)
		})
	})
	t.Run("newest ClickHouse", func(t *testing.T) {
		t.Parallel()
		s := storeColumns(t, startChdb(t), "logs", manyTraces(9000, true))
		compareStore(t, s, "ls", "--error", "--limit", "0", "--since", since, "--until", until)
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		t.Run("columns", func(t *testing.T) {
			s := storeColumns(t, server, "logs", manyTraces(9000, true))
			ask(t, s)
			if r := command(t, nil, "ls", "--error", "--explain", "--since", since, "--until", until, "--from", s.from); !strings.Contains(r.stderr, " global in (select distinct ") {
				t.Errorf("no query in the query\n%.3000s", r.stderr)
			}
			server.Exec(t, "create table spread as logs engine = Distributed(shards, default, logs)", nil)
			s.from = clickhouseAddress(server, "spread")
			compareStore(t, s, "ls", "--error", "--limit", "0", "--since", since, "--until", until)
		})
		t.Run("lines", func(t *testing.T) { ask(t, storeText(t, server, "texts", manyTraces(1000, false))) })
	})
}

// conditions are questions about attributes, spans above, and whole traces.
var conditions = []string{
	"ls --where http.route=/b*", "ls --where http.route=/* --where http.response.status_code>201", "ls --where http.route=*s", "ls --where http.route=/b*k*gs --json",
	"ls --where http.route!=/b*", "ls --where root.op=POST*", "ls --where root.service=booking-api --where root.op=POST* --op webhook*", "ls --where ancestor.op=webhook.enqueue",
	"ls --where ancestor.op=booking.confirm --error", "ls --where parent.service=booking-api --service payments", "ls --where ancestor.op!=booking.confirm --op fraud.check",
	"ls --where trace.spans>=14", "ls --where trace.duration>12ms --error", "stats --where ancestor.op=payment.take --by op,service", "stats --where http.route=/c* --by http.route",
	"errors --where root.op=POST*", "errors --where ancestor.op=payment.take --json", "show --where parent.op=payment.charge --limit 3 --tree",
	"ls --where level!=INFO", "ls --where level>=WARN", "stats --lines --where level!=DEBUG --by level", "stats --lines --where level<WARN --by level",
}

// Conditions of --where choose the same from a store as from a file.
func TestStoreConditions(t *testing.T) {
	t.Parallel()
	lines := generated(t, loggen.Options{Traces: 60, Seed: 7})
	ask := func(t *testing.T, s stored) {
		for i, q := range conditions {
			if compareStore(t, s, strings.Fields(q)...); i == 0 && !strings.Contains(command(t, nil, "ls", "--where", "http.route=/b*", s.file).stdout, "POST /bookings") {
				t.Error("nothing matches") // else all answers could be empty
			}
		}
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		for tenant, name := range []string{"JSONLines", "JSONLines with the line"} {
			if tenant > 0 && !everyLayout {
				break
			}
			t.Run(name, func(t *testing.T) { ask(t, storeLines(t, n, fmt.Sprint(tenant), shipmentNamed(t, name), lines)) })
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		t.Run("columns", func(t *testing.T) { ask(t, storeColumns(t, server, "logs", lines)) })
		if everyLayout {
			t.Run("lines", func(t *testing.T) { ask(t, storeText(t, server, "texts", lines)) })
		}
	})
}

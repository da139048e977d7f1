package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// ownNames are what lines call the members of the record schema, in a company with names of its own.
var ownNames = map[string]string{
	"time": "when", "level": "sev", "msg": "text", "trace": "ctx.tid", "span": "ctx.sid", "op": "task", "service": "app", "parent": "ctx.up",
	"kind": "role", "start": "began", "duration_s": "took", "error": "failure",
}

// mapFlag is ownNames for --map.
func mapFlag() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(ownNames)) {
		pairs = append(pairs, name+"="+ownNames[name])
	}
	return "--map=" + strings.Join(pairs, ",")
}

// membersOf returns what is in a line. Its numbers are as they were written.
func membersOf(t testing.TB, line []byte) (members map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		t.Fatal(err)
	}
	return members
}

// renamed gives lines the names of a company, and durations in seconds. Names with a dot are objects if nested is set.
func renamed(t testing.TB, lines []byte, nested bool) []byte {
	t.Helper()
	var b bytes.Buffer
	for line := range bytes.Lines(lines) {
		members := membersOf(t, line)
		if ms, ok := members["duration_ms"].(json.Number); ok {
			x, _ := ms.Float64()
			members["duration_s"] = x / 1000
			delete(members, "duration_ms")
		}
		for name, own := range ownNames {
			v, ok := members[name]
			if delete(members, name); !ok {
				continue
			}
			if outer, inner, dotted := strings.Cut(own, "."); dotted && nested {
				if members[outer] == nil {
					members[outer] = map[string]any{}
				}
				members[outer].(map[string]any)[inner] = v
			} else {
				members[own] = v
			}
		}
		if err := json.NewEncoder(&b).Encode(members); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// mapQuestions are conditions on each member, and what needs each member.
var mapQuestions = []string{
	"ls --json", "ls --op calendar.reserve --min 3ms", "ls --service payments --max 3ms", "ls --where kind=server --json", "ls --where duration_ms>3", "ls --where error~declined",
	"stats --by service", "stats --error --by op,error", "stats --lines --by level", "errors --json", "show --tree --limit 3", "check --json",
	// From here on only with the build tag long.
	"ls --error", "ls --op POST*", "ls --where attempt=2", "ls --where level=WARN", "ls --grep declined", "stats", "stats --min 5ms", "stats --self", "stats --where ancestor.op=payment.take", "show --error --limit 2",
}

// With --map, lines that have names of their own are read as from a file.
func TestStoreMap(t *testing.T) {
	t.Parallel()
	lines := generated(t, loggen.Options{Traces: 40, Seed: 9})
	questions := mapQuestions[:12]
	if everyLayout {
		questions = mapQuestions
	}
	ask := func(t *testing.T, s stored) {
		t.Helper()
		for _, q := range questions {
			args := append(strings.Fields(q), mapFlag())
			if q == "check --json" {
				compareChecked(t, s, args)
				continue
			}
			compareStore(t, s, args...)
		}
		ids := decoded[[]struct{ Trace string }](t, command(t, nil, "ls", "--json", mapFlag(), s.file).stdout)
		if len(ids) != 40 {
			t.Fatalf("%d traces", len(ids))
		}
		compareStore(t, s, "show", mapFlag(), ids[0].Trace)
		compareStore(t, s, "show", "--tree", mapFlag(), ids[1].Trace[:10])
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		n := victorialogs.Start(t)
		own := renamed(t, lines, true)
		for tenant, way := range []string{"/insert/jsonline?_time_field=when&_msg_field=text&_stream_fields=app", "/insert/jsonline?_time_field=when&_stream_fields=app", "/insert/loki/api/v1/push?disable_message_parsing=1"} {
			if tenant > 0 && !everyLayout {
				break
			}
			t.Run(way, func(t *testing.T) {
				s := shipments[0]
				if strings.Contains(way, "loki") {
					s = shipments[shipmentNamed(t, "Loki, whole")]
				}
				s.path = way
				sendLines(t, n, fmt.Sprint(tenant), s, own)
				ask(t, storedAt(t, strings.Replace(n.URL, "http:", "victorialogs:", 1)+"?tenant="+fmt.Sprint(tenant), own))
			})
		}
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		own := renamed(t, lines, false)
		t.Run("columns", func(t *testing.T) { ask(t, storeColumns(t, server, "logs", own)) })
		if !everyLayout {
			return
		}
		t.Run("lines", func(t *testing.T) {
			s := storeText(t, server, "texts", lines) // for the times
			server.Exec(t, "create table own (time UInt64, body String) engine = MergeTree partition by tuple() order by time", nil)
			times := strings.Fields(server.Exec(t, "select time from texts order by time", nil))
			var rows bytes.Buffer
			i := 0
			for line := range bytes.Lines(own) {
				row, err := json.Marshal(map[string]any{"time": json.Number(times[i]), "body": strings.TrimSpace(string(line))})
				if err != nil {
					t.Fatal(err)
				}
				rows.Write(append(row, '\n'))
				i++
			}
			server.Exec(t, "insert into own format JSONEachRow", &rows)
			ask(t, storedAt(t, strings.Replace(s.from, "/texts?", "/own?", 1), own))
		})
	})
}

// compareChecked compares what check counts in a file and in a store.
func compareChecked(t *testing.T, s stored, args []string) {
	t.Helper()
	type counts struct {
		Records, Traces, Complete int
		NoTrace                   int `json:"without_trace"`
	}
	want := decoded[counts](t, command(t, nil, append(args, s.file)...).stdout)
	got := decoded[counts](t, command(t, nil, append(args, "--since", sinceAll, "--from", s.from)...).stdout)
	if got != want || want.Traces == 0 {
		t.Errorf("check counts %+v, want %+v", got, want)
	}
}

// With --record, records are found inside of the values of lines.
func TestStoreRecord(t *testing.T) {
	t.Parallel()
	var own bytes.Buffer
	for line := range bytes.Lines(generated(t, loggen.Options{Traces: 20, Seed: 5})) {
		outer := map[string]any{"result._raw": strings.TrimSpace(string(line)), "host": "h1", "time": decoded[struct{ Time string }](t, string(line)).Time}
		if err := json.NewEncoder(&own).Encode(outer); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(t *testing.T, s stored) {
		t.Helper()
		for _, q := range []string{"ls --json", "ls --error", "stats --op POST* --by op", "errors", "show --op webhook.deliver --limit 1 --tree"} {
			compareStore(t, s, append(strings.Fields(q), "--record", "result._raw")...)
		}
		ids := decoded[[]struct{ Trace string }](t, command(t, nil, "ls", "--json", "--record", "result._raw", s.file).stdout)
		if len(ids) != 20 {
			t.Fatalf("%d traces", len(ids))
		}
		compareStore(t, s, "show", "--record", "result._raw", ids[0].Trace)
	}
	t.Run("VictoriaLogs", func(t *testing.T) {
		t.Parallel()
		ask(t, storeLines(t, victorialogs.Start(t), "0", 0, own.Bytes()))
	})
	t.Run("ClickHouse", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		server.Exec(t, "create table logs (time UInt64, host String, `result._raw` String) engine = MergeTree partition by tuple() order by time", nil)
		server.Exec(t, "insert into logs format JSONEachRow", columnTable{}.rows(t, own.Bytes()))
		ask(t, storedAt(t, clickhouseAddress(server, "logs"), own.Bytes()))
	})
}

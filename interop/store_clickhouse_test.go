package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
)

// A columnTable has the members of lines as columns.
type columnTable struct {
	names []string
	types map[string]string
}

// columnsOf chooses the columns for lines: nanoseconds as UInt64, and what lines may lack as Nullable.
func columnsOf(t testing.TB, lines []byte) columnTable {
	t.Helper()
	c := columnTable{types: map[string]string{}}
	for line := range bytes.Lines(lines) {
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		for key, value := range members {
			typ := "Nullable(String)"
			switch n, isNumber := value.(float64); {
			case key == "time":
				typ = "UInt64"
			case key == "start":
				typ = "Nullable(UInt64)"
			case key == "trace", key == "level", key == "msg":
				typ = "String"
			case isNumber && (n != float64(int64(n)) || c.types[key] == "Nullable(Float64)" || key == "duration_ms"):
				typ = "Nullable(Float64)"
			case isNumber:
				typ = "Nullable(Int64)"
			}
			if _, there := c.types[key]; !there {
				c.names = append(c.names, key)
			}
			c.types[key] = typ
		}
	}
	slices.Sort(c.names) // as attributes of the same line are compared
	return c
}

// definition is the columns in SQL.
func (c columnTable) definition() string {
	var parts []string
	for _, name := range c.names {
		parts = append(parts, fmt.Sprintf("`%s` %s", name, c.types[name]))
	}
	return strings.Join(parts, ", ")
}

// rows are lines with their times in nanoseconds, for JSONEachRow.
func (c columnTable) rows(t testing.TB, lines []byte) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	for line := range bytes.Lines(lines) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"time", "start"} {
			var at time.Time
			if json.Unmarshal(members[key], &at) == nil {
				members[key] = fmt.Append(nil, at.UnixNano())
			}
		}
		row, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(row, '\n'))
	}
	return &b
}

// storeColumns makes a table with the members of lines as columns, and returns it.
func storeColumns(t testing.TB, s *clickhouse.Server, name string, lines []byte) stored {
	t.Helper()
	c := columnsOf(t, lines)
	s.Exec(t, "create table "+name+" ("+c.definition()+") engine = MergeTree partition by tuple() order by (time, trace)", nil)
	s.Exec(t, "insert into "+name+" format JSONEachRow", c.rows(t, lines))
	return storedAt(t, clickhouseAddress(s, name), lines)
}

func clickhouseAddress(s *clickhouse.Server, table string) string {
	return strings.Replace(s.URL, "http:", "clickhouse:", 1) + "/default/" + table
}

// storedAt writes the lines of a store to a file, too.
func storedAt(t testing.TB, from string, lines []byte) stored {
	t.Helper()
	s := stored{file: filepath.Join(t.TempDir(), "app.log"), from: from, text: lines}
	if err := os.WriteFile(s.file, lines, 0o666); err != nil {
		t.Fatal(err)
	}
	return s
}

func generated(t testing.TB, o loggen.Options) []byte {
	t.Helper()
	var log bytes.Buffer
	if _, err := loggen.Generate(&log, o); err != nil {
		t.Fatal(err)
	}
	return log.Bytes()
}

// Every command gives the same answer from ClickHouse as from the file with the same lines.
func TestClickHouseSameAnswers(t *testing.T) {
	server := clickhouse.Start(t)
	lines := generated(t, loggen.Options{Traces: 120})
	t.Run("columns", func(t *testing.T) {
		compareAnswers(t, storeColumns(t, server, "logs", lines), false)
	})
	t.Run("lines", func(t *testing.T) { compareAnswers(t, storeText(t, server, "texts", lines), true) })
}

// storeText makes a table with whole lines, and returns it.
func storeText(t testing.TB, s *clickhouse.Server, name string, lines []byte) stored {
	t.Helper()
	s.Exec(t, "create table "+name+" (time UInt64, body String) engine = MergeTree partition by tuple() order by time", nil)
	var rows bytes.Buffer
	for line := range bytes.Lines(lines) {
		var record struct{ Time time.Time }
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		row, _ := json.Marshal(map[string]any{"time": record.Time.UnixNano(), "body": strings.TrimSuffix(string(line), "\n")})
		rows.Write(append(row, '\n'))
	}
	s.Exec(t, "insert into "+name+" format JSONEachRow", &rows)
	return storedAt(t, clickhouseAddress(s, name)+"?line=body", lines)
}

// compareAnswers asks every question, half of them for JSON.
func compareAnswers(t *testing.T, s stored, exact bool) {
	t.Helper()
	for i, q := range storeQuestions {
		args := strings.Fields(q)
		if (i%2 == 1) != exact {
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
}

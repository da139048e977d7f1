package tracelog

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// A Shape is for the records of a log, in whichever of the shapes they are: all readers find them.
func TestShapeInShapes(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	var own, inner []string
	for i := range 3 {
		own = append(own, fmt.Sprintf(`{"OperationId":"%s","sid":"a%d","TimeGenerated":"2026-03-01T09:15:0%dZ","took_ms":12,"Role":"shop"}`, trace, i, i))
		record := fmt.Sprintf(`{"time":"2026-03-01T09:15:0%dZ","level":"INFO","msg":"span end","trace":"%s","span":"a%d","service":"shop","start":"2026-03-01T09:15:00Z","duration_ms":12}`, i, trace, i)
		inner = append(inner, `{"level":"info","timestamp":"2026-03-01T09:15:00Z","message":`+quotedJSON(record)+`}`)
	}
	table := func(records []string) string {
		var first map[string]any
		if err := json.Unmarshal([]byte(records[0]), &first); err != nil {
			t.Fatal(err)
		}
		var columns, rows []string
		for key := range first {
			columns = append(columns, fmt.Sprintf(`{"name":%q,"type":"string"}`, key))
		}
		for _, r := range records {
			var row []string
			ms, _ := appendMembers(nil, []byte(r))
			for _, c := range columns {
				for _, m := range ms {
					if strings.HasPrefix(c, `{"name":"`+string(m.key)+`"`) {
						row = append(row, string(m.value))
					}
				}
			}
			rows = append(rows, "["+strings.Join(row, ",")+"]")
		}
		return `{"tables":[{"name":"PrimaryResult","columns":[` + strings.Join(columns, ",") + `],"rows":[` + strings.Join(rows, ",") + "]}]}\n"
	}
	forms := map[string]func([]string) string{
		"bare":   each("%s"),
		"prefix": each("shop-1  | %s"),
		"docker's file": func(r []string) string {
			return eachQuoted(`{"log":%s,"stream":"stdout","time":"2026-03-01T09:15:00Z"}`)([]string{r[0] + "\n", r[1] + "\n", r[2] + "\n"})
		},
		"array":           joinedBy(",", "[%s]\n"),
		"array, lines":    joinedBy(",\n", "[\n%s\n]\n"),
		"array, printed":  func(r []string) string { return indented(joinedBy(",", "[%s]")(r)) },
		"objects":         func(r []string) string { return strings.Join(r, "") + "\n" },
		"printed":         func(r []string) string { return indented(r[0]) + indented(r[1]) + indented(r[2]) },
		"events":          joinedBy(",", `{"events":[%s],"n":1}`+"\n"),
		"events, printed": func(r []string) string { return indented(joinedBy(",", `{"events":[%s],"n":1}`)(r)) },
		"hits":            joinedBy(`},{"_index":"i","_source":`, `{"took":1,"hits":{"hits":[{"_index":"i","_source":%s}]}}`+"\n"),
		"hits, printed": func(r []string) string {
			return indented(joinedBy(`},{"_index":"i","_source":`, `{"took":1,"hits":{"hits":[{"_index":"i","_source":%s}]}}`)(r))
		},
		"table": table,
	}
	for name, form := range forms {
		for _, tt := range []struct {
			records []string
			shape   Shape
		}{
			{own, Shape{Names: map[string]string{"trace": "OperationId", "span": "sid", "time": "TimeGenerated", "duration_ms": "took_ms", "service": "Role"}}},
			{inner, Shape{Record: "message"}},
		} {
			log := form(tt.records)
			check := func(reader string, entries []Entry) {
				t.Helper()
				n := 0
				for _, e := range entries {
					if e.Trace == trace && e.Event == EventEnd && e.Duration > 0 && e.Service == "shop" {
						n++
					}
				}
				if n != 3 || len(entries) != 3 {
					t.Errorf("%s, %s: %d spans in %d entries\n%s", name, reader, n, len(entries), log)
				}
			}
			var entries []Entry
			if _, err := ScanLines(strings.NewReader(log), "f", &LineOptions{Shape: &tt.shape}, func(e Entry) { entries = append(entries, e) }); err != nil {
				t.Fatal(err)
			}
			check("Scan", entries)
			for reader, r := range map[string]io.Reader{"file": strings.NewReader(log), "stream": iotest.HalfReader(struct{ io.Reader }{strings.NewReader(log)})} {
				var lists []*[]Entry // of each function: they run at the same time
				_, err := ScanRecords(t.Context(), []Input{{Name: "f", Reader: r}}, &ScanOptions{Workers: 1, Shape: &tt.shape}, func() func(*Record) {
					list := new([]Entry)
					lists = append(lists, list)
					return func(r *Record) { *list = append(*list, r.Entry()) }
				})
				if err != nil {
					t.Fatal(err)
				}
				var entries []Entry
				for _, list := range lists {
					entries = append(entries, *list...)
				}
				check(reader, entries)
			}
		}
	}
}

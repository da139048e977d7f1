package interop

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// alikeLines are ends of spans that differ in little but ids and times. More returns members that some have besides.
func alikeLines(spans int, more func(i int) string) []byte {
	var log bytes.Buffer
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for i := range spans {
		start := begin.Add(time.Duration(i) * 1_234_567)
		d := time.Duration(1+i%10) * 500 * time.Microsecond
		fmt.Fprintf(&log, `{"time":%q,"level":"INFO","msg":"span end","trace":"%032x","span":"%016x","op":"op %d","start":%q,"duration_ms":%v,"service":"s%d"%s}`+"\n",
			start.Add(d).Format(time.RFC3339Nano), i/3+1, i+1, i%4, start.Format(time.RFC3339Nano), float64(d)/1e6, i%2, more(i))
	}
	return log.Bytes()
}

func noMore(int) string { return "" }

// beganLine is the start of a span. Those of alikeLines have the first numbers.
func beganLine(span int, op string) string {
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC).Add(time.Duration(span) * 1_234_567)
	return fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"span start","trace":"%032x","span":"%016x","op":%q,"service":"s0"}`+"\n", at.Format(time.RFC3339Nano), span/3+1, span+1, op)
}

// VictoriaLogs counts ends of spans that are alike, and stats says of them, and of what it leaves out, exactly what it says of a file.
func TestStoreGroups(t *testing.T) {
	t.Parallel()
	end := func(members string) string { return `{"msg":"span end","level":"INFO",` + members + "}\n" }
	const one = `"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","op":"op 0","duration_ms":0.5`
	usual := alikeLines(3000, func(i int) string {
		switch {
		case i%50 == 1:
			return `,"error":"declined"`
		case i%50 == 2:
			return `,"sample_rate":0.25`
		case i%50 == 3:
			return `,"sampled":false`
		}
		return ""
	})
	rarely := alikeLines(300, noMore)
	rarely = bytes.ReplaceAll(rarely, []byte(`"service":"s1"`), []byte(`"service":"s0"`))
	short := regexp.MustCompile(`"span":"[0-9a-f]*([0-9a-f])"`).ReplaceAll(alikeLines(3000, noMore), []byte(`"span":"5$1"`))
	const oneTrace = "0000000000000000000000000000010f" // it has spans 5b, 5c and 5d, the first from 09:15:00.999 on
	began := func(trace, span string) string {
		return fmt.Sprintf(`{"time":"2026-03-01T09:15:01Z","level":"INFO","msg":"span start","trace":%q,"span":%q,"op":"op 0","service":"s0"}`+"\n", trace, span)
	}
	var manyBegan strings.Builder
	for i := range 3000 {
		manyBegan.WriteString(beganLine(5000+i, "op 0"))
	}
	// Of most ends in this time it is certain that they are.
	const inPart = "stats --since 2026-03-01T09:15:00.2Z --until 2026-03-01T09:15:04.2Z --json"
	n := victorialogs.Start(t)
	for i, test := range []struct {
		name    string
		lines   string
		grouped bool
	}{
		{"usual", string(usual), true},
		{"starts of spans that end", string(usual) + beganLine(0, "op 0") + beganLine(4, "op 0"), true},
		{"renamed", string(usual) + beganLine(1000, "before") + beganLine(4, "op 0"), true},
		{"unfinished", string(usual) + beganLine(5000, "op 0") + beganLine(5001, "op 9") + beganLine(5001, "op 9") + beganLine(4, "op 0"), true},
		{"starts in other forms", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T10:15:00.5+01:00","op":"op 0","duration_ms":0.5,"trace":"a1","span":"a2"`) +
			end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00Z","op":"op 0","duration_ms":0.5,"trace":"a3","span":"a4"`) +
			end(`"time":"2026-03-01T09:15:01Z","start":1772356500500,"op":"op 0","duration_ms":0.5,"trace":"a5","span":"a6"`) +
			end(`"time":"2026-03-01T09:15:02Z","start":"2026-03-01T09:15:01.5+01:00","op":"op 0","duration_ms":0.5,"trace":"a9","span":"aa"`) +
			end(`"time":"2026-03-01T09:15:01Z","op":"op 0","duration_ms":0.5,"trace":"a7","span":"a8"`), true},
		{"without an operation", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","duration_ms":1,"trace":"b1","span":"b2"`), true},
		{"a duration below 0", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","op":"op 0","duration_ms":-3,"trace":"b1","span":"b2"`), false},
		{"no duration", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","op":"op 0","trace":"b1","span":"b2"`), false},
		{"a duration in words", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","op":"op 0","duration_ms":"soon","trace":"b1","span":"b2"`), false},
		{"a span id in two traces", string(usual) + end(one+`,"trace":"c1","span":"c2"`) + end(one+`,"trace":"c3","span":"c2"`), true},
		{"a span id in two traces, and unfinished", string(usual) + end(one+`,"trace":"c1","span":"c2"`) + end(one+`,"trace":"c3","span":"c2"`) + beganLine(5000, "op 0"), true},
		{"a start of such a span", string(usual) + end(one+`,"trace":"c1","span":"c2"`) + end(one+`,"trace":"c3","span":"c2"`) + began("c1", "c2") + began("c4", "c2"), true},
		{"short ids", string(short), true},
		{"short ids, and unfinished", string(short) + began(oneTrace, "5b") + began(oneTrace, "5f") + began("77", "5b"), true},
		{"short ids, one without a span", string(short) + end(one+`,"trace":"d5"`), false},
		{"short ids, twice", string(short) + string(short[:bytes.IndexByte(short, '\n')+1]), false},
		{"unfinished without ids", string(usual) + began("", "d0") + began("d0", "") + began("d0", "0") + began("00-00", "d0"), true},
		{"many unfinished", string(usual) + manyBegan.String(), true},
		{"ids with a space", string(usual) + end(one+`,"trace":"c5","span":"the first span of all"`), false},
		{"ids with a comma", string(usual) + end(one+`,"trace":"c5","span":"c6,0"`), false},
		{"an id of more than one line", string(usual) + end(one+`,"trace":"c5\nc6","span":"c7"`), false},
		{"twice", string(usual) + string(usual[:bytes.IndexByte(usual, '\n')+1]), false},
		{"zero trace", string(usual) + end(one+`,"trace":"00000000000000000000000000000000","span":"d2"`), false},
		{"zero span", string(usual) + end(one+`,"trace":"d3","span":"0000000000000000"`), false},
		{"without a span", string(usual) + end(one+`,"trace":"d5"`), false},
		{"without a trace", string(usual) + end(one+`,"span":"d7"`), false},
		{"other names", string(usual) + end(`"time":"2026-03-01T09:15:01Z","start":"2026-03-01T09:15:00.5Z","op":"op 0","duration_ms":0.5,"trace_id":"e1","span_id":"e2"`), false},
		{"names of ours", string(usual) + end(one+`,"trace":"f1","span":"f2","slogtrace.when":"2026-03-01T09:15:00Z x"`), false},
		{"rarely alike", string(rarely), true}, // 10 durations of 4 operations
	} {
		t.Run(test.name, func(t *testing.T) {
			s := storeLines(t, n, fmt.Sprint(i+1), 0, []byte(test.lines))
			for _, q := range []string{
				"stats", "stats --json", "stats --by service,op --json", "stats --error", "stats --op op*0", "stats --max 2ms --json", "stats --service s1 --where error=declined",
				"stats --since 2026-03-01T09:15:00.7Z --until 2026-03-01T09:15:02.7Z --json", inPart, "stats --by error --json", "stats --by sample_rate --json", "stats --op none", "stats --duplicates count",
			} {
				args := strings.Fields(q)
				if !strings.Contains(q, "--since") {
					args = append(args, "--since", sinceAll)
				}
				file, store := command(t, nil, append(args, s.file)...), command(t, nil, append(args, "--from", s.from)...)
				if file.code == 1 { // of a file, all spans are read
					file.stderr, store.stderr = "", ""
				}
				if diff := cmp.Diff(file, store, cmp.AllowUnexported(ran{})); diff != "" {
					t.Errorf("%s (-file +store):\n%.2000s", q, diff)
				}
			}
			isGrouped := func(q string) bool { // only when the lines themselves are read, both kinds of records are asked for
				r := command(t, nil, append(strings.Fields(q), "--explain", "--from", s.from)...)
				return !strings.Contains(r.stderr, `in("span end","span start")`)
			}
			if got := isGrouped("stats --since " + sinceAll); got != test.grouped {
				t.Errorf("grouped: %v, want %v", got, test.grouped)
			}
			if i == 0 && !isGrouped(inPart) {
				t.Error("not grouped where this is certain of most ends")
			}
		})
	}
}

package tracelog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// inContext returns a record with all members but the time, the level and the message in an object of a name.
func inContext(t *testing.T, record, name string) string {
	ms, err := appendMembers(nil, []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	var own, inner []string
	for _, m := range ms {
		member := fmt.Sprintf("%s:%s", quotedJSON(string(m.key)), m.value)
		if builtins[m.slot] > 0 && builtins[m.slot] <= fieldMessage+1 {
			own = append(own, member)
		} else {
			inner = append(inner, member)
		}
	}
	object := quotedJSON(name) + ":{" + strings.Join(inner, ",") + "}"
	return "{" + strings.Join(slices.Insert(own, len(own)-1, object), ",") + "}"
}

// A record whose ids are in an object of a logger is read as if they were at its root, under each of its names.
func TestContext(t *testing.T) {
	records := rawRecords(t)
	want, _ := scanAll(t, []byte(each("%s")(records)))
	for name := range contextNames {
		if name == scopesName {
			continue
		}
		for _, format := range []string{"%s", "web-1  | %s", `{"_index":"i","_source":%s}`} {
			var lines []string
			for _, r := range records {
				lines = append(lines, inContext(t, r, name))
			}
			log := each(format)(lines)
			got, src := scanAll(t, []byte(log))
			bare := bareEntries(got)
			for i := range bare {
				bare[i].Service = want[i].Service
			}
			if diff := gocmp.Diff(bareEntries(want), bare); diff != "" {
				t.Fatalf("%s\n(-want +got):\n%s", log, diff)
			}
			for i := range got {
				for _, a := range want[i].Attrs() {
					if v, ok := got[i].Attr(name + "." + a.Key); !ok || string(v) != string(a.Value) {
						t.Errorf("%s: no %s.%s", got[i].Raw, name, a.Key)
					}
				}
			}
			checkReaders(t, log, got, src)
		}
	}
}

// Content that was logged forges neither spans nor the trace of a record, wherever it is and whatever it looks like.
func TestContextForged(t *testing.T) {
	const ids = `"trace":"forged","span":"s","op":"forged","start":"2026-03-01T09:15:00Z","duration_ms":5`
	lines := map[string]string{
		"in an object of it":        `"context":{"body":{` + ids + `}}`,
		"in a string of it":         `"context":"{\"trace\":\"forged\",\"span\":\"s\"}"`,
		"in a string in it":         `"context":{"body":"{\"trace\":\"forged\",\"span\":\"s\"}"}`,
		"in an array":               `"context":[{` + ids + `}]`,
		"in an array of keys":       `"context":[{"key":"body","value":{` + ids + `}}]`,
		"a record with a message":   `"context":{"msg":"span end",` + ids + `}`,
		"a record with a level":     `"context":{"level":"INFO",` + ids + `}`,
		"a record with a time":      `"context":{"time":"2026-03-01T09:15:00Z",` + ids + `}`,
		"two objects":               `"context":{` + ids + `},"extra":{"trace":"t","span":"s"}`,
		"two of a name":             `"context":{` + ids + `},"context":{"trace":"t","span":"s"}`,
		"another span of the trace": `"context":{` + ids + `},"extra":{"trace":"forged","span":"u"}`,
		"no span":                   `"context":{"trace":"forged","op":"forged"}`,
		"an empty span":             `"context":{"trace":"forged","span":""}`,
		"a span of zeros":           `"context":{"trace":"forged","span":"0000000000000000"}`,
		"a span that is a number":   `"context":{"trace":"forged","span":5}`,
		"ids that are objects":      `"context":{"trace":{"id":"forged"},"span":{"id":"s"}}`,
		"beside a zero id":          `"trace":"00000000000000000000000000000000","context":{` + ids + `}`,
		"beside a span":             `"span":"s","context":{` + ids + `}`,
		"beside ids":                `"trace":"t","span":"s","context":{` + ids + `}`,
		"beside others' ids":        `"trace_id":"t","span_id":"s","context":{` + ids + `}`,
		"a scope in an array":       `"Scopes":[[{` + ids + `}]]`,
		"a scope in an object":      `"Scopes":[{"Message":"x","a":{` + ids + `}}]`,
		"scopes in an object":       `"Scopes":{"a":{` + ids + `}}`,
		"in all":                    `"a":{"context":{` + ids + `}},"b":[{"context":{` + ids + `}}]`,
	}
	for name := range strings.FieldsSeq("data payload body response request req res event result results record entry log value error err params args object details State user message_data contexts CONTEXT my_context") {
		lines["under "+name] = fmt.Sprintf(`%q:{%s}`, name, ids)
	}
	for name, members := range lines {
		for _, format := range []string{
			`{"level":"info","message":"span end",%s,"time":"2026-03-01T09:15:00Z"}`,
			`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"span end",%s}`,
			`{"level":"info","message":"answer",%s,"time":"2026-03-01T09:15:00Z"}`,
			`{"_source":{"ts":1772356500,"level":"info","msg":"answer",%s}}`,
			`api-1  | {"level":"info","ts":1772356500,"msg":"span end",%s}`,
		} {
			line := fmt.Sprintf(format, members)
			got, src := scanAll(t, []byte(line+"\n"))
			for _, e := range got {
				if e.Trace == "forged" || e.Op == "forged" {
					t.Errorf("%s: %s is forged: %+v", name, line, e)
				}
			}
			if len(got) != 1 {
				t.Errorf("%s: %s: %d records", name, line, len(got))
			}
			checkReaders(t, line+"\n", got, src)
		}
	}
	// These are not the records that have a context.
	for _, line := range []string{
		`{"message":"no level, no time","metadata":{` + ids + `}}`,
		`{"level":"info","time":"2026-03-01T09:15:00Z","context":{` + ids + `}}`,
		`{"level":"info","time":"2026-03-01T09:15:00Z","message":5,"context":{` + ids + `}}`,
		`{"trace":"t","span":"s","jsonPayload":{"level":"info","message":"ids are around it","context":{` + ids + `}}}`,
		`time=2026-03-01T09:15:00Z level=INFO msg=text context={"trace":"forged","span":"s"}`,
		`2026-03-01T09:15:00Z INFO text {"context":{"trace":"forged","span":"s"}}`,
	} {
		got, src := scanAll(t, []byte(line+"\n"))
		for _, e := range got {
			if e.Trace == "forged" || e.Op == "forged" {
				t.Errorf("%s is forged: %+v", line, e)
			}
		}
		checkReaders(t, line+"\n", got, src)
	}
	// The message of a record decides what it is, and nothing in an object does.
	const log = `{"level":"info","message":"answer","context":{"trace":"t","span":"s","op":"o","start":"2026-03-01T09:15:00Z","duration_ms":5,"event":"span end"},"time":"2026-03-01T09:15:00Z"}`
	got, _ := scanAll(t, []byte(log))
	if len(got) != 1 || got[0].Trace != "t" || got[0].Event != EventLog || got[0].Message != "answer" {
		t.Errorf("%s: %+v", log, got)
	}
}

// A line with any members is read alike by all readers, and its ids are those of one object.
func FuzzContext(f *testing.F) {
	f.Add("context", `"trace":"t","span":"s"`, `"level":"info","message":"m","time":"2026-03-01T09:15:00Z"`)
	f.Add("Scopes", `"TraceId":"t","SpanId":"s"`, `"Timestamp":"2026-03-01T09:15:00Z","LogLevel":"Information","Message":"m"`)
	f.Add("Properties", `"TraceId":"t","SpanId":"s"`, `"Timestamp":"2026-03-01T09:15:00Z","Level":"Information","MessageTemplate":"{A} m"`)
	f.Add("contextMap", `"trace_id":"t","span_id":"s"`, `"instant":{"epochSecond":1772356500,"nanoOfSecond":5},"level":"INFO","message":"m"`)
	f.Add("attributes", `"a":1`, `"date":"2026-03-01T09:15:00Z","status":"info","message":"m"`)
	f.Add("x", `"d\u0061te":"2026-03-01T09:15:00Z"`, `"d\u0061te":"2026-03-01T09:15:00Z","status":"info","m\u0065ssage":"m"`)
	f.Add("x", `"a":1`, `"level":"info","msg":"m","cont\u0065xt":{"trace":"t","span":"s"}`)
	f.Add("x", `"a":1`, `"version":"1.1","short_message":"m","timestamp":1772356500.5,"level":3,"_trace":"t","_span":"s","_msg":"x"`)
	f.Fuzz(func(t *testing.T, name, inner, outer string) {
		for _, format := range []string{"{%s,%s:{%s}}", "{%s,%s:[{%s}]}"} {
			line := fmt.Sprintf(format, outer, quotedJSON(name), inner)
			if strings.ContainsAny(line, "\n\r") {
				return
			}
			got, src := scanAll(t, []byte(line+"\n"))
			checkSource(t, src, len(got))
			checkLine(t, []byte(line))
			checkReaders(t, line+"\n", got, src)
		}
	})
}

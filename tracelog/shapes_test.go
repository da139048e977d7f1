package tracelog

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

// A shape is how a store, a shipper or a tool gives records back.
type shape struct {
	name string
	of   func(records []string) string // a log with the records, which are JSON
	key  string                        // an attribute that the shape adds, "" if none
	want string
}

// quoted returns text as a JSON string.
func quotedJSON(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// each makes a line of each record.
func each(format string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		for _, r := range records {
			fmt.Fprintf(&b, format+"\n", r)
		}
		return b.String()
	}
}

// eachQuoted makes a line of each record, with the record as a JSON string.
func eachQuoted(format string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		for _, r := range records {
			fmt.Fprintf(&b, format+"\n", quotedJSON(r))
		}
		return b.String()
	}
}

// eachTo makes a JSON text of each record, with the record as a JSON string, and joins them with commas.
func eachTo(records []string, format string) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf(format, quotedJSON(r)))
	}
	return strings.Join(all, ",")
}

// joined makes one text of all records, with a comma between them.
func joinedBy(sep, format string) func([]string) string {
	return func(records []string) string { return fmt.Sprintf(format, strings.Join(records, sep)) }
}

func indented(text string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		panic(err)
	}
	return b.String() + "\n"
}

// loki returns values of a stream, on one line.
func lokiValues(records []string) string {
	var values []string
	for i, r := range records {
		values = append(values, fmt.Sprintf(`["17723565%02d000000000",%s]`, i, quotedJSON(r)))
	}
	return strings.Join(values, ",")
}

// inArrays returns each record as a hit of Elasticsearch that was asked for fields.
func inArrays(records []string) []string {
	var hits []string
	for _, r := range records {
		ms, _ := appendMembers(nil, []byte(r))
		var fields []string
		for _, m := range ms {
			fields = append(fields, fmt.Sprintf("%s:[%s]", quotedJSON(string(m.key)), m.value))
			if m.value[0] == '"' {
				fields = append(fields, fmt.Sprintf("%s:[%s]", quotedJSON(string(m.key)+".keyword"), m.value))
			}
		}
		hits = append(hits, `{"_index":"i","_id":"a","_score":null,"fields":{`+strings.Join(fields, ",")+`},"sort":[1772356500000]}`)
	}
	return hits
}

var shapes = []shape{
	{"bare", each("%s"), "", ""},
	{"_source", each(`{"_index":"logs-1","_id":"a","_source":%s}`), "_index", `"logs-1"`},
	{"hits, one line", joinedBy("},{\"_index\":\"i\",\"_source\":", `{"took":1,"hits":{"total":{"value":9},"hits":[{"_index":"i","_source":%s}]}}`+"\n"), "_index", `"i"`},
	{"hits, printed", func(r []string) string {
		return indented(joinedBy("},{\"_index\":\"i\",\"_source\":", `{"took":1,"hits":{"hits":[{"_index":"i","_source":%s}]}}`)(r))
	}, "_index", `"i"`},
	{"jsonPayload", each(`{"insertId":"x","jsonPayload":%s,"resource":{"type":"k8s_container","labels":{"pod_name":"api-1","container_name":"api"}},"timestamp":"2026-03-01T09:15:00Z","severity":"INFO","logName":"projects/p/logs/stdout"}`), "resource.labels.pod_name", `"api-1"`},
	{"jsonPayload, an array that is printed", func(r []string) string {
		return indented(joinedBy(`,"timestamp":"2026-03-01T09:15:00Z","severity":"INFO"},{"insertId":"x","jsonPayload":`, `[{"insertId":"x","jsonPayload":%s,"timestamp":"2026-03-01T09:15:00Z","severity":"INFO"}]`)(r))
	}, "insertId", `"x"`},
	{"textPayload", eachQuoted(`{"insertId":"x","textPayload":%s,"timestamp":"2026-03-01T09:15:00Z"}`), "insertId", `"x"`},
	{"Datadog's content.attributes", each(`{"id":"AA","content":{"timestamp":"2026-03-01T09:15:00Z","host":"h","attributes":%s}}`), "content.host", `"h"`},
	{"Datadog's data[]", joinedBy(`,"host":"h"}},{"id":"AA","type":"log","attributes":{"attributes":`, `{"data":[{"id":"AA","type":"log","attributes":{"attributes":%s,"host":"h"}}],"meta":{"page":{}}}`+"\n"), "id", `"AA"`},
	{"fields", each(`{"timestamp":"2026-03-01T09:15:00Z","fields":%s}`), "", ""},
	{"log", eachQuoted(`{"log":%s,"stream":"stdout","kubernetes":{"pod_name":"api-1","container_name":"api"},"@timestamp":"2026-03-01T09:15:00Z"}`), "kubernetes.pod_name", `"api-1"`},
	{"docker's file", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			fmt.Fprintf(&b, `{"log":%s,"stream":"stdout","time":"2026-03-01T09:15:00Z"}`+"\n", quotedJSON(line+"\n"))
		}
		return b.String()
	}, "", ""},
	{"message", eachQuoted(`{"@timestamp":"2026-03-01T09:15:00Z","message":%s,"kubernetes":{"pod":{"name":"api-1"}}}`), "kubernetes.pod.name", `"api-1"`},
	{"stern -o json", eachQuoted(`{"message":%s,"nodeName":"n","namespace":"team","podName":"api-1","containerName":"api"}`), "podName", `"api-1"`},
	{"line", eachQuoted(`{"labels":{"app":"api"},"line":%s,"timestamp":"2026-03-01T09:15:00Z"}`), "labels.app", `"api"`},
	{"body", eachQuoted(`{"body":%s,"resources_string":{"k8s.pod.name":"api-1"}}`), "resources_string.k8s.pod.name", `"api-1"`},
	{"@message", eachQuoted(`{"@timestamp":"2026-03-01 09:15:00.000","@message":%s,"@logStream":"s"}`), "@logStream", `"s"`},
	{"MESSAGE", eachQuoted(`{"MESSAGE":%s,"_SYSTEMD_UNIT":"api.service"}`), "_SYSTEMD_UNIT", `"api.service"`},
	{"a string in a string", func(r []string) string {
		var inner []string
		for _, line := range r {
			inner = append(inner, `{"log":`+quotedJSON(line+"\n")+`,"stream":"stdout"}`)
		}
		return eachQuoted(`{"message":%s,"podName":"api-1"}`)(inner)
	}, "podName", `"api-1"`},
	{"events[]", func(r []string) string {
		var events []string
		for _, line := range r {
			events = append(events, `{"logStreamName":"s","timestamp":1772356500000,"message":`+quotedJSON(line)+`,"ingestionTime":1772356500001}`)
		}
		return `{"events":[` + strings.Join(events, ",") + `],"searchedLogStreams":[]}` + "\n"
	}, "logStreamName", `"s"`},
	{"streams[].values[]", func(r []string) string {
		return `{"streams":[{"stream":{"app":"api"},"values":[` + lokiValues(r) + `]}]}` + "\n"
	}, "stream.app", `"api"`},
	{"Loki's answer, printed", func(r []string) string {
		return indented(`{"status":"success","data":{"resultType":"streams","result":[{"stream":{"app":"api"},"values":[` + lokiValues(r) + `]}]}}`)
	}, "stream.app", `"api"`},
	{"an array, one line", joinedBy(",", "[%s]\n"), "", ""},
	{"an array, a record on each line", joinedBy(",\n", "[\n%s\n]\n"), "", ""},
	{"an array, its brackets on lines of their own", joinedBy(" , ", "[\n%s\n]\n"), "", ""},
	{"an array, its first bracket on a line of its own", joinedBy(",", "[\n%s]\n"), "", ""},
	{"an array, its last bracket on a line of its own", joinedBy(",", "[%s\n]\n"), "", ""},
	{"an array, its brackets on lines of records", joinedBy(",\n", "[%s]\n"), "", ""},
	{"an array, printed", func(r []string) string { return indented(joinedBy(",", "[%s]")(r)) }, "", ""},
	{"objects, printed", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			b.WriteString(indented(line))
		}
		return b.String()
	}, "", ""},
	{"objects, printed, in colours, in an array whose commas share lines", func(r []string) string {
		var all []string
		for _, line := range r {
			all = append(all, strings.TrimSpace(indented(line)))
		}
		return "[" + strings.ReplaceAll(strings.Join(all, ", "), "\n", "\x1b[0m\n\x1b[1;39m") + "]\n"
	}, "", ""},
	{"printed behind a prefix", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			b.WriteString("2026-03-01T09:15:00.000000+00:00 api/pod/1 " + indented(line))
		}
		return b.String()
	}, "", ""},
	{"printed, each line behind a prefix", eachPrinted("api-1  | "), "", ""},
	{"printed, each line behind a prefix with a time", eachPrinted("[pod/api-7d9f-x2/api] 2026-03-01T09:15:00.00000000%dZ "), "", ""},
	{"printed, each line behind one of several prefixes", eachPrinted("2026-03-01T09:15:00.%dZ stdout F ", "Mar  1 09:15:00 web1 api[47]: ", "api-7d9f-x2 api ", "\x1b[36mapi-1  | \x1b[0m"), "", ""},
	{"printed, each line in an entry of docker's file", func(r []string) string {
		var b strings.Builder
		for _, record := range r {
			for i, line := range strings.SplitAfter(strings.TrimSpace(indented(record))+"\n", "\n") {
				if line != "" {
					fmt.Fprintf(&b, `{"log":%s,"stream":"stdout","time":"2026-03-01T09:15:00.00%dZ"}`+"\n", quotedJSON(line), i)
				}
			}
		}
		return b.String()
	}, "", ""},
	{"printed, each line in an object of a shipper", func(r []string) string {
		var b strings.Builder
		for _, record := range r {
			for i, line := range strings.Split(strings.TrimSpace(indented(record)), "\n") {
				fmt.Fprintf(&b, `{"date":177235650%d.5,"log":%s,"stream":"stdout","kubernetes":{"pod_name":"api-1","container_name":"api","labels":{"app":"a"}}}`+"\n", i, quotedJSON(line+"\n"))
			}
		}
		return b.String()
	}, "pod", `"api-1"`},
	{"printed, each line in an object of a shipper, of two programs", func(r []string) string {
		var b strings.Builder
		for i := 0; i < len(r)-len(r)%2; i += 2 {
			first, second := eachEntry(r[i], 0), eachEntry(r[i+1], 1)
			b.WriteString(strings.Join(alternately(first, second), "\n") + "\n")
		}
		if len(r)%2 == 1 {
			b.WriteString(strings.Join(eachEntry(r[len(r)-1], 0), "\n") + "\n")
		}
		return b.String()
	}, "", ""},
	{"printed, each line behind any text", eachPrinted("<web> (0): "), "", ""},
	{"printed by two programs, whose lines alternate", func(r []string) string {
		var all []string
		for i := 0; i < len(r); i += 2 {
			first := printedBehind("api-1  | ", r[i])
			if i+1 == len(r) {
				all = append(all, first...)
			} else {
				all = append(all, alternately(first, printedBehind("api-2  | ", r[i+1]))...)
			}
		}
		return strings.Join(all, "\n") + "\n"
	}, "", ""},
	{"a prefix", each("shop.go:12 said: %s"), "", ""},
	{"a level before it", each("INFO %s"), "", ""},
	{"kubectl", each("[pod/api-7d9f-x2/api] %s"), "", ""},
	{"a prefix in a string", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			fmt.Fprintf(&b, `{"log":%s,"pod":"api-1"}`+"\n", quotedJSON("2026-03-01T09:15:00Z stdout F "+line+"\n"))
		}
		return b.String()
	}, "pod", `"api-1"`},
	{"an answer of Elasticsearch with fields, one line", func(r []string) string {
		return `{"took":1,"hits":{"hits":[` + strings.Join(inArrays(r), ",") + "]}}\n"
	}, "_index", `"i"`},
	{"an answer of Elasticsearch with fields, printed", func(r []string) string {
		return indented(`{"took":1,"hits":{"hits":[` + strings.Join(inArrays(r), ",") + "]}}")
	}, "_index", `"i"`},
	{"hits of Elasticsearch with fields", func(r []string) string { return strings.Join(inArrays(r), "\n") + "\n" }, "_index", `"i"`},
	{"logcli's default output", each(`2026-03-01T09:15:00Z {app="api", pod="api-1", note="a \"word\" {here}"} %s`), "pod", `"api-1"`},
	{"logcli's output without labels", each("2026-03-01T09:15:00Z {} %s"), "", ""},
	{"a string, as jq writes it", eachQuoted("%s"), "", ""},
	{"a string in a string, as jq writes it", func(r []string) string {
		var inner []string
		for _, line := range r {
			inner = append(inner, quotedJSON(line+"\n"))
		}
		return eachQuoted("%s")(inner)
	}, "", ""},
	{"an array of strings, one on each line", func(r []string) string {
		var all []string
		for _, line := range r {
			all = append(all, "  "+quotedJSON(line))
		}
		return "[\n" + strings.Join(all, ",\n") + "\n]\n"
	}, "", ""},
	{"several lines in a string", func(r []string) string {
		return `{"body":` + quotedJSON(strings.Join(r, "\n")+"\n") + `,"pod":"api-1"}` + "\n"
	}, "pod", `"api-1"`},
	{"several lines in a string alone", func(r []string) string { return quotedJSON(strings.Join(r, "\n")) + "\n" }, "", ""},
	{"an answer in a message", func(r []string) string {
		return `{"@timestamp":"2026-03-01T09:15:00Z","message":` + quotedJSON(`{"hits":[{"_source":`+strings.Join(r, `},{"_source":`)+`}]}`) + `,"pod":"api-1"}` + "\n"
	}, "pod", `"api-1"`},
	{"quotes", each("'%s'"), "", ""},
	{"fluent-bit's output to stdout", eachQuoted(`[0] kube.api: [[1772356500.5, {}], {"log":%s,"pod":"api-1"}]`), "pod", `"api-1"`},
	{"fluent-bit's former output to stdout", each(`[12] kube.api: [1772356500.500000000, %s]`), "", ""},
	{"behind text in a string of another name", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			fmt.Fprintf(&b, `{"TimeStamp":"2026-03-01T09:15:00","Log":%s}`+"\n", quotedJSON("F "+line))
		}
		return b.String()
	}, "TimeStamp", `"2026-03-01T09:15:00"`},
	{"an empty message beside it", each(`{"_id":"AA","date":"2026-03-01T09:15:00Z","status":"info","message":"","attributes":%s}`), "_id", `"AA"`},
	{"lines of Elasticsearch's bulk API", each(`{"index":{"_index":"logs"}}` + "\n%s"), "", ""},
	{"documents for Elasticsearch's bulk API", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			b.WriteString(indented(`{"index":{"_index":"logs"}}`) + indented(line))
		}
		return b.String()
	}, "", ""},
	{"lines of Elasticsearch's bulk API without an index", each(`{"create":{}}` + "\n%s"), "", ""},
	{"several on a line", func(r []string) string { return strings.Join(r, "") + "\n" }, "", ""},
	{"several on a line, in objects, with spaces", func(r []string) string {
		var all []string
		for _, line := range r {
			all = append(all, `{"logStream":"s","logEvents":[{"message":`+quotedJSON(line)+"}]}")
		}
		return strings.Join(all, " ") + "\n"
	}, "logStream", `"s"`},
	{"a line and its copy as an object before it", func(r []string) string {
		var b strings.Builder
		for _, line := range r {
			fmt.Fprintf(&b, `{"labels":%s,"line":%s,"timestamp":"2026-03-01T09:15:00Z"}`+"\n", strings.Replace(line, "{", `{"app":"other",`, 1), quotedJSON(line))
		}
		return b.String()
	}, "timestamp", `"2026-03-01T09:15:00Z"`},
	{"an object of records", func(r []string) string {
		var all []string
		for i, line := range r {
			all = append(all, fmt.Sprintf(`"id%d":%s`, i, line))
		}
		return "{" + strings.Join(all, ",") + "}\n"
	}, "", ""},
	{"a list of objects of records", func(r []string) string {
		var all []string
		for i, line := range r {
			all = append(all, fmt.Sprintf(`"id%d":%s`, i, line))
		}
		return `{"n":1,"by_id":{` + strings.Join(all, ",") + "}}\n"
	}, "n", "1"},
	{"rows of names and values", func(r []string) string {
		return `{"results":[` + eachTo(r, `[{"field":"@timestamp","value":"2026-03-01 09:15:00.000"},{"field":"@message","value":%s},{"field":"@logStream","value":"s"}]`) + `],"status":"Complete"}` + "\n"
	}, "@logStream", `"s"`},
	{"a table", func(r []string) string {
		return indented(`{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"PodName","type":"string"},{"name":"LogMessage","type":"dynamic"}],"rows":[` + eachTo(r, `["2026-03-01T09:15:00Z","api-1",%s]`) + "]}]}")
	}, "PodName", `"api-1"`},
	{"rows on lines, behind names", func(r []string) string {
		var b strings.Builder
		b.WriteString(`["timestamp","pod","line"]` + "\n")
		for _, line := range r {
			fmt.Fprintf(&b, `["2026-03-01 09:15:00.000000000","api-1",%s]`+"\n", quotedJSON(line))
		}
		return b.String()
	}, "pod", `"api-1"`},
	{"rows on lines, behind names and types", func(r []string) string {
		var b strings.Builder
		b.WriteString(`["_timestamp","body","host"]` + "\n" + `["DateTime64(9)","LowCardinality(String)","Nullable(String)"]` + "\n")
		for _, line := range r {
			fmt.Fprintf(&b, `["2026-03-01 09:15:00.000000000", %s, "h"]`+"\n", quotedJSON(line))
		}
		return b.String()
	}, "host", `"h"`},
	{"CSV", ofCSV("@timestamp", "2026-03-01 09:15:00.000", "@message", "@logStream", "s"), "@logStream", `"s"`},
	{"CSV of lines that end, with more lines, for Excel", func(r []string) string {
		var lines []string
		for _, line := range r {
			lines = append(lines, line+"\n")
		}
		return "\xef\xbb\xbfsep=,\n\n" + strings.ReplaceAll(ofCSV("Date", "2026-03-01T09:15:00Z", "Content", "Service", "a\nb")(lines), "\n", "\r\n")
	}, "", ""},
	{"cells with semicolons", ofCells(';', "Date", "2026-03-01T09:15:00Z", "message", "Pod", "api;1"), "Pod", `"api;1"`},
	{"cells with tabs, in quotes", ofCells('\t', "", "1", "log", "pod", "api\t1"), "pod", `"api\t1"`},
	{"ClickHouse's cells with tabs, behind names and types", func(r []string) string {
		var b strings.Builder
		b.WriteString("Timestamp\tpod\tmessage\nDateTime64(9)\tLowCardinality(String)\tNullable(String)\n")
		for _, line := range r {
			fmt.Fprintf(&b, "2026-03-01 09:15:00.000000000\tapi\\t1\t%s\n", strings.ReplaceAll(line, `\`, `\\`))
		}
		return b.String()
	}, "pod", `"api\t1"`},
	{"a table with names only", func(r []string) string {
		return `{"preview":false,"fields":["_time","_raw","host"],"rows":[` + eachTo(r, `["2026-03-01T09:15:00Z",%s,"h"]`) + "]}\n"
	}, "host", `"h"`},
	{"a table by columns", func(r []string) string {
		n := strings.Repeat(`"h",`, len(r))
		return `{"preview":false,"fields":["_raw","host"],"columns":[[` + eachTo(r, "%s") + "],[" + strings.TrimSuffix(n, ",") + "]]}\n"
	}, "host", `"h"`},
	{"eight objects", each(`{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"n":1,"h":%s}}}}}}}}`), "", ""},
}

// eachEntry returns the lines of a printed record, each in an object.
func eachEntry(record string, pod int) (lines []string) {
	for _, line := range strings.Split(strings.TrimSpace(indented(record)), "\n") {
		lines = append(lines, fmt.Sprintf(`{"message":%s,"podName":"api-%d","timestamp":"2026-03-01T09:15:00Z"}`, quotedJSON(line), pod))
	}
	return lines
}

// ofCSV makes rows of records, whose column is the third name, between two others with their cells.
func ofCSV(name, cell, record, other, otherCell string) func([]string) string {
	return ofCells(',', name, cell, record, other, otherCell)
}

// ofCells is ofCSV with another separator.
func ofCells(separator rune, name, cell, record, other, otherCell string) func([]string) string {
	return func(records []string) string {
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = separator
		w.Write([]string{name, record, other})
		for _, r := range records {
			w.Write([]string{cell, r, otherCell})
		}
		w.Flush()
		return b.String()
	}
}

// rawRecords are the records of testdata/shapes/raw.log.
func rawRecords(t testing.TB) []string {
	b, err := os.ReadFile("testdata/shapes/raw.log")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// bare returns entries without what depends on where they are.
func bareEntries(entries []Entry) []Entry {
	var all []Entry
	for _, e := range entries {
		e.Raw, e.Line, e.File = nil, 0, ""
		all = append(all, e)
	}
	return all
}

// inOrder is bareEntries in an order that does not depend on how lines are read.
func inOrder(entries []Entry) []Entry {
	all := bareEntries(entries)
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Trace, b.Trace), strings.Compare(a.Span, b.Span), strings.Compare(a.Message, b.Message))
	})
	return all
}

// In each shape, records are read as if they were bare, by all readers.
func TestShapes(t *testing.T) {
	records := rawRecords(t)
	entries, _ := scanAll(t, []byte(each("%s")(records)))
	want := bareEntries(entries)
	attrs := make([][]Attr, len(entries))
	for i := range entries {
		attrs[i] = entries[i].Attrs()
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			log := s.of(records)
			got, src := scanAll(t, []byte(log))
			checkSource(t, src, len(got))
			if diff := gocmp.Diff(want, bareEntries(got)); diff != "" {
				t.Fatalf("%s\n(-want +got):\n%s", log, diff)
			}
			if src.Bad > 0 || src.Lines != strings.Count(log, "\n") {
				t.Errorf("%+v", src)
			}
			for i := range got {
				v, _ := got[i].Attr(s.key)
				if s.key != "" && string(v) != s.want {
					t.Errorf("%s: %s is %s, want %s", got[i].Raw, s.key, v, s.want)
				}
				all := got[i].Attrs()
				for j := range all {
					var b bytes.Buffer
					json.Compact(&b, all[j].Value)
					all[j].Value = b.Bytes()
				}
				if len(all) < len(attrs[i]) || gocmp.Diff(attrs[i], all[:len(attrs[i])]) != "" {
					t.Errorf("%s: attributes %s, want %s", got[i].Raw, all, attrs[i])
				}
			}
			checkReaders(t, log, got, src)
		})
	}
}

// checkReaders compares what the readers that use all cores find with what Scan finds.
func checkReaders(t *testing.T, log string, want []Entry, source Source) {
	t.Helper()
	for name, reader := range map[string]func() io.Reader{
		"file":   func() io.Reader { return strings.NewReader(log) },
		"stream": func() io.Reader { return iotest.HalfReader(struct{ io.Reader }{strings.NewReader(log)}) },
	} {
		var lists []*[]Entry // of each function: they run at the same time
		src, err := ScanRecords(t.Context(), []Input{{Name: "app.log", Reader: reader()}}, &ScanOptions{Workers: 1, chunk: 1000}, func() func(*Record) {
			list := new([]Entry)
			lists = append(lists, list)
			return func(r *Record) {
				e := r.Entry()
				if string(r.Trace()) != e.Trace || string(r.Service()) != e.Service || !r.Time().Equal(e.Time) || string(r.Message()) != e.Message || string(r.Op()) != e.Op || r.Event != e.Event || string(r.Level()) != e.Level {
					t.Errorf("%s: the record differs from its entry", e.Raw)
				}
				*list = append(*list, e)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []Entry
		for _, list := range lists {
			got = append(got, *list...)
		}
		if diff := gocmp.Diff(source, src[0]); diff != "" {
			t.Errorf("%s: source (-want +got):\n%s", name, diff)
		}
		if diff := gocmp.Diff(inOrder(want), inOrder(got)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		if len(want) == 0 || want[0].Trace == "" {
			continue
		}
		found, err := FindTrace(t.Context(), []Input{{Name: "app.log", Reader: reader()}}, TraceIDs(want[0].Trace), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := range want {
			if want[i].Trace == want[0].Trace {
				n++
			}
		}
		if len(found.Entries) != n {
			t.Errorf("%s: FindTrace finds %d lines of %d", name, len(found.Entries), n)
		}
	}
}

// What is beside a record may differ from line to line, and may come before it.
func TestShapesVary(t *testing.T) {
	records := rawRecords(t)
	for _, format := range []string{
		`{"kubernetes":{"pod_name":"api-%d","n":[1,2,3]},"_source":%s}`,
		`{"kubernetes":{"time":"2026-03-01T09:15:00.%dZ","level":"INFO","n":1},"a":{"b":"` + strings.Repeat("x", 40) + `"},"_source":%s}`,
		`{"_source":{"pod":"a pod with number %d"},"_source":%s}`,
	} {
		var log strings.Builder
		var want []string
		for i := range 40 {
			record := strings.Replace(records[i%len(records)], `"service":"api",`, "", 1)
			fmt.Fprintf(&log, format+"\n", i, record)
			want = append(want, record)
		}
		bare, _ := scanAll(t, []byte(strings.Join(want, "\n")))
		got, src := scanAll(t, []byte(log.String()))
		for i := range got {
			got[i].Service, bare[i].Service = "", ""
		}
		if diff := gocmp.Diff(bareEntries(bare), bareEntries(got)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", format, diff)
		}
		got, _ = scanAll(t, []byte(log.String()))
		checkReaders(t, log.String(), got, src)
	}
}

// The exports of real tools are one trace.
func TestExports(t *testing.T) {
	raw, _ := scanAll(t, []byte(each("%s")(rawRecords(t))))
	want := bareEntries(raw)
	for _, file := range []string{"awslogstail.txt", "es-hits.jsonl", "fluentbit.jsonl", "loki-push.jsonl", "pretty.json"} {
		b, err := os.ReadFile(filepath.Join("testdata/shapes", file))
		if err != nil {
			t.Fatal(err)
		}
		got, src := scanAll(t, b)
		checkSource(t, src, len(got))
		if diff := gocmp.Diff(want, bareEntries(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		checkReaders(t, string(b), got, src)
	}
}

// Each example in the guide is read as records of one trace.
func TestExportsGuide(t *testing.T) {
	const guide = "docs/guide/exports.md"
	text, err := os.ReadFile(filepath.Join("..", guide))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range regexp.MustCompile("(?s)```(?:json|csv)\n(.*?)```").FindAllSubmatch(text, -1) {
		n++
		entries, src := scanAll(t, block[1])
		if src.Bad > 0 || len(entries) == 0 {
			t.Errorf("%s: %+v", block[1], src)
		}
		for _, e := range entries {
			if e.Trace != "4bf92f3577b34da6a3ce929d0e0e4736" || e.Span == "" || e.Op == "" && e.Message == "" || e.Time.IsZero() {
				t.Errorf("%s: %+v", block[1], e)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d examples", n)
	}
}

// A document that is larger than any line is read in little memory, also if it is one line, and if it is cut off.
func TestLargeDocuments(t *testing.T) {
	record := rawRecords(t)[0]
	records := 60_000 // 20 MB
	if testing.Short() {
		records = 20_000
	}
	for name, doc := range map[string]struct{ head, sep, tail string }{
		"an array, one line":  {"[", ",", "]\n"},
		"hits, one line":      {`{"took":1,"hits":{"hits":[{"_source":`, `},{"_source":`, "}]}}\n"},
		"hits, lines":         {"{\n\"hits\":{\n\"hits\":[\n{\"_source\":\n", "\n},\n{\"_source\":\n", "\n}\n],\n\"n\":1\n}\n}\n"},
		"an array, cut off":   {"{\"logs\":[\n", ",\n", ""},
		"events in an object": {`{"events":[{"message":`, `},{"message":`, "}]}"},
	} {
		one := record
		if strings.HasPrefix(name, "events") {
			one = quotedJSON(record)
		}
		readers := []io.Reader{strings.NewReader(doc.head + one)}
		more := doc.sep + one
		for range records/1000 - 1 {
			readers = append(readers, strings.NewReader(strings.Repeat(more, 1000)))
		}
		readers = append(readers, strings.NewReader(doc.tail))
		n := 0
		var most uint64
		src, err := Scan(io.MultiReader(readers...), "f", func(e Entry) {
			if e.Trace == "" || e.Event != EventEnd {
				t.Fatalf("%s: %s", name, e.Raw)
			}
			if n++; n%20_000 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		})
		if err != nil || n != src.Records || n != 1+(records/1000-1)*1000 {
			t.Errorf("%s: %d records, %v: %+v", name, n, err, src)
		}
		checkSource(t, src, n)
		if most > 160<<20 {
			t.Errorf("%s: %d MB", name, most>>20)
		}
	}
}

// Shapes that are more than a wrapper have files in testdata/shapes: a log, and the members of each record. A person has
// checked them line by line.
func TestShapeForms(t *testing.T) {
	files, err := filepath.Glob("testdata/shapes/*.txtar")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		f := fixture.Read(t, file)
		entries, src := scanAll(t, f.Log())
		checkSource(t, src, len(entries))
		checkTraces(t, entries, Assemble(entries))
		got := dump(entries, src)
		if *update {
			f.Set("lines", got)
			f.Write(t, file)
		} else if diff := gocmp.Diff(f.Parts["lines"], got); diff != "" {
			t.Errorf("%s: lines (-want +got):\n%s", file, diff)
		}
		checkReaders(t, string(f.Log()), entries, src)
		if strings.Contains(file, "forged") {
			for _, e := range entries {
				if e.Trace == "forged" || e.Op == "forged" {
					t.Errorf("%s: forged", e.Raw)
				}
			}
		}
	}
}

// A job on many lines, with its carrier, is no record: it has no time. Files of jobs may be beside logs.
func TestJobDocument(t *testing.T) {
	const job = "{\n  \"traceparent\": \"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\",\n  \"trace_op\": \"mail.enqueue\",\n  \"to\": {\n    \"mail\": \"a@b.example\"\n  }\n}\n"
	const record = "{\n  \"time\": \"2026-03-01T09:15:00Z\",\n  \"msg\": \"m\",\n  \"trace\": \"t\"\n}\n"
	var traces []string
	src, err := Scan(strings.NewReader(job+record+job), "f", func(e Entry) { traces = append(traces, e.Trace) })
	if err != nil || !slices.Equal(traces, []string{"t"}) || src.Records != 1 || src.Bad != 14 {
		t.Errorf("traces %v, %v: %+v", traces, err, src)
	}
	checkSource(t, src, 1)
}

// Spans in another form are found inside of objects, too, of which a line has several.
func TestForeignInsideMany(t *testing.T) {
	log, err := os.ReadFile("testdata/shapes/stdouttrace.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	bare, _ := scanAll(t, log)
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	got, src := scanAll(t, []byte(`{"took":1,"hits":[{"_id":"a","doc":`+strings.Join(lines, `},{"_id":"a","doc":`)+"}]}\n"))
	if diff := gocmp.Diff(bareEntries(bare), bareEntries(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if src.Bad > 0 || len(got) == 0 {
		t.Errorf("%+v", src)
	}
}

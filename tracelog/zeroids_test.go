package tracelog

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zeroIDs are lines of every form whose ids consist of zeros, so that they are not valid.
var zeroIDs = []string{
	`{"msg":"m","trace":"0","span":"0"}`,
	`{"msg":"m","trace":"00000000000000000000000000000000","span":"0000000000000000"}`,
	`{"msg":"m","trace_id":"00000000000000000000000000000000","span_id":"0000000000000000","trace_flags":"00"}`,
	`{"msg":"m","trace_id":"0x00000000000000000000000000000000","span_id":"0x0000000000000000"}`, `{"msg":"m","trace":"projects/p/traces/00000000000000000000000000000000"}`,
	`{"msg":"m","traceId":"0","spanId":"0"}`, `{"msg":"m","TraceId":"0","SpanId":"0"}`, `{"msg":"m","traceID":"00","spanID":"00"}`,
	`{"msg":"m","dd.trace_id":"0","dd.span_id":"0"}`, `{"msg":"m","dd.trace_id":0,"dd.span_id":0}`, `{"msg":"m","dd":{"trace_id":0,"span_id":"0"}}`,
	`{"message":"m","logging.googleapis.com/trace":"projects/p/traces/00000000000000000000000000000000","logging.googleapis.com/spanId":"0000000000000000"}`,
	`{"msg":"m","trace.id":"00000000000000000000000000000000","span.id":"0"}`, `{"msg":"m","trace":{"id":"0"},"span":{"id":"0"}}`,
	`{"@timestamp":"2026-03-01T09:15:00Z","message":"m","trace.id":"0","transaction.id":"0","ecs.version":"1"}`,
	`{"msg":"m","trace.trace_id":"0","trace.span_id":"0"}`,
	`{"_time":"2026-03-01T09:15:00Z","_msg":"m","trace":"0","span":"0"}`,
	`{"_time":"2026-03-01T09:15:00Z","msg":"m","trace_id":"0","span_id":"0"}`,
	`{"msg":"m","xray_trace_id":"1-00000000-000000000000000000000000"}`, `{"msg":"m","trace":"1-00000000-000000000000000000000000@0000000000000000"}`,
	`{"msg":"m","AWS-XRAY-TRACE-ID":"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0"}`,
	`{"msg":"m","traceId":"00-00000000000000000000000000000000-0000000000000000-00"}`, `{"msg":"m","traceparent":"00-00000000000000000000000000000000-0000000000000000-00"}`,
	`{"msg":"m","trace":"00000000-0000-0000-0000-000000000000"}`, `{"msg":"m","trace":"\u0030\u0030","span":"0\u0030"}`,
	`time=2026-03-01T09:15:00Z level=INFO msg=m trace=0 span=0`, `level=INFO msg=m trace_id="00000000000000000000000000000000" span_id=0000000000000000`,
	`level=INFO msg=m dd.trace_id=0 dd.span_id=0`, `2026/03/01 09:15:00 INFO m trace=0 span=0`,
	`2026-03-01T09:15:00Z INFO [trace:0 span:0 op:x] m`, `2026-03-01 09:15:00,742 INFO [trace_id=0 span_id=0 resource.service.name=shop trace_sampled=False] - m`,
	`{"msg":"span end","trace":"0","span":"a","start":"2026-03-01T09:15:00Z","duration_ms":1}`,
	`{"msg":"span end","trace_id":"00000000000000000000000000000000","span_id":"0000000000000000","start":"2026-03-01T09:15:00Z","duration_ms":1}`,
}

func TestZeroIDs(t *testing.T) {
	for _, line := range zeroIDs {
		entries, src := scanAll(t, []byte(line))
		if len(entries) != 1 || src.Bad > 0 {
			t.Errorf("%s: not a record", line)
			continue
		}
		e := entries[0]
		if e.Trace != "" || e.Span != "" && e.Span != "a" || e.Event != EventLog || e.Span == "" && e.Schema != "" {
			t.Errorf("%s: trace %q, span %q, schema %q, %v", line, e.Trace, e.Span, e.Schema, e.Event)
		}
		for _, a := range e.Attrs() {
			if strings.Contains(a.Key, "trace") && a.Key != "trace_sampled" && a.Key != "trace_flags" {
				t.Errorf("%s: %s is an attribute", line, a.Key)
			}
		}
		checkLine(t, []byte(line))
	}
}

// A zero id under one name does not hide an id under another name, in either order.
func TestZeroIDBesideOne(t *testing.T) {
	names := [][2]string{{"trace", "span"}, {"trace_id", "span_id"}, {"dd.trace_id", "dd.span_id"}, {"trace.id", "span.id"}, {"trace.trace_id", "trace.span_id"},
		{"logging.googleapis.com/trace", "logging.googleapis.com/spanId"}, {"traceId", "spanId"}}
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, zero := range names {
		for _, real := range names {
			if zero == real {
				continue
			}
			for _, line := range []string{
				fmt.Sprintf(`{"msg":"m","%s":"0","%s":"0","%s":"%s","%s":"%s"}`, zero[0], zero[1], real[0], trace, real[1], span),
				fmt.Sprintf(`{"msg":"m","%s":"%s","%s":"%s","%s":"00000000000000000000000000000000","%s":"0000000000000000"}`, real[0], trace, real[1], span, zero[0], zero[1]),
			} {
				entries, _ := scanAll(t, []byte(line))
				if len(entries) != 1 || entries[0].Trace != trace || entries[0].Span != span {
					t.Errorf("%s: %+v", line, entries)
				}
				checkLine(t, []byte(line))
			}
		}
	}
}

func TestZeroParentsAndLinks(t *testing.T) {
	const head = `"msg":"span end","start":"2026-03-01T09:15:00Z","duration_ms":1`
	for _, line := range []string{
		`{` + head + `,"trace":"t","span":"s","parent":"0000000000000000"}`,
		`{` + head + `,"trace":"t","span":"s","parent":"\u0030"}`,
		`{` + head + `,"trace_id":"t","span_id":"s","parent_span_id":"0"}`,
		`{` + head + `,"trace_id":"t","span_id":"s","parentSpanId":"0000000000000000"}`,
		`{` + head + `,"dd.trace_id":"5","dd.span_id":"6","dd.parent_id":"0"}`, `{` + head + `,"dd.trace_id":5,"dd.span_id":6,"dd.parent_id":0}`,
		`{` + head + `,"trace.id":"t","span.id":"s","parent.id":"0"}`, `{` + head + `,"trace.trace_id":"t","trace.span_id":"s","trace.parent_id":"0"}`,
		`{` + head + `,"trace":"t","span":"s","links":[{"trace":"0","span":"0"},{"trace_id":"00000000000000000000000000000000","span_id":"b"}]}`,
		`time=2026-03-01T09:15:00Z msg="span end" trace=t span=s start=2026-03-01T09:15:00Z duration_ms=1 parent=0000000000000000 links="[0/0 t/0]"`,
		`2026-03-01T09:15:00Z INFO [trace:t span:s op:x] span end start=2026-03-01T09:15:00Z duration_ms=1 parent=0`,
	} {
		entries, _ := scanAll(t, []byte(line))
		if len(entries) != 1 || entries[0].Event != EventEnd || entries[0].Parent != "" || len(entries[0].Links) > 0 {
			t.Errorf("%s: %+v", line, entries)
			continue
		}
		if trace := Assemble(entries)[0]; len(trace.Problems) > 0 {
			t.Errorf("%s: %v", line, trace.Problems)
		}
		for _, a := range entries[0].Attrs() {
			if a.Key != "op" {
				t.Errorf("%s: attribute %s", line, a.Key)
			}
		}
		checkLine(t, []byte(line))
	}
	line := `{` + head + `,"trace":"t","span":"s","links":[{"trace":"0","span":"0"},{"trace":"u","span":"v"}]}`
	entries, _ := scanAll(t, []byte(line))
	if d := cmp.Diff([]Link{{"u", "v"}}, entries[0].Links); d != "" {
		t.Errorf("%s: links (-want +got)\n%s", line, d)
	}
}

// Ids that only begin or end with zeros are ids.
func TestNearlyZeroIDs(t *testing.T) {
	for _, id := range []string{"00000000000000000000000000000001", "10", "0x0", "0-0", "00000000000000a0", "1-00000000-000000000000000000000001", "O", "0 "} {
		for _, line := range []string{fmt.Sprintf(`{"msg":"m","trace":%q}`, id), fmt.Sprintf(`msg=m trace=%q`, id)} {
			if entries, _ := scanAll(t, []byte(line)); len(entries) != 1 || entries[0].Trace == "" {
				t.Errorf("%s: no trace", line)
			}
			checkLine(t, []byte(line))
		}
	}
}

// A whole traceparent where an id is expected names the trace, and the span if nothing else does.
func TestTraceparentAsID(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	const whole = "00-" + trace + "-" + span + "-01"
	for _, key := range []string{"traceparent", "traceId", "trace_id", "TraceId", "trace", "trace.id", "dd.trace_id", "trace.trace_id"} {
		for value, want := range map[string]string{whole: span, strings.ToUpper(whole): span, "cc-" + trace + "-" + span + "-00": span} {
			line := fmt.Sprintf(`{"time":"2026-03-01T09:15:00.5Z","msg":"a","%s":"%s"}`, key, value)
			entries, _ := scanAll(t, []byte(line))
			if len(entries) != 1 || entries[0].Trace != trace || entries[0].Span != want || entries[0].Schema == "xray" {
				t.Errorf("%s: %+v", line, entries)
			}
			checkLine(t, []byte(line))
		}
	}
	for line, want := range map[string]Entry{
		`{"msg":"a","traceId":"` + whole + `","spanId":"b7ad6b7169203331"}`:                {Trace: trace, Span: "b7ad6b7169203331"},
		`{"msg":"a","trace":"t","span":"s","traceparent":"` + whole + `"}`:                 {Trace: "t", Span: "s"},
		`{"msg":"a","traceId":"00-` + trace + `-` + span + `-0"}`:                          {Trace: "00-" + trace + "-" + span + "-0"},
		`{"msg":"a","traceId":"00-` + trace + `-` + span[1:] + `x-01"}`:                    {Trace: "00-" + trace + "-" + span[1:] + "x-01"},
		`{"msg":"a","traceId":"00_` + trace + `-` + span + `-01"}`:                         {Trace: "00_" + trace + "-" + span + "-01"},
		`level=INFO msg=a traceparent=` + whole:                                            {Trace: trace, Span: span},
		`2026-03-01 09:15:00 INFO [trace_id=` + whole + `] a`:                              {Trace: trace, Span: span},
		`{"msg":"a","traceId":"00-` + trace + `-0000000000000000-01"}`:                     {Trace: trace},
		`{"msg":"a","traceparent":"00-00000000000000000000000000000000-` + span + `-01"}`:  {},
		`{"msg":"a","traceparent":"nothing of the kind","trace_id":"t","span_id":"s"}`:     {Trace: "t", Span: "s"},
		`{"msg":"a","traceparent":"00-` + trace + `-` + span + `-01","dd":{"trace_id":0}}`: {Trace: trace, Span: span},
	} {
		entries, _ := scanAll(t, []byte(line))
		if len(entries) != 1 || entries[0].Trace != want.Trace || entries[0].Span != want.Span {
			t.Errorf("%s: %+v", line, entries)
		}
		checkLine(t, []byte(line))
	}
}

func readLog(t testing.TB, file string) []byte {
	t.Helper()
	log, err := os.ReadFile("testdata/logs/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

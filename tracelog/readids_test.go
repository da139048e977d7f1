package tracelog

import (
	"fmt"
	"strings"
	"testing"
)

// A line may have its two ids under the names of any two schemas.
func TestIDsOfTwoSchemas(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for i := range presets {
		for traceKey := range strings.FieldsSeq(presets[i].keys[fieldTrace]) {
			for j := range presets {
				for spanKey := range strings.FieldsSeq(presets[j].keys[fieldSpan]) {
					if spanKey == "transaction.id" || spanKey == "dd.span_id" {
						continue // the first is not always the span's, the second is decimal
					}
					line := fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","%s":"%s","%s":"%s"}`, traceKey, trace, spanKey, span)
					entries, _ := scanAll(t, []byte(line))
					if len(entries) != 1 || entries[0].Trace != trace || entries[0].Span != span || len(entries[0].Attrs()) > 0 {
						t.Errorf("%s: %+v", line, entries)
					}
					checkLine(t, []byte(line))
				}
			}
		}
	}
}

// Google's form of a trace id, and Python's 0x before hex digits, mean the same id under all names.
func TestFormsOfIDs(t *testing.T) {
	const trace, span, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"
	for _, names := range [][3]string{{"trace", "span", "parent"}, {"trace_id", "span_id", "parent_span_id"}, {"traceId", "spanId", "parentSpanId"}, {"trace.id", "span.id", "parent.id"}} {
		for _, form := range []string{"projects/p/traces/" + trace, "0x" + trace} {
			for _, line := range []string{
				fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","msg":"m","%s":"%s","%s":"%s"}`, names[0], form, names[1], span),
				fmt.Sprintf(`{"time":"2026-03-01T09:15:00Z","msg":"m","%s":"%s","%s":"0x%s"}`, names[0], form, names[1], span),
				fmt.Sprintf(`{"time":"2026-03-01T09:15:01Z","msg":"span end","%s":"%s","%s":"0x%s","%s":"0x%s","start":"2026-03-01T09:15:00Z","duration_ms":1000}`, names[0], form, names[1], span, names[2], parent),
				fmt.Sprintf(`{"time":"2026-03-01T09:15:01Z","msg":"span end","%s":"%s","%s":"%s","%s":"0x%s","start":"2026-03-01T09:15:00Z","duration_ms":1000}`, names[0], trace, names[1], span, names[2], parent),
			} {
				entries, _ := scanAll(t, []byte(line))
				if len(entries) != 1 || entries[0].Trace != trace || entries[0].Span != span || entries[0].Event == EventEnd && entries[0].Parent != parent {
					t.Errorf("%s: %+v", line, entries)
				}
				checkLine(t, []byte(line))
			}
		}
	}
}

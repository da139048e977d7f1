package tracelog

import (
	"fmt"
	"strings"
	"testing"
)

// show returns a short form of a line's record, or "" if the line is not a record.
func show(t *testing.T, line string) string {
	t.Helper()
	entries, _ := scanAll(t, []byte(line))
	if len(entries) != 1 {
		return ""
	}
	checkLine(t, []byte(line))
	e := entries[0]
	s := fmt.Sprintf("%s/%s op %q msg %q", e.Trace, e.Span, e.Op, e.Message)
	if e.Service != "" {
		s += " of " + e.Service
	}
	if e.Level != "" {
		s += " " + e.Level
	}
	for _, a := range e.Attrs() {
		s += fmt.Sprintf(" %s=%s", a.Key, a.Value)
	}
	return s
}

// Other keys in the brackets are not part of an id or op.
func TestForeignKeysInBrackets(t *testing.T) {
	for line, want := range map[string]string{
		`2026-03-01 09:15:00 INFO [trace_id=4bf9 span_id=00f0 resource.service.name=shop trace_sampled=True] - m`: `4bf9/00f0 op "" msg "m" of shop INFO trace_sampled="True"`,
		`2026-03-01 09:15:00,742 INFO [app] [app.py:5] [trace_id=4bf9 span_id=00f0] - m`:                          `4bf9/00f0 op "" msg "m" INFO prefix="[app] [app.py:5]"`,
		`INFO [trace:t span:s op:x eventTypeSlug:intro userId:7] m`:                                               `t/s op "x" msg "m" INFO eventTypeSlug="intro" userId=7`,
		`INFO [trace:t op:POST /bookings user=a b span:s] m`:                                                      `t/s op "POST /bookings" msg "m" INFO user="a b"`,
		`INFO [user:7 trace:t span:s] m`:                                                                          `t/s op "" msg "m" INFO user=7`,
		`INFO [trace:t more words span:s even more] m`:                                                            `t/s op "" msg "m" INFO`,
		`INFO [trace=t,span=s,op=a,b] m`:                                                                          `t/s op "a,b" msg "m" INFO`,
		`INFO [trace:t op:GET http://x/y?a=b std::map GET:] m`:                                                    `t/ op "GET http://x/y?a=b std::map" msg "m" INFO GET=""`,
		`INFO [trace:t op:GET /items?a=b&c=d] m`:                                                                  `t/ op "GET /items?a=b&c=d" msg "m" INFO`,
		`INFO [trace:t span:s op:copy span:x to trace:y] m`:                                                       `t/s op "copy span:x to trace:y" msg "m" INFO`,
		`INFO [trace:t span:s level:WARN msg:no] m`:                                                               `t/s op "" msg "m" INFO level="WARN" msg="no"`,
		`INFO [dd.service=shop dd.env=prod dd.version=1 dd.trace_id=5 dd.span_id=6] - m`:                          `00000000000000000000000000000005/0000000000000006 op "" msg "m" of shop INFO dd.env="prod" dd.version=1`,
		`[2026-03-01 09:15:00 +0000][shop][WARN][dd.trace_id=5 dd.span_id=6] m`:                                   `00000000000000000000000000000005/0000000000000006 op "" msg "m" WARN prefix="[shop]"`,
		`INFO [main.go:12] m`:      ``,
		`INFO [trace: span:s] m`:   ``,
		`INFO [trace:0 span:0] m`:  `/ op "" msg "m" INFO`,
		`INFO [x] [trace:t] [y] m`: `t/ op "" msg "[y] m" INFO prefix="[x]"`,
	} {
		if got := show(t, line); got != want {
			t.Errorf("%s:\n%s, want\n%s", line, got, want)
		}
	}
}

// Spring Boot and Sleuth have no keys in their brackets.
func TestCorrelation(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for line, want := range map[string]string{
		`2026-03-01T09:15:00.500Z  INFO 1 --- [main] [` + trace + `-` + span + `] c.e.Shop : started`:                        trace + `/` + span + ` op "" msg "started" INFO prefix="1 --- [main] c.e.Shop"`,
		`2026-03-01T09:15:00.500Z  INFO 1 --- [shop] [nio-8080-exec-1] [` + trace + `-` + span + `] c.e.Shop      : a : b`:   trace + `/` + span + ` op "" msg "a : b" INFO prefix="1 --- [shop] [nio-8080-exec-1] c.e.Shop"`,
		`2026-03-01 09:15:00.500  INFO [shop,` + trace + `,` + span + `] 1 --- [main] c.e.Shop : started`:                    trace + `/` + span + ` op "" msg "started" of shop INFO prefix="1 --- [main] c.e.Shop"`,
		`2026-03-01 09:15:00.500  INFO [shop,` + trace[:16] + `,` + span + `,true] 1 --- [main] c.e.Shop : started`:          trace[:16] + `/` + span + ` op "" msg "started" of shop INFO prefix="1 --- [main] c.e.Shop"`,
		`2026-03-01 09:15:00.500  INFO [` + trace + `-` + span + `] the answer is : yes`:                                     trace + `/` + span + ` op "" msg "the answer is : yes" INFO`,
		`2026-03-01 09:15:00.500  INFO [shop,` + trace + `,` + span + `,maybe] m`:                                            ``,
		`2026-03-01 09:15:00.500  INFO [sh op,` + trace + `,` + span + `] m`:                                                 ``,
		`2026-03-01 09:15:00.500  INFO [shop,` + trace + `,` + span[1:] + `] m`:                                              ``,
		`2026-03-01 09:15:00.500  INFO [` + trace + `-` + span[1:] + `] m`:                                                   ``,
		`2026-03-01 09:15:00.500  INFO [` + trace + `-` + span[1:] + `x] m`:                                                  ``,
		`2026-03-01 09:15:00.500  INFO [shop,,] 1 --- [main] c.e.Shop : started`:                                             ``,
		`2026-03-01 09:15:00.500  INFO [` + strings.Repeat("0", 32) + `-` + strings.Repeat("0", 16) + `] c.e.Shop : started`: `/ op "" msg "started" INFO prefix="c.e.Shop"`,
	} {
		got := show(t, line)
		if want == "" {
			if !strings.HasPrefix(got, "/ ") || !strings.Contains(got, `msg "[`) {
				t.Errorf("%s: %s, want no ids", line, got)
			}
		} else if got != want {
			t.Errorf("%s:\n%s, want\n%s", line, got, want)
		}
	}
}

// Brackets within a message belong to the message. They do not put the line into a trace, and cut nothing off.
func TestBracketsInMessages(t *testing.T) {
	const ids = "[trace:t span:s op:x]"
	for _, head := range []string{
		"", "INFO ", "[INFO] ", "2026-03-01 09:15:00 ", "2026-03-01T09:15:00Z INFO ", "2026/03/01 09:15:00 INFO api ", "INFO main.go:12: ", "INFO (thread-1) ",
		"2026-03-01 09:15:00,742 INFO [app] [app.py:5] ", "2026-03-01T09:15:00Z INFO 1 --- [main] ", "09:15:00.500 [main] INFO com.example.Shop - ",
		"2026-03-01 09:15:00 main INFO com.example.Shop: ", "2026-03-01 09:15:00 INFO main com.example.Shop ", "[http-nio 8080] ", "INFO OrderService - ", "[2026-03-01 09:15:00] shop.WARN: "[:22],
		"INFO http-nio-8080-exec-1 ", "INFO 4711 | ", "4711 ",
	} {
		if got := show(t, head+ids+" m"); !strings.HasPrefix(got, `t/s op "x" msg "m"`) {
			t.Errorf("%s: %s", head, got)
		}
	}
	for _, head := range []string{
		"seat held for ", "INFO seat held for ", "2026-03-01T09:15:00Z INFO copied from ", "hello ", "INFO retry of seat 12A: ", "INFO seat 12A ", "failed, see ", "a=b ",
		`"quoted" `, "INFO it's ", "INFO one two three.four ", "INFO ERROR ", "see (this ", "INFO {x} ", "http://x/y of ", "INFO the end. ", "INFO a-b c-d e-f g-h ",
	} {
		line := head + ids + " m"
		if got := show(t, line); strings.HasPrefix(got, "t/") {
			t.Errorf("%s: %s", line, got)
		}
	}
	// Such a line is read whole, in its other form.
	for line, want := range map[string]string{
		`2026/03/01 09:15:00 INFO retry of the call ` + ids + ` failed`:                        `/ op "" msg "retry of the call ` + ids + ` failed" INFO`,
		`2026/03/01 09:15:00 INFO retry of the call ` + ids + ` failed trace=u span=v`:         `u/v op "" msg "retry of the call ` + ids + ` failed" INFO`,
		`trace=u span=v msg="call ` + ids + ` failed"`:                                         `u/v op "" msg "call ` + ids + ` failed"`,
		`{"trace":"u","span":"v","msg":"call ` + ids + ` failed"}`:                             `u/v op "" msg "call ` + ids + ` failed"`,
		`2026-03-01T09:15:00Z INFO [trace:u span:v] call ` + ids + ` failed`:                   `u/v op "" msg "call ` + ids + ` failed" INFO`,
		`2026-03-01T09:15:00Z INFO [trace:u span:v] span end duration_ms=5 note="` + ids + `"`: `u/v op "" msg "span end" INFO note="` + ids + `"`,
	} {
		if got := show(t, line); got != want {
			t.Errorf("%s:\n%s, want\n%s", line, got, want)
		}
	}
}

// A line of brackets takes time in proportion to its length.
func TestManyBrackets(t *testing.T) {
	for _, unit := range []string{"[", "[]", "[a:", "[trace:", "[x,y,z]"} {
		line := strings.Repeat(unit, 1<<20/len(unit))
		if got := show(t, line); strings.HasPrefix(got, "t/") {
			t.Errorf("%.20s: %s", line, got)
		}
	}
}

// The lines of Datadog's, Spring Boot's and Sleuth's loggers.
func TestBracketsOfOthers(t *testing.T) {
	entries, src := scanAll(t, readLog(t, "brackets.log"))
	if src.Records != 4 || len(entries) != 4 {
		t.Fatalf("%+v", src)
	}
	if entries[0].Trace != entries[1].Trace || entries[2].Trace != entries[3].Trace || entries[0].Trace == entries[2].Trace {
		t.Errorf("traces %q %q %q %q", entries[0].Trace, entries[1].Trace, entries[2].Trace, entries[3].Trace)
	}
	for i, want := range []string{"stock is low", "seat held", "started", "started"} {
		if e := entries[i]; e.Message != want || e.Level != []string{"WARN", "INFO", "INFO", "INFO"}[i] || e.Time.IsZero() || e.Span == "" {
			t.Errorf("line %d: %v %q %q span %q", i+1, e.Time, e.Level, e.Message, e.Span)
		}
	}
}

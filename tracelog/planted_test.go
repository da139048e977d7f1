package tracelog

import (
	"strings"
	"testing"
	"time"
)

// These tests are for bugs that were planted and that no other test found.

// A name may have an underscore, in each form of a prefix.
func TestNamesWithUnderscores(t *testing.T) {
	for _, prefix := range []string{
		"Mar  1 09:15:00 web_1 my_api[4711]: ", "<134>Mar  1 09:15:00 web_1 my_api: ", "2026-03-01T09:15:00.5+00:00 web_1 my_api[47]: ",
		"<134>1 2026-03-01T09:15:00.5Z web_1 my_api 4711 - - ", "my_api-1  | ", "my_pod-7d9f my_api ",
	} {
		entries, _ := scanAll(t, []byte(prefix+`{"msg":"m","trace":"t"}`))
		if len(entries) != 1 || entries[0].Trace != "t" || entries[0].Service != "my_api" {
			t.Errorf("%s: %+v", prefix, entries)
		}
	}
}

// When a failed span ended is known from its end record, else its start record, else the line that says so.
func TestTimesOfFailures(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for name, e := range map[string]Entry{
		"end":   {Event: EventEnd, Time: at, Failed: true, Error: "e"}, // without a start
		"start": {Event: EventStart, Time: at, Failed: true, Error: "e"},
		"line":  {Event: EventLog, Time: at, Level: "ERROR", Message: "e"},
	} {
		e.Trace, e.Span, e.Op = "t", "s", "x"
		groups := errorGroups(Assemble([]Entry{e}))
		if len(groups) != 1 || !groups[0].First.Equal(at) || !groups[0].Last.Equal(at) {
			t.Errorf("%s: %+v", name, groups)
		}
	}
}

// What the readers of prefixes and of text take, and what they leave.
func TestEdgesOfForms(t *testing.T) {
	const object = `{"msg":"m","trace":"t"}`
	for line, service := range map[string]string{
		"a-very-long-service-name-1  | " + object: "a-very-long-service-name", "web-  | " + object: "web-", "9  | " + object: "9", "-1  | " + object: "",
		"ns pod-7d9f api " + object: "api", "ns ns pod-7d9f api " + object: "", "pod-x api " + object: "api", "pod api " + object: "",
		"<9>Mar  1 09:15:00 web1 api[1]: " + object: "api", "<>Mar  1 09:15:00 web1 api[1]: " + object: "",
		"Mar x1 09:15:00 web1 api[1]: " + object: "", "Mar  x 09:15:00 web1 api[1]: " + object: "", "Mar  1 09:15:00 web1 /usr/bin/api[1]: " + object: "api",
		`<134>1 2026-03-01T09:15:00Z web1 api 1 - [x a="\] b"] ` + object: "api", `<134>1 2026-03-01T09:15:00Z web1 api 1 - [x a="b"` + object: "",
	} {
		entries, _ := scanAll(t, []byte(line))
		if service == "" {
			if len(entries) > 0 && entries[0].Trace == "t" {
				t.Errorf("%s: read as %+v", line, entries[0])
			}
			continue
		}
		if len(entries) != 1 || entries[0].Trace != "t" || entries[0].Service != service {
			t.Errorf("%s: %+v, want the service %s", line, entries, service)
		}
	}
	for line, want := range map[string]string{
		"2026/03/01 09:15:00 INFO seat held  trace=t":                       "seat held",
		"2026/03/01 09:15:00 INFO" + strings.Repeat("x", 20) + " m trace=t": "", "msg=a trace=t x=\x01": "",
	} {
		entries, _ := scanAll(t, []byte(line))
		if got := len(entries) == 1 && entries[0].Message == want; got != (want != "") {
			t.Errorf("%q: %+v", line, entries)
		}
	}
}

// A span with a start record may be open, whatever level its lines have; without one, one end in its trace is enough
// for lines not to count.
func TestFailureByLines(t *testing.T) {
	line := Entry{Trace: "t", Span: "a", Level: "ERROR", Message: "no"}
	start := Entry{Trace: "t", Span: "a", Event: EventStart}
	end := Entry{Trace: "t", Span: "b", Event: EventEnd}
	for _, test := range []struct {
		name    string
		entries []Entry
		errors  int
	}{{"line", []Entry{line}, 1}, {"start", []Entry{line, start}, 0}, {"end of another", []Entry{line, end}, 0}, {"none", []Entry{{Trace: "t", Span: "a", Level: "odd"}}, 0}} {
		if got := Assemble(test.entries)[0].Errors; got != test.errors {
			t.Errorf("%s: %d errors, want %d", test.name, got, test.errors)
		}
	}
}

// A span has been open since it began, be it given up or not.
func TestOpenFor(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	start := Entry{Trace: "t", Span: "a", Event: EventStart, Time: at, Start: at}
	for _, after := range []time.Duration{time.Second, time.Hour} {
		tr := Assemble([]Entry{start, {Time: at.Add(after), Message: "of no trace"}})[0]
		if got := tr.OpenFor(); got != after {
			t.Errorf("open for %v, want %v", got, after)
		}
	}
	ended := Entry{Trace: "t", Span: "a", Event: EventEnd, Time: at, Start: at}
	if got := Assemble([]Entry{start, ended, {Time: at.Add(time.Hour)}})[0].OpenFor(); got != 0 {
		t.Errorf("ended, and open for %v", got)
	}
}

// A consumer is whom a producer called.
func TestPeerOfProducer(t *testing.T) {
	s := &Span{Kind: "producer", Service: "api", Children: []*Span{{Kind: "consumer", Service: "worker"}}}
	if got := s.Peer(); got != "worker" {
		t.Errorf("%q", got)
	}
	s.Children[0].Service = "api"
	if got := s.Peer(); got != "" {
		t.Errorf("%q", got)
	}
}

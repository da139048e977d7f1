package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// searches are the searches of docs/guide/searches.md, word for word, and the traces of testdata/searches that each one finds.
var searches = []struct{ question, traceQL, command, want string }{
	{"failures of a service", `{ resource.service.name = "payments" && status = error }`, `ls --service payments --error`, "declined"},
	{"an operation of a service", `{ resource.service.name = "shop" && name = "charge" }`, `ls --service shop --op charge`, "fine declined slow"},
	{"an operation, by a wildcard", `{ name =~ "GET /api/.*" }`, `ls --op 'GET /api/*'`, "outage browse"},
	{"a status code", `{ span.http.response.status_code = 402 }`, `ls --where http.response.status_code=402`, "declined"},
	{"a range of status codes", `{ span.http.response.status_code >= 400 && span.http.response.status_code < 500 }`,
		`ls --where 'http.response.status_code>=400' --where 'http.response.status_code<500'`, "declined"},
	{"a service and a status code", `{ resource.service.name = "shop" && span.http.response.status_code >= 500 }`,
		`ls --where service=shop --where 'http.response.status_code>=500'`, "outage"},
	{"a route that took over a second", `{ span.http.route = "/checkout" && duration > 1s }`,
		`ls --where http.route=/checkout --where 'duration_ms>1000'`, "slow"},
	{"a correlation id, by its beginning, in any service", `{ span.correlation_id =~ "ord-17.*" }`, `ls --where 'correlation_id=ord-17*'`, "fine declined"},
	{"a correlation id, by a regular expression", `{ span.correlation_id =~ "ord-1[78]1." }`, `ls --where 'correlation_id~^ord-1[78]1.$'`, "slow"},
	{"an attribute is present", `{ span.customer != nil }`, `ls --where customer!=`, "fine declined slow"},
	{"a server's span without an attribute", `{ kind = server && span.customer = nil }`, `ls --where kind=server --where customer=`,
		"fine declined slow outage browse"},
	{"another value", `{ span.customer != nil && span.customer != "acme" }`, `ls --where customer!= --where customer!=acme`, "declined"},
	{"an error's text", `{ statusMessage =~ ".*declined" }`, `ls --where 'error=*declined'`, "declined"},
	{"a kind", `{ kind = client && span.db.system.name = "postgresql" }`, `ls --where kind=client --where db.system.name=postgresql`, "slow browse"},
	{"directly below an operation", `{ name = "charge" } > { status = error }`, `ls --where parent.op=charge --error`, "declined"},
	{"anywhere below an operation", `{ name = "charge" } >> { span.db.system.name = "postgresql" }`,
		`ls --where ancestor.op=charge --where db.system.name=postgresql`, "slow"},
	{"below a service", `{ resource.service.name = "shop" } >> { resource.service.name = "payments" && status = error }`,
		`ls --where ancestor.service=shop --service payments --error`, "declined"},
	{"long traces", `{ trace:duration > 2s }`, `ls --where 'trace.duration>2s'`, "slow nightly"},
	{"large traces", `{ } \| count() > 4`, `ls --where 'trace.spans>4'`, "nightly"},
	{"traces by their root", `{ trace:rootName = "POST /checkout" && status = error }`, `ls --where 'root.op=POST /checkout' --error`, "declined"},
	{"a log line in a span", `{ event:name = "retry" }`, `ls --where msg=retry`, "outage"},
	{"text, anywhere in a span", "", `ls --grep declined`, "declined"},
}

// TestSearches runs the searches of docs/guide/searches.md, whose table has exactly these.
func TestSearches(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/searches.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(b)) {
		if cells := regexp.MustCompile(`[^\\]\| | \|\n`).Split(line, -1); len(cells) == 6 && strings.HasPrefix(cells[4], "`ls ") {
			rows = append(rows, cells)
		}
	}
	if len(rows) != len(searches) {
		t.Errorf("the table has %d rows, the test %d", len(rows), len(searches))
	}
	t.Chdir("testdata")
	for _, search := range searches {
		i := slices.IndexFunc(rows, func(cells []string) bool { return cells[0] == "| "+search.question })
		if i < 0 || rows[i][4] != "`"+search.command+"`" || search.traceQL != "" && rows[i][1] != "`"+search.traceQL+"`" {
			t.Errorf("%s: the table has no such row", search.question)
		}
		args := append(words(search.command), "--json", "searches/shop.log")
		var stdout, stderr strings.Builder
		if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Errorf("slogtrace %s: exit code %d, stderr %q", search.command, code, stderr.String())
			continue
		}
		var found []struct{ Trace string }
		if err := json.Unmarshal([]byte(stdout.String()), &found); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Trace)
		}
		if text := strings.Join(got, " "); text != search.want {
			t.Errorf("slogtrace %s: got %s, want %s", search.command, text, search.want)
		}
	}
}

// words splits a command line as a shell does, which knows no quotes but '.
func words(line string) (list []string) {
	for _, m := range regexp.MustCompile(`(?:'[^']*'|[^' ]+)+`).FindAllString(line, -1) {
		list = append(list, strings.ReplaceAll(m, "'", ""))
	}
	return list
}

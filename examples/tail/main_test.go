package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog"
)

// The output of the program and its log are as expected.
func TestRun(t *testing.T) {
	name := filepath.Join(t.TempDir(), "shop.log")
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-requests", "30", "-fail", "30", "-log", name}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	got := regexp.MustCompile(`\d+ kB|\d+ %|order=\d\b|price=12\d\d`).ReplaceAllString(stdout.String(), "N")
	got = regexp.MustCompile(` +N`).ReplaceAllString(got, " N")
	want := `30 requests, 1 of them failed.
In the log:       125 lines,    6 of them debug, N.
Not in the log:   174 lines, all of them debug, N: N saved.

A request that went well:

GET /orders/{id} [shop]
·  INFO   order paid N N
├─ calculate
└─ charge

A request that went wrong:

GET /orders/{id} [shop]  ✗ 502 Bad Gateway
·  DEBUG  request  order=30 accept=gzip
├─ calculate
│  ·  DEBUG  cache  key=price:30 hit=false
│  ·  DEBUG  query  sql="select net, vat from prices where article = $1" rows=1
│  ·  DEBUG  computed  net=1030 vat=206 discounts=[]
└─ charge  ✗ card declined
   ·  DEBUG  asking the bank  amount=1236 currency=EUR card="**** 1030"
   ·  DEBUG  the bank answered  status=402 code=do_not_honor retry=false
`
	if diff := cmp.Diff(want, strings.ReplaceAll(got, "order=3 ", "N ")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var entries []tracelog.Entry
	src, err := tracelog.Scan(bytes.NewReader(data), name, func(e tracelog.Entry) { entries = append(entries, e) })
	if err != nil || src.Bad > 0 {
		t.Errorf("%d bad lines, %v", src.Bad, err)
	}
	traces := tracelog.Assemble(entries)
	if len(traces) != 30 {
		t.Errorf("%d traces", len(traces))
	}
	for _, tr := range traces {
		debug := 0
		for _, e := range entries {
			if e.Trace == tr.ID && e.Level == "DEBUG" {
				debug++
			}
		}
		if want := 6 * min(tr.Errors, 1); debug != want {
			t.Errorf("a trace with %d errors has %d debug lines, want %d", tr.Errors, debug, want)
		}
	}
}

func TestRunUsage(t *testing.T) {
	for _, args := range [][]string{{"-requests", "0"}, {"-nothing"}, {"file"}, {"-fail", "-1"}} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, &stdout, &stderr); code != 2 || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%q: exit %d, %q, %q", args, code, stdout.String(), stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-log", t.TempDir()}, &stdout, &stderr); code != 1 || stderr.Len() == 0 {
		t.Errorf("a directory to log to: exit %d, %q", code, stderr.String())
	}
}

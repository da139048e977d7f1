package tracelog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestGroupBy(t *testing.T) {
	const line = `{"msg":"span end","trace":"t","span":"s","op":"charge","service":"pay","start":"2026-03-01T09:15:00Z","duration_ms":5,` +
		`"seat":"1\"2A","n":12.50,"http.status":402,"http":{"status":500,"route":{"name":"/b","x.y":true}},"a.b":{"c":"abc"},"a":{"b":{"c":"no","d":"abd"}},"service":"dup","op":"x","kind":"k","none":null}`
	entries, _ := scanAll(t, []byte(line))
	s := Assemble(entries)[0].Roots[0]
	for name, want := range map[string]string{
		"op": "charge", "service": "pay", "kind": "k", "seat": `1"2A`, "n": "12.50", "http.status": "402", "http.route.name": "/b",
		"http.route.x.y": "true", "http.route": `{"name":"/b","x.y":true}`, "a.b.c": "abc", "a.b.d": "abd", "missing": "", "http.missing": "",
		"": "", ".": "", "seat.x": "", "attr.service": "dup", "attr.op": "x", "attr.seat": `1"2A`, "none": "null", "http.": "",
	} {
		if got := GroupBy(name)(s); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := GroupBy("kind")(&Span{}); got != "internal" {
		t.Errorf("no kind is %q", got)
	}
}

func TestGroupStats(t *testing.T) {
	entries := spanEntries(t, `
a - api 0 100
b a pay 10 20
c a pay 40 50
d c pay 50 10
e a api 50 -
`)
	entries[2].Failed = true
	traces := Assemble(entries)
	text := func(groups []*StatGroup) string {
		var b strings.Builder
		for _, g := range groups {
			fmt.Fprintf(&b, "%s %v %v %v %v; ", g.Key, g.Stat.Count(), g.Stat.Errors(), g.Stat.Quantile(0.5), g.Stat.Sum())
		}
		return b.String()
	}
	if got, want := text(GroupStats(traces, GroupBy("service"), nil)), "api 1 0 100ms 100ms; pay 3 1 20ms 80ms; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := text(GroupStats(traces, GroupBy("service"), SelfTime)), "api 1 0 30ms 30ms; pay 3 1 20ms 70ms; "; got != want {
		t.Errorf("self %s, want %s", got, want)
	}
	if got := GroupStats(nil, GroupBy("op"), func(*Span) time.Duration { return 0 }); len(got) != 0 {
		t.Error(got)
	}
}

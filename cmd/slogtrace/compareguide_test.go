package main

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What docs/guide/compare.md shows is what the command writes about two logs with planted changes: after the
// deployment calendar.sync is slow for the tenant acme, and payment.charge fails more often.
func TestCompareGuide(t *testing.T) {
	guide, err := filepath.Abs("../../docs/guide/compare.md")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeShopLog(t, "before.log", 1, 1, 0.01)
	writeShopLog(t, "after.log", 2, 4, 0.06)
	blocks := regexp.MustCompile("(?m)^<!-- run: slogtrace (.*) -->\n```(\\w*)\n((?s:.*?))```$")
	runs := 0
	updated := blocks.ReplaceAllStringFunc(string(b), func(block string) string {
		m := blocks.FindStringSubmatch(block)
		runs++
		var stdout, stderr strings.Builder
		run(t.Context(), strings.Fields(m[1]), strings.NewReader(""), &stdout, &stderr)
		got := stdout.String() + stderr.String()
		if diff := cmp.Diff(m[3], got); diff != "" && !*update {
			t.Errorf("slogtrace %s (-said +written; go test -update mends it):\n%s", m[1], diff)
		}
		return "<!-- run: slogtrace " + m[1] + " -->\n```" + m[2] + "\n" + got + "```"
	})
	if runs == 0 {
		t.Error("the guide shows no run")
	}
	if *update {
		if err := os.WriteFile(guide, []byte(updated), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// writeShopLog writes a log of 1500 bookings. Those of acme wait so many times as long for the calendar.
func writeShopLog(t *testing.T, name string, seed uint64, slow, failures float64) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	r := rand.New(rand.NewPCG(seed, 9))
	took := func(ms float64) time.Duration {
		return time.Duration(ms * math.Exp(0.4*r.NormFloat64()) * 1e6).Round(time.Microsecond)
	}
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	for i := range 1500 {
		trace := fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
		tenant := []string{"acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka"}[r.IntN(8)]
		spans := 1
		span := func(parent int, op string, start time.Time, d time.Duration, more string) {
			id := 1
			if parent > 0 {
				spans++
				id = spans
				more = fmt.Sprintf(`,"parent":"%016x"`, parent) + more
			}
			fmt.Fprintf(w, `{"time":%q,"level":"INFO","msg":"span end","trace":%q,"span":"%016x","op":%q,"start":%q,"duration_ms":%v%s}`+"\n",
				start.Add(d).Format(time.RFC3339Nano), trace, id, op, start.Format(time.RFC3339Nano), float64(d)/1e6, more)
		}
		start := begin.Add(time.Duration(i) * time.Second)
		at := start.Add(took(1))
		child := func(op string, d time.Duration, more string) {
			span(1, op, at, d, more)
			at = at.Add(d)
		}
		child("auth.check", took(2), "")
		factor := 1.0
		if tenant == "acme" {
			factor = slow
		}
		child("calendar.sync", took(20*factor), "")
		failed := ""
		if r.Float64() < failures {
			failed = `,"error":"card declined"`
		}
		child("payment.charge", took(12), failed)
		queued := took(30)
		span(1, "mail.send", at.Add(queued), took(8), fmt.Sprintf(`,"kind":"consumer","queued_ms":%v`, float64(queued)/1e6))
		more := fmt.Sprintf(`,"kind":"server","tenant":%q,"region":%q`, tenant, []string{"eu", "us"}[r.IntN(2)])
		span(0, "POST /bookings", start, at.Add(took(1)).Sub(start), more)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

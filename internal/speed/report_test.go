package speed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A ratio is the median of the rounds' ratios, not the ratio of the medians.
func TestRatio(t *testing.T) {
	a, b := Values{9, 2, 4}, Values{3, 2, 1}
	if got := a.Ratio(b); got != 3 {
		t.Errorf("ratio %v, want 3", got)
	}
	if got := (Values{4, 1, 3, 2}).Median(); got != 2.5 {
		t.Errorf("median %v, want 2.5", got)
	}
}

func TestWrite(t *testing.T) {
	var g Gates
	g.Add("as fast", 1, 1)
	if !g.OK() {
		t.Error("a value that is the bound does not hold")
	}
	g.Add("ä", 2, 1.5)
	if g.OK() {
		t.Error("a value above the bound holds")
	}
	var b strings.Builder
	g.Table(&b)
	want := `
| gate    |      |  bound |      |
|---------|-----:|-------:|-----:|
| as fast | 1.00 | ≤ 1.00 |   ok |
| ä       | 2.00 | ≤ 1.50 | FAIL |
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	if err := Write(g[:1], "", file, ""); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want = "[\n  {\n    \"name\": \"as fast\",\n    \"value\": 1,\n    \"bound\": 1,\n    \"ok\": true\n  }\n]\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

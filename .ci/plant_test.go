package main

import (
	"slices"
	"strings"
	"testing"
)

const list = `# a comment

one: too many
a/b.go
-if x {
-y()
+if true {
./a TestA TestB

# another
two: nothing instead
c.go
-z()
. TestC
`

func TestParse(t *testing.T) {
	bugs, err := parse(list)
	if err != nil || len(bugs) != 2 {
		t.Fatalf("%d bugs, %v", len(bugs), err)
	}
	one, two := bugs[0], bugs[1]
	if one.name != "one: too many" || one.file != "a/b.go" || one.old != "if x {\ny()" || one.new != "if true {" || one.pkg != "./a" || !slices.Equal(one.tests, []string{"TestA", "TestB"}) {
		t.Errorf("%+v", one)
	}
	if two.new != "" || two.pkg != "." || !slices.Equal(two.tests, []string{"TestC"}) {
		t.Errorf("%+v", two)
	}
	for _, bad := range []string{"name\n-a\n. TestA", "name\nfile\n. TestA", "name\nfile\n-a\n.", "name\nfile\nmore\n-a\n. TestA"} {
		if bugs, err := parse(bad); err == nil {
			t.Errorf("%q: %+v, want an error", bad, bugs)
		}
	}
}

func TestMutate(t *testing.T) {
	b := bug{file: "b.go", old: "if x {\ny()", new: "if true {"}
	if got, err := b.mutate("a\n\t\tif x {\n\t\t\ty()\n\t\t}\n"); err != nil || got != "a\nif true {\n\t\t}\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, code := range []string{"", "if x {\nz()\n", "if x {\ny()\nif x {\ny()\n", "if x {"} {
		if got, err := b.mutate(code); err == nil || !strings.Contains(err.Error(), "places") {
			t.Errorf("%q: %q, %v, want an error", code, got, err)
		}
	}
}

func TestMissing(t *testing.T) {
	tests := []string{"TestA", "TestAB"}
	for out, want := range map[string][]string{
		"\n--- FAIL: TestA (0.00s)\n--- FAIL: TestAB (0.00s)\n":                    nil,
		"\n--- FAIL: TestAB (0.00s)\n--- PASS: TestA (0.00s)\n":                    {"TestA"},
		"\n    --- FAIL: TestA (0.00s)\n":                                          tests,
		"\npanic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (1m0s)\n": {"TestAB"},
		"\n[build failed]\n": tests,
	} {
		if got := missing(out, tests); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", out, got, want)
		}
	}
}

package main

import (
	"slices"
	"testing"
)

func TestKnots(t *testing.T) {
	uses := func(names ...string) map[string][]string {
		m := map[string][]string{}
		for _, n := range names {
			m[n] = []string{"x"}
		}
		return m
	}
	g := useGraph{
		"a": uses("b"), "b": uses("c"), "c": uses("a", "d"), // a knot that needs another
		"d": uses("e"), "e": uses("d"),
		"f": uses("a"), "g": uses(),
	}
	got := knots(g)
	if len(got) != 2 || !slices.Equal(got[0], []string{"d", "e"}) || !slices.Equal(got[1], []string{"a", "b", "c"}) {
		t.Errorf("knots: %v", got)
	}
	if most := largest(got); !slices.Equal(most, []string{"a", "b", "c"}) {
		t.Errorf("largest: %v", most)
	}
}

// In log/slog some files need each other: handler.go and logger.go among them.
func TestSlog(t *testing.T) {
	packages, err := list([]string{"log/slog"})
	if err != nil {
		t.Fatal(err)
	}
	uses, err := packages["log/slog"].uses(packages)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(uses["logger.go"]["record.go"], "NewRecord") {
		t.Errorf("logger.go uses record.go: %v", uses["logger.go"]["record.go"])
	}
	if n := len(largest(knots(uses))); n < 2 || n > len(uses) {
		t.Errorf("%d of %d files", n, len(uses))
	}
}

package backend

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

var noParts query.Parts

// A regular expression is asked of values alone only if no match can reach from a key to its value.
func TestSimple(t *testing.T) {
	for text, want := range map[string]bool{
		"declined": true, "(?i)rate|limit": true, "a[bc]+d": true, "^x$": true, `\bab\b`: true,
		"a=b": false, "a.c": false, "[^a]b": false, "a|.*": false, "a*": false, "": false, `[0-?]a`: false, `x\D`: false,
	} {
		if got := simple(regexp.MustCompile(text)); got != want {
			t.Errorf("simple(%q) = %t", text, got)
		}
	}
}

func TestWhere(t *testing.T) {
	for _, test := range []struct {
		c    query.Condition
		want Cond
	}{
		{query.Condition{Key: "k", Op: "=", Value: "v"}, Test{Key: "k", Op: In, Values: []string{"v"}}},
		{query.Condition{Key: "k", Op: "=", Value: "5m"}, Test{Key: "k", Op: Present}},
		{query.Condition{Key: "k", Op: "=", Value: "2026-03-01"}, Test{Key: "k", Op: Present}},
		{query.Condition{Key: "k", Op: "=", Value: "error"}, Test{Key: "k", Op: Present}},
		{query.Condition{Key: "k", Op: "=", Value: "[1]"}, Test{Key: "k", Op: Present}},
		{query.Condition{Key: "k", Op: ">", Value: "500"}, Test{Key: "k", Op: AtLeast, Value: "499.998"}},
		{query.Condition{Key: "k", Op: "<=", Value: "-5"}, Test{Key: "k", Op: AtMost, Value: "-4.998"}},
		{query.Condition{Key: "k", Op: ">", Value: "500ms"}, Test{Key: "k", Op: Present}},
		{query.Condition{Key: "k", Op: "~", Value: "a+"}, Test{Key: "k", Op: Matches, Value: "a+"}},
		{query.Condition{Key: "k", Op: "~", Value: "a*"}, nil},
		{query.Condition{Key: "k", Op: "!=", Value: "v"}, nil},
		{query.Condition{Key: "k", Op: "=", Value: ""}, nil},
		{query.Condition{Key: "level", Op: ">=", Value: "WARN"}, nil},
		{query.Condition{Key: "state", Op: "=", Value: "open"}, nil},
	} {
		got := where(test.c)
		if text, want := describe(got), describe(test.want); text != want {
			t.Errorf("%v: %s, want %s", test.c, text, want)
		}
	}
}

func describe(c Cond) string { return fmt.Sprintf("%#v", c) }

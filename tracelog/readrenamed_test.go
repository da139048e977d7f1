package tracelog

import (
	"strings"
	"testing"
)

// A renamed key is found under either name. The name that is on the line takes precedence.
func TestRenamedAttributes(t *testing.T) {
	value := func(line, key string) string {
		entries, _ := scanAll(t, []byte(line))
		v, ok := entries[0].Attr(key)
		if !ok {
			return ""
		}
		return string(v)
	}
	for _, r := range renamed {
		nested := `{"msg":"m","` + strings.ReplaceAll(r[0], ".", `":{"`) + `":1` + strings.Repeat("}", 1+strings.Count(r[0], "."))
		for _, tt := range []struct{ line, key, want string }{
			{`{"msg":"m","` + r[0] + `":1}`, r[1], "1"},
			{`{"msg":"m","` + r[1] + `":1}`, r[0], "1"},
			{`msg=m ` + r[0] + `=1`, r[1], "1"},
			{nested, r[1], "1"},
			{`{"msg":"m","` + r[0] + `":1,"` + r[1] + `":2}`, r[0], "1"},
			{`{"msg":"m","` + r[0] + `":1,"` + r[1] + `":2}`, r[1], "2"},
			{`{"msg":"m","http":5}`, r[1], ""},
		} {
			if got := value(tt.line, tt.key); got != tt.want {
				t.Errorf("%s: %s is %s, want %s", tt.line, tt.key, got, tt.want)
			}
		}
	}
}

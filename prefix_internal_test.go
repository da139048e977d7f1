package slogtrace

import (
	"context"
	"testing"

	"github.com/slogtrace/slogtrace/internal/jsontext"
)

// How the prefix changes an op and a message, character by character.
func TestWithPrefix(t *testing.T) {
	_, s := testSpan(context.Background(), "op")
	c := &current{span: s}
	begin := "[trace:" + string(s.ids[:32]) + " span:" + string(s.ids[32:])
	for _, tt := range []struct{ op, msg, want string }{
		{"charge", "m", " op:charge] m"},
		{"charge", "", " op:charge]"},
		{"", "m", "] m"},
		{" a", "m", ` op:" a"] m`},
		{"a ", "m", ` op:"a "] m`},
		{"a b", "m", " op:a b] m"},
		{"a\xff", "m", ` op:"a` + jsontext.InvalidUTF8 + `"] m`},
		{"a\ufffd", "m", " op:a\ufffd] m"},
		{"a[0]", "m", ` op:"a\u005b0\u005d"] m`},
	} {
		if got := withPrefix(c, tt.op, tt.msg); got != begin+tt.want {
			t.Errorf("%q, %q: got %s\nwant %s", tt.op, tt.msg, got, begin+tt.want)
		}
	}
}

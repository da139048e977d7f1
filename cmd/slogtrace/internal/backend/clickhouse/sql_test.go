package clickhouse

import (
	"testing"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
)

// logs is a table with members as columns.
func logs(t *testing.T) *table {
	t.Helper()
	tab := &table{record: true}
	err := tab.read([]described{
		{Name: "time", Type: "UInt64"}, {Name: "trace", Type: "String"}, {Name: "level", Type: "LowCardinality(String)"},
		{Name: "op", Type: "Nullable(String)"}, {Name: "duration_ms", Type: "Nullable(Float64)"}, {Name: "attempt", Type: "UInt8"},
		{Name: "labels", Type: "Map(LowCardinality(String), String)"}, {Name: "http", Type: "Tuple(route String)"},
		{Name: "it's`\\", Type: "FixedString(4)"},
	}, options{})
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// What users write is a literal or the name of a column, whatever it is.
func TestHostile(t *testing.T) {
	tab := logs(t)
	for _, c := range []struct {
		cond backend.Cond
		want string
	}{
		{backend.Trace{IDs: []string{`') or ('1'='1`, `\`}}, "(`trace` in ('\\') or (\\'1\\'=\\'1', '\\\\') or `labels`['trace'] in"},
		{backend.Trace{IDs: []string{`\' -- `}, Prefix: true}, "((startsWith(`trace`, '\\\\\\' -- ')) or"},
		{backend.Test{Key: "it's`\\", Op: backend.In, Values: []string{"a\x00b\n"}}, "(toStringCutToZero(`it's\\`\\\\`) in ('a\\0b\n') or `labels`['it\\'s`\\\\'] in"},
		{backend.Test{Key: "op", Op: backend.Matches, Value: `'\'`}, "(ifNull((match(`op`, '(?-s:\\'\\')') or"},
	} {
		got := tab.atLeast(c.cond)
		if len(got) < len(c.want) || got[:len(c.want)] != c.want {
			t.Errorf("%v:\n got %s\nwant %s", c.cond, got, c.want)
		}
	}
}

// A condition holds at least where it must; one that is negated holds at most there.
func TestBound(t *testing.T) {
	tab := logs(t)
	present := func(key string) backend.Test { return backend.Test{Key: key, Op: backend.Present} }
	for _, c := range []struct {
		name string
		cond backend.Cond
		want string
	}{
		{"exact", backend.Not{Cond: backend.Test{Key: "op", Op: backend.In, Values: []string{"INFO"}}},
			"not (((ifNull(`op`, '') != '' or `labels`['op'] != '') and ifNull(`op`, '') in ('', 'INFO') and `labels`['op'] in ('', 'INFO')))"},
		{"not exact, negated", backend.Not{Cond: backend.Test{Key: "op", Op: backend.Matches, Value: "a"}}, yes},
		{"twice negated", backend.Not{Cond: backend.Not{Cond: backend.Test{Key: "attempt", Op: backend.AtLeast, Value: "2"}}},
			"not (not ((`attempt` >= 2 or (`labels`['attempt'] != '' and ifNull(toFloat64OrNull(`labels`['attempt']) >= 2, 1)))))"},
		{"null is no", backend.Not{Cond: present("op")}, "not ((ifNull(`op` != '', 0) or `labels`['op'] != ''))"},
		{"perhaps in an object", present("http.route"), yes},
		{"perhaps in an object, negated", backend.Not{Cond: present("http.route")}, yes},
		{"always", backend.Any{present("attempt"), present("op")}, yes},
		{"never", backend.All{backend.Unread{}, present("op")}, no},
		{"neutral", backend.Any{backend.Unread{}, backend.All{}}, yes},
		{"a regular expression that is too long", backend.Test{Key: "op", Op: backend.Matches, Value: "a{1000}" + string(make([]byte, 2000))}, yes},
	} {
		if got := tab.atLeast(c.cond); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]bool{"POST /bookings": true, "": false, "a\"b": false, "é": false, "a&b": false, "a\\b": false, "x{1}": true} {
		if got := plain(text); got != want {
			t.Errorf("plain(%q) = %t", text, got)
		}
	}
}

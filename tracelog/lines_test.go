package tracelog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace/tracelog/internal/fixture"
)

func TestTraceIDs(t *testing.T) {
	const hex = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{hex, []string{hex}},
		{strings.ToUpper(hex), []string{strings.ToUpper(hex), hex}},
		{"req-1", []string{"req-1"}},
		{"1-4bf92f35-77b34da6a3ce929d0e0e4736", []string{"1-4bf92f35-77b34da6a3ce929d0e0e4736", hex}},
		{"1-4BF92F35-77B34DA6A3CE929D0E0E4736", []string{"1-4BF92F35-77B34DA6A3CE929D0E0E4736", hex}},
		{"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=53995c3f42cd8ad8;Sampled=1", []string{"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=53995c3f42cd8ad8;Sampled=1", hex}},
		{"1-4bf92f35-77b34da6a3ce929d0e0e473", []string{"1-4bf92f35-77b34da6a3ce929d0e0e473"}},
		{"1-4bf92f35-77b34da6a3ce929d0e0e473x", []string{"1-4bf92f35-77b34da6a3ce929d0e0e473x"}},
		{"projects/p/traces/" + hex, []string{"projects/p/traces/" + hex, hex}},
		{"0x" + hex, []string{"0x" + hex, hex}},
		{"0x" + hex[1:], []string{"0x" + hex[1:]}},
		{"11803532876627986230", []string{"11803532876627986230", "0000000000000000a3ce929d0e0e4736"}},
		{"18446744073709551616", []string{"18446744073709551616"}}, // 2^64
	} {
		if diff := cmp.Diff(tt.want, TraceIDs(tt.in)); diff != "" {
			t.Errorf("TraceIDs(%q) (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestParseEpoch(t *testing.T) {
	for in, want := range map[string]string{
		"1772356500": "2026-03-01T09:15:00Z", "1772356500.5": "2026-03-01T09:15:00.5Z",
		"1772356500.123456789": "2026-03-01T09:15:00.123456789Z", "1772356500.1234567899": "2026-03-01T09:15:00.123456789Z",
		"1772356500123": "2026-03-01T09:15:00.123Z", "1772356500123.25": "2026-03-01T09:15:00.12325Z",
		"1772356500123456": "2026-03-01T09:15:00.123456Z", "1772356500123456789": "2026-03-01T09:15:00.123456789Z",
		"99999999999": "5138-11-16T09:46:39Z", "100000000000": "1973-03-03T09:46:40Z", "99999999999999": "5138-11-16T09:46:39.999Z",
		"100000000000000": "1973-03-03T09:46:40Z", "99999999999999999": "5138-11-16T09:46:39.999999Z", "100000000000000000": "1973-03-03T09:46:40Z",
		"100000000": "1973-03-03T09:46:40Z", "1.7723565e9": "2026-03-01T09:15:00Z", "1.7723565e+12": "2026-03-01T09:15:00Z",
		"1.772356500123456789e9": "2026-03-01T09:15:00.123456789Z", "1.772356500123456789e18": "2026-03-01T09:15:00.123456789Z", "1772356500500e-3": "2026-03-01T09:15:00.5Z",
		"17723565E2": "2026-03-01T09:15:00Z", "1772356500.": "", "+1772356500": "", "1772356500x": "", "01772356500": "", "1e999999999": "", "1e-999999999": "", "1772356500e": "",
		"99999999": "", "0": "", "-1772356500": "", "5": "", "1e400": "", "9223372036854775808": "", "1e19": "",
	} {
		got, ok := parseEpoch([]byte(in))
		if s := got.Format(time.RFC3339Nano); ok != (want != "") || ok && s != want {
			t.Errorf("parseEpoch(%s) = %s, %v, want %s", in, s, ok, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-03-01T09:15:00Z": "2026-03-01T09:15:00Z", "2026-03-01T10:15:00.5+01:00": "2026-03-01T09:15:00.5Z",
		"2026-03-01T10:15:00.500+0100": "2026-03-01T09:15:00.5Z", "2026-03-01 09:15:00,123": "2026-03-01T09:15:00.123Z",
		"2026/03/01 09:15:00.000001": "2026-03-01T09:15:00.000001Z", "2026-03-01T09:15:00": "2026-03-01T09:15:00Z",
		"2026-03-01 10:15:00 +0100": "2026-03-01T09:15:00Z",
		"2026-03-01 09:15:00 UTC":   "2026-03-01T09:15:00Z", "2026-03-01T09:15:00.5UTC": "2026-03-01T09:15:00.5Z", "2026-03-01 09:15:00 GMT": "2026-03-01T09:15:00Z",
		"2026-03-01 10:15:00.5 +0100 UTC": "2026-03-01T09:15:00.5Z", "2026-03-01 09:15:00.123456789 +0000 UTC": "2026-03-01T09:15:00.123456789Z",
		"2026-03-01 10:15:00+01": "2026-03-01T09:15:00Z", "2026-03-01T10:15:00.5+01": "2026-03-01T09:15:00.5Z", "2026-03-01 04:15:00 -05:00": "2026-03-01T09:15:00Z",
		"2026-03-01t09:15:00z": "2026-03-01T09:15:00Z", "2026-03-01t10:15:00.5+01:00": "2026-03-01T09:15:00.5Z", "2026-03-01 09:15:00z": "2026-03-01T09:15:00Z",
		"2026-03-01 09:15:00 CET": "", "2026-03-01 09:15:00 utc": "", "2026-03-01 UTC": "", "2026-03-01 09:15 UTC  ": "", "2026-03-01x09:15:00Z": "",
		"2026-03-01": "", "09:15:00": "", "yesterday": "", "2026-13-01T09:15:00Z": "", "2026-03-01T09:15:00Z and more": "",
		"2026-03-01 09:15:00.": "",
	} {
		got, ok := parseTime([]byte(in))
		if s := got.Format(time.RFC3339Nano); ok != (want != "") || ok && s != want {
			t.Errorf("parseTime(%s) = %s, %v, want %s", in, s, ok, want)
		}
	}
}

func TestEntryAttr(t *testing.T) {
	for _, tt := range []struct{ line, key, want string }{
		{spanEnd, "amount", "12.50"},
		{spanEnd, `a"b`, `{"c":[1, 2]}`},
		{spanEnd, `a"b.c`, `[1, 2]`},
		{spanEnd, `a"b.d`, ``},
		{spanEnd, "op", `"charge"`}, // in a field too, but Attr returns it
		{`{"a.b":1,"a":{"b":2}}`, "a.b", "1"},
		{`{"a":{"b":{"c":3}},"a.b":{"c":4}}`, "a.b.c", "4"},
		{`{"a":{"b.c":5}}`, "a.b.c", "5"},
		{`{"a":1,"a":2}`, "a", "1"},
		{`{"a":[{"b":1}]}`, "a.b", ""},
		{`{"dd":{"trace_id":"12","env":"x"}}`, "dd.trace_id", `"12"`},
		{`{"dd":{"trace_id":"12","env":"x"}}`, "dd.env", `"x"`},
		{`level=INFO msg=x req.id=007 n=7`, "req.id", `"007"`},
		{`level=INFO msg=x req.id=007 n=7`, "n", `7`},
		{`web-1 | {"a":{"b":true}}`, "a.b", `true`},
		{`{"log":"{\"a\":1}\n","stream":"stdout","time":"2026-03-01T09:15:00Z"}`, "a", `1`},
		{`{"log":"{\"a\":1}\n","stream":"stdout","time":"2026-03-01T09:15:00Z"}`, "stream", ``},
		{`no record`, "a", ""},
		{`{"":{"":1}}`, ".", "1"},
	} {
		e := Entry{Raw: []byte(tt.line)}
		if got, ok := e.Attr(tt.key); string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %s is %s, %v, want %s", tt.line, tt.key, got, ok, tt.want)
		}
	}
}

// A text of millions of pairs is not read, since a pair needs much more memory than it has bytes.
func TestLongText(t *testing.T) {
	for n, want := range map[int]int{maxPairs: 1, maxPairs + 1: 0} {
		line := "msg=x " + strings.Repeat("a=b ", maxPairs/4)
		if _, src := scanAll(t, []byte(line[:n])); src.Records != want {
			t.Errorf("%d bytes: %d records", n, src.Records)
		}
	}
}

// A parser remembers nothing of earlier lines. One parser for all lines and one for each line return the same entries.
func TestParserForgets(t *testing.T) {
	var lines [][]byte
	for _, f := range formFixtures(t) {
		lines = append(lines, bytes.Split(f.Log(), []byte("\n"))...)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	all := lineParser{in: make(interner)}
	for _, line := range lines {
		var one lineParser
		var want, got Entry
		wantVerdict := one.parse(line, &want)
		if v := all.parse(line, &got); v != wantVerdict || v == isBad && (all.reason != one.reason || all.cut != one.cut) {
			t.Fatalf("%s: %v %s, want %v %s", line, v, all.reason, wantVerdict, one.reason)
		}
		if diff := cmp.Diff(want, got); diff != "" && wantVerdict == isRecord {
			t.Fatalf("%s: (-want +got):\n%s", line, diff)
		}
		if all.first != [maxSlots]int32{} {
			t.Fatalf("%s: an index is left", line)
		}
	}
}

// Under each preset, each key is given each kind of value. The member must be an attribute, or a field must have changed,
// unless the value means nothing.
func TestEveryPresetKey(t *testing.T) {
	var p lineParser
	for i := range layouts {
		l := &layouts[i]
		first := func(f field) string {
			key, _, _ := strings.Cut(strings.TrimSpace(l.keys[f]+" "+common[f]), " ")
			return key
		}
		for f := range numFields {
			if f == fieldOther || f == fieldSource {
				continue
			}
			for key := range strings.FieldsSeq(l.keys[f] + " " + common[f]) {
				if key == first(fieldTrace) || key == first(fieldSpan) || key == first(fieldMessage) ||
					slices.Contains(strings.Fields(l.preset.tells), key) || l.name == "axiom" && key == "_msg" { // then the line is VictoriaLogs'
					continue
				}
				for _, value := range []string{
					`"text"`, `""`, `"5"`, `"2026-03-01T09:15:00.5Z"`, `"7ms"`, `10`, `0`, `-1`, `0.5`, `1e400`, `1e13`, `true`, `false`, `null`,
					`[]`, `[1]`, `[{"trace":"a","span":"b"}]`, `{}`, `{"id":"x"}`, `"[{\"trace\":\"a\",\"span\":\"b\"}]"`,
				} {
					head := fmt.Sprintf(`{"%s":"span end","%s":"t","%s":"s"`, first(fieldMessage), first(fieldTrace), first(fieldSpan))
					for tell := range strings.FieldsSeq(l.preset.tells) {
						if tell != first(fieldMessage) {
							head += `,"` + tell + `":"2026-03-01T09:15:00Z"`
						}
					}
					tail := `,"duration_ms":1}`
					if f == fieldDuration {
						tail = `,"start":"2026-03-01T09:15:00Z"}`
					}
					without := Entry{Raw: []byte(head + tail)}
					with := Entry{Raw: []byte(head + `,"` + key + `":` + value + tail)}
					if p.parse(without.Raw, &without) != isRecord || p.parse(with.Raw, &with) != isRecord {
						t.Fatalf("%s: no record", with.Raw)
					}
					listed := len(with.Attrs()) - len(without.Attrs())
					with.Raw, without.Raw = nil, nil
					with.Schema = without.Schema // otel's with _time are axiom's
					same := reflect.DeepEqual(with, without)
					nothing := value == `""` || value == "0" || value == "false" || value == "true" || value == "[]"
					if listed == 1 && !same || listed == 0 && same && !nothing || listed < 0 || listed > 1 {
						t.Errorf("%s: %s=%s: %d attributes more, fields the same: %v", l.name, key, value, listed, same)
					}
				}
			}
		}
	}
}

// Scan reads the lines of slog.TextHandler: the same keys and, as far as text shows, the same values.
func FuzzTextHandler(f *testing.F) {
	f.Add("seat held", "seat", "12A", int64(5), 1.5, true, uint64(1))
	f.Add("", "a b", "x\ny\"=\\ \x00\xff", int64(-1), math.Inf(1), false, uint64(2))
	f.Add("msg=x", "", "é\u2028 \U0001F600 \ufffd", int64(0), 1e300, true, uint64(3))
	f.Add(`back\slash`, `k\x`, `007`, int64(7), math.Copysign(0, -1), true, uint64(4))
	f.Fuzz(func(t *testing.T, msg, key, value string, n int64, x float64, b bool, seed uint64) {
		if !utf8.ValidString(msg) || !utf8.ValidString(key) || !utf8.ValidString(value) {
			return // becomes U+FFFD, as in JSON
		}
		var out bytes.Buffer
		h := slog.Handler(slog.NewTextHandler(&out, nil))
		at := time.UnixMilli(int64(seed % 4e12)).UTC()
		r := slog.NewRecord(at, slog.LevelWarn, msg, 0)
		want := []Attr{}
		add := func(a slog.Attr, v string) {
			r.AddAttrs(a)
			want = append(want, Attr{a.Key, json.RawMessage(v)})
		}
		// Keys of ours and of slog's would be fields.
		key = "k:" + key
		str, _ := json.Marshal(value)
		if isScalar([]byte(value)) {
			str = []byte(value) // text does not show the type
		}
		add(slog.String(key, value), string(str))
		add(slog.Int64("n", n), strconv.FormatInt(n, 10))
		add(slog.Bool("b", b), strconv.FormatBool(b))
		number := strconv.FormatFloat(x, 'g', -1, 64)
		if !isScalar([]byte(number)) {
			number = strconv.Quote(number)
		}
		add(slog.Float64("x", x), number)
		r.AddAttrs(slog.Group("g", slog.String("s", "v")))
		want = append(want, Attr{"g.s", json.RawMessage(`"v"`)})
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		entries, src := scanAll(t, out.Bytes())
		if len(entries) != 1 || src.Lines != 1 {
			t.Fatalf("%q: %+v", out.Bytes(), src)
		}
		e := &entries[0]
		if e.Level != "WARN" || !e.Time.Equal(at) || e.Message != msg {
			t.Errorf("%q: %v %v %q", out.Bytes(), e.Time, e.Level, e.Message)
		}
		got := e.Attrs()
		if len(got) != len(want) {
			t.Fatalf("%q: %d attributes", out.Bytes(), len(got))
		}
		for i, a := range got {
			var g, w any
			if err := json.Unmarshal(a.Value, &g); err != nil && a.Value[0] == '"' {
				t.Fatalf("%q: %q is no JSON: %v", out.Bytes(), a.Value, err)
			}
			if a.Value[0] != '"' {
				g = string(a.Value)
				w = string(want[i].Value)
			} else if err := json.Unmarshal(want[i].Value, &w); err != nil {
				t.Fatal(err)
			}
			if a.Key != want[i].Key || g != w {
				t.Errorf("%q: %q = %s, want %q = %s", out.Bytes(), a.Key, a.Value, want[i].Key, want[i].Value)
			}
		}
	})
}

// For text of any form nothing panics, each line is counted, and each attribute is JSON.
func FuzzLine(f *testing.F) {
	for _, fx := range formFixtures(f) {
		for line := range bytes.Lines(fx.Log()) {
			f.Add(bytes.TrimSuffix(line, []byte("\n")))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		entries, src := scanAll(t, line)
		checkSource(t, src, len(entries))
		for i := range entries {
			e := &entries[i]
			for _, a := range e.Attrs() {
				if !json.Valid(a.Value) {
					t.Errorf("%q: %q is no JSON: %q", line, a.Key, a.Value)
				}
			}
			if (e.Schema != "") != (e.Trace != "" || e.Span != "") && e.Schema == "" {
				t.Errorf("%q: ids without a schema", line)
			}
			if e.Event != EventLog && (e.Trace == "" || e.Span == "") {
				t.Errorf("%q: a span record without ids", line)
			}
			if e.Duration < 0 || e.Queued < 0 {
				t.Errorf("%q: %+v", line, e)
			}
		}
		checkTraces(t, entries, Assemble(entries))
	})
}

// A line that was cut into parts, in either form, is read like the whole line.
func TestJoin(t *testing.T) {
	long := `{"msg":"span end","trace":"t","span":"s","duration_ms":1,"x":"` + strings.Repeat("é\\n", 20000) + `"}`
	for _, n := range []int{1, 2, 7, len(long)/3 + 1, len(long) - 1} {
		if len(long)/n > 2000 {
			n = len(long) / 2000
		}
		var cri, docker bytes.Buffer
		parts := 0
		for at := 0; at < len(long); at += n {
			part := long[at:min(len(long), at+n)]
			tag, nl := "P", ""
			if at+n >= len(long) {
				tag, nl = "F", "\n"
			}
			parts++
			fmt.Fprintf(&cri, "2026-03-01T09:15:00.5Z stdout %s %s\n", tag, part)
			s, _ := json.Marshal(part + nl)
			if utf8.ValidString(part) { // docker also cuts within a rune, and loses its bytes
				fmt.Fprintf(&docker, `{"log":%s,"stream":"stdout","time":"2026-03-01T09:15:00.5Z"}`+"\n", s)
			}
		}
		for name, log := range map[string][]byte{"cri": cri.Bytes(), "docker": docker.Bytes()} {
			if bytes.Count(log, []byte("\n")) != parts {
				continue
			}
			entries, src := scanAll(t, log)
			checkSource(t, src, len(entries))
			if len(entries) != 1 || src.Joined != parts-1 || entries[0].Line != parts || entries[0].Event != EventEnd {
				t.Fatalf("%s in parts of %d: %+v", name, n, src)
			}
			if v, _ := entries[0].Attr("x"); !strings.HasSuffix(long, string(v)+"}") {
				t.Errorf("%s in parts of %d: the line is not whole", name, n)
			}
			if e := entries[0]; !e.Time.Equal(time.Date(2026, 3, 1, 9, 15, 0, 5e8, time.UTC)) {
				t.Errorf("%s in parts of %d: time %v", name, n, e.Time)
			}
		}
	}
}

// An endless line of parts is not kept.
func TestJoinTooLong(t *testing.T) {
	var log bytes.Buffer
	part := strings.Repeat("x", 1<<20)
	for range maxLine>>20 + 3 {
		fmt.Fprintf(&log, "2026-03-01T09:15:00Z stdout P %s\n", part)
	}
	for _, end := range []string{"2026-03-01T09:15:00Z stdout F \n{}\n", ""} {
		entries, src := scanAll(t, append(log.Bytes(), end...))
		checkSource(t, src, len(entries))
		if src.Bad != 1 || !strings.HasPrefix(src.BadLines[0].Reason, "longer than") {
			t.Errorf("%+v", src)
		}
		if end != "" && len(entries) != 1 {
			t.Errorf("%d entries behind", len(entries))
		}
	}
}

func TestBinary(t *testing.T) {
	for _, tt := range []struct{ log, reason string }{
		{"\x1f\x8b\x08\x00\x00\n\x01\x02\n", "binary data: gzip"},
		{"\x28\xb5\x2f\xfd\x04\n", "binary data: zstd"},
		{"\xff\xfe{\x00}\x00\n\x00", "binary data: UTF-16"},
		{"\x7fELF\x02\x01\x01\x00\n\x00\x00", "binary data"},
		{"\x01\x02\x03 text\n", "binary data"},
		{"caf\xe9 in Latin-1\n", reasonText},
		{"\x1b[31mred\x1b[0m\n", reasonText},
	} {
		_, src := scanAll(t, []byte(tt.log))
		checkSource(t, src, 0)
		if len(src.BadLines) != 1 || src.BadLines[0].Reason != tt.reason || src.BadLines[0].More != src.Bad-1 {
			t.Errorf("%q: %+v, want %s", tt.log, src, tt.reason)
		}
	}
}

func formFixtures(t testing.TB) []*fixture.File {
	var all []*fixture.File
	for _, file := range formFiles(t) {
		all = append(all, fixture.Read(t, file))
	}
	return all
}

// What is an attribute of a record inside of a line does not depend on the line before.
func TestAttrsAlone(t *testing.T) {
	r := attrReader{keys: make(interner)}
	const line = `{"timestamp":"2026-03-01T09:15:00Z","log":"{\"time\":\"2026-03-01T09:15:00Z\",\"msg\":\"m\",\"trace\":\"t\"}"}`
	want := r.attrs([]byte(line))
	r.attrs([]byte(`{"msg":"no time, no service"}`))
	if diff := cmp.Diff(want, r.attrs([]byte(line))); diff != "" || len(want) != 1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

package tracelog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const spanEnd = `{"time":"2026-03-01T10:15:00.0125+01:00","level":"ERROR","msg":"span end",` +
	`"trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7","op":"charge","service":"api",` +
	`"parent":"00f067aa0ba902b6","kind":"client","start":"2026-03-01T09:15:00Z","duration_ms":12.345,` +
	`"error":"caf\u00e9 closed","stack":"main.go:1\n","links":[{"trace":"t2","span":"s2","x":1},{"trace_id":"t3","span_id":"s3"}],` +
	`"queued_ms":1200.5,"sample_rate":0.25,"sampled":false,"amount":12.50,"a\"b":{"c":[1, 2]}}`

func TestEntry(t *testing.T) {
	entries, _ := scanAll(t, []byte(spanEnd+"\r\n"))
	if len(entries) != 1 {
		t.Fatalf("got %d entries", len(entries))
	}
	want := Entry{
		File: "app.log", Line: 1,
		Time: time.Date(2026, 3, 1, 9, 15, 0, 12_500_000, time.UTC), Level: "ERROR", Message: "span end",
		Trace: "4bf92f3577b34da6a3ce929d0e0e4736", Span: "00f067aa0ba902b7", Op: "charge", Service: "api", Schema: "slogtrace",
		Event: EventEnd, Parent: "00f067aa0ba902b6", Kind: "client",
		Start: time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC), Duration: 12345 * time.Microsecond,
		Failed: true, Error: "café closed", Stack: "main.go:1\n",
		Links: []Link{{"t2", "s2"}, {"t3", "s3"}}, Queued: 1200500 * time.Microsecond,
		SampleRate: 0.25, Unsampled: true,
		Raw: []byte(spanEnd),
	}
	if diff := cmp.Diff(want, entries[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantAttrs := []Attr{{"amount", json.RawMessage("12.50")}, {`a"b`, json.RawMessage(`{"c":[1, 2]}`)}}
	if diff := cmp.Diff(wantAttrs, entries[0].Attrs()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if loc := entries[0].Time.Location(); loc != time.UTC {
		t.Errorf("time is in %v", loc)
	}
}

// Each key is given each kind of value. The member must be in a field or among the attributes.
func TestEveryKeyEveryType(t *testing.T) {
	good := map[field]string{
		fieldTime: `"2026-03-01T09:15:00Z"`, fieldSource: `{"file":"x"}`, fieldStart: `"2026-03-01T09:15:00Z"`,
		fieldDuration: `1`, fieldLinks: `[]`, fieldQueued: `1`, fieldSampleRate: `1`, fieldSampled: `true`,
	}
	for _, preset := range presets[:2] {
		var keys [numFields]string
		for f := range keys {
			keys[f], _, _ = strings.Cut(preset.keys[f]+" "+common[f], " ")
			if keys[f] == "" {
				keys[f], _, _ = strings.Cut(common[f], " ")
			}
		}
		for f, key := range keys {
			if key == "" || key == keys[fieldTrace] || key == keys[fieldSpan] || key == keys[fieldMessage] {
				continue
			}
			for _, value := range []string{
				`"text"`, `"2026-03-01T09:15:00Z"`, `1`, `0`, `-1`, `2`, `1e400`, `1e13`, `true`, `false`, `null`,
				`[]`, `[1]`, `[{}]`, `[{"trace":"a"}]`, `[{"trace":"a","span":"b"}]`, `{}`, `{"file":"x"}`,
			} {
				line := `{"msg":"span end","` + keys[fieldTrace] + `":"t","` + keys[fieldSpan] + `":"s","` + key + `":` + value
				if field(f) != fieldDuration {
					line += `,"duration_ms":1}`
				} else {
					line += `,"start":"2026-03-01T09:15:00Z"}`
				}
				entries, src := scanAll(t, []byte(line))
				if src.Records != 1 || entries[0].Event != EventEnd {
					t.Fatalf("%s: %+v", line, src)
				}
				taken := value[0] == '"'
				if g, ok := good[field(f)]; ok {
					taken = value == g
				}
				switch {
				case field(f) == fieldSampled && value == "false",
					(field(f) == fieldTime || field(f) == fieldStart) && value == "1e13", // milliseconds since 1970
					field(f) == fieldSource && value == "{}",
					(field(f) == fieldDuration || field(f) == fieldQueued) && (value == "0" || value == "2"),
					field(f) == fieldLinks && value == `[{"trace":"a","span":"b"}]`:
					taken = true
				}
				var want []Attr
				if !taken {
					want = []Attr{{key, json.RawMessage(value)}}
				}
				if diff := cmp.Diff(want, entries[0].Attrs()); diff != "" {
					t.Errorf("%s: attributes (-want +got):\n%s", line, diff)
				}
			}
		}
	}
}

func TestScanTruncated(t *testing.T) {
	// Every way to cut a line.
	for i := 1; i < len(spanEnd); i++ {
		entries, src := scanAll(t, []byte("{}\n"+spanEnd[:i]))
		want := []BadLine{{Line: 2, Reason: "truncated: the input ends inside this line's JSON object"}}
		if diff := cmp.Diff(want, src.BadLines); diff != "" || len(entries) != 1 {
			t.Fatalf("cut at %d: %d entries, bad lines (-want +got):\n%s", i, len(entries), diff)
		}
	}
	if _, src := scanAll(t, []byte(spanEnd)); src.Records != 1 {
		t.Errorf("a whole last line without a newline: %+v", src)
	}
	_, src := scanAll(t, []byte("{\n"))
	if diff := cmp.Diff([]BadLine{{Line: 1, Reason: "the line ends inside its JSON object"}}, src.BadLines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// longLine is a line of n bytes.
func longLine(n int) io.Reader {
	const head, tail = `{"trace":"t","x":"`, `"}`
	return io.MultiReader(strings.NewReader(head),
		io.LimitReader(repeat('x'), int64(n-len(head)-len(tail))), strings.NewReader(tail))
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

func TestScanLongLines(t *testing.T) {
	for _, n := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, maxLine - 1, maxLine, maxLine + 1, maxLine + 2, maxLine + 3, 3 * maxLine} {
		for _, newline := range []string{"\n", "\r\n", ""} {
			var lines []int
			r := io.MultiReader(strings.NewReader("{}\n"), longLine(n), strings.NewReader(newline))
			if newline != "" {
				r = io.MultiReader(r, strings.NewReader(`{"trace":"after"}`+"\n"))
			}
			src, err := Scan(r, "", func(e Entry) {
				lines = append(lines, e.Line)
				if e.Line == 2 && (len(e.Raw) != n || e.Trace != "t") {
					t.Errorf("%d bytes: read %d, trace %q", n, len(e.Raw), e.Trace)
				}
				if e.Line == 3 && e.Trace != "after" {
					t.Errorf("%d bytes: %q comes after", n, e.Raw)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			want := []int{1, 2, 3}
			if newline == "" {
				want = want[:2]
			}
			if n > maxLine {
				want = append([]int{1}, want[2:]...)
				if src.Bad != 1 || src.BadLines[0].Line != 2 || !strings.HasPrefix(src.BadLines[0].Reason, "longer than 16 MiB") {
					t.Errorf("%d bytes and %q: %+v", n, newline, src)
				}
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("%d bytes and %q: lines (-want +got):\n%s", n, newline, diff)
			}
		}
	}
}

// A line beyond the limit is not held in memory.
func TestScanLongLineMemory(t *testing.T) {
	const n = 512 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if src, err := Scan(longLine(n), "", func(Entry) {}); err != nil || src.Bad != 1 {
		t.Fatal(src, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8*maxLine {
		t.Errorf("allocated %d bytes for a line of %d", got, n)
	}
}

func TestScanReaderError(t *testing.T) {
	boom := errors.New("boom")
	var entries []Entry
	r := io.MultiReader(strings.NewReader(spanEnd+"\n"+spanEnd[:20]), iotest.ErrReader(boom))
	src, err := Scan(r, "f", func(e Entry) { entries = append(entries, e) })
	if err != boom {
		t.Errorf("err = %v", err)
	}
	if len(entries) != 1 || src.Lines != 2 || src.Bad != 1 || src.File != "f" {
		t.Errorf("%d entries, %+v", len(entries), src)
	}
	checkSource(t, src, len(entries))
}

// Text that arrives in pieces is read like text that arrives at once.
func TestScanPieces(t *testing.T) {
	for file, f := range fixtures(t) {
		want, wantSrc := scanAll(t, f.Log())
		for name, r := range map[string]io.Reader{
			"OneByteReader": iotest.OneByteReader(bytes.NewReader(f.Log())),
			"HalfReader":    iotest.HalfReader(bytes.NewReader(f.Log())),
			"DataErrReader": iotest.DataErrReader(bytes.NewReader(f.Log())),
		} {
			var got []Entry
			src, err := Scan(r, "app.log", func(e Entry) { got = append(got, e) })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantSrc, src); diff != "" {
				t.Errorf("%s: %s: source (-want +got):\n%s", file, name, diff)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s: entries (-want +got):\n%s", file, name, diff)
			}
		}
	}
}

func TestScanBadLinesKept(t *testing.T) {
	_, src := scanAll(t, bytes.Repeat([]byte("x\n\n{}\n"), 150))
	checkSource(t, src, 150)
	if src.Bad != 150 || len(src.BadLines) != 100 || src.BadLines[99].Line != 298 {
		t.Errorf("%d bad, %d kept", src.Bad, len(src.BadLines))
	}
}

func TestDepth(t *testing.T) {
	for depth := maxDepth - 2; depth <= maxDepth+2; depth++ {
		for _, v := range []string{
			`{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`,
			`{"a":` + strings.Repeat("[", depth-1) + "1" + strings.Repeat("]", depth-1) + `}`,
			strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
		} {
			_, src := scanAll(t, []byte(v))
			if got, want := src.Records == 1, json.Valid([]byte(v)); got != want {
				t.Errorf("depth %d: a record is %v, valid JSON is %v", depth, got, want)
			}
		}
	}
	// Nothing recurses, and a bad line of many brackets takes time in proportion to its length.
	scanAll(t, bytes.Repeat([]byte(`{"a":[`), 1<<20))
}

// Every byte, and every byte after a backslash, within a string and outside.
func TestBytes(t *testing.T) {
	for c := range 256 {
		for _, line := range []string{
			`{"a":"` + string([]byte{byte(c)}) + `"}`, `{"a":"\\` + string([]byte{byte(c)}) + `"}`,
			`{"a":"\u00` + string([]byte{byte(c)}) + `0"}`, `{"a":1` + string([]byte{byte(c)}) + `}`,
			`{"a":1` + string([]byte{byte(c)}) + `1}`, `{` + string([]byte{byte(c)}) + `}`,
		} {
			if c == '\n' {
				continue
			}
			_, src := scanAll(t, []byte(line))
			if got, want := src.Records == 1, json.Valid([]byte(line)); got != want {
				t.Errorf("%q: a record is %v, valid JSON is %v", line, got, want)
			}
		}
	}
}

// FuzzScan compares Scan with encoding/json. A line that begins like an object is a record if and only if it is
// valid JSON. Its entry has the values that encoding/json finds for the first member of each key.
func FuzzScan(f *testing.F) {
	for _, fx := range fixtures(f) {
		f.Add(fx.Log())
	}
	for _, fx := range formFixtures(f) {
		f.Add(fx.Log())
	}
	f.Add([]byte(spanEnd))
	f.Add([]byte("\x1b[36m{\"a\":NaN,\"b\":[-Infinity,\"NaN\\\"NaN\"],\x1b[0m\"c\":nan},\x1b[K\n[{\"a\":+inf},\n,{\"a\":nanx}\n{\"a\":[1]}]\n[\n],\n"))
	f.Add([]byte(`{"trace":"\ud83d\ude00","span":"\ud83d","op":"\ud83d\u0041","\u0074race":"x"}` + "\n{\"op\":\"\xff\xc0\x80\"}"))
	f.Add([]byte(`{"n":[-0,1.5e+3,1E-2,0.0,{"a":{},"b":[[]]}], "t":true,"f":false, "z":null}` + "\r\n \r\n[]\n0"))
	f.Fuzz(func(t *testing.T, log []byte) {
		entries, src := scanAll(t, log)
		checkSource(t, src, len(entries))
		if src.Joined > 0 || src.Shared > 0 || isCSV(log) {
			return // of documents; see FuzzDocument, FuzzCSV
		}
		next := 0
		for i, line := range bytes.Split(log, []byte("\n")) {
			isRecord := next < len(entries) && entries[next].Line == i+1
			raw := bytes.Trim(line, " \t\r\n")
			trimmed := normalJSON(line)
			object := len(trimmed) > 0 && trimmed[0] == '{'
			wrapper := bytes.Contains(line, []byte("stream")) || bytes.Contains(line, []byte("__REALTIME_TIMESTAMP")) ||
				bytes.Contains(line, []byte("\\u")) || // or one of these keys, escaped
				isWrapped(line)
			if object && !wrapper && isRecord != json.Valid(trimmed) {
				t.Fatalf("line %d is a record: %v: %q", i+1, isRecord, line)
			}
			if !isRecord {
				continue
			}
			e := &entries[next]
			next++
			if !object || wrapper {
				continue
			}
			if !bytes.Equal(bytes.Trim(e.Raw, " \t\r\n"), raw) {
				t.Errorf("line %d: Raw = %q, want %q", i+1, e.Raw, line)
			}
			checkEntry(t, e, trimmed)
		}
		if next != len(entries) {
			t.Errorf("line %d is a record: %q", entries[next].Line, entries[next].Raw)
		}
	})
}

// isWrapped reports whether the record of a line is inside of its object; see FuzzWrapped.
func isWrapped(line []byte) bool {
	var p lineParser
	var e Entry
	return p.parse(line, &e) == isMany || p.around.depth > 0 || e.Message != "" && p.messageMember() == nil
}

var (
	escapeRE    = regexp.MustCompile(`\x1b(?:\[[0-?]{0,62}[ -/]{0,62}[@-~]|\((?s:.))`)
	nonFiniteRE = regexp.MustCompile(`"(?:[^"\\]|\\(?s:.))*"?|[-+]?(?i:nan|infinity|inf)`)
	arrayRE     = regexp.MustCompile(`(?s)^[\[,][ \t]*(\{.*)$`)
	arrayEndRE  = regexp.MustCompile(`(?s)^(\{.*\})[ \t\r]*\]?[ \t\r]*,?[ \t\r]*$`)
)

// normalJSON returns the JSON object of a line, without the text around it. Numbers that are not finite become
// strings. Its code is independent of the code that reads such lines.
func normalJSON(line []byte) []byte {
	line = escapeRE.ReplaceAll(line, nil)
	line = bytes.Trim(line, " \t\r\n")
	line = arrayRE.ReplaceAll(line, []byte("$1"))
	line = arrayEndRE.ReplaceAll(line, []byte("$1"))
	return nonFiniteRE.ReplaceAllFunc(line, func(word []byte) []byte {
		if word[0] == '"' {
			return word
		}
		return slices.Concat([]byte(`"`), word, []byte(`"`))
	})
}

type jsonMember struct {
	key   string
	value json.RawMessage
}

// checkEntry compares an entry with the result of encoding/json for its line.
func checkEntry(t *testing.T, e *Entry, line []byte) {
	var members []jsonMember
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.Token()
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		members = append(members, jsonMember{key.(string), value})
	}
	text := func(key string) (string, bool) {
		for _, m := range members {
			if m.key == key {
				var s *string
				if json.Unmarshal(m.value, &s) == nil && s != nil {
					return *s, true
				}
				break
			}
		}
		return "", false
	}

	// The names of presets other than the first two are tested elsewhere.
	plainNames := true
	for _, m := range members {
		if s := slots[m.key]; s != 0 {
			plainNames = plainNames && ownNames[m.key] && !(nests[s] && m.value[0] == '{')
		}
	}
	if plainNames {
		checkFields(t, e, line, members, text)
	}
	if e.Duration < 0 || e.Queued < 0 || e.SampleRate < 0 || e.SampleRate > 1 {
		t.Errorf("%q: %+v", line, e)
	}

	// The attributes are some of the members, in order. They include all members whose keys have no meaning.
	// An object may be replaced by some of its members.
	attrs := e.Attrs()
	for _, m := range members {
		if len(attrs) > 0 && attrs[0].Key == m.key && bytes.Equal(attrs[0].Value, m.value) {
			attrs = attrs[1:]
			continue
		}
		if slots[m.key] == 0 {
			t.Errorf("%q: %q is lost", line, m.key)
		}
		for m.value[0] == '{' && len(attrs) > 0 && strings.HasPrefix(attrs[0].Key, m.key+".") && bytes.Contains(m.value, attrs[0].Value) {
			attrs = attrs[1:]
		}
	}
	for _, a := range attrs {
		// The other attributes are from brackets before the message.
		if msg, _ := text("msg"); e.Message == msg && e.Schema != "text" || !bytes.Contains(line, []byte(a.Key)) {
			t.Errorf("%q: attribute %q is not there", line, a.Key)
		}
	}
}

var ownNames = func() map[string]bool {
	names := map[string]bool{"trace": true, "span": true, "trace_id": true, "span_id": true, "trace_flags": true,
		"time": true, "level": true, "msg": true}
	for _, keys := range common[fieldMessage+1:] {
		if !strings.Contains(keys, " ") {
			names[keys] = true
		}
	}
	names["service"] = true
	return names
}()

// isFirstPair reports whether the first two keys are the ids of a line that has all four, the others only attributes.
func isFirstPair(members []jsonMember, traceA, spanA, traceB, spanB string) bool {
	first := make(map[string]int) // the position of a key, from 1
	for i, m := range members {
		if first[m.key] == 0 {
			first[m.key] = i + 1
		}
	}
	isText := func(key string) bool { return first[key] > 0 && members[first[key]-1].value[0] == '"' }
	together := func(trace, span string) bool {
		return first[span] == first[trace]+1 && isText("op") && first["op"] == first[span]+1
	}
	endA, endB := max(first[traceA], first[spanA]), max(first[traceB], first[spanB])
	switch a, b := together(traceA, spanA), together(traceB, spanB); {
	case a != b:
		return a
	default:
		return endA < endB
	}
}

var (
	traceparentRE = regexp.MustCompile(`^(?i:[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})$`)
	noIDRE        = regexp.MustCompile(`^(0+|0{8}-0{4}-0{4}-0{4}-0{12}|1-0{8}-0{24}(@.*)?)$`)
	epochRE       = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

// checkFields checks the fields of a line whose names are slogtrace's or OpenTelemetry's.
func checkFields(t *testing.T, e *Entry, line []byte, members []jsonMember, text func(key string) (string, bool)) {
	id := func(key string) (string, bool) {
		s, ok := text(key)
		if traceparentRE.MatchString(s) && strings.HasPrefix(key, "trace") {
			s = strings.ToLower(s[3:35])
		}
		if noIDRE.MatchString(s) {
			return "", false
		}
		return s, ok
	}
	_, trace := id("trace")
	_, span := id("span")
	_, traceID := id("trace_id")
	_, spanID := id("span_id")
	traceKey, spanKey := "trace", "span"
	switch n := btoi(traceID) + btoi(spanID) - btoi(trace) - btoi(span); {
	case n > 0:
		traceKey, spanKey = "trace_id", "span_id"
	case n == 0 && trace && span && isFirstPair(members, "trace_id", "span_id", "trace", "span"):
		traceKey, spanKey = "trace_id", "span_id"
	case n == 0 && traceID && !trace && span && !spanID:
		traceKey = "trace_id" // the names are mixed
	case n == 0 && trace && !traceID && spanID && !span:
		spanKey = "span_id"
	}
	msg, _ := text("msg")
	cut := strings.HasPrefix(msg, "[") && strings.HasSuffix(msg, e.Message) && len(msg) > len(e.Message)+len("[trace:x]")
	for _, f := range []struct{ key, got string }{
		{traceKey, e.Trace}, {spanKey, e.Span}, {"op", e.Op}, {"msg", e.Message}, {"level", e.Level}, {"service", e.Service},
	} {
		want, ok := text(f.key)
		if f.key == traceKey || f.key == spanKey {
			want, ok = id(f.key)
		}
		if e.Schema == "text" || cut {
			// The ids and the op are from brackets before the message.
			if id, _ := id(traceKey); id != "" || !cut {
				t.Errorf("%q: %s is %q, from a message %q and a trace %q", line, f.key, f.got, msg, id)
			}
			continue
		}
		if f.key == traceKey {
			if hex, _, ok := xrayID(want); ok {
				want = hex
			}
		}
		if want != f.got && (f.key != "level" || ok) && (f.key != spanKey || ok) {
			t.Errorf("%q: %s is %q, want %q", line, f.key, f.got, want)
		}
	}
	if s, ok := text("time"); ok {
		want, err := time.Parse(time.RFC3339, s)
		if err == nil && !e.Time.IsZero() && !e.Time.Equal(want) || err != nil && !e.Time.IsZero() && len(s) < len("2026-03-01T09:15:00") && !epochRE.MatchString(s) {
			t.Errorf("%q: time is %v, want %v, %v", line, e.Time, want, err)
		}
	}
	if e.Event != EventLog {
		if want := map[Event]string{EventStart: "span start", EventEnd: "span end"}[e.Event]; e.Message != want || e.Trace == "" || e.Span == "" {
			t.Errorf("%q: event %v", line, e.Event)
		}
		if parent, _ := text("parent"); parent != e.Parent {
			t.Errorf("%q: parent is %q, want %q", line, e.Parent, parent)
		}
		if text, failed := text("error"); failed != e.Failed || text != e.Error {
			t.Errorf("%q: error is %q, %v, want %q, %v", line, e.Error, e.Failed, text, failed)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func BenchmarkScan(b *testing.B) {
	log := bytes.Repeat(fixtures(b)["testdata/booking.txtar"].Log(), 100)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		src, err := Scan(bytes.NewReader(log), "", func(Entry) {})
		if err != nil || src.Bad != 0 {
			b.Fatal(src, err)
		}
	}
}

func BenchmarkAttrs(b *testing.B) {
	e := Entry{Raw: []byte(spanEnd)}
	b.ReportAllocs()
	for b.Loop() {
		if len(e.Attrs()) != 2 {
			b.Fatal("wrong")
		}
	}
}

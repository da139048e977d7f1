package tracelog

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// contentOf returns the content of a line. Both readers must compute the same.
func contentOf(t *testing.T, line string) uint64 {
	t.Helper()
	checkLine(t, []byte(line))
	var e Entry
	var p lineParser
	if p.parse([]byte(line), &e) != isRecord {
		t.Fatalf("%s: no record", line)
	}
	return p.hashMembers()
}

func TestContent(t *testing.T) {
	const line = `{"msg":"span end","trace":"t","span":"s","op":"a b","n":12.50,"ok":true,"none":null,"in":{"x":[1,"two",{}],"y":"é"}}`
	want := contentOf(t, line)
	for _, same := range []string{
		`{"trace":"t","msg":"span end","in":{"y":"é","x":[1,"two",{}]},"span":"s","none":null,"ok":true,"n":12.50,"op":"a b"}`,
		`{"msg":"span\u0020end","tr\u0061ce":"\u0074","span":"s","op":"a b","n":12.5,"ok":true,"none":null,"in":{"x":[1.0,"t\u0077o",{}],"\u0079":"\u00e9"}}`,
		`{"msg":"span end","trace":"t","span":"s","op":"a b","\u006e":12.5,"ok":true,"none":null,"\u0069n":{"x":[1,"two",{}],"y":"é"}}`,
		` { "msg" : "span end" ,"trace":"t", "span":"s","op":"a b","n":125e-1,"ok": true ,"none":null,"in":{ "x" : [ 1e0 , "two" , { } ] , "y" : "é" } } `,
		`{"log":` + quote(line+"\n") + `,"stream":"stdout","time":"2026-03-01T09:15:00Z"}`,
		`{"log":` + quote(line+"\n") + `,"stream":"stderr","time":"2026-03-01T09:16:00Z","attrs":{"tag":"x"}}`,
		`2026-03-01T09:15:00Z stdout F ` + line, `web-1  | ` + line, `[pod/api-7d9f-x2/api] ` + line, `2026-03-01T09:15:00.5Z ` + line,
		`<134>Mar  1 09:15:00 web1 api[4711]: ` + line, `api-7d9f-x2 api ` + line,
		`{"MESSAGE":` + quote(line) + `,"__REALTIME_TIMESTAMP":"1772356500123456","_SYSTEMD_UNIT":"api.service"}`,
	} {
		if contentOf(t, same) != want {
			t.Errorf("not the same: %s", same)
		}
	}
	for _, other := range []string{
		strings.Replace(line, `"op":"a b"`, `"op":"a c"`, 1), strings.Replace(line, `"op"`, `"oq"`, 1), strings.Replace(line, `12.50`, `12.51`, 1),
		strings.Replace(line, `12.50`, `"12.50"`, 1), strings.Replace(line, `true`, `false`, 1), strings.Replace(line, `true`, `"true"`, 1), strings.Replace(line, `null`, `"null"`, 1),
		strings.Replace(line, `"none":null,`, ``, 1), strings.Replace(line, `[1,"two",{}]`, `["two",1,{}]`, 1), strings.Replace(line, `{}`, `[]`, 1),
		strings.Replace(line, `{}`, `{},{}`, 1), strings.Replace(line, `"y":"é"`, `"z":"é"`, 1), strings.Replace(line, `"é"`, `"e"`, 1), strings.Replace(line, `"ok":true`, `"ok":true,"ok":true`, 1),
		strings.Replace(line, `"x":[1`, `"x":[2`, 1), strings.Replace(strings.Replace(line, `"trace":"t"`, `"trace":"s"`, 1), `"span":"s"`, `"span":"t"`, 1),
	} {
		if contentOf(t, other) == want {
			t.Errorf("the same: %s", other)
		}
	}
	// The end of a key is not taken for a part of its value.
	if contentOf(t, `{"msg":"span end","trace":"t","span":"s","a\":\"b":"c"}`) == contentOf(t, `{"msg":"span end","trace":"t","span":"s","a":"b\":\"c"}`) {
		t.Error("the same: a quote in the key, and in the value")
	}
	// Text with the same members in another order, and with its own time.
	text := contentOf(t, `time=2026-03-01T09:15:00Z msg="span end" trace=t span=s n=5 ok=true op="x"`)
	if contentOf(t, `time=2026-03-01T09:15:00Z  op=x n=5.0 ok=true span=s trace=t msg="span end"`) != text {
		t.Error("key=value pairs: not the same")
	}
	if contentOf(t, `time=2026-03-01T09:15:00Z msg="span end" trace=t span=s n="5" ok=true op="x"`) == text {
		t.Error("key=value pairs: a quoted number is the same")
	}
	bracketed := contentOf(t, `2026-03-01 09:15:00.5 INFO [trace:t span:s op:x] span end duration_ms=5`)
	if contentOf(t, `web-1  | 2026-03-01 09:15:00.5 INFO [trace:t span:s op:x] span end duration_ms=5`) != bracketed {
		t.Error("bracketed: not the same")
	}
	if contentOf(t, `2026-03-01 09:15:00.6 INFO [trace:t span:s op:x] span end duration_ms=5`) == bracketed {
		t.Error("bracketed: the same at another time")
	}
}

// A line may have more members than the parser has notes.
func TestContentOfManyMembers(t *testing.T) {
	for _, n := range []int{1, maxNotes - 2, maxNotes - 1, maxNotes, maxNotes + 1, 3 * maxNotes} {
		members := []string{`"trace":"t"`}
		for i := range n {
			members = append(members, fmt.Sprintf(`"key%d":"value %d"`, i, i))
		}
		line := func() string { return "{" + strings.Join(members, ",") + "}" }
		want := contentOf(t, line())
		slices.Reverse(members)
		if contentOf(t, line()) != want {
			t.Errorf("%d members: not the same in another order", n+1)
		}
		members[n/2] = `"key":"another"`
		if contentOf(t, line()) == want {
			t.Errorf("%d members: the same with another member", n+1)
		}
	}
}

// The notes of a line do not depend on earlier lines.
func TestContentOfLinesTogether(t *testing.T) {
	var log strings.Builder
	for _, line := range asSlow {
		for _, prefix := range []string{"fast:", "slow:"} {
			line = strings.TrimPrefix(line, prefix)
		}
		if line != "" && line[0] == '{' {
			log.WriteString(line + "\n" + `{"msg":"é","key\u0031":1,"trace":"t"}` + "\n" + `{"key1":"a","trace":"t","n":5,"msg":"x"}` + "\n")
		}
	}
	noted := 0
	_, err := ScanRecords(t.Context(), []Input{{"f", strings.NewReader(log.String())}}, &ScanOptions{Workers: 1}, func() func(*Record) {
		return func(r *Record) {
			if r.entry == nil && r.fast.noted > 0 {
				noted++
			}
			var e Entry
			p := lineParser{in: make(interner)}
			if p.parse(r.Raw(), &e) != isRecord || r.content() != p.hashMembers() {
				t.Errorf("%s: not the content that it has alone", r.Raw())
			}
		}
	})
	if err != nil || noted < strings.Count(log.String(), `"key1":"a"`) {
		t.Errorf("%d lines noted, %v", noted, err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// The content does not depend on the order of the members or on how they are written. Another member changes it.
func TestContentOfShuffled(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for range rounds {
		var keys []string
		values := make(map[string]any)
		for i := range 1 + r.IntN(14) {
			key := strings.Repeat("k", r.IntN(20)) + fmt.Sprint(i)
			keys = append(keys, key)
			switch r.IntN(6) {
			case 0:
				values[key] = json.Number(randomNumber(r))
			case 1:
				values[key] = r.IntN(2) == 0
			case 2:
				values[key] = []any{json.Number(randomNumber(r)), "x", nil}
			case 3:
				values[key] = map[string]any{"b": "é", "a": r.IntN(9), "c": map[string]any{}}
			default:
				values[key] = strings.Repeat("value of some length", 3)[r.IntN(60):]
			}
		}
		write := func() string {
			parts := []string{`"trace":"t"`}
			for _, k := range keys {
				v, err := json.Marshal(values[k])
				if err != nil {
					t.Fatal(err)
				}
				text := string(v)
				if n, ok := values[k].(json.Number); ok {
					text = rewriteNumber(r, string(n))
				}
				if r.IntN(4) == 0 {
					text = strings.ReplaceAll(text, "e\"", `\u0065"`)
				}
				parts = append(parts, `"`+k+`":`+[]string{"", " "}[r.IntN(2)]+text)
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			return "{" + strings.Join(parts, [...]string{",", " , ", ","}[r.IntN(3)]) + "}"
		}
		a, b := write(), write()
		if contentOf(t, a) != contentOf(t, b) {
			t.Fatalf("not the same:\n%s\n%s", a, b)
		}
		key := keys[r.IntN(len(keys))]
		values[key] = "something else"
		if c := write(); contentOf(t, a) == contentOf(t, c) {
			t.Fatalf("the same:\n%s\n%s", a, c)
		}
	}
}

func randomNumber(r *rand.Rand) string {
	s := fmt.Sprint(r.IntN(1000))
	if r.IntN(2) == 0 {
		s += "." + fmt.Sprint(r.IntN(1000))
	}
	if r.IntN(4) == 0 {
		s = "-" + s
	}
	if r.IntN(4) == 0 {
		s += fmt.Sprintf("e%d", r.IntN(40)-20)
	}
	return s
}

// rewriteNumber returns another text for the same number.
func rewriteNumber(r *rand.Rand, n string) string {
	if strings.ContainsAny(n, "e") {
		return n
	}
	switch r.IntN(3) {
	case 0:
		return n + "e0"
	case 1:
		if strings.Contains(n, ".") {
			return n + "00"
		}
		return n + ".0"
	}
	return n
}

// Two numbers have the same form if and only if they are equal.
func TestCanonicalNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	forms := make(map[string]string)
	add := func(n string) {
		x, ok := new(big.Rat).SetString(n)
		if !ok {
			t.Fatalf("%s is no number", n)
		}
		got := string(canonicalNumber(nil, []byte(n)))
		y, ok := new(big.Rat).SetString(got)
		if !ok || x.Cmp(y) != 0 {
			t.Errorf("%s became %s", n, got)
		}
		if old, ok := forms[x.String()]; ok && old != got {
			t.Errorf("%s became %s, but an equal one %s", n, got, old)
		}
		forms[x.String()] = got
	}
	for _, n := range []string{"0", "-0", "0.0", "-0.0", "0e5", "0e999999999999", "1", "1.0", "1e0", "10e-1", "0.1e1", "100", "1e2", "1E+2", "1.50", "0.00150", "15e-4", "1.5e-3",
		"9007199254740993", "9007199254740993.0", "9.007199254740993e15", "123456789012345678901234567890", "-1.20e1", "-12", "1e400", "1e-400", "0.5", "5e-1", "50e-2"} {
		if !strings.HasPrefix(n, "0e9") {
			add(n)
		}
	}
	for range 5000 {
		add(randomNumber(r))
	}
	if got := string(canonicalNumber(nil, []byte("0e999999999999"))); got != "0" {
		t.Errorf("0e999999999999 became %s", got)
	}
	if a, b := string(canonicalNumber(nil, []byte("1e99999"))), string(canonicalNumber(nil, []byte("1e99998"))); a == b {
		t.Errorf("both became %s", a)
	}
}

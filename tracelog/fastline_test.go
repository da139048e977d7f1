package tracelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace/internal/limits"
)

// asSlow are lines whose Records must contain the same as their Entries. fastLine must leave those that begin with "slow:"
// to lineParser. It must read those that begin with "fast:", or reading is not fast.
var asSlow = []string{
	`slow:<134>1 2026-03-01T09:15:00.5Z web1 api 4711 - [t@1 trace_id="4bf92f3577b34da6a3ce929d0e0e4736" span_id="00f067aa0ba902b7"] {"level":"INFO","msg":"m"}`,
	`slow:<134>1 2026-03-01T09:15:00.5Z web1 api 4711 - [a@1][t@1 x="\]\"" trace_id="4bf92f3577b34da6a3ce929d0e0e4736" span_id="00f067aa0ba902b7"] stock is low`,
	`{"labels":{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","trace":"t"},"line":"[trace:a span:b] x"}`,
	`{"_source":{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","trace":"t"},"beside":{"service":"s","deeper":{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","trace":"u"}}}`,
	`{"labels":{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","trace":"t"},"line":"{\"time\":\"2026-03-01T09:15:00Z\",\"level\":\"INFO\",\"msg\":\"n\",\"trace\":\"t\"}"}`,
	`{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":"1.5","sample_rate":"0.5","sampled":"false"}`,
	`fast:{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"a key of a store, no ids","_time":"2026-03-01T09:15:00Z"}`,
	`{"result":{"time":"2026-03-01T09:15:00Z","level":"INFO","msg":"m","_time":"2026-03-01T09:15:00Z"}}`,
	`fast:{"time":"2026-03-01T09:15:00.0012Z","level":"INFO","msg":"seat held","trace":"4bf92f3577b34da6a3ce929d0e0e4736","span":"00f067aa0ba902b7","op":"POST /bookings","seat":"12A"}`,
	`fast:{"time":"2026-03-01T09:15:00.318Z","level":"ERROR","msg":"span end","trace":"4bf92f","span":"00f0","op":"charge","parent":"b7ad","kind":"client","start":"2026-03-01T09:15:00.1Z","duration_ms":218,"error":"card declined","amount":129}`,
	`fast:{"time":"2026-03-01T09:15:00.318+01:00","msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00.1-11:30","duration_ms":218.123}`,
	`fast:{"time":"2026-03-01T09:15:00Z","msg":"span start","trace":"t","span":"s","op":"x"}`,
	`fast:{"msg":"span end","trace_id":"t","span_id":"s","trace_flags":"01","start":"2026-03-01T09:15:00Z","duration_ms":1,"error":""}`,
	"fast: \t{ \"msg\" : \"a\" , \"trace\" : \"t\" , \"x\" : [ 1 , { } ] } \r"[6:],
	`fast:{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":1,"sample_rate":0.25}`,
	`fast:{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":1,"sample_rate":"","sampled":false}`,
	`fast:{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":1,"sample_rate":2,"sampled":true,"queued_ms":1.5}`,
	`fast:{"tr\u0061ce":"\u0034bf","msg":"span\u0020end","span":"é","op":"a\"b","start":"2026-03-01T09:15:00Z","duration_ms":1e0}`,
	`fast:{"msg":"m","trace":"a","trace":"b","op":"1","op":"2","x":{"trace":"c","span":"d"},"y":["}",{"op":"3"}]}`,
	`{"msg":"m","trace":5,"span":null,"op":true,"service":{"a":1},"level":-1.5e+3}`,
	`fast:{"msg":"m","trace":"","span":""}`,
	`fast:{"time":"yesterday","msg":"m"}`,
	`fast:{"time":"2026-03-01 09:15:00","msg":"m"}`,
	`fast:{"time":"2026-13-01T09:15:00Z","msg":"m"}`,
	`fast:{"time":"2026-03-01T09:15:60Z","msg":"m"}`,
	`fast:{"time":"2026-03-01T09:15:00.1234567891Z","msg":"m"}`,
	`fast:{"time":"2026-03-01T09:15:00.Z","msg":"m"}`,
	`fast:{"time":"9999-03-01T09:15:00Z","msg":"m"}`,
	`fast:{"time":"2026-03-01T09:15:00+24:00","msg":"m"}`,
	`fast:{"t\u0069me":"2026-03-01T09:15:0\u0030Z","msg":"m"}`,
	`{"msg":"span end","trace":"t","span":"s","duration_ms":1}`,
	`{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z"}`,
	`{"msg":"span end","trace":"t","span":"s","start":"x","duration_ms":-1,"time":"2026-03-01T09:15:00Z"}`,
	`{"msg":"span end","trace":"t","span":"s","start":"x","duration_ms":"1"}`,
	`{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":0.0000005}`,
	`{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":123456789012345678901234567890}`,
	`{"msg":"span end","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","duration_ms":""}`,
	`{"msg":"span start","trace":"t","span":"s","start":"2026-03-01T09:15:00Z","time":"2026-03-01T09:16:00Z"}`,
	`{}`,
	`fast:time=2026-03-01T09:15:00.1Z level=ERROR msg="span end" trace=4bf9 span=00f0 op="POST /x" parent=b7 start=2026-03-01T09:15:00Z duration_ms=1.5 error="no seat" sample_rate=0.5 sampled=false`,
	`fast:time=2026-03-01T09:15:00.1Z msg="span end" trace=4bf9 span=00f0 op=POST parent=b7 start=2026-03-01T09:15:00Z duration_ms=1.5 error= sample_rate=0.5 sampled=false`,
	`fast:trace=1 span=2 msg=3 op=true service={a} level=-5 x=\y z=a=b"c  `, `fast:trace=-1 trace_id=5 msg=m`, `fast:trace=t trace_id=true msg=m`, `fast:time=1772356500 trace=t`,
	`fast:trace=t trace=u msg=`, `fast:trace="a b" stream="x" stream=y`,
	"trace=t a\x7fb=c", `trace=t a"b=c`, `fast:trace=t a_long_key_of_twenty=1 trace_id=u eightkey=2 duration_ms=3`,
	`INFO[trace:a]=b msg=m`, `INFO(a=b)[trace:c]=1 msg=m`, `2026-03-01T09:15:00Z INFO [trace:a span:b] - m`, `2026-03-01T09:15:00Z INFO [trace:a span:b] -5`, `2026-03-01T09:15:00Z INFO [trace:a span:b] | m`,
	`2026-03-01T09:15:00Z INFO [trace:a span:b op:x y:z] m`, `2026-03-01T09:15:00Z INFO [dd.trace_id=5 dd.span_id=6] - m`, `2026-03-01T09:15:00Z INFO of [trace:a span:b] m and more`,
	`2026-03-01T09:15:00Z INFO [trace:0 span:b] m`, `2026-03-01T09:15:00Z INFO [trace:a span:0] m`, `trace=0 span=b msg=m`, `{"msg":"m","trace":"0","span":"b","trace_id":"c"}`,
	`{"msg":"span end","trace":"t","span":"s","parent":"0","start":"2026-03-01T09:15:00Z","duration_ms":1}`, `{"msg":"m","trace":"00000000000000000000000000000000","span":"0000000000000000"}`,
	`trace=t msg="a\"b"`, `trace=t msg="a\x41"`, `trace=t msg="a"b`, `trace=t msg="`, `trace=t msg`, `trace=t "msg"=m`, "trace=t	msg=m", "trace=t msg=\x01", `trace=é`,
	`trace=t x=[trace:u] y`, `trace=t msg="[trace:u span:v] hello"`, `trace= msg=m`, `trace="" level=INFO`, `a=b`, `msg=m`, `web | trace=t`, `web-1  | {"trace":"t"}`,
	`trace=t msg="span end" span=s duration_ms=1`, `trace=t msg="span end" span=s duration_ms="1" start="2026-03-01T09:15:00Z"`, `trace=t msg="span start" span=s time=2026-03-01T09:15:00Z`,
	`fast:2026-03-01T09:15:00.1Z INFO [trace:4bf9 span:00f0 op:POST /x] seat held`, `fast:2026-03-01T09:15:00.1Z INFO [trace:4bf9 span:00f0] a [b] "c" d\e`,
	`fast:2026-03-01T09:15:00+01:00 DEBUG [trace:a-b span:c op:x]   m `, `fast:2026-03-01T09:15:00Z WARN [trace:a] m`, `fast:2026-03-01T09:15:00Z ERROR [trace:a span:b] `,
	`2026-03-01T09:15:00Z INFO [trace:a span:b op:c d:e] m`, `2026-03-01T09:15:00Z INFO [trace:a span:b op:c,] m`, `2026-03-01T09:15:00Z INFO [trace: span:b] m`,
	`2026-03-01T09:15:00Z INFO [trace:a span:b] span end duration_ms=5`, `2026-03-01T09:15:00Z INFO [trace:a span:b] span end`, `2026-03-01T09:15:00Z INFO [trace:a span:b] span start`,
	`2026-03-01T09:15:00Z Foo [trace:a span:b] m`, `2026-03-01T09:15:00Z INFO+2 [trace:a] m`, `2026-03-01T09:15:00Z INFO [trace:a trace:b] m`, `2026-03-01T09:15:00Z stdout F [trace:a] m`,
	`2026-03-01T09:15:00Z INFO x [trace:a span:b] m`, `2026-03-01T09:15:00Z [trace:a span:b] m`, `2026-03-01T09:15:00Z INFO [trace:a span:b]m`, `2026-03-01T09:15:00Z INFO [trace:a span:b]:m`,
	`2026-03-01T09:15:00Z INFO [trace:é span:b] m`, "2026-03-01T09:15:00Z INFO [trace:a span:b] m\xff", `2026-03-01T09:15:00Z INFO [trace:1-5759e988-bd862e3fe1be46a994272793 span:b] m`,
	`2026-03-01T09:15:00Z  INFO [trace:a span:b] m`, `2026-03-01T09:15:00Z INFO [trace:a  span:b op:] m`, `2026-03-01T09:15:00Z INFO [trace:a span:b op: x ] m`, `9999-03-01T09:15:00Z INFO [trace:a] m`,
	`dd.trace_id=5 dd.span_id=6 msg=m`, `trace=1-5759e988-bd862e3fe1be46a994272793 msg=m`, `[trace:a span:b op:c d] hello`,
	`{"level":"INFO","msg":"[trace:a span:b op:c d] hello","n":1}`, `{"message":"[trace:a span:b]hello","msg":5}`, `{"msg":"[trace:a]"}`, `{"msg":"[trace:a span:b]: hello"}`,
	`{"msg":"\u005btrace:a span:b op:\"c\\u005bd\\n\"] hello"}`, `{"msg":"[trace:a span:b op:\"x trace:y]\" z] hello"}`, `{"msg":"[trace:a op:\"x] hello"}`,
	`{"prefix":"[trace:a span:b op:c]","message":"hello"}`, `{"pref\u0069x":"[trace:a span:b] ","msg":"hello"}`, `{"prefix":"[trace:a span:b] x","msg":"hello"}`,
	`{"prefix":"[trace:x span:y]","msg":"[trace:a span:b] hello"}`, `{"prefix":["[trace:a]"],"msg":"hello"}`, `fast:{"prefix":"api","msg":"hello"}`,
	`{"time":"2026-03-01T09:15:00.318Z","msg":"[trace:a span:b op:c] span end","start":"2026-03-01T09:15:00.1Z","duration_ms":218,"error":"no"}`,
	`{"time":"2026-03-01T09:15:00.318Z","msg":"[trace:a span:b op:c] span start"}`, `{"msg":"[trace:a span:b op:c] span end"}`,
	`{"_time":"2026-03-01T09:15:00.318Z","_msg":"[trace:a span:b op:c] span end","start":"2026-03-01T09:15:00.1Z","duration_ms":"218"}`,
	`fast:{"msg":"[trace:a span:b op:c] hello","trace":"t","span":"s"}`, `{"msg":"[trace:a span:b op:c] hello","trace":5,"span":"s","op":"o"}`, `{"msg":"[trace:a] hello","span":"s","trace":{"id":"x","y":1}}`,
	`{"msg":"[trace:1-5759e988-bd862e3fe1be46a994272793 span:b] m"}`, `{"msg":"[span:b trace:a] m"}`, `{"msg":"[trace: span:b] m"}`, `{"msg":"[tracer] m"}`, `{"msg":"[trace"}`, `{"msg":"["}`, `{"msg":""}`,
	`time=2026-03-01T09:15:00.1Z level=INFO msg="[trace:a span:b op:c] hello" n=1 k="[trace:u span:v]"`, `level=INFO msg="[trace:a span:b op:\"c=d\"] hello"`,
	`time=2026-03-01T09:15:00.1Z msg="[trace:a span:b op:c] span end" start=2026-03-01T09:15:00Z duration_ms=1.5`, `msg="a \" [trace:u span:v] b" trace=t`,
	`msg=hello prefix="[trace:a span:b]"`, `2026-03-01T09:15:00Z INFO he said "[trace:a span:b] m`, `2026-03-01T09:15:00Z INFO [trace:a span:b op:"c d:e"] m`, `k="[trace:a span:b]" n`, `k="[trace:a span:b]"`,
	// Lines in the forms of other programs.
	`{"msg":"m","trace":"t","span":"s","n":NaN}`, `{"msg":"m","trace":"t","n":[1,-Infinity]}`, `{"msg":"m","trace":"t","n":-inf}`, `{"msg":"m","trace":"t","n":nanx}`,
	`{"msg":"m","trace":"t"},`, `{"msg":"m","trace":"t"} , `, `[{"msg":"m","trace":"t"},`, `,{"msg":"m","trace":"t"}`, `{"msg":"m","trace":"t"}]`, `{"msg":"m","trace":"t"}],`, `{"msg":"m","trace":"t"},,`,
	`[`, `]`, `],`, ` [ `, `,`, `[]`, `[,`, `{"a":[1]`, `{"a":{}]`, `{"a":{}],`,
	"\x1b[36m{\"msg\":\"m\",\"trace\":\"t\"}\x1b[0m", "{\"msg\":\"m\",\"trace\":\"t\"}\x1b[K", "{\"msg\":\"\x1b[1mm\",\"trace\":\"t\"}", "trace=t msg=\"\x1b[1mm\"", "trace=\x1b[31mt\x1b[0m msg=m",
	"2026-03-01T09:15:00Z \x1b[31mINFO\x1b[0m [trace:a span:b] m", "2026-03-01T09:15:00Z INFO [trace:a span:b] \x1b[1mm", "\x1b", "\x1b[", "\x1b(", "\x1b[36m",
	`fast:{"msg":"m","trace":"t","span_id":"s"}`, `fast:{"msg":"m","trace_id":"t","span":"s","op":"o"}`, `fast:{"msg":"m","span":"s","traceId":"t","op":"o"}`, `{"msg":"m","trace":"t","span":"0","span_id":"s"}`,
	`fast:trace=t span_id=s msg=m`, `fast:{"msg":"m","xray_trace_id":"t","span_id":"s"}`, `{"msg":"m","dd.trace_id":"5","span_id":"s"}`, `fast:{"msg":"m","trace":"t","span":"s","span_id":"u"}`, `fast:{"msg":"m","span_id":"u","trace":"t","span":"s"}`,
	`{"msg":"span end","trace":"t","span_id":"s","start":"2026-03-01T09:15:00Z","duration_ms":1}`, `fast:{"time":"2026-03-01T09:15:00.5Z","level":"INFO","msg":"m","transaction.id":"x","trace":"t"}`,
	`fast:{"Timestamp":"2026-03-01T09:15:00Z","Level":"Information","Message":"m","RenderedMessage":"n","TraceId":"t","SpanId":"s"}`, `fast:{"LogLevel":"Warning","Message":"m","TraceId":"t","Timestamp":"2026-03-01T09:15:00Z","level":"x"}`,
	`fast:t=2026-03-01T09:15:00Z level=info msg=m traceID=t`, `fast:t=5 level=info msg=m traceID=t`, `fast:{"t":"2026-03-01T09:15:00Z","msg":"m","trace":"t"}`,
	`fast:{"time":"1772356500.5","msg":"m","trace":"t"}`, `fast:{"time":1.7723565005e9,"msg":"m","trace":"t"}`, `fast:{"time":"2026-03-01 09:15:00 UTC","msg":"m","trace":"t"}`, `fast:{"time":"2026-03-01t09:15:00z","msg":"m","trace":"t"}`,
	`{"time":"1772356501","msg":"span end","trace":"t","span":"s","start":"1772356500","duration_ms":1}`, `fast:ts=1.7723565005e9 msg=m trace=t`, `ts="1772356500" trace=t msg="span end" span=s start=1772356500 duration_ms=1`,
	`MESSAGE={"msg":"m","trace":"t"}`, `MESSAGE={a trace=t}`, `MESSAGE=m trace=t`, `data: {"msg":"m","trace":"t"}`, "\x1e{\"msg\":\"m\",\"trace\":\"t\"}",
	`Mar 01 09:15:00.500123 web1 shop[4711]: trace=t msg=m`, `Sun 2026-03-01 09:15:00 UTC web1 shop.service[4711]: {"trace":"t"}`, `Sun 2026-03-01 09:15:00`, `Sun 2026-03-01 09:15:00 UTC`, `Sun 2026-03-01 09:15:00 UTC a b: `,
	`[  123.456789] web1 shop[4711]: {"trace":"t"}`, `[  123.456789]`, `[  123.456789] `, `1772356500.5 web1 shop[4711]: {"trace":"t"}`, `1772356500.5 web1 shop`, `2026-03-01T09:15:00+0000 web1 shop: {"trace":"t"}`, `2026-03-01T09:15:00+0000 web1 shop: trace=t`,
	`api-7d9f api 2026-03-01T09:15:00Z {"trace":"t"}`, `team api-7d9f api 03-01 09:15:00 {"trace":"t"}`, `api api {"trace":"t"}`, `api-7d9f api trace=t msg=m`, `team api-7d9f api 2026-03-01T09:15:00Z INFO [trace:t] m`, `api-7d9f api `, `api-7d9f`,
	`slow:{`, `slow:{"a"`, `slow:{"a":`, `slow:{"a":1`, `slow:{"a":1,`, `slow:{"a":1,}`, `slow:{"a":"`, `slow:{"a":"\`, `slow:{"a":"\u00`,
	`slow:{"a":01}`, `slow:{"a":1.}`, `slow:{"a":-}`, `slow:{"a":1e}`, `slow:{"a":tru}`, `slow:{"a":nul}`, `slow:{"a":fals}`,
	`slow:{"a":[}`, `slow:{"a":[1`, `slow:{"a":{"b"}}`, `slow:{"a":1} {"b":2}`, `slow:{"a":1}x`, `slow:{"a" 1}`, `slow:{a:1}`,
	"slow:{\"a\":\"\x01\"}", "slow:{\"a\x1f\":1}", `slow:{"a":"\x"}`, `slow:{"a":"\u12g4"}`, `slow:`, `slow:   `, `slow:[1]`, `slow:panic: x`, `slow:"a"`,
	`slow:{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`,
	"{\"a\":\"\xff\xfe\",\"trace\":\"\xff\"}", `{"trace":"\ud800","op":"\ud83d\ude00"}`, "{\"a\x7f\":1}",
	`fast:{"a":0,"b":0.5,"c":12345678,"d":1234567.5,"e":0.1234567,"f":-1,"g":10.25,"h":[1,2.5,0],"i":{"j":3}}`,
	`fast:{"a":1 , "b":0.5	,"trace":"t" }`, "fast:{ \t\t \t\t\t \"trace\" \t\t\t\t\t\t\t\t\t:\t\t\t\t\t\t\t\t\t\t\"t\"\t\t\t\t\t\t\t\t\t,\t\t\t\t\t\t\t\t\t\t\t\"span\" \t:\t\"s\" }", "{\"trace\" :\r\"t\"\r,\r\"span\"\r:\"s\"\r}",
	`slow:{"a":00}`, `slow:{"a":05.5}`, `slow:{"a":.5}`, `slow:{"a":1.5.}`, `slow:{"a":1..5}`, `slow:{"a":1;"b":2}`, `slow:{"a" : : 1}`, `slow:{"a":1 , ,"b":2}`, `slow:{"a":1 , b}`, "slow:{\"a\" \v: 1}",
	`fast:{"":1,"x":"","longer_than_sixteen_bytes":1,"a_key_of_seven__":2,"trace":"t"}`,
	`{"eightkey":1,"duration_mz":1,"sample_ratf":2,"trace_ie":1,"duration_ms2":3,"trace":"t"}`,
}

func TestRecordIsEntry(t *testing.T) {
	for _, line := range asSlow {
		want, text, ok := strings.Cut(line, ":")
		if !ok || want != "fast" && want != "slow" {
			want, text = "", line
		}
		fast := checkLine(t, []byte(text))
		if want == "fast" && !fast || want == "slow" && fast {
			t.Errorf("%s: fast %v", line, fast)
		}
	}
}

// TestRecordWindows has keys and values of many lengths, at all positions in a word of marks, with everything that may be between them.
func TestRecordWindows(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	long := strings.Repeat(letters, 4)
	gaps := []string{"", " ", "\t", " \t", "\t\t ", "       ", "\t\t\t\t\t\t\t\t\t\t"}
	ends := []string{``, `\"`, `\u0041`, `é`, "\t", `\`}
	n := 0
	for _, size := range []int{0, 1, 2, 6, 7, 8, 9, 15, 16, 17, 40, 54, 55, 56, 57, 58, 62, 63, 64, 65, 130} {
		for value := range 75 {
			for at := range 8 {
				n++
				before, behind, end := gaps[n%len(gaps)], gaps[n/7%len(gaps)], ""
				if n%5 == 0 {
					end = ends[n/5%len(ends)]
				}
				line := `{"` + long[:at] + `":1,"` + long[:size] + `"` + before + ":" + behind + `"` + long[:value] + end + `"` + behind + "," + before + `"trace":"t"}`
				if fast := checkLine(t, []byte(line)); !fast && end == "" {
					t.Errorf("%s: not read fast", line)
				}
			}
		}
	}
}

// TestAppendWords compares appendWords with a loop over all bytes.
func TestAppendWords(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", "bc", "defgh", "ijklmnop", "\x7f", "é", "€", "\xff", "\x80\x80", `\n`, `\"`, `\\`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\udE00\ud83d`}
	for range 20_000 {
		var b []byte
		from := r.IntN(20)
		b = append(b, strings.Repeat(`\`, from)...)
		for range r.IntN(8) {
			b = append(b, pieces[r.IntN(len(pieces))]...)
		}
		to := len(b)
		b = append(b, strings.Repeat(`\`, padding)...)
		got, want := appendWords([]byte("x"), b, from, to), appendPlain([]byte("x"), b[from:to])
		if !bytes.Equal(got, want) {
			t.Fatalf("of %q: %q, want %q", b[from:to], got, want)
		}
	}
}

// TestAppendText compares marks.appendText and scanString with lexer and appendPlain.
func TestAppendText(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	pieces := []string{"a", "bc", "defgh", "ijklmnop", "\x7f", "é", "€", "\xff", "\x80\x80", `\n`, `\"`, `\\`, `\/`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\udE00\ud83d`}
	wrong := []string{`\x`, `\u12`, `\u12g4`, "\t", "\x00"}
	usual := []string{"a", "bc", "ijklmnop", strings.Repeat("x", 15), strings.Repeat("y", 70), `\"`, `\"`, `\\`, `\\\"`}
	valid := 0
	for round := range 20_000 {
		var text []byte
		from := pieces
		if round%2 > 0 {
			from = usual // nothing ends a window of marks before its end
		}
		for range r.IntN(8) << r.IntN(5) {
			text = append(text, from[r.IntN(len(from))]...)
		}
		if r.IntN(10) == 0 {
			text = append(text, wrong[r.IntN(len(wrong))]...)
		}
		start := 1 + r.IntN(70)
		var b block
		b.set(fmt.Appendf(nil, "%s\"%s\"\\", strings.Repeat(`\`, start-1), text))
		var m marks
		m.mark(b.buf, 0, b.to)
		want := -1
		if l := (lexer{b: b.buf[:b.to], i: start - 1}); l.str() {
			want = l.i - 1
		}
		got, end := m.appendText([]byte("x"), b.buf, start)
		scanned, _ := m.scanString(b.buf, start)
		if end != want || scanned != want {
			t.Fatalf("%q ends at %d and %d, want %d", text, end, scanned, want)
		}
		if want < 0 {
			continue
		}
		valid++
		if want := appendPlain([]byte("x"), b.buf[start:end]); !bytes.Equal(got, want) {
			t.Fatalf("of %q: %q, want %q", text, got, want)
		}
	}
	if valid < 10_000 {
		t.Errorf("only %d strings are valid", valid)
	}
}

// A string that is not UTF-8 is shorter than its text.
func TestInvalidTextInString(t *testing.T) {
	for _, n := range []int{1, 100, 1000, 10_000} {
		bad := strings.Repeat("\xff", n)
		log := `{"log":"{\"time\":\"2026-03-01T09:15:00Z\",\"level\":\"INFO\",\"msg\":\"` + bad + `\",\"trace\":\"t\",\"service\":\"x\"}\n","stream":"stdout","time":"2026-03-01T09:15:00Z"}`
		if !checkLine(t, []byte(log)) {
			t.Errorf("%d bytes: the line was not read fast", n)
		}
	}
}

// checkLine compares the Record of a line with the Entry that lineParser makes. It reports whether fastLine read the line.
func checkLine(t *testing.T, line []byte) (fast bool) {
	t.Helper()
	var want Entry
	p := lineParser{in: make(interner)}
	verdict := p.parse(line, &want)

	var got *Entry
	in := []Input{{Name: "f"}}
	w := &recordReader{lineReader: newLineReader(in, nil, nil), sequencers: make([]sequencer, 1)}
	w.sequencers[0].init(&in[0], nil, func() func(*Record) { return nil })
	w.fn = func(r *Record) {
		if got != nil {
			t.Fatalf("%q: two records", line)
		}
		fast = r.entry == nil
		e := Entry{
			Event: r.Event, Duration: r.Duration, Failed: r.Failed, SampleRate: r.sampleRate, Unsampled: r.unsampled,
			Time: r.Time(), Start: r.Start(), Level: string(r.Level()), Message: string(r.Message()),
			Trace: string(r.Trace()), Span: string(r.Span()), Op: string(r.Op()), Service: string(r.Service()),
			Parent: string(r.Parent()), Kind: string(r.Kind()), Error: string(r.Error()),
		}
		got = &e
		for f, at := range map[field]time.Time{fieldTime: e.Time, fieldStart: e.Start} {
			ns, ok := r.nanos(f)
			if wantNS, wantOK := limits.Nanos(at); ok != wantOK || ns != wantNS {
				t.Errorf("%q: nanos %d %v, want %d %v", line, ns, ok, wantNS, wantOK)
			}
		}
		if fast && r.fast.isText && isDigit(line[0]) {
			// A line that parseBracket reads is not the end of a span, so its content is not used.
		} else if got, want := r.content(), p.hashMembers(); got != want {
			t.Errorf("%q: content %x, want %x", line, got, want)
		}
		if fast && !r.fast.isText {
			checkNotes(t, r)
		}
		whole := r.Entry()
		wantWhole := want
		wantWhole.File, wantWhole.Raw = "f", r.Raw()
		if d := cmp.Diff(wantWhole, whole); d != "" {
			t.Errorf("%q: Entry: -want +got\n%s", line, d)
		}
	}
	if verdict == isPart || verdict == isMany {
		return false
	}
	b := block{buf: append(bytes.Clone(line), '\n')}
	b.to = len(b.buf)
	b.pad()
	w.read(&b)
	s := scanner{parser: lineParser{}, fn: func(Entry) {}}
	s.line(append(bytes.Clone(line), '\n'), len(line)+1, false)
	source := w.sequencers[0].scanner.Source
	source.File = ""
	if d := cmp.Diff(s.Source, source); d != "" {
		t.Errorf("%q: Source: -want +got\n%s", line, d)
	}
	if (verdict == isRecord) != (got != nil) {
		t.Fatalf("%q: record %v, want verdict %d", line, got != nil, verdict)
	}
	if got == nil {
		return fast
	}
	// These are only in Entry.
	want.Stack, want.Links, want.Queued, want.Schema, want.ParentKind = "", nil, 0, "", ""
	if d := cmp.Diff(want, *got); d != "" {
		t.Errorf("%q: -want +got\n%s", line, d)
	}
	return fast
}

// checkNotes compares the notes of a line with what encoding/json finds on it.
func checkNotes(t *testing.T, r *Record) {
	t.Helper()
	if r.fast.noted < 0 {
		return
	}
	notes := r.fast.notes[:r.fast.noted]
	start := bytes.LastIndexByte(r.buf[:notes[0].key], '{')
	d := json.NewDecoder(bytes.NewReader(r.buf[start:]))
	d.Token() // {
	for i := range notes {
		n := &notes[i]
		key, _ := d.Token()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%q: member %d: %v", r.line, i, err)
		}
		got := r.buf[n.from:n.to]
		if n.kind == '"' {
			got = r.buf[n.from-1 : n.to+1]
		}
		if text := plain(r.buf[n.key:n.keyEnd]); key != string(text) || string(got) != string(value) || n.kind != value[0] {
			t.Errorf("%q: member %d is %q: %q (%c), want %q: %q", r.line, i, text, got, n.kind, key, value)
		}
		if isPlain := n.kind == '"' && !bytes.ContainsFunc(value[1:len(value)-1], func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf }); n.plain != isPlain {
			t.Errorf("%q: member %d: plain %v, want %v", r.line, i, n.plain, isPlain)
		}
		if n.slot != keySlot([]byte(key.(string))) {
			t.Errorf("%q: member %d: slot %d", r.line, i, n.slot)
		}
	}
	if d.More() {
		t.Errorf("%q: only %d members", r.line, len(notes))
	}
}

func FuzzRecord(f *testing.F) {
	for _, line := range asSlow {
		for _, prefix := range []string{"fast:", "slow:"} {
			line = strings.TrimPrefix(line, prefix)
		}
		if len(line) < 1000 {
			f.Add([]byte(line))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 || bytes.HasSuffix(line, []byte("\r")) {
			return
		}
		checkLine(t, line)
	})
}

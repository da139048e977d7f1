package draw_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/draw"
)

func ExampleText() {
	fmt.Println(draw.Text("red \x1b[31m, C1 \u009b31m, backwards \u202e, \xff, next\nline", 0))
	fmt.Println(draw.Text("cut off", 4))
	// Output:
	// red \x1b[31m, C1 \u009b31m, backwards \u202e, \xff, next\nline
	// cut…
}

// Runes that hide or fake text are escaped in every text. An emoji of several runes stays whole.
func TestTextHidden(t *testing.T) {
	for _, test := range []struct{ text, want, quoted string }{
		{"pass\u034fword", `pass\u034fword`, `"pass\u034fword"`},
		{"\u3164\uffa0\u2800", `\u3164\uffa0\u2800`, `"\u3164\uffa0\u2800"`},
		{"a\ufe0fb\U000e0100", `a\ufe0fb\U000e0100`, `"a\ufe0fb\U000e0100"`},
		{"x\u0301\u0301\u0301\u0301\u0301\u0301", "x\u0301\u0301\u0301\u0301" + `\u0301\u0301`, `"x` + "\u0301\u0301\u0301\u0301" + `\u0301\u0301"`},
		{"❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"},
		{"a\u200db", `a\u200db`, `"a\u200db"`},
		{`"quoted" \`, `"quoted" \`, `"\"quoted\" \\"`},
		{"no\u00a0break", "no\u00a0break", "\"no\u00a0break\""},
		{"\xff\n", `\xff\n`, "\"\ufffd" + `\n"`}, // JSON has no \xff
	} {
		if got := draw.Text(test.text, 0); got != test.want {
			t.Errorf("Text(%+q) = %s, want %s", test.text, got, test.want)
		}
		value, err := json.Marshal(test.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := draw.Value(tracelog.Attr{Value: value}, 0); got != test.quoted {
			t.Errorf("%s shown as %s, want %s", value, got, test.quoted)
		}
	}
}

func ExampleDuration() {
	for _, d := range []time.Duration{0, 1500, 12104 * time.Microsecond, 90 * time.Second, 25 * time.Hour} {
		fmt.Println(draw.Duration(d))
	}
	// Output:
	// 0s
	// 1.5µs
	// 12.1ms
	// 1m30.0s
	// 25h00m
}

func ExampleValue() {
	for _, value := range []string{`12.50`, `"EUR"`, `"two words"`, `"\u001b[2J"`, `{"a": [1, 2]}`} {
		fmt.Println(draw.Value(tracelog.Attr{Key: "k", Value: []byte(value)}, 0))
	}
	// Output:
	// 12.50
	// EUR
	// "two words"
	// "\x1b[2J"
	// {"a": [1, 2]}
}

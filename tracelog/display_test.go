package tracelog_test

import (
	"fmt"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

func ExamplePrintable() {
	fmt.Println(tracelog.Printable("red \x1b[31m, C1 \u009b31m, backwards \u202e, \xff, next\nline", 0))
	fmt.Println(tracelog.Printable("cut off", 4))
	// Output:
	// red \x1b[31m, C1 \u009b31m, backwards \u202e, \xff, next\nline
	// cut…
}

func ExampleFormatDuration() {
	for _, d := range []time.Duration{0, 1500, 12104 * time.Microsecond, 90 * time.Second, 25 * time.Hour} {
		fmt.Println(tracelog.FormatDuration(d))
	}
	// Output:
	// 0s
	// 1.5µs
	// 12.1ms
	// 1m30.0s
	// 25h00m
}

func ExampleAttr_Printable() {
	for _, value := range []string{`12.50`, `"EUR"`, `"two words"`, `"\u001b[2J"`, `{"a": [1, 2]}`} {
		fmt.Println(tracelog.Attr{Key: "k", Value: []byte(value)}.Printable(0))
	}
	// Output:
	// 12.50
	// EUR
	// "two words"
	// "\x1b[2J"
	// {"a": [1, 2]}
}

func ExampleParseLevel() {
	for _, text := range []string{"WARN+1", "warning", "crit", "50", "loud"} {
		level, ok := tracelog.ParseLevel(text)
		fmt.Println(level, ok)
	}
	// Output:
	// WARN+1 true
	// WARN true
	// ERROR+4 true
	// ERROR true
	// INFO false
}

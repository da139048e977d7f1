package term

import (
	"bufio"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestShrink(t *testing.T) {
	for _, test := range []struct {
		widths []int
		fixed  string // x where it is; 9 for a column with a least width
		width  int
		want   []int
	}{
		{[]int{10, 50}, "..", 0, []int{10, 50}},
		{[]int{10, 50}, "..", 62, []int{10, 50}},
		{[]int{10, 50}, "..", 61, []int{10, 49}}, // the last one first
		{[]int{10, 50}, "..", 36, []int{10, 24}},
		{[]int{30, 50}, "..", 50, []int{24, 24}}, // down to 24, then the widest
		{[]int{30, 24}, "..", 50, []int{24, 24}},
		{[]int{30, 20}, "..", 40, []int{19, 19}},
		{[]int{30, 20}, "x.", 40, []int{30, 8}},
		{[]int{30, 20}, "x.", 38, []int{30, 6}},
		{[]int{30, 20}, "x.", 37, []int{30}}, // no room for anything of it
		{[]int{30, 20, 20}, "xx.", 52, []int{30, 20}},
		{[]int{30}, "x", 10, []int{30}},
		{[]int{20, 20}, "9x", 31, []int{9, 20}},
		{[]int{20, 20}, "9x", 30, []int{20}}, // rather than a narrower one
	} {
		least := make([]int, len(test.widths))
		for i := range least {
			least[i] = map[byte]int{'x': math.MaxInt, '.': leastWidth, '9': 9}[test.fixed[i]]
		}
		if got := shrink(slices.Clone(test.widths), least, test.width); !slices.Equal(got, test.want) {
			t.Errorf("%v (%s) in %d columns: %v, want %v", test.widths, test.fixed, test.width, got, test.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"fits", 4, "fits"}, {"too long", 7, "too lo…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"", 3, ""},
	} {
		if got := clip(test.text, test.width); got != test.want {
			t.Errorf("%q in %d: got %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

// The columns of a table that is too wide, as people see them.
func TestWriteTableTooWide(t *testing.T) {
	long := strings.Repeat("x", 40)
	rows := [][]Cell{
		{{Text: "ID"}, {Text: "COUNT", Right: true}, {Text: "", Right: true}, {Text: "MESSAGE"}},
		{{Text: "a"}, {Text: "7", Right: true}, {}, {Text: long}},
		{{Text: "bcd"}, {}, {Text: "12", Right: true}, {}},
		{{Text: "e"}, {Text: "日本", Right: true}, {Text: "1", Right: true}, {Text: "short"}},
	}
	for width, want := range map[int]string{
		0:  "ID   COUNT      MESSAGE\na        7      " + long + "\nbcd         12\ne     日本   1  short\n",
		45: "ID   COUNT      MESSAGE\na        7      " + long[:28] + "…\nbcd         12\ne     日本   1  short\n",
	} {
		var out strings.Builder
		w := bufio.NewWriter(&out)
		if err := WriteTable(w, slices.Values(rows), width, false); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if out.String() != want {
			t.Errorf("width %d: got\n%s\nwant\n%s", width, out.String(), want)
		}
		for line := range strings.Lines(out.String()) {
			if width > 0 && Width(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("width %d: line %q", width, line)
			}
		}
	}
}

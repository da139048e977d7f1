package main

import (
	"slices"
	"strings"
	"testing"
)

func TestShrink(t *testing.T) {
	for _, test := range []struct {
		name   string
		widths []int
		width  int
		want   []int
	}{
		{"fits", []int{10, 20, 30}, 64, []int{10, 20, 30}},
		{"one too many", []int{10, 20, 30}, 63, []int{10, 20, 29}},
		{"the last one down to 24", []int{10, 20, 30}, 58, []int{10, 20, 24}},
		{"then the widest", []int{10, 20, 30}, 57, []int{10, 20, 23}},
		{"and the next one", []int{10, 20, 30}, 50, []int{10, 18, 18}},
		{"the first of the widest first", []int{10, 20, 30}, 53, []int{10, 19, 20}},
		{"not below 12", []int{10, 20, 30}, 10, []int{10, 12, 12}},
		{"a narrow last one", []int{40, 20, 10}, 60, []int{26, 20, 10}},
		{"a last one of 24", []int{40, 24}, 60, []int{34, 24}},
		{"a last one of 25", []int{40, 25}, 60, []int{34, 24}},
		{"no limit", []int{400, 25}, 0, []int{400, 25}},
		{"a limit of one", []int{40}, 1, []int{12}},
		{"one column", []int{40}, 30, []int{30}},
		{"none", nil, 10, nil},
	} {
		got := slices.Clone(test.widths)
		shrink(got, test.width)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v in %d: got %v, want %v", test.name, test.widths, test.width, got, test.want)
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
	rows := [][]cell{
		{{text: "ID"}, {text: "COUNT", right: true}, {text: "", right: true}, {text: "MESSAGE"}},
		{{text: "a"}, {text: "7", right: true}, {}, {text: long}},
		{{text: "bcd"}, {}, {text: "12", right: true}, {}},
		{{text: "e"}, {text: "日本", right: true}, {text: "1", right: true}, {text: "short"}},
	}
	for width, want := range map[int]string{
		0:  "ID   COUNT      MESSAGE\na        7      " + long + "\nbcd         12\ne     日本   1  short\n",
		45: "ID   COUNT      MESSAGE\na        7      " + long[:28] + "…\nbcd         12\ne     日本   1  short\n",
	} {
		var out strings.Builder
		s := newSession(nil, &out, nil)
		if err := s.writeTable(slices.Values(rows), width); err != nil {
			t.Fatal(err)
		}
		s.out.Flush()
		if out.String() != want {
			t.Errorf("width %d: got\n%s\nwant\n%s", width, out.String(), want)
		}
		for line := range strings.Lines(out.String()) {
			if width > 0 && textWidth(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("width %d: line %q", width, line)
			}
		}
	}
}

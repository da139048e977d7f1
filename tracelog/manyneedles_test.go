package tracelog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func FuzzNeedles(f *testing.F) {
	f.Add([]byte("xxabcdabcdefxx"), "ABCDEF abcd")
	f.Add([]byte(`{"trace":"4bf92f3577b34da6a3ce929d0e0e4736"}`), "4bf92f3577b34da6a3ce929d0e0e4736 4bf92f35-77b34da6a3ce929d0e0e4736")
	f.Fuzz(func(t *testing.T, text []byte, words string) {
		n := newNeedles(strings.Fields(words))
		if n == nil {
			return
		}
		fold := func(b []byte) []byte {
			b = bytes.Clone(b)
			for i := range b {
				b[i] |= 0x20
			}
			return b
		}
		for from := range min(len(text), 20) {
			want := -1
			for _, w := range strings.Fields(words) {
				w = w[:min(len(w), maxNeedle)]
				if i := bytes.Index(fold(text[from:]), fold([]byte(w))); i >= 0 && (want < 0 || from+i < want) {
					want = from + i
				}
			}
			if got := n.find(text, from); got != want {
				t.Errorf("%q from %d: %d, want %d", words, from, got, want)
			}
		}
	})
}

func TestFindEscape(t *testing.T) {
	for text, want := range map[string]int{
		`abc`: -1, `a\"b`: -1, `a\\b`: -1, `a\nb`: -1, `\`: -1, `a\`: -1, `a\\`: -1,
		`a\u0061`: 1, `a\\u0061`: 2, `\"\u0061`: 2, `a\x61`: 1, `a\141`: 1, `\/`: 0, `\\\u0061`: 2,
	} {
		if got := findEscape([]byte(text), 0); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestMayHide(t *testing.T) {
	n := newNeedles([]string{"4bf92f35"})
	for text, want := range map[string]bool{
		`{"trace":"\u0034bf92f35"}`: true, `{"trace":"4bf92f\u00335"}`: true, `{"trace":"4\u0062f92f3\u0035"}`: true,
		`{"trace":"4BF92\u0046\u00335"}`: true, `{"log":"{\"trace\":\"\\u0034bf92f35\"}"}`: true, `{"log":"\u005cu0034bf92f35"}`: true,
		`trace="\x34bf92f35"`: true, `trace="\064bf92f35"`: true, `trace="\U00000034bf92f35"`: true,
		`{"trace":"\u0035bf92f35"}`: false, `{"x":"a\u00e9\n\u0061","trace":"4bf92f36"}`: false, `"\u00`: false, `"\u`: false, `"\/`: false, `"\9`: false,
		`{"trace":"4bf92\nf35"}`: false,
	} {
		var buf []byte
		if got := n.mayHide([]byte(text), &buf); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// A search finds an id that is escaped in any way.
func FuzzHiding(f *testing.F) {
	f.Add("4bf92f3577b34da6", uint64(0x10081), "padding 4bf \\u0034 ")
	f.Add("a-b_c.d:e", uint64(0xffff), "\\\\")
	f.Fuzz(func(t *testing.T, id string, which uint64, around string) {
		n := needlesOf([]string{id})
		if n == nil || which == 0 || strings.ContainsAny(around, "\\\"\n") || len(around) > 1000 {
			return
		}
		var b strings.Builder
		b.WriteString(around + `{"trace":"`)
		escapes := false
		for i := range len(id) {
			switch which >> (2 * i % 64) & 3 {
			case 1:
				fmt.Fprintf(&b, `\u%04x`, id[i])
				escapes = true
			case 2:
				fmt.Fprintf(&b, `\\u%04X`, id[i])
				escapes = true
			case 3:
				fmt.Fprintf(&b, `\u005cu%04X`, id[i])
				escapes = true
			default:
				b.WriteByte(id[i])
			}
		}
		b.WriteString(`"}` + around)
		text := []byte(b.String())
		if !escapes {
			if n.find(text, 0) < 0 {
				t.Errorf("%s: not found", text)
			}
			return
		}
		var buf []byte
		if n.findHiding(text, 0) < 0 || !n.mayHide(text, &buf) {
			t.Errorf("%s: not suspected", text)
		}
	})
}

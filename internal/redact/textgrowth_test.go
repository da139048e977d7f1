//go:build unix

package redact

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/cputest"
)

// Doubling a text at most triples the time that it takes, whatever the text.
func TestRedactTextLinear(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	hexDump := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdef"[random.IntN(16)]
		}
		return string(b)
	}
	repeated := func(s string) func(int) string {
		return func(n int) string { return strings.Repeat(s, n/len(s)+1)[:n] }
	}
	cards := NewRedactor(Options{Cards: true})
	errs := NewRedactor(Options{Errors: true})
	for _, test := range []struct {
		name  string
		clean func(string)
		text  func(n int) string
	}{
		{"cards, hex dump", func(s string) { cards.cards(s) }, hexDump},
		{"cards, numbers in one hexadecimal number", func(s string) { cards.cards(s) }, repeated("4111111111111111a")},
		{"cards, groups in hexadecimal numbers", func(s string) { cards.cards(s) }, repeated("a4111 1111-1111 1111f")},
		{"cards, digits", func(s string) { cards.cards(s) }, repeated("4")},
		{"cards, single digits", func(s string) { cards.cards(s) }, repeated("4 1 1 ")},
		{"cards, gaps", func(s string) { cards.cards(s) }, repeated("4" + strings.Repeat(" ", 500))},
		{"cards, a gap", func(s string) { cards.cards(s) }, func(n int) string { return "4 1 1 1" + strings.Repeat(" -", n/2) }},
		{"pairs, named", func(s string) { errs.pairs(s) }, repeated("password=x ")},
		{"pairs, open quotes", func(s string) { errs.pairs(s) }, repeated(`token="`)},
		{"pairs, open brackets", func(s string) { errs.pairs(s) }, repeated(`token=[`)},
		{"pairs, quotes within", func(s string) { errs.pairs(s) }, repeated(`token=\"`)},
		{"pairs, empty", func(s string) { errs.pairs(s) }, repeated(`token=,`)},
		{"pairs, signs", func(s string) { errs.pairs(s) }, repeated("=")},
		{"pairs, URLs", func(s string) { errs.pairs(s) }, repeated("://a:")},
		{"pairs, passwords in URLs", func(s string) { errs.pairs(s) }, repeated("a://b:c@d ")},
		{"pairs, one authority", func(s string) { errs.pairs(s) }, func(n int) string { return "a://" + strings.Repeat(":@", n/2) }},
		{"pairs, white space", func(s string) { errs.pairs(s) }, func(n int) string { return "token" + strings.Repeat(" ", n/2) + strings.Repeat("= ", n/4) }},
		{"pairs, spaced signs", func(s string) { errs.pairs(s) }, repeated("a b : ")},
		{"pairs, a long key", func(s string) { errs.pairs(s) }, func(n int) string { return strings.Repeat("token_", n/6) + "count=1" }},
		{"pairs, a long key that is not named", func(s string) { errs.pairs(s) }, func(n int) string { return strings.Repeat("tokenx_", n/7) + "=1" }},
		{"pairs, headers", func(s string) { errs.pairs(s) }, repeated("Cookie: a=b\n")},
	} {
		t.Run(test.name, func(t *testing.T) {
			const size = 1 << 15 // too many bytes for the processor to learn their branches
			small, large := test.text(size), test.text(8*size)
			cputest.WantLinear(t, size, func(n int) {
				text := small
				if n != size {
					text = large
				}
				test.clean(text)
			})
		})
	}
}

package redact

import (
	"fmt"
	"strings"
	"testing"
)

func TestRedactCards(t *testing.T) {
	x := NewRedactor(Options{Cards: true, Replacement: "#"})
	for in, want := range map[string]string{
		"4111111111111111": "#", "4111 1111 1111 1111": "#", "4111-1111-1111-1111": "#", "378282246310005": "#", "4222222222222": "#",
		"6304000000000000000": "#", "u4111111111111111b": "u#b", "card4111111111111111": "card#", "9fe4111111111111111": "9fe4111111111111111", "4111111111111111-9fe": "#-9fe", "4111 1111 1111 1111 2026": "# 2026", "12 4111111111111111": "12 #",
		"4111  1111 - 1111 1111": "#", "4111.1111.1111.1111": "4111.1111.1111.1111", "41111111111111111111": "41111111111111111111",
		"4111111111111112": "4111111111111112", "411111111111111": "411111111111111", "": "", "4111 1111 1111 111": "4111 1111 1111 111",
		"4111111111111111abg": "#abg", "g4111111111111111ab": "g#ab", "4111111111111111ab": "4111111111111111ab", "4111111111111111,5555555555554444": "#,#",
		"9fe 4111111111111111": "9fe #", "4111111111111111 9fe": "# 9fe", "4111   1111 1111 1111": "#", "4111    1111 1111 1111": "4111    1111 1111 1111", "2026-03-01 09:15": "2026-03-01 09:15", "é4111111111111111é": "é#é",
	} {
		if got, changed := x.cards(in); got != want || changed != (in != want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// A card number is found in any text that does not go on with digits, spaces or dashes.
func FuzzRedactCards(f *testing.F) {
	f.Add("paid ", " by 12", uint64(411111111111111), uint8(4))
	x := NewRedactor(Options{Cards: true})
	f.Fuzz(func(t *testing.T, before, after string, n uint64, gap uint8) {
		digits := fmt.Sprintf("%015d", n)
		if len(digits) > 18 {
			digits = digits[:18]
		}
		for c := byte('0'); ; c++ {
			if isLuhnOracle(digits + string(c)) {
				digits += string(c)
				break
			}
		}
		written := digits
		if g := int(gap % 8); g > 0 {
			written = ""
			for i, c := range digits {
				if i > 0 && i%g == 0 {
					written += string(" -"[i%2])
				}
				written += string(c)
			}
		}
		text := before + "x" + written + "x" + after
		got, changed := x.cards(text)
		if !changed || strings.Contains(got, written) {
			t.Errorf("%q in %q: got %q", written, text, got)
		}
		if again, changed := x.cards(got); changed {
			t.Errorf("%q became %q", got, again)
		}
	})
}

// isLuhnOracle is the formula as ISO/IEC 7812-1 tells it, from the right.
func isLuhnOracle(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			d = d/10 + d%10
		}
		sum += d
	}
	return sum%10 == 0
}

func TestRedactPairs(t *testing.T) {
	x := NewRedactor(Options{Errors: true, Replacement: "#"})
	for in, want := range map[string]string{
		"password=x":                             "password=#",
		"password = x, user=y":                   "password = #, user=y",
		"password: x y":                          "password: # y",
		`{"user":"u","api_key":"a\"b","n":1}`:    `{"user":"u","api_key":"#","n":1}`,
		`"{\"token\":\"x\",\"n\":1}"`:            `"{\"token\":\"#\",\"n\":1}"`,
		"GET /?token=x&n=1: refused":             "GET /?token=#&n=1: refused",
		"Authorization: Bearer abc def\nHost: h": "Authorization: #\nHost: h",
		"map[Cookie:[a=b; c=d] n:1]":             "map[Cookie:#",
		"map[token:[a b] n:1]":                   "map[token:# n:1]",
		"{Password:x User:u}":                    "{Password:# User:u}",
		"api key: x":                             "api key: #",
		"token := x":                             "token := #",
		"token='a b' c":                          "token='#' c",
		"token=\"a b":                            "token=\"#",
		"token=":                                 "token=",
		"token=bearer abc d":                     "token=# d",
		"postgres://u:p@ss@h/db":                 "postgres://u:#@h/db",
		"https://h:80/a@b":                       "https://h:80/a@b",
		"redis://:p@h":                           "redis://:#@h",
		"tokens_used: 5":                         "tokens_used: 5",
		"a=b: c":                                 "a=b: c",
		"x%zz_token=y":                           "x%zz_token=#",
		"x%5Ftoken=y":                            "x%5Ftoken=#",
		"max.tokens=abc":                         "max.tokens=abc",
		"tokens=abc":                             "tokens=#",
		"tokens=nil":                             "tokens=nil",
		"tokens=<nil>":                           "tokens=<nil>",
		"tokens=null":                            "tokens=null",
		"tokens=-1.5e3":                          "tokens=-1.5e3",
		"-- --=x":                                "-- --=x",
		`token=\`:                                `token=#`,
		`token=\x y`:                             `token=# y`,
		`{\"token\":\"abc`:                       `{\"token\":\"#`,
		"token=bearer":                           "token=#",
		"token=bearer, x":                        "token=#, x",
		"token=bearer ":                          "token=#",
		"http://u@h token=1 amqp://a:b@c x":      "http://u@h token=# amqp://a:#@c x",
	} {
		if got := x.pairs(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// In texts too only what is no number is replaced under such names.
func TestRedactPairsStringsOnly(t *testing.T) {
	x := NewRedactor(Options{Errors: true, Replacement: "#"})
	for in, want := range map[string]string{
		"auth: not found": "auth: not found", "auth=abc": "auth=#", "tokens=512": "tokens=512", "auth=true": "auth=true",
		`{"session":"abc","n":1}`: `{"session":"#","n":1}`, "session:abc": "session:#", "max_tokens=a": "max_tokens=a",
		"verify certificate: expired": "verify certificate: expired",
	} {
		if got := x.pairs(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

package tracelog

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"card declined":           "card declined",
		"took 1.5s of 300 ms":     "took # of # ms",
		"seat 12A":                "seat #A",
		"dial tcp 10.0.0.7:5432:": "dial tcp #:",
		"1,234.50 EUR":            "# EUR",
		"-5":                      "-#",
		"at 09:15:00.":            "at #.",
		"user 6ba7b810-9dad-11d1-80b4-00c04fd430c8 gone": "user <id> gone",
		"(6BA7B810-9DAD-11D1-80B4-00C04FD430C8)":         "(<id>)",
		"6ba7b810-9dad-11d1-80b4-00c04fd430c8x":          "<id>-#dad-#d#-#b#-#c#fd#c#x",
		"trace 4bf92f3577b34da6a3ce929d0e0e4736":         "trace <id>",
		"span 0123456789012345, 12345678":                "span <id>, #",
		"deadbeef facade decade":                         "deadbeef facade decade",
		"a1b2c3":                                         "<id>",
		"0x1f 0xyz1":                                     "<id> #xyz#", "0xc000123abc": "<id>",
		"pi_3MtwBwLkdIwHu7ix28a3tqPa":                      "<id>",
		"ERR_TOO_MANY_REDIRECTS":                           "ERR_TOO_MANY_REDIRECTS",
		`unknown column "price" in 'orders' near ` + "`x`": `unknown column "…" in '…' near ` + "`…`",
		"can't open, isn't there":                          "can't open, isn't there",
		"can't open 'it's there' now":                      "can't open '…' now",
		`an "unclosed quote 5`:                             `an "unclosed quote #`,
		`"a \" b" c`:                                       `"…" c`,
		"two\n\tlines  and   spaces ":                      "two lines and spaces",
		"日本語 5 「x」":                                        "日本語 # 「x」",
		"naïve'quote'":                                     "naïve'quote'",
		"\x1b[31mred\x1b[0m":                               "\x1b[#mred\x1b[#m",
		"\xff\xfe 1":                                       "\xff\xfe #",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"took 1.5s", `"a" 'b' 6ba7b810-9dad-11d1-80b4-00c04fd430c8`, strings.Repeat("é", 300), strings.Repeat("1a", 400), "\xff\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Fold(s)
		if len(got) > 3*maxFold+3 {
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Fold(%q) = %q", s, got)
		}
		for i := range len(got) {
			if isDigit(got[i]) {
				t.Errorf("Fold(%q) = %q", s, got)
				break
			}
		}
		// Other digits and spaces make no difference.
		other := strings.NewReplacer("1", "7", "2", "8", " ", "\n\t").Replace(s)
		if len(s) < maxFold/2 && Fold(other) != got {
			t.Errorf("Fold(%q) = %q, but Fold(%q) = %q", s, got, other, Fold(other))
		}
	})
}

// IPv6 addresses and durations as Go writes them are numbers.
func TestFoldAddressesAndDurations(t *testing.T) {
	for text, want := range map[string]string{
		"dial tcp [2001:db8::1]:443: i/o timeout":         "dial tcp #: i/o timeout",
		"dial tcp [2001:db8:0:ff00::42]:443: i/o timeout": "dial tcp #: i/o timeout",
		"dial tcp [::1]:80: refused":                      "dial tcp #: refused",
		"dial tcp [fe80::1%eth0]:80: refused":             "dial tcp #: refused",
		"dial tcp 10.0.0.7:443: i/o timeout":              "dial tcp #: i/o timeout",
		"no route to fe80::a2f: down":                     "no route to #: down",
		"no route to 2001:db8::a2f.":                      "no route to #.",
		"no route to ::ffff:10.0.0.7, down":               "no route to #, down",
		"lookup ::1":                                      "lookup #",
		"std::bad_alloc":                                  "std::bad_alloc", "a::b": "a::b", "add: bad": "add: bad", "[dead] end": "[dead] end", "at 09:15:00": "at #", "::": "#",
		"gave up after 998ms": "gave up after #", "gave up after 1.234s": "gave up after #", "gave up after 1m30s": "gave up after #",
		"gave up after 2h45m0.5s.": "gave up after #.", "took 12µs": "took #", "took 12μs": "took #", "took 3ns,": "took #,", "took 5": "took #",
		"took 5sec": "took #sec", "took 5mx": "took #mx", "seat 12A": "seat #A", "run v5s": "run v#s", "in 3m": "in #m", "1h": "#h", "1h0m0s": "#", "5é": "#é", "5msé": "#msé",
	} {
		if got := Fold(text); got != want {
			t.Errorf("Fold(%q) = %q, want %q", text, got, want)
		}
	}
	entries, _ := scanAll(t, readLog(t, "fold.log"))
	groups := errorGroups(Assemble(entries))
	if len(groups) != 2 || groups[0].Op != "dial" || groups[0].Count != 3 || groups[1].Op != "retry" || groups[1].Count != 3 {
		t.Errorf("%+v", groups)
	}
}

package graphic_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slogtrace/slogtrace/internal/graphic"
)

// shown returns the text with escapes for the refused runes.
func shown(s string) string {
	var b strings.Builder
	var t graphic.Text
	for len(s) > 0 {
		r, size, ok := t.Next(s)
		if ok {
			b.WriteString(s[:size])
		} else {
			b.WriteString("<" + strconv.FormatInt(int64(r), 16) + ">")
		}
		s = s[size:]
	}
	return b.String()
}

func TestNext(t *testing.T) {
	const kept = "" // as want: unchanged
	for _, test := range []struct{ name, text, want string }{
		{"plain", "plain text, 1.50 €", kept},
		{"other scripts", "naïve Größe 日本語 한국어 עברית हिन्दी ภาษาไทย", kept},
		{"control characters", "\x1b[2J\x00\x7f\u009b", "<1b>[2J<0><7f><9b>"},
		{"direction", "\u202etxt\u2066", "<202e>txt<2066>"},
		{"invalid UTF-8", "\xff\xc3(\xed\xa0\x80", "<fffd><fffd>(<fffd><fffd><fffd>"},
		{"a replacement character", "\ufffd", kept},
		{"spaces", "a\u00a0b\u3000c", kept},

		{"grapheme joiner", "pass\u034fword", "pass<34f>word"},
		{"Hangul fillers", "a\u3164\uffa0\u115f\u1160b", "a<3164><ffa0><115f><1160>b"},
		{"Khmer vowels without a form", "a\u17b4\u17b5b", "a<17b4><17b5>b"},
		{"Braille", "⠓⠊\u2800⠓", "⠓⠊<2800>⠓"},
		{"notes", "a\U0001d159b", "a<1d159>b"},
		{"zero width", "a\u200bb\u2060c\ufeffd\u00ade\u061cf", "a<200b>b<2060>c<feff>d<ad>e<61c>f"},
		{"tags", "a\U000e0041b", "a<e0041>b"},

		{"selectors", "a\ufe00b\ufe0e\ufe0fc\U000e0100d", "a<fe00>b<fe0e><fe0f>c<e0100>d"},
		{"Mongolian selectors", "ᠠ\u180b\u180f", "ᠠ<180b><180f>"},
		{"a selector behind an ideograph", "葛\U000e0101", "葛<e0101>"},
		{"emoji", "❤\ufe0f ☀\ufe0f ⚠\ufe0f ✈\ufe0f", kept},
		{"two selectors", "❤\ufe0f\ufe0f", "❤\ufe0f<fe0f>"},
		{"text selector", "❤\ufe0e", "❤<fe0e>"},
		{"keycap", "1\ufe0f\u20e3 #\ufe0f\u20e3", kept},
		{"no keycap", "1\ufe0f2", "1<fe0f>2"},
		{"a selector at the beginning", "\ufe0fa", "<fe0f>a"},

		{"joined", "👩\u200d💻", kept},
		{"joined, with colour of skin", "👩🏽\u200d🚀", kept},
		{"joined, with selectors", "❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🏃🏽\u200d♀\ufe0f", kept},
		{"family", "👨\u200d👩\u200d👧\u200d👦", kept},
		{"flag", "🇩🇪", kept},
		{"joiner in text", "a\u200db", "a<200d>b"},
		{"joiner before an emoji", "a\u200d💻", "a<200d>💻"},
		{"joiner behind an emoji", "👩\u200da", "👩<200d>a"},
		{"joiner at the end", "👩\u200d", "👩<200d>"},
		{"two joiners", "👩\u200d\u200d💻", "👩<200d><200d>💻"},
		{"joiner and selector", "👩\u200d\ufe0f💻", "👩<200d><fe0f>💻"},
		{"other joiner", "👩\u200c💻", "👩<200c>💻"},

		{"marks", "e\u0301 a\u0301\u0302\u0303\u0304b", kept},
		{"five marks", "a\u0301\u0302\u0303\u0304\u0305b", "a\u0301\u0302\u0303\u0304<305>b"},
		{"many", "a" + strings.Repeat("\u0301", 7) + "b\u0301", "a" + strings.Repeat("\u0301", 4) + strings.Repeat("<301>", 3) + "b\u0301"},
		{"hidden marks between", "a\u0301\u0302\u034f\u0303\u0304\u0305", "a\u0301\u0302<34f>\u0303\u0304<305>"},
		{"marks on an emoji", "💻" + strings.Repeat("\u0301", 5), "💻" + strings.Repeat("\u0301", 4) + "<301>"},
		{"mark at the beginning", "\u0338ok", "<338>ok"},
		{"mark on punctuation", "a=\u0338b", "a=<338>b"},
		{"mark on a space", "a \u0338b", "a <338>b"},
		{"mark on an escape", "a\u200b\u0338b", "a<200b><338>b"},
		{"spacing marks", "क" + strings.Repeat("\u093e", 5), "क" + strings.Repeat("\u093e", 4) + "<93e>"},
	} {
		want := test.want
		if want == kept {
			want = test.text
		}
		if got := shown(test.text); got != want {
			t.Errorf("%s: %+q shown as %+q, want %+q", test.name, test.text, got, want)
		}
	}
}

// refused matches what no shown text may contain. It is written independently of the code.
var refused = regexp.MustCompile(`[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]` +
	`|[\x{034f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}\x{200c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}]` +
	`|[\x{2800}\x{3164}\x{fe00}-\x{fe0e}\x{feff}\x{ffa0}\x{1d159}\x{e0000}-\x{e0fff}]` +
	`|[^\p{So}\p{Sm}\p{Sk}\p{Po}\p{Pd}\x{a9}\x{ae}0-9#*]\x{fe0f}` + // roughly
	`|[^\p{So}\p{Sm}\p{Sk}\p{Po}\x{fe0f}\x{1f3fb}-\x{1f3ff}]\x{200d}|\x{200d}[^\p{So}\p{Sm}\p{Sk}]|\x{200d}$|^\x{200d}` +
	`|\p{M}{5}|^\p{M}`)

func FuzzNext(f *testing.F) {
	for _, s := range []string{"❤\ufe26\u200d🔥", "❤\ufe0f\u200d🔥a\u0301\u0302\u0303\u0304\u0305", "\xff1\ufe0f\u20e3", "\u3164\u034f\u2800 \u200d", "a\ufe00\U000e0100"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var kept strings.Builder
		var text graphic.Text
		n := 0
		for rest := s; len(rest) > 0; {
			r, size, ok := text.Next(rest)
			if want, wantSize := utf8.DecodeRuneInString(rest); r != want || size != wantSize {
				t.Fatalf("%+q: rune %x of %d bytes, want %x of %d", rest, r, size, want, wantSize)
			}
			if ok {
				kept.WriteString(rest[:size])
			} else {
				kept.WriteString("|") // an escape
			}
			if n += size; ok && r < utf8.RuneSelf && (r < ' ' || r > '~') {
				t.Errorf("%+q: %x is kept", s, r)
			}
			rest = rest[size:]
		}
		if n != len(s) {
			t.Errorf("%+q: %d bytes, want %d", s, n, len(s))
		}
		if bad := refused.FindString(kept.String()); bad != "" {
			t.Errorf("%+q: kept %+q, with %+q", s, kept.String(), bad)
		}
	})
}

// FuzzAppendJSON: the value stays, and a terminal can show the text.
func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"a", "\u202e\x1b\u007f\u0085", "\ufffd\ue000\U000f0000", "名前🎉", "\n\t\\\"", "e\u0301\u0301\u0301\u0301\u0301\u0301", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := json.MarshalIndent(map[string]string{"k": s}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		shown := graphic.AppendJSON([]byte("before"), text)[len("before"):]
		var want, got map[string]string
		if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(shown, &got)); err != nil || want["k"] != got["k"] {
			t.Errorf("%s became %s: %v", text, shown, err)
		}
		var seen graphic.Text
		for rest := string(shown); rest != ""; {
			r, size, ok := seen.Next(rest)
			if !ok && r != '\n' && r != '\t' {
				t.Fatalf("%q in %q", r, shown)
			}
			rest = rest[size:]
		}
	})
}

// FuzzRepairSurrogates: the value of JSON is as before, for encoding/json, which takes half a character for U+FFFD. What was
// half a character is U+FFFD for every reader.
func FuzzRepairSurrogates(f *testing.F) {
	for _, s := range []string{
		`"\ud800"`, `"\udc00"`, `"\ud83c\udf89"`, `"\uD83C\uDF89"`, `"\ud800\ud83c\udf89"`, `"\udc00\ud800"`, `"\\ud800"`, `"\\\ud800\n"`,
		`{"\uDbff":["\ud800x","\ud800\u0041","\ud800\\"]}`, `"é\ud800"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want any
		if json.Unmarshal([]byte(s), &want) != nil {
			graphic.RepairSurrogates([]byte(s)) // does not panic
			return
		}
		out := graphic.AppendJSON(nil, []byte(s))
		var got any
		if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %s: %v", s, out, err)
		}
		if half := halfCharacter.Find(pairOrEscape.ReplaceAll(out, nil)); half != nil {
			t.Errorf("%s became %s, which has %s", s, out, half)
		}
	})
}

var (
	pairOrEscape  = regexp.MustCompile(`(?i)\\[^u]|\\ud[89ab]..\\ud[c-f]..`) // in the order of the text
	halfCharacter = regexp.MustCompile(`(?i)\\ud[89a-f]..`)
)

package jsontext

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// jsonOracle returns v as encoding/json writes it, without escapes for HTML, as in slog.
func jsonOracle(tb testing.TB, v any) string {
	tb.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func checkAppended(t *testing.T, what string, want string, add func([]byte) []byte) {
	t.Helper()
	const before = "…e-0" // this must neither change nor be read
	if diff := cmp.Diff(before+want, string(add([]byte(before)))); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// slogOracle returns v as this toolchain's slog.JSONHandler writes it.
func slogOracle(tb testing.TB, v slog.Value) string {
	tb.Helper()
	var b bytes.Buffer
	noBuiltins := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	h := slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: noBuiltins}).WithAttrs([]slog.Attr{{Key: "v", Value: v}})
	if err := h.Handle(context.Background(), slog.Record{}); err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `{"v":`), "}\n")
}

func checkString(t *testing.T, s string) {
	t.Helper()
	checkAppended(t, fmt.Sprintf("%q", s), slogOracle(t, slog.StringValue(s)), func(b []byte) []byte { return AppendString(b, s) })
}

func TestAppendString(t *testing.T) {
	for c := range 256 {
		checkString(t, string([]byte{byte(c)}))
		checkString(t, strings.Repeat("x", 11)+string([]byte{byte(c)})+strings.Repeat("y", 11))
	}
	for _, s := range []string{
		"", "<a href=\"x\">&amp;</a>", "\u2028\u2029\u2027\u202a", "\ufffd", "\xe2\x80", "\xe2\x80\xa8\xe2", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xc0\x80", "日本語", "😀\x00😀", "\x7f\u0080\u0085", `\u2028`, `\\b\f`, "\b\f\v\a\x1f",
	} {
		checkString(t, s)
		checkString(t, "seven.."+s+s)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "plain text", "\"", "\\", "\n", "\u2028", "\u2029", "\xff", "\xe2\x80", "é", "😀", "\x00", "\x1f", " ", "\x7f", "<"}
	for range 3000 {
		var b strings.Builder
		for range rnd.IntN(12) {
			if rnd.IntN(4) == 0 {
				b.WriteByte(byte(rnd.IntN(256)))
			} else {
				b.WriteString(pieces[rnd.IntN(len(pieces))])
			}
		}
		checkString(t, b.String())
	}
}

// TestAppendInside puts each byte at each place of words that are looked at eight or four bytes at a time.
func TestAppendInside(t *testing.T) {
	for n := range 26 {
		for at := range max(n, 1) {
			for c := range 256 {
				for _, around := range []byte{' ', '!', '#', '[', ']', 0x7f} {
					s := bytes.Repeat([]byte{around}, n)
					if n > 0 {
						s[at] = byte(c)
					}
					want := string(appendEscaped([]byte("before"), string(s)))
					for _, room := range []int{0, n, 64} {
						b := append(make([]byte, 0, len("before")+room), "before"...)
						if got := string(AppendInside(b, string(s))); got != want {
							t.Fatalf("%q: want %q, got %q", s, want, got)
						}
					}
				}
			}
		}
	}
}

func TestAppendInt(t *testing.T) {
	check := func(v int64) {
		checkAppended(t, "a number", strconv.FormatInt(v, 10), func(b []byte) []byte { return AppendInt(b, v) })
		checkAppended(t, "an unsigned number", strconv.FormatUint(uint64(v), 10), func(b []byte) []byte { return AppendUint(b, uint64(v)) })
	}
	for v := int64(-12); v < 100_200; v++ {
		check(v)
	}
	for n := int64(1); n > 0 && n < math.MaxInt64/10; n *= 10 {
		for _, d := range []int64{-101, -100, -10, -1, 0, 1, 9, 10, 99, 100, 101, 1010} {
			check(n + d)
			check(-n + d)
			check(n*7 + n/3 + d)
		}
	}
	check(math.MaxInt64)
	check(math.MinInt64)
}

// TestSafe8 looks at each byte beside each other one.
func TestSafe8(t *testing.T) {
	for c := range 256 {
		for d := range 256 {
			word := []byte{'a', byte(c), byte(d), 'a', ' ', '~', byte(d), 'z'}
			safe := safeByte[c] && safeByte[d]
			if got := safe8(Load8(string(word))); got != safe {
				t.Fatalf("%q: want %v, got %v", word, safe, got)
			}
		}
	}
}

func checkFloat(t *testing.T, f float64) {
	t.Helper()
	checkAppended(t, fmt.Sprintf("%x", math.Float64bits(f)), jsonOracle(t, f), func(b []byte) []byte { return AppendFloat(b, f) })
}

func TestAppendFloat(t *testing.T) {
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, 0.1, 1e-5, 1e-6, 9.99999e-7, 1e-7, 1e-9, 1e-10, 1e-99, 1e-100, 1e20, 1e21, 1e22, 1e99, 1e100,
		math.MaxFloat64, math.SmallestNonzeroFloat64, math.Pi, math.Nextafter(1e21, 0), math.Nextafter(1e-6, 0), 1 << 53, 1.5e-9, 123e-8,
	} {
		checkFloat(t, f)
		checkFloat(t, -f)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for n := range 5000 {
		if f := math.Float64frombits(rnd.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			checkFloat(t, f)
		}
		checkFloat(t, math.Ldexp(rnd.Float64(), rnd.IntN(160)-80))
		thousandths := float64(rnd.Int64N(1<<(2+n%60))) / 1000 // has a way of its own, and its neighbours have not
		checkFloat(t, thousandths)
		checkFloat(t, math.Nextafter(thousandths, 0))
		checkFloat(t, math.Nextafter(thousandths, math.Inf(1)))
	}
	for _, n := range []int64{1, 999, 1000, 1e15 - 2, 1e15 - 1, 1e15, 1e15 + 1, 1 << 53} {
		checkFloat(t, float64(n)/1000)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := json.Marshal(f)
		checkAppended(t, fmt.Sprint(f), fmt.Sprintf(`"!ERROR:%v"`, err), func(b []byte) []byte { return AppendFloat(b, f) })
	}
}

// TestAppendMillis compares with the text of a duration if there is a ReplaceAttr.
// From 10^15 µs on, 31 years, a float has too few digits; AppendMillis has them all.
func TestAppendMillis(t *testing.T) {
	check := func(d time.Duration) {
		t.Helper()
		checkAppended(t, d.String(), string(AppendFloat(nil, float64(d.Round(time.Microsecond)/time.Microsecond)/1000)), func(b []byte) []byte { return AppendMillis(b, d) })
	}
	for _, d := range []time.Duration{0, 1, 499, 500, 501, 999, 1000, 1499, 1500, 999_499, 999_500, 999_999, 1e6, 1e6 + 1e3, 1e9, time.Hour, 1e18 - 1000} {
		check(d)
	}
	for us := range time.Duration(1100) {
		check(us * time.Microsecond)
		check(time.Second + us*time.Microsecond)
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		check(time.Duration(rnd.Int64N(1e18 >> rnd.IntN(58))))
	}
	if diff := cmp.Diff("9007199254740.993", string(AppendMillis(nil, 9007199254740993*time.Microsecond))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// testZones are zones of all sorts. Two of them have one name and different offsets.
var testZones = []*time.Location{
	time.UTC, time.Local,
	time.FixedZone("A", 2*3600), time.FixedZone("A", -3*3600-1800), time.FixedZone("", 0),
	time.FixedZone("seconds", 3600+17), time.FixedZone("minus", -59), time.FixedZone("far", 25*3600), time.FixedZone("west", -14*3600-61),
	time.FixedZone("99 hours", 100*3600-1), time.FixedZone("100 hours", 100*3600), time.FixedZone("-99 hours", 1-100*3600), time.FixedZone("-100 hours", -100*3600),
}

func timeOracle(tb testing.TB, t time.Time) string {
	tb.Helper()
	if t.IsZero() { // slog.Value does not keep its zone
		return `"` + t.Format(time.RFC3339Nano) + `"`
	}
	return slogOracle(tb, slog.TimeValue(t))
}

func randomTime(rnd *rand.Rand) time.Time {
	sec := []int64{-62135596800, -62167219200, 253402300799, 0, 1, 1_800_000_000, -1}[rnd.IntN(7)]
	sec += int64(rnd.IntN(5)-2) * []int64{1, 60, 3600, 86400}[rnd.IntN(4)]
	nsec := []int64{0, 1, 10, 999_999_999, 500_000_000, 120_000, int64(rnd.IntN(1e9))}[rnd.IntN(7)]
	return time.Unix(sec, nsec).In(testZones[rnd.IntN(len(testZones))])
}

func checkTimes(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	tm := randomTime(rnd)
	for range 4000 {
		switch rnd.IntN(4) {
		case 0:
			tm = randomTime(rnd)
		case 1: // the same second in another zone
			tm = tm.In(testZones[rnd.IntN(len(testZones))])
		case 2: // the same second and zone, another fraction
			tm = time.Unix(tm.Unix(), int64(rnd.IntN(1e9))).In(tm.Location())
		case 3:
			tm = tm.Add(time.Second)
		}
		want := timeOracle(t, tm)
		if got := string(AppendNow(nil, tm, false)); got != want {
			t.Errorf("AppendNow: want %s, got %s", want, got)
		}
		if got := string(AppendTime(nil, tm, false)); got != want {
			t.Errorf("AppendTime: want %s, got %s", want, got)
		}
	}
}

func TestAppendNow(t *testing.T) { checkTimes(t, 1) }

func TestAppendNowConcurrent(t *testing.T) {
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() { checkTimes(t, 10+i) })
	}
	wg.Wait()
}

// A zone less than an hour west of Greenwich has a sign all the same.
func TestAppendTimeNearGreenwich(t *testing.T) {
	for _, offset := range []int{-3599, -1800, -61, -60, -30, -1, 1, 30, 60, 1800} {
		at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", offset))
		if got, want := string(AppendTime(nil, at, true)), at.Format(`"`+time.RFC3339Nano+`"`); got != want {
			t.Errorf("%d s: got %s, want %s", offset, got, want)
		}
	}
}

// The divisions of decimalDigits by multiplication are exact.
func TestDecimalDigits(t *testing.T) {
	for v := range uint64(10_000) {
		for _, n := range []uint64{v, v * 10_000, v*10_000 + v, v*10_000 + 9999 - v} {
			var want uint64
			for i, digit := range []byte(fmt.Sprintf("%08d", n)) {
				want |= uint64(digit) << (8 * i)
			}
			if got := decimalDigits(n); got != want {
				t.Fatalf("%d: %x, want %x", n, got, want)
			}
		}
	}
}

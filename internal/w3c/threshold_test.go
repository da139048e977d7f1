package w3c_test

import (
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slogtrace/slogtrace/internal/w3c"
)

// What else "ot" and keys that begin like it say is kept, and "ot" never grows beyond 256 bytes.
func TestWithThreshold(t *testing.T) {
	long := strings.Repeat("x", 250)
	var full []string // 32 members
	for i := range 32 {
		full = append(full, "k"+string(rune('a'+i%26))+string(rune('a'+i/26))+"=1")
	}
	for _, tt := range []struct{ name, state, th, want string }{
		{"nothing", "", "", ""},
		{"first", "", "c", "ot=th:c"},
		{"beside others", "a=1,b=2", "c", "ot=th:c,a=1,b=2"},
		{"to the front", "a=1,ot=th:8", "c", "ot=th:c,a=1"},
		{"the same", "a=1,ot=p:8;th:c", "c", "a=1,ot=p:8;th:c"},
		{"others in it", "ot=p:8;th:8;rv:ffffffffffffff,a=1", "c", "ot=th:c;p:8;rv:ffffffffffffff,a=1"},
		{"erased", "a=1,ot=p:8;th:8", "", "ot=p:8,a=1"},
		{"erased, alone", "a=1,ot=th:8,b=2", "", "a=1,b=2"},
		{"nothing to erase", "a=1,ot=p:8", "", "a=1,ot=p:8"},
		{"twice", "ot=th:8;th:9", "", ""},
		{"a key that begins alike", "ot2=th:8,ot=th:8,other=1", "c", "ot=th:c,ot2=th:8,other=1"},
		{"a value and keys that look like it", "x=ot,lot=th:8,ot=th:8", "c", "ot=th:c,x=ot,lot=th:8"},
		{"of a tenant", "a@ot=th:8", "c", "ot=th:c,a@ot=th:8"},
		{"no room in it", "a=1,ot=th:8;k:" + long[:240], "c", "ot=th:c;k:" + long[:240] + ",a=1"},
		{"no room in it for more", "a=1,ot=th:8;k:" + long[:240], "e6666666666666", "ot=k:" + long[:240] + ",a=1"},
		{"256 bytes in it", "a=1,ot=k:" + long[:249], "c", "ot=th:c;k:" + long[:249] + ",a=1"},
		{"257 bytes in it", "a=1,ot=k:" + long[:250], "c", "ot=k:" + long[:250] + ",a=1"},
		{"32 members", strings.Join(full, ","), "c", strings.Join(full, ",")},
		{"31 members", strings.Join(full[1:], ","), "c", "ot=th:c," + strings.Join(full[1:], ",")},
		{"512 bytes", "a=" + long[:100] + ",b=" + long[:99] + ",c=" + long[:99] + ",d=" + long[:99] + ",e=" + long[:98] + ",f", "c", ""},
	} {
		state, _ := w3c.ParseTracestate(tt.state)
		if tt.name == "512 bytes" { // the last one goes, as with any list that is too long
			state, _ = w3c.ParseTracestate(strings.TrimSuffix(tt.state, ",f"))
			tt.want = "ot=th:c," + state[:strings.LastIndex(state, ",")]
		}
		if got := w3c.WithThreshold(state, tt.th); got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A threshold has 14 digits without the zeros at its end.
func TestThresholdText(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "", 1 << 56: "", 1: "00000000000001", 8 << 52: "8", 0xe6666666666666: "e6666666666666", 0x0f << 48: "0f", 1<<56 - 1: "ffffffffffffff",
	} {
		if got := w3c.ThresholdText(n); got != want {
			t.Errorf("%x: %q, want %q", n, got, want)
		}
		if back, ok := w3c.ParseThreshold(want); want != "" && (!ok || back != n) {
			t.Errorf("%q: %x, %t", want, back, ok)
		}
	}
}

// The oracle knows no more of a tracestate than these.
var (
	otMemberRE = regexp.MustCompile(`(?:^|,)ot=([^,]*)`)
	thRE       = regexp.MustCompile(`(?:^|;)th:([^;]*)`)
	rvRE       = regexp.MustCompile(`(?:^|;)rv:([^;]*)`)
	th14RE     = regexp.MustCompile(`^[0-9a-f]{1,14}$`)
	rv14RE     = regexp.MustCompile(`^[0-9a-f]{14}$`)
)

func firstMatch(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// What is read is what an oracle of regular expressions and big numbers reads;
// what is written is a valid tracestate that says what it should, and of everything else what was there.
func FuzzThreshold(f *testing.F) {
	for _, state := range []string{"", "ot=th:c", "a=1,ot=th:e6666666666666;rv:ffffffffffffff,b=2", "ot=th;th:8", "ot=;;th:;rv:0", "ot=th:8,ot=th:9", "a=ot=th:8", "ot2=th:9,lot=th:9,a=ot,ot=th:8"} {
		f.Add(state, "c", uint64(highTrace))
		f.Add(state, "", uint64(0))
	}
	f.Fuzz(func(t *testing.T, state, th string, n uint64) {
		state, err := w3c.ParseTracestate(state)
		if err != nil {
			return
		}
		id := randomTraceID(n & (1<<56 - 1))
		ot := firstMatch(otMemberRE, state)
		oldTh, rv := firstMatch(thRE, ot), firstMatch(rvRE, ot)

		random := new(big.Int).SetUint64(n & (1<<56 - 1))
		if rv14RE.MatchString(rv) {
			random.SetString(rv, 16)
		}
		if got := w3c.Randomness(id, state); got != random.Uint64() {
			t.Errorf("%q: random number %x, want %x", state, got, random)
		}
		want := 0.0
		if th14RE.MatchString(oldTh) {
			threshold, _ := new(big.Int).SetString((oldTh + strings.Repeat("0", 14))[:14], 16)
			if threshold.Sign() > 0 && random.Cmp(threshold) >= 0 {
				all := new(big.Int).Lsh(big.NewInt(1), 56)
				want, _ = new(big.Rat).SetFrac(new(big.Int).Sub(all, threshold), all).Float64()
				if want > 1-5e-13 { // which is 1 in 12 digits
					want = 0
				}
			}
		}
		var hex w3c.IDs
		hex.Set(id, [8]byte{1})
		if got := w3c.RemoteRate(&hex, true, state); got < want*(1-1e-11) || got > want*(1+1e-11) || got >= 1 {
			t.Errorf("%q: rate %v, want %v", state, got, want)
		}
		if got := w3c.RemoteRate(&hex, false, state); got != 0 {
			t.Errorf("%q, not sampled: rate %v", state, got)
		}

		if th != "" && !th14RE.MatchString(th) {
			return
		}
		changed := w3c.WithThreshold(state, th)
		if again, err := w3c.ParseTracestate(changed); err != nil || again != changed {
			t.Fatalf("%q with %q is %q, which is read as %q, error %v", state, th, changed, again, err)
		}
		if oldTh == th {
			if changed != state {
				t.Errorf("%q with %q is %q", state, th, changed)
			}
			return
		}
		others := func(list, sep, without string) (items []string) {
			for _, item := range strings.Split(list, sep) {
				if item = w3c.TrimOWS(item); item != "" && !strings.HasPrefix(item, without) {
					items = append(items, item)
				}
			}
			return items
		}
		newOT := firstMatch(otMemberRE, changed)
		room := len(state)+len(th)+8 <= 512 && strings.Count(state, ",") < 31 && len(ot)+len(th)+4 <= 256
		if got := firstMatch(thRE, newOT); got != th && (got != "" || room) {
			t.Errorf("%q with %q is %q", state, th, changed)
		}
		if room {
			if !slices.Equal(others(newOT, ";", "th:"), others(ot, ";", "th:")) || !slices.Equal(others(changed, ",", "ot="), others(state, ",", "ot=")) {
				t.Errorf("%q with %q is %q", state, th, changed)
			}
		}
	})
}

package tracelog

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A clock returns the same as time.Parse, for any fraction, and accepts only digits as digits.
func TestClockFractions(t *testing.T) {
	var c clock
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := fmt.Appendf(nil, "2026-03-01T09:15:%02d.%0*dZ", random.IntN(60), 1+random.IntN(9), random.IntN(1_000_000_000))
		if random.IntN(2) == 0 { // replace a byte of the fraction
			text[20+random.IntN(len(text)-21)] = byte(random.IntN(256))
		}
		got, ok := c.nanos(text)
		want, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil && ok {
			t.Fatalf("%q: got %d, want none", text, got)
		}
		if err == nil && len(text) <= len("2026-03-01T09:15:00.123456789Z") && (!ok || got != want.UnixNano()) {
			t.Fatalf("%q: got %d %v, want %d", text, got, ok, want.UnixNano())
		}
	}
}

func TestEightDigits(t *testing.T) {
	for _, text := range []string{"00000000", "12345678", "99999999", "10000000", "00000001", "09080706"} {
		n, ok := eightDigits(binary.LittleEndian.Uint64([]byte(text)))
		if got := fmt.Sprintf("%08d", n); !ok || got != text {
			t.Errorf("%s: %s %v", text, got, ok)
		}
		for i := range text {
			for c := range 256 {
				b := []byte(text)
				b[i] = byte(c)
				if _, ok := eightDigits(binary.LittleEndian.Uint64(b)); ok != isDigit(byte(c)) {
					t.Errorf("%q: %v", b, ok)
				}
			}
		}
	}
}

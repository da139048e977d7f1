package tracelog

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestMarks compares the marks with a loop over the bytes: for each byte at each position, random bytes, and parts of a buffer.
func TestMarks(t *testing.T) {
	marked := func(c byte) bool { return c == '"' || c == '\\' || c < ' ' || c >= 0x80 }
	r := rand.New(rand.NewPCG(1, 2))
	check := func(t *testing.T, b []byte, from, to int) {
		t.Helper()
		m := make(marks, r.IntN(100)) // left from another buffer
		for i := range m {
			m[i] = byte(r.Uint32())
		}
		m.mark(b, from, to)
		for i := from; i < to; i++ {
			if got := m[i/8]>>(i%8)&1 != 0; got != marked(b[i]) {
				t.Fatalf("of %q, %d to %d, byte %d is marked: %v", b, from, to, i, got)
			}
		}
		next := to
		for i := to - 1; i >= from; i-- {
			if marked(b[i]) {
				next = i
			}
			if next < to {
				if got := m.next(i); got != next {
					t.Fatalf("of %q, %d to %d, the next mark from %d on is at %d, want %d", b, from, to, i, got, next)
				}
				if got := i + bits.TrailingZeros64(m.from(i)); next < i+57 && got != next {
					t.Fatalf("of %q, %d to %d, the first mark from %d on is at %d, want %d", b, from, to, i, got, next)
				}
			}
		}
	}
	for c := range 256 {
		for at := range markSize {
			b := bytes.Repeat([]byte("a"), markSize+padding)
			b[at] = byte(c)
			check(t, b, 0, markSize)
		}
	}
	for range 5000 {
		n := r.IntN(500)
		b := make([]byte, n+padding)
		for i := range b {
			b[i] = "abcdefgh \"\\\n\x00\x1f \x7f\x80\xffé"[r.IntN(20)]
			if r.IntN(3) > 0 {
				b[i] = 'x'
			}
		}
		from := r.IntN(n + 1)
		check(t, b, from, from+r.IntN(n-from+1))
	}
}

// TestMarkEach compares the code for this processor with the portable code.
func TestMarkEach(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	from := make([]byte, 10*markSize)
	got, want := make([]byte, len(from)/8), make([]byte, len(from)/8)
	for range 2000 {
		for i := range from {
			from[i] = byte(r.Uint32())
		}
		markBlocks(got, from)
		markEach(want, from)
		if !bytes.Equal(got, want) {
			t.Fatalf("of %q: %x, want %x", from, got, want)
		}
	}
}

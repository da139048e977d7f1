package backend

import (
	"fmt"
	"testing"
)

func TestIDSet(t *testing.T) {
	s := newIDSet(false)
	id := func(i int) []byte { return fmt.Appendf(nil, "%016x", i) }
	const n = 100_000
	for i := range n {
		if err := s.add(id(i)); err != nil {
			t.Fatal(i, err)
		}
	}
	for i := range n {
		if !s.has(id(i)) || s.has(id(n+i)) {
			t.Fatalf("%d: %v, %d: %v", i, s.has(id(i)), n+i, s.has(id(n+i)))
		}
	}
	if err := s.add(id(n / 2)); err != errAlike || s.n != n {
		t.Errorf("an id that is there: %v, %d ids", err, s.n)
	}
	if most := 22 * n; 8*len(s.slots) > most {
		t.Errorf("%d bytes for %d ids, want at most %d", 8*len(s.slots), n, most)
	}
	s.n = maxDistinct
	if err := s.add(id(n)); err != errMany {
		t.Errorf("one too many: %v", err)
	}
	if err := s.add(nil); err != errLacking {
		t.Errorf("none: %v", err)
	}
	if err := s.add([]byte("7")); err != errAlike {
		t.Errorf("a short id: %v", err)
	}
	if err := newIDSet(true).add([]byte("7,8")); err != nil {
		t.Errorf("a short id and a trace's: %v", err)
	}
}

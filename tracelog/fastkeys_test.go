package tracelog

import "testing"

// TestWordKeys finds all keys. It finds no key that differs from one of them in a byte, at its end or in its length.
func TestWordKeys(t *testing.T) {
	k := wordKeysOf()
	find := func(key string) slot {
		b := append([]byte(`12345678{"`+key), make([]byte, padding)...)
		return k.find(b, 10, 10+len(key))
	}
	check := func(key string) {
		t.Helper()
		if got, want := find(key), slots[key]; got != want {
			t.Errorf("%q has the slot %d, want %d", key, got, want)
		}
		if got, want := keySlot([]byte(key)), slots[key]; got != want {
			t.Errorf("keySlot: %q has the slot %d, want %d", key, got, want)
		}
	}
	check("")
	for key := range slots {
		check(key)
		check(key + "s")
		check(key + key)
		check(key[1:])
		check(key[:len(key)-1])
		for i := range len(key) {
			b := []byte(key)
			b[i] ^= 0x20
			check(string(b))
			b[i] = 'z'
			check(string(b))
		}
	}
}

// TestFirstFactors says which factors perfect finds, if those that it tries first do not fit the keys any more. That changes
// nothing but the time that the start of a command takes.
func TestFirstFactors(t *testing.T) {
	tries := func(first uint64, try func(factor uint64) bool) (n uint64) {
		perfect(first, func(factor uint64) bool {
			n++
			return try(factor)
		})
		return n
	}
	short := func(factor uint64) bool { return (&shortKeys{factor: factor}).add(slots) }
	if tries(shortFactor, short) != 1 {
		t.Errorf("shortFactor = %d does not fit the keys: want %d", shortFactor, tries(0, short)-1)
	}
	long := func(factor uint64) bool { return (&longKeys{factor: factor}).add(slots) }
	if tries(longFactor, long) != 1 {
		t.Errorf("longFactor = %d does not fit the keys: want %d", longFactor, tries(0, long)-1)
	}
}

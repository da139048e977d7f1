package tracelog

import (
	"slices"
	"strings"
)

// A slot is the number of one of the distinct keys of all presets; 0 is every other key. The keys that decide the
// preset, and those of wrapped lines, come first: each has a bit in a uint64.
type slot uint8

const maxSlots = 128

func (s slot) bit() uint64 { return 1 << s } // 0 for those from 64 on

// slots are the slots of all keys.
var slots = make(map[string]slot)

// slotTable is a faster form of the map slots: most keys of a line are the user's, and differ from all of these in
// the length or in one of two bytes.
var slotTable [512]struct {
	key  string
	slot slot
}

func hashKey(key []byte) uint {
	n := uint(len(key))
	return (n*37 + uint(key[0])*5 + uint(key[n-1])*67 + uint(key[n/2])*11) % uint(len(slotTable))
}

// keySlot returns the slot of a key, or 0 if the key is not known.
func keySlot(key []byte) slot {
	if len(key) == 0 {
		return 0
	}
	for i := hashKey(key); slotTable[i].slot != 0; i = (i + 1) % uint(len(slotTable)) {
		if slotTable[i].key == string(key) {
			return slotTable[i].slot
		}
	}
	return 0
}

func slotOf(key string) slot {
	s := slots[key]
	if s == 0 {
		s = slot(len(slots) + 1)
		if s >= maxSlots {
			panic("tracelog: maxSlots is too small")
		}
		slots[key] = s
	}
	return s
}

func slotsOf(keys string) []slot {
	var all []slot
	for key := range strings.FieldsSeq(keys) {
		if s := slotOf(key); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func bitsOf(keys string) (all uint64) {
	for _, s := range slotsOf(keys) {
		if s.bit() == 0 {
			panic("tracelog: more than 63 keys that decide")
		}
		all |= s.bit()
	}
	return all
}

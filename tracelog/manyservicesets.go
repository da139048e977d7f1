package tracelog

import (
	"slices"
	"strings"
)

// serviceSets numbers sets of services. The set 0 is empty.
type serviceSets struct {
	sets    []serviceSet
	numbers map[string]uint32
	next    map[[2]uint32]uint32 // by set and service: the set with both
	recent  [16]struct{ set, service, to uint32 }
}

type serviceSet struct {
	texts   []string // sorted
	members []uint32 // their numbers, in any order
}

// maxSets is how many sets of services are kept. Beyond that, some sets lack services.
const maxSets = 10_000

func (s *serviceSets) texts(set uint32) []string {
	if int(set) < len(s.sets) {
		return s.sets[set].texts
	}
	return nil
}

// with returns the number of the set that contains service as well.
func (s *serviceSets) with(set, service uint32, n *names) uint32 {
	recent := &s.recent[(set*5+service)%uint32(len(s.recent))]
	if recent.to != 0 && recent.set == set && recent.service == service {
		return recent.to
	}
	to := s.find(set, service, n)
	recent.set, recent.service, recent.to = set, service, to
	return to
}

func (s *serviceSets) find(set, service uint32, n *names) uint32 {
	if int(set) < len(s.sets) && slices.Contains(s.sets[set].members, service) {
		return set
	}
	if to, ok := s.next[[2]uint32{set, service}]; ok {
		return to
	}
	if s.next == nil {
		s.next, s.numbers, s.sets = make(map[[2]uint32]uint32), make(map[string]uint32), make([]serviceSet, 1)
	}
	old, name := s.sets[set], n.text(service)
	i, _ := slices.BinarySearch(old.texts, name)
	sum := serviceSet{slices.Insert(slices.Clone(old.texts), i, name), append(slices.Clip(old.members), service)}
	key := strings.Join(sum.texts, "\x00")
	to, ok := s.numbers[key]
	if !ok {
		if len(s.sets) >= maxSets {
			return set
		}
		to = uint32(len(s.sets))
		s.sets, s.numbers[key] = append(s.sets, sum), to
	}
	s.next[[2]uint32{set, service}] = to
	return to
}

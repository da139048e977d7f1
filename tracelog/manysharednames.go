package tracelog

import "sync"

// sharedNames gives numbers to strings, for several workers. The number of "" is 0.
type sharedNames struct {
	mu    sync.RWMutex
	names names
}

func (s *sharedNames) init() { s.names.number(nil) }

// number returns the number of a text, or -1 if there are too many.
func (s *sharedNames) number(text []byte) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names.texts) >= maxGroups {
		if n, ok := s.names.numbers[string(text)]; ok {
			return int32(n)
		}
		return -1
	}
	return int32(s.names.number(text))
}

// text returns a text by its number, or "" if there is none.
func (s *sharedNames) text(number int32) string {
	if number < 0 {
		return ""
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.names.text(uint32(number))
}

// A namesCache is a worker's cache of the numbers in sharedNames.
type namesCache struct {
	of      *sharedNames
	mine    names   // numbers of its own for the texts that this worker has seen
	shared  []int32 // by these, the numbers in of; -1 if there is none
	dropped int
}

func (c *namesCache) number(text []byte) int32 {
	n := c.mine.number(text)
	if int(n) == len(c.shared) {
		c.shared = append(c.shared, c.of.number(text))
	}
	number := c.shared[n]
	if number < 0 {
		c.dropped++
	}
	if len(c.shared) > maxGroups { // most have no number in of
		c.mine, c.shared = names{}, nil
	}
	return number
}

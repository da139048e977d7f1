package slogtrace

import "log/slog"

// An attrSet is attributes of which no two have the same key. Those without a key are all different.
// They keep the order in which their keys came.
type attrSet struct {
	attrs []slog.Attr
	index map[string]int // where each key is; nil while the attributes are few
}

// maxUnindexed is how many attributes are searched one by one: so many are faster than a map.
const maxUnindexed = 32

// add adds attrs: the last one of a key wins and takes the first one's place.
// Inline groups are flattened, empty attributes left out.
func (s *attrSet) add(attrs []slog.Attr) {
	for _, a := range attrs {
		if a.Key == "" {
			switch a.Value.Kind() {
			case slog.KindGroup:
				s.add(a.Value.Group())
				continue
			case slog.KindAny:
				if a.Value.Any() == nil {
					continue
				}
			}
		}
		if i := s.find(a.Key); i >= 0 {
			s.attrs[i] = a
			continue
		}
		if s.index != nil && a.Key != "" {
			s.index[a.Key] = len(s.attrs)
		}
		s.attrs = append(s.attrs, a)
	}
}

// find returns where the attribute of that key is, -1 if there is none.
func (s *attrSet) find(key string) int {
	if key == "" {
		return -1
	}
	if len(s.attrs) <= maxUnindexed {
		for i := range s.attrs {
			if s.attrs[i].Key == key {
				return i
			}
		}
		return -1
	}
	if s.index == nil {
		s.index = make(map[string]int, 2*len(s.attrs))
		for i, a := range s.attrs {
			if a.Key != "" {
				s.index[a.Key] = i
			}
		}
	}
	if i, ok := s.index[key]; ok {
		return i
	}
	return -1
}

// mergeAttrs adds attrs to dst, of which no two have the same key, and which it may change.
func mergeAttrs(dst, attrs []slog.Attr) []slog.Attr {
	s := attrSet{attrs: dst}
	s.add(attrs)
	return s.attrs
}

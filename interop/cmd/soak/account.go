package main

// An account says what became of the records of a sink's series. It is taken from files and receivers only.
type account struct {
	in       uint64 // records that the service made
	withheld uint64 // by the Tracer
	dropped  uint64 // by the tail handler
	arrived  uint64 // each once
	refused  uint64 // by the receiver
	missing  uint64 // by whoever dropped them: the counters must say
}

func (a *account) add(b account) {
	a.in += b.in
	a.withheld += b.withheld
	a.dropped += b.dropped
	a.arrived += b.arrived
	a.refused += b.refused
	a.missing += b.missing
}

// lap returns the account of the lap that has ended. Everything must have been flushed.
func (s *sink) lap() account {
	a := account{in: uint64(s.series.made())}
	for i := range s.series.made() {
		written, dropped, withheld := s.series.written.has(i), s.series.dropped.has(i), s.series.withheld.has(i)
		seen := s.seen.has(i)
		number := s.series.base + uint64(i) + 1
		switch {
		case !written && !dropped && !withheld || written && dropped || withheld && (written || dropped):
			s.problem("number %d: the soak does not know what must become of it", number)
		case withheld:
			a.withheld++
			if seen {
				s.problem("number %d arrived, though its trace is not sampled", number)
			}
		case dropped && s.behindTail:
			a.dropped++
			if seen {
				s.problem("number %d arrived, though its request was not worth keeping", number)
			}
		case seen:
			a.arrived++
		case s.refused.has(i):
			a.refused++
		default:
			a.missing++
		}
	}
	if a.in != a.withheld+a.dropped+a.arrived+a.refused+a.missing {
		s.problem("the account of a lap does not balance: %+v", a)
	}
	return a
}

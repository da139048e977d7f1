package backend

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"time"
)

// An IDs says which ids of spans are wanted.
type IDs struct {
	From, To time.Time // of the lines; To is exclusive
	Starts   bool      // those of starts, not of ends
	Traces   bool      // each with a comma and the trace's id behind it
}

var (
	errLacking = errors.New("a span without ids")
	errAlike   = errors.New("ids that do not tell spans apart")
	errMany    = errors.New("too many ids")
)

// An idSet holds ids, each as a number of 64 bits. Different ids may by chance have the same number, and are then taken for equal.
type idSet struct {
	traces bool // they have the traces' ids, too
	n      int
	seed   maphash.Seed
	slots  []uint64 // a power of two of them, a quarter 0. The others are numbers, each in the first that was free from its place on
}

func newIDSet(traces bool) *idSet {
	return &idSet{traces: traces, seed: maphash.MakeSeed(), slots: make([]uint64, 1<<10)}
}

// slot returns the slot with a number, or else that for it.
func (s *idSet) slot(number uint64) *uint64 {
	for i := number; ; i++ {
		slot := &s.slots[i&uint64(len(s.slots)-1)]
		if *slot == number || *slot == 0 {
			return slot
		}
	}
}

func (s *idSet) number(id []byte) uint64 { return max(1, maphash.Bytes(s.seed, id)) }

func (s *idSet) has(id []byte) bool { return *s.slot(s.number(id)) != 0 }

// longID is how many bytes a span's id has at least that is random: no span of another trace has the same one. Shorter ones may be
// numbers in their trace.
const longID = 16

// add adds an id. It returns an error if the id does not tell its span from all others, or if there are too many.
func (s *idSet) add(id []byte) error {
	switch {
	case len(id) == 0:
		return errLacking
	case !s.traces && len(id) < longID:
		return errAlike
	case s.n == maxDistinct:
		return errMany
	}
	number := s.number(id)
	slot := s.slot(number)
	if *slot != 0 {
		return errAlike
	}
	*slot = number
	if s.n++; s.n > len(s.slots)/4*3 {
		s.grow()
	}
	return nil
}

func (s *idSet) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, number := range old {
		if number != 0 {
			*s.slot(number) = number
		}
	}
}

// distinctIDs returns the ids of all ends in windows of time: of the spans alone if these are distinct, which are much less to read. An
// error is that of the store, or means that not all ends have ids, or not distinct ones.
func distinctIDs(ctx context.Context, groups Groups, windows []window) (ids *idSet, err error) {
	for _, traces := range []bool{false, true} {
		ids = newIDSet(traces)
		if err = eachID(ctx, groups, windows, IDs{Traces: traces}, ids.add); err != errAlike {
			break
		}
	}
	return ids, err
}

// eachID calls fn with the ids of windows, until it returns an error.
func eachID(ctx context.Context, groups Groups, windows []window, want IDs, fn func(id []byte) error) error {
	for _, w := range windows {
		want.From, want.To = w.from, w.to
		if err := groups.IDs(ctx, &want, fn); err != nil {
			return err
		}
	}
	return nil
}

// unfinished writes the starts in windows of time whose spans have no end.
func (s *Source) unfinished(ctx context.Context, groups Groups, ends *idSet, windows []window, q *Query, w io.Writer) error {
	most, err := s.Store.MaxIDs(ctx, q)
	if err != nil {
		return err
	}
	var missing []string // spans of which no end was read
	err = eachID(ctx, groups, windows, IDs{Starts: true, Traces: ends.traces}, func(id []byte) error {
		if len(id) == 0 || ends.has(id) {
			return nil
		}
		if len(missing) == manyChunks*most {
			return errMany
		}
		span, _, _ := bytes.Cut(id, []byte{','})
		missing = append(missing, string(span))
		return nil
	})
	switch {
	case err == errMany:
		_, err = groups.Unfinished(ctx, nil, w)
		return err
	case err != nil:
		return err
	}
	slices.Sort(missing)
	for chunk := range slices.Chunk(slices.Compact(missing), most) {
		if _, err := groups.Unfinished(ctx, chunk, w); err != nil {
			return err
		}
	}
	return nil
}

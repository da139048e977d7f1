package slogtrace

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"testing"
)

// If a key appears twice in the call of Start, the last attribute counts, also if they are neighbours.
func TestStartNeighboursOfOneKey(t *testing.T) {
	_, s := testSpan(context.Background(), "op")
	s.takeAttrs([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2), slog.Int("b", 3)})
	if want := []slog.Attr{slog.Int("a", 1), slog.Int("b", 3)}; !slices.EqualFunc(s.attrs, want, slog.Attr.Equal) {
		t.Errorf("got %v, want %v", s.attrs, want)
	}
}

// Attributes without a key are all different, with an index and without.
func TestAttrSetWithoutKeys(t *testing.T) {
	var set attrSet
	for n := range maxUnindexed + 5 {
		set.add([]slog.Attr{slog.Int("", n)})
		if len(set.attrs) != n+1 {
			t.Fatalf("%d attributes, want %d", len(set.attrs), n+1)
		}
	}
}

// A key that comes after the index was made is in the index too.
func TestAttrSetIndexGrows(t *testing.T) {
	var set attrSet
	for range 2 {
		for n := range 2 * maxUnindexed {
			set.add([]slog.Attr{slog.Int("k"+strconv.Itoa(n), n)})
		}
	}
	if len(set.attrs) != 2*maxUnindexed {
		t.Errorf("%d attributes, want %d", len(set.attrs), 2*maxUnindexed)
	}
}

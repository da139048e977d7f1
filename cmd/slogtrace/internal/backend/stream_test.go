package backend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// A Stream has each line once, holds two windows of them, and ends with the error of the query that failed.
func TestStream(t *testing.T) {
	f := &fakeStore{most: 60, away: 2}
	for i := range 2000 {
		f.times = append(f.times, begin.Add(time.Duration(i/20)*time.Second))
	}
	s, _ := newSource(f)
	files := input.Files{Spooled: 1000, Tell: s.Tell}
	defer files.Close()
	open := func() (*Stream, error) {
		return s.Stream(t.Context(), &Plan{Spans: true}, &noParts, begin, begin.Add(time.Hour), files.NewBuffer)
	}
	r, err := open()
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for small := make([]byte, 7); err == nil; {
		var n int
		n, err = r.Read(small)
		all.Write(small[:n])
		if r.reading != nil && r.reading.Size() > 5*60 {
			t.Fatalf("%d bytes are held of a window", r.reading.Size())
		}
	}
	lines := strings.Fields(all.String())
	slices.Sort(lines)
	if n := len(slices.Compact(lines)); err != io.EOF || n != 2000 || len(lines) != 2000 {
		t.Errorf("%v, %d lines, %d different ones", err, len(lines), n)
	}
	r.Close()

	s.Store = &brokenStore{f}
	if r, err = open(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err == nil || err.Error() != "fake://store: broken" {
		t.Errorf("error %v", err)
	}
	r.Close()
	if r, err = open(); err != nil {
		t.Fatal(err)
	}
	r.Close() // whatever is asked for at the moment
	if r, err := s.Stream(t.Context(), &Plan{Whole: true}, &noParts, begin, begin.Add(time.Hour), nil); r != nil || err != nil {
		t.Errorf("whole traces are streamed: %v", err)
	}
}

// A brokenStore counts lines, and fails to return them.
type brokenStore struct{ *fakeStore }

func (*brokenStore) Lines(context.Context, *Query, io.Writer) (Sum, error) {
	return Sum{}, errors.New("broken")
}

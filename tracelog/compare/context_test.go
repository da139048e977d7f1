package compare

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A countdown is a context that is done once it has been asked so often.
type countdown struct {
	context.Context
	left atomic.Int64
}

func newCountdown(n int64) *countdown {
	c := &countdown{Context: context.Background()}
	c.left.Store(n)
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// soonAfter is how often a context may be asked after it is done: once by each core and each step.
const soonAfter = 200

// Whenever its context is done, a comparison ends, and the next one finds what it should.
func TestCompareEnds(t *testing.T) {
	d := plan{traces: 120, ops: 40, sd: 0.53, icc: 0.4, planted: slowerBy(3, 1.3)}.data(1)
	want := compared(d, nil)
	const many = 1 << 40
	whole := newCountdown(many)
	if _, err := d.Compare(whole, nil); err != nil {
		t.Fatal(err)
	}
	asked := many - whole.left.Load()
	if asked < 100 {
		t.Fatalf("the context was asked only %d times", asked)
	}
	for _, n := range []int64{0, 1, 10, asked / 4, asked / 2, asked - 50, asked - 1} {
		ctx := newCountdown(n)
		if r, err := d.Compare(ctx, nil); r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("done when asked %d of %d times: %v, %v", n, asked, r != nil, err)
		}
		if more := -ctx.left.Load(); more > soonAfter {
			t.Errorf("done when asked %d of %d times: asked %d times more", n, asked, more)
		}
	}
	if diff := cmp.Diff(want, compared(d, nil), cmpopts.IgnoreUnexported(Row{}), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One test alone can need millions of permutations.
func TestSampleEnds(t *testing.T) {
	values := make([]float64, 60)
	for i := range values {
		values[i] = float64(i)
	}
	p := &permutation{scores: scoresOf(values), small: 30, extreme: math.Inf(1)} // which no permutation reaches
	p.sum()
	p.sample(newCountdown(3), math.MaxInt32, enoughHits)
	if p.done == 0 || p.done > 1<<20 || p.settled {
		t.Errorf("%d permutations, settled %t", p.done, p.settled)
	}
}

// Whenever its context is done, a search for causes ends.
func TestCausesEnd(t *testing.T) {
	planted := attributed{slow: factorIf(3, func(a map[string]any) bool { return a["tenant"] == "t07" || a["region"] == "eu" })}
	p := planted.population(1000, 1, false)
	o := &CauseOptions{Slow: 0.8}
	want := causesIn(p, o)
	const many = 1 << 40
	whole := newCountdown(many)
	if _, err := p.Causes(whole, o); err != nil {
		t.Fatal(err)
	}
	asked := many - whole.left.Load()
	if asked < 20 {
		t.Fatalf("the context was asked only %d times", asked)
	}
	for n := range asked {
		ctx := newCountdown(n)
		if r, err := p.Causes(ctx, o); r != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("done when asked %d of %d times: %v, %v", n, asked, r != nil, err)
		}
		if more := -ctx.left.Load(); more > soonAfter {
			t.Errorf("done when asked %d of %d times: asked %d times more", n, asked, more)
		}
	}
	if diff := cmp.Diff(want, causesIn(p, o)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

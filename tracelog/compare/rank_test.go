package compare

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Keys are in the order of their numbers, whatever their durations and however many there are.
func TestSortKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 999, 1000, 5000} {
		for name, duration := range map[string]func() float32{
			"any":   func() float32 { return float32(math.Exp(80 * (r.Float64() - 0.5))) },
			"few":   func() float32 { return float32(r.IntN(5)) },
			"close": func() float32 { return math.Float32frombits(math.Float32bits(1e6) + r.Uint32N(3000)) },
			"ends":  func() float32 { return []float32{0, math.SmallestNonzeroFloat32, math.MaxFloat32}[r.IntN(3)] },
		} {
			var keys []spanKey
			for i := range n {
				keys = append(keys, keyOf(duration(), i/2))
			}
			want := slices.Sorted(slices.Values(keys))
			if got := sortKeys(keys); !slices.Equal(got, want) {
				t.Errorf("%d keys, %s: not in order", n, name)
			}
		}
	}
}

package draw_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/slogtrace/slogtrace/tracelog/draw"
)

func ExampleSparkline() {
	fmt.Println(draw.Sparkline([]float64{3, 5, 8, 0, 1, 40, 22}))
	// Output: ▁▁▂ ▁█▅
}

func TestSparkline(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		values []float64
		want   string
	}{
		{nil, ""}, {[]float64{0}, " "}, {[]float64{7}, "█"}, {[]float64{1, 2, 3, 4, 5, 6, 7, 8}, "▁▂▃▄▅▆▇█"},
		{[]float64{nan, 1, 2, -3}, " ▄█ "}, {[]float64{1, nan}, "█ "}, {[]float64{inf, 1}, "██"}, {[]float64{inf}, "█"},
		{[]float64{math.SmallestNonzeroFloat64, math.MaxFloat64}, "▁█"}, {[]float64{math.SmallestNonzeroFloat64}, "█"},
	} {
		if got := draw.Sparkline(test.values); got != test.want {
			t.Errorf("%v: %q, want %q", test.values, got, test.want)
		}
	}
}

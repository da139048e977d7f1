package loggen

import (
	"bufio"
	"encoding/hex"
	"math/rand/v2"
)

type generator struct {
	out    *bufio.Writer
	rand   *rand.Rand
	hard   bool
	repeat int
	now    int64
	seq    int
	open   int
	lines  lines
	truth  Truth
	buf    []byte

	copies []copied // in hard logs: lines to write again
}

type lines []*record

func (l lines) Len() int { return len(l) }

func (l lines) Less(i, j int) bool {
	if l[i].at != l[j].at {
		return l[i].at < l[j].at
	}
	return l[i].seq < l[j].seq
}

func (l lines) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

func (l *lines) Push(x any) { *l = append(*l, x.(*record)) }

func (l *lines) Pop() any {
	old := *l
	x := old[len(old)-1]
	*l = old[:len(old)-1]
	return x
}

type copied struct {
	due  int
	line []byte
}

func (g *generator) hex(n int) string {
	var b [16]byte
	for i := 0; i < n; i += 8 {
		x := g.rand.Uint64()
		for j := range 8 {
			b[i+j] = byte(x >> (8 * j))
		}
	}
	return hex.EncodeToString(b[:n])
}

func (g *generator) chance(p float64) bool { return g.rand.Float64() < p }

// micros returns a duration around a typical one, with a long tail.
func (g *generator) micros(typical int64) int64 {
	f := 1 + 0.3*g.rand.ExpFloat64()
	if g.chance(0.02) {
		f *= 2 + 8*g.rand.Float64()
	}
	return max(1, int64(float64(typical)*f)+g.rand.Int64N(50))
}

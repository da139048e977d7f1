package draw

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

// foldFrom is how many alike siblings are drawn as one row.
const foldFrom = 5

// A plan is which spans are drawn, if not all of them are.
type plan struct {
	opts *Options

	// kids are the spans to draw below a span whose children are not all drawn. Those of nil are the roots. A row that
	// stands for several siblings is a span of its own, which is in folds.
	kids   map[*tracelog.Span][]*tracelog.Span
	folds  map[*tracelog.Span]*fold
	hidden map[*tracelog.Span]int // how many spans below a span are not drawn, because of Options.Depth

	notFailed int // how many spans are not drawn, because of Options.Failed

	problems map[*tracelog.Span][]tracelog.ProblemKind
	ops      map[string]string // by op, without numbers and ids
	seed     maphash.Seed
	hash     []byte
}

// A fold is several alike siblings in one row.
type fold struct {
	row   *tracelog.Span // which is drawn
	spans []*tracelog.Span
	subtree
	stat   tracelog.Stat
	beside int // how many siblings of the same name failed and have rows of their own
}

// A subtree is what is known of a span and those below it.
type subtree struct {
	alike    uint64 // the same for subtrees that look alike
	spans    int
	failed   int
	lines    int
	warnings int // of the lines: at level Warn or above
	problems int // how many spans have one
}

// newPlan returns the plan of a trace, or nil if everything is drawn.
func newPlan(t *tracelog.Trace, o *Options, problems map[*tracelog.Span][]tracelog.ProblemKind) *plan {
	if o.Stable || !o.Fold && o.Depth < 1 && !o.Failed {
		return nil
	}
	p := &plan{
		opts: o, kids: make(map[*tracelog.Span][]*tracelog.Span), folds: make(map[*tracelog.Span]*fold),
		hidden: make(map[*tracelog.Span]int), problems: problems, ops: make(map[string]string), seed: maphash.MakeSeed(),
	}
	// Children before parents, without recursion, since traces may be a million levels deep.
	type frame struct {
		span  *tracelog.Span
		kids  []*tracelog.Span
		trees []subtree // of the kids so far
	}
	stack := []frame{{kids: t.Roots, trees: make([]subtree, 0, len(t.Roots))}}
	for {
		top := &stack[len(stack)-1]
		if n := len(top.trees); n < len(top.kids) {
			s := top.kids[n]
			f := frame{span: s, kids: s.Children}
			if len(f.kids) > 0 {
				f.trees = make([]subtree, 0, len(f.kids))
			}
			stack = append(stack, f)
			continue
		}
		tree := p.choose(top.span, top.kids, top.trees, len(stack)-1)
		if stack = stack[:len(stack)-1]; len(stack) == 0 {
			return p
		}
		above := &stack[len(stack)-1]
		above.trees = append(above.trees, tree)
	}
}

// choose decides what is drawn below a span, and returns what is known of its subtree. Depth is that of the kids.
func (p *plan) choose(s *tracelog.Span, kids []*tracelog.Span, trees []subtree, depth int) subtree {
	var sum subtree
	for i := range trees {
		sum.add(&trees[i])
	}
	drawn, shown := kids, trees
	if p.opts.Failed && sum.failed < sum.spans {
		drawn, shown = nil, nil
		for i := range kids {
			if trees[i].failed > 0 {
				drawn, shown = append(drawn, kids[i]), append(shown, trees[i])
			} else {
				p.notFailed++ // those below it have been counted
			}
		}
	}
	if p.opts.Depth > 0 && depth >= p.opts.Depth {
		if drawn = nil; sum.spans > 0 {
			p.hidden[s] = sum.spans
		}
	} else if p.opts.Fold && len(drawn) >= foldFrom {
		drawn = p.fold(s, drawn, shown)
	}
	if len(drawn) != len(kids) {
		p.kids[s] = drawn
	}
	if s == nil {
		return sum
	}
	sum.alike = p.alike(s, trees)
	sum.spans++
	if s.Failed {
		sum.failed++
	}
	sum.lines += len(s.Logs)
	for i := range s.Logs {
		if level, ok := tracelog.ParseLevel(s.Logs[i].Level); ok && level >= slog.LevelWarn {
			sum.warnings++
		}
	}
	if slices.ContainsFunc(p.problems[s], func(k tracelog.ProblemKind) bool { return k != tracelog.DuplicateRecords }) {
		sum.problems++
	}
	return sum
}

func (t *subtree) add(other *subtree) {
	t.spans += other.spans
	t.failed += other.failed
	t.lines += other.lines
	t.warnings += other.warnings
	t.problems += other.problems
}

// fold makes one row of alike siblings, where their first one is.
func (p *plan) fold(parent *tracelog.Span, kids []*tracelog.Span, trees []subtree) []*tracelog.Span {
	count := make(map[uint64]int)
	failed := make(map[[2]string]int)
	for i := range kids {
		count[trees[i].alike]++
		if trees[i].failed > 0 {
			failed[[2]string{p.op(kids[i].Op), kids[i].Service}]++
		}
	}
	rows := make(map[uint64]*fold)
	var drawn []*tracelog.Span
	for i, s := range kids {
		tree := &trees[i]
		if count[tree.alike] < foldFrom {
			drawn = append(drawn, s)
			continue
		}
		f := rows[tree.alike]
		if f == nil {
			f = new(fold)
			f.row = &tracelog.Span{Op: s.Op, Service: s.Service, Kind: s.Kind, State: s.State, Start: s.Start, Failed: s.Failed, Error: s.Error, Parent: parent}
			rows[tree.alike], p.folds[f.row] = f, f
			drawn = append(drawn, f.row)
			if tree.failed == 0 {
				f.beside = failed[[2]string{p.op(s.Op), s.Service}]
			}
		} else if f.row.Op != s.Op {
			f.row.Op = p.op(s.Op)
		}
		f.spans = append(f.spans, s)
		f.add(tree)
		if s.State == tracelog.Ended {
			f.stat.Add(s.Duration, s.Failed, 1)
		}
	}
	return drawn
}

// alike returns a number that is the same for spans that look alike: of one operation, apart from numbers and ids in it, of
// one service, kind, state and error, with children that look alike, however many.
func (p *plan) alike(s *tracelog.Span, below []subtree) uint64 {
	b := p.hash[:0]
	for _, text := range [...]string{p.op(s.Op), s.Service, s.Kind} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = append(b, byte(s.State))
	if s.Failed {
		b = append(append(b, 1), p.op(s.Error)...)
	}
	b = append(b, 0)
	kinds := make([]uint64, 0, 8)
	for i := range below {
		if !slices.Contains(kinds, below[i].alike) {
			if kinds = append(kinds, below[i].alike); len(kinds) == maxKinds {
				break
			}
		}
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		b = binary.LittleEndian.AppendUint64(b, kind)
	}
	p.hash = b
	return maphash.Bytes(p.seed, b)
}

// maxKinds limits the kinds of children that are compared, so that the time stays linear.
const maxKinds = 32

// maxOps limits the texts that are remembered.
const maxOps = 10_000

// op returns a text without numbers and ids.
func (p *plan) op(text string) string {
	folded, ok := p.ops[text]
	if !ok {
		if folded = tracelog.Fold(text); len(p.ops) < maxOps {
			p.ops[text] = folded
		}
	}
	return folded
}

// drawn yields the spans that are drawn, with their depth.
func (p *printer) drawn() iter.Seq2[int, *tracelog.Span] {
	if p.plan == nil {
		return p.t.All()
	}
	return func(yield func(int, *tracelog.Span) bool) {
		stack := [][]*tracelog.Span{p.branch(nil).kids}
		for len(stack) > 0 {
			top := len(stack) - 1
			if len(stack[top]) == 0 {
				stack = stack[:top]
				continue
			}
			s := stack[top][0]
			stack[top] = stack[top][1:]
			if !yield(top, s) {
				return
			}
			stack = append(stack, p.branch(s).kids)
		}
	}
}

// foldOf returns the fold that a span stands for, or nil.
func (p *printer) foldOf(s *tracelog.Span) *fold {
	if p.plan == nil {
		return nil
	}
	return p.plan.folds[s]
}

// note is the text about a fold.
func (f *fold) note(add func(style, string)) {
	if f.row.Failed {
		add(styleRed, strings.TrimRight("✗ "+visible(cmp.Or(f.row.Error, "failed"), maxText), " "))
	}
	if f.row.State == tracelog.Ended {
		add(styleDim, "in all, p50 "+formatDuration(f.stat.Quantile(0.5))+", p95 "+formatDuration(f.stat.Quantile(0.95))+", max "+formatDuration(f.stat.Max()))
	} else {
		add(styleYellow, "… "+f.row.State.String())
	}
	if n := f.beside; n > 0 {
		add(styleRed, strconv.Itoa(n)+" more failed")
	}
	if n := f.failed; n > 0 && !f.row.Failed {
		add(styleRed, strconv.Itoa(n)+" failed below")
	}
	if n := f.subtree.spans - len(f.spans); n > 0 {
		add(styleDim, "with "+count(n, "span")+" below")
	}
	if f.lines > 0 {
		text, st := count(f.lines, "line"), styleDim
		if f.warnings > 0 {
			text, st = text+", "+strconv.Itoa(f.warnings)+" at WARN or above", styleYellow
		}
		add(st, text)
	}
	if f.problems > 0 {
		add(styleYellow, "! problems of "+count(f.problems, "span"))
	}
}

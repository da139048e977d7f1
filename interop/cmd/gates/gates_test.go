package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A subject that does not do its job must not be measured.
func TestSubjects(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			if err := verify(j); err != nil {
				t.Error(err)
			}
		})
	}
}

// What verify is for: each of these does something else than the job says.
func TestVerifyRefuses(t *testing.T) {
	find := func(name string) job {
		return jobs()[slices.IndexFunc(jobs(), func(j job) bool { return j.name == name })]
	}
	lying := plain
	lying.ids = oursKeys
	other := prebound
	other.open = func(sk *sink) (*session, error) {
		s, err := openPrebound(sk)
		s.at.span = parentText
		return s, err
	}
	silent := oursJSON
	silent.open = func(sk *sink) (*session, error) {
		s, err := oursJSON.open(&sink{lines: new(bytes.Buffer)})
		return s, err
	}
	flat := oursJSON
	flat.open = func(sk *sink) (*session, error) {
		s, err := oursJSON.open(sk)
		s.request = func(log logFunc) { log(s.logger, s.ctx) }
		return s, err
	}
	stranger := oursJSON
	stranger.open = func(sk *sink) (*session, error) {
		s, err := oursJSON.open(sk)
		s.at.span = spanText
		return s, err
	}
	for _, test := range []struct {
		name, job string
		tool      tool
		want      string
	}{
		{"no ids", "J1", lying, "want the ids"},
		{"another span's ids", "J1", other, "want the ids"},
		{"no lines", "J1", silent, "want 4 lines"},
		{"ids in the group", "J1g", func() tool { t := naive; t.ids.inGroup = false; return t }(), "want the ids"},
		{"too few lines", "J4", flat, "want 40 lines"},
		{"another parent", "J2", stranger, "want a child"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := find(test.job)
			j.tools = []tool{test.tool}
			if err := verify(j); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want an error with %q, got %v", test.want, err)
			}
		})
	}
}

// Each row has a floor in its job, each gate a row, and names are unique.
func TestNames(t *testing.T) {
	rows := map[[2]string]bool{}
	var names []string
	for _, j := range jobs() {
		names = append(names, j.name)
		var subjects []subject
		for _, tool := range j.tools {
			subjects = append(subjects, j.subjects(tool)...)
			if tool.peer != "" && !slices.ContainsFunc(peers, func(p peer) bool { return p.name == tool.peer }) {
				t.Errorf("%s: %s: there is no peer %q", j.name, tool.name, tool.peer)
			}
		}
		if j.bare != "" && !slices.ContainsFunc(subjects, func(s subject) bool { return s.name == j.bare }) {
			t.Errorf("%s: %q is no row", j.name, j.bare)
		}
		for _, s := range subjects {
			if rows[[2]string{j.name, s.name}] {
				t.Errorf("%s: two rows are named %q", j.name, s.name)
			}
			rows[[2]string{j.name, s.name}] = true
			if !slices.ContainsFunc(subjects, func(f subject) bool { return f.name == s.floor && f.floor == f.name }) {
				t.Errorf("%s: %s: %q is no floor", j.name, s.name, s.floor)
			}
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("two jobs have one name: %q", names)
	}
	for _, g := range gates {
		if !rows[[2]string{g.job, g.subject}] {
			t.Errorf("the gate of %s: %s has no row", g.job, g.subject)
		}
	}
}

// The committed table has the rows that would be measured, and the two files say the same.
func TestCommitted(t *testing.T) {
	r, err := readResult("../../gates.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../gates.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.markdown(), string(text)); diff != "" {
		t.Errorf("-gates.json +gates.md:\n%s", diff)
	}
	if datadog.open == nil {
		return // its rows are missing on this system
	}
	var want, got []string
	for _, j := range jobs() {
		for _, tool := range j.tools {
			for _, s := range j.subjects(tool) {
				want = append(want, j.name+": "+s.name)
			}
		}
	}
	for _, j := range r.Jobs {
		for _, row := range j.Rows {
			got = append(got, j.Name+": "+row.Subject)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-measured +committed): go run ./cmd/gates -json gates.json -md gates.md\n%s", diff)
	}
}

func TestQuartiles(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   [3]float64
	}{
		{nil, [3]float64{}},
		{[]float64{7}, [3]float64{7, 7, 7}},
		{[]float64{4, 1, 3, 2}, [3]float64{1.75, 2.5, 3.25}},
		{[]float64{5, 1, 4, 2, 3}, [3]float64{2, 3, 4}},
		{[]float64{1, 1, 1, 1, 1000}, [3]float64{1, 1, 1}},
	} {
		q1, m, q3 := quartiles(test.values)
		if got := [3]float64{q1, m, q3}; got != test.want {
			t.Errorf("quartiles(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

// A machine that is slower by a half in one round is so for the subject and its floor.
func TestRatios(t *testing.T) {
	got := ratios([]float64{10, 15, 12, 9}, []float64{20, 30, 10, 0}, nil)
	if want := []float64{0.5, 0.5, 1.2}; !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	got = ratios([]float64{10, 15, 4, 12}, []float64{20, 30, 24, 3}, []float64{4, 5, 4, 4})
	if want := []float64{0.375, 0.4, 0}; !slices.Equal(got, want) {
		t.Errorf("without what both have in common: want %v, got %v", want, got)
	}
}

func TestJudge(t *testing.T) {
	plain := gate{ratio: 0.5, allocs: 2}
	excused := gate{ratio: 0.5, allocs: 2, known: &known{Ratio: 0.8, Allocs: 3}}
	for _, test := range []struct {
		name      string
		gate      gate
		ratio     float64
		allocs    int
		tolerance float64
		want      status
	}{
		{"holds", plain, 0.5, 2, 0, pass},
		{"above", plain, 0.51, 2, 0, fail},
		{"within the tolerance", plain, 0.57, 2, 0.15, pass},
		{"above the tolerance", plain, 0.58, 2, 0.15, fail},
		{"allocations have none", plain, 0.4, 3, 0.15, fail},
		{"no gate on allocations", gate{ratio: 0.5, allocs: -1}, 0.4, 99, 0, pass},
		{"known", excused, 0.8, 3, 0, knownToFail},
		{"known allocations", excused, 0.4, 3, 0, knownToFail},
		{"better than known", excused, 0.5, 2, 0, pass},
		{"worse than known", excused, 0.9, 2, 0, fail},
		{"more allocations than known", excused, 0.4, 4, 0, fail},
	} {
		if got := test.gate.judge(test.ratio, test.allocs, test.tolerance); got != test.want {
			t.Errorf("%s: want %q, got %q", test.name, test.want, got)
		}
	}
}

func TestCheck(t *testing.T) {
	ofJ2 := func(rows ...rowResult) *result { return &result{Jobs: []jobResult{{Name: "J2", Rows: rows}}} }
	base := rowResult{Subject: "x", Ratio: 3, Allocs: 4}
	more, rough, ours, lossy := base, base, base, base
	more.Allocs = 5
	rough.Approximate = "a reason"
	ours.Subject, ours.Ratio, ours.Allocs = own, 9, 2
	lossy.Lost, lossy.LostOf = 1, 10
	far := rough
	far.Allocs = 6
	for _, test := range []struct {
		name      string
		got, want *result
		deviation string
	}{
		{"same", ofJ2(base), ofJ2(base), ""},
		{"a row too few", ofJ2(), ofJ2(base), "J2: x: is in the committed table, was not measured"},
		{"a row too many", ofJ2(base), ofJ2(), "J2: x: was measured, is not in the committed table"},
		{"a job too few", &result{}, ofJ2(), "J2: is in the committed table, was not measured"},
		{"a job too many", ofJ2(), &result{}, "J2: was measured, is not in the committed table"},
		{"allocations", ofJ2(more), ofJ2(base), "J2: x: want 4 allocations as in the committed table, got 5"},
		{"allocations that differ by one", ofJ2(more), ofJ2(rough), ""},
		{"allocations that differ by two", ofJ2(far), ofJ2(base), "J2: x: want 4 allocations as in the committed table, got 6"},
		{
			"a gate", ofJ2(ours), ofJ2(ours),
			"J2: slogtrace.JSONHandler: want a ratio of at most 0.50 (and 15%) and 2 allocations, got 9.000 and 2 allocations",
		},
		{"other findings", &result{Handlers: []handlerResult{judgedPhuslu.result(nil)}}, &result{}, ""},
		{"losses", ofJ2(lossy), ofJ2(base), "J2: x: lost 1 of 10 spans or records"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.deviation, strings.Join(check(test.got, test.want, 0.15), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCPUTime(t *testing.T) {
	before, err := cpuTime()
	if err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
	}
	after, err := cpuTime()
	if err != nil || after <= before {
		t.Errorf("want more than %v, got %v, %v", before, after, err)
	}
}

// A whole run, of one job and one round, and then a check against what it wrote.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	json, md := filepath.Join(dir, "gates.json"), filepath.Join(dir, "gates.md")
	var stdout, stderr bytes.Buffer
	run([]string{"-rounds", "1", "-batch", "1ms", "-job", "source", "-json", json, "-md", md}, &stdout, &stderr)
	text, err := os.ReadFile(md)
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if diff := cmp.Diff(stdout.String(), string(text)); diff != "" {
		t.Errorf("-stdout +md:\n%s", diff)
	}
	for _, want := range []string{"## source: J1 with AddSource", "| " + ownInfo, "| slog.JSONHandler, ids bound, LogAttrs"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("want %q in\n%s", want, &stdout)
		}
	}
	r, err := readResult(json)
	if err != nil {
		t.Fatal(err)
	}
	if floor := r.Jobs[0].Rows[0]; floor.Ratio != 1 || floor.Floor != floor.Subject || math.IsNaN(floor.CPU) {
		t.Errorf("want a floor with ratio 1, got %+v", floor)
	}

	run([]string{"-rounds", "1", "-batch", "1ms", "-job", "replace", "-merge", json, "-json", json}, new(bytes.Buffer), &stderr)
	r, err = readResult(json)
	if err != nil || len(r.Jobs) != 2 || r.Jobs[0].Origin != nil || r.Jobs[1].Origin == nil || r.Jobs[1].Name != "replace" {
		t.Errorf("-merge: want the jobs source and replace, the latter with its origin, got %+v, %v\n%s", r, err, &stderr)
	}
}

// A job that is opened often has the turns of all openings, each with sessions of its own, and closes them all.
func TestOpenings(t *testing.T) {
	var sessions []*session
	closed := 0
	o := oursJSON
	o.open = func(sk *sink) (*session, error) {
		s, err := oursJSON.open(sk)
		s.close = func() { closed++ }
		sessions = append(sessions, s)
		return s, err
	}
	j := job{
		name: "often", often: 3, tools: []tool{o},
		subjects: func(tool) []subject {
			return []subject{{"logs", "logs", func(s *session) work { return logMany(s.logger, s.ctx, logAttrs) }}}
		},
	}
	got, err := j.measure(5, time.Millisecond, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	e := got.entries[0]
	if len(sessions) != 3 || closed != 0 || e.session != sessions[2] {
		t.Errorf("want three sessions, all open, and the last one in use, got %d, %d closed", len(sessions), closed)
	}
	if long, short := len(e.long.cpu), len(e.short.wall); long != 5 || short != 3*5*shortTurns {
		t.Errorf("want 5 long turns and %d short ones, got %d and %d", 3*5*shortTurns, long, short)
	}
	if got.close(); closed != 3 {
		t.Errorf("%d of three sessions are closed", closed)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-rounds", "x"}, {"-batch", "0s"}, {"-tolerance", "-1"}, {"-job", "("}, {"-job", "nothing"}, {"extra"}, {"-nosuch"},
	} {
		var stdout, stderr bytes.Buffer
		if got := run(args, &stdout, &stderr); got != 2 || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%q: want exit status 2 and words on stderr, got %d, %q, %q", args, got, &stdout, &stderr)
		}
	}
	if got := run([]string{"-check", filepath.Join(t.TempDir(), "none")}, new(bytes.Buffer), new(bytes.Buffer)); got != 1 {
		t.Errorf("no file to check: want exit status 1, got %d", got)
	}
}

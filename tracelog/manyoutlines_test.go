package tracelog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// Many traces have lines in any order, and some lines twice. Each outline equals one that is made by the definitions
// from all lines in memory.
func TestScanOutlinesOfMany(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)
	var lines []string
	line := func(members ...any) {
		var b strings.Builder
		for i := 0; i < len(members); i += 2 {
			if members[i+1] == "" {
				continue
			}
			value, err := json.Marshal(members[i+1])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, `,"%s":%s`, members[i], value)
		}
		lines = append(lines, "{"+b.String()[1:]+"}\n")
		if random.IntN(10) == 0 {
			lines = append(lines, lines[len(lines)-1])
		}
	}
	// A cache by length and last letter would confuse these names.
	pick := func(names ...string) string { return names[random.IntN(len(names))] }
	service := func() string { return pick("", "api-a", "bpi-a", "cpi-a", "worker", "b", "c", "d", "e", "f") }
	op := func() string { return pick("GET /a", "PUT /a", "op", "no", "a longer one") }
	// More traces than fit into a worker's own table, some of them with more spans than fit into a row.
	for trace := range 3 * maxMine {
		id := fmt.Sprintf("%032x", trace+1)
		if trace%5 == 0 {
			id = fmt.Sprintf("Trace-%d", trace)
		}
		for span := range random.IntN(14) {
			at := begin.Add(time.Duration(random.Int64N(int64(time.Hour))))
			parent, kind, failed := "", "", ""
			if span > 0 && trace%7 > 0 || trace%3 == 0 {
				parent, kind = "up", pick("", externalParent) // not "0", which is no id
			}
			if random.IntN(8) == 0 {
				failed = pick("timeout", "refused", "no room")
			}
			lasted := 1 + random.IntN(1000)
			switch random.IntN(4) {
			case 0:
				line("time", at, "msg", "span start", "trace", id, "span", fmt.Sprint(span), "op", op(), "service", service())
			case 1:
				line("time", at, "msg", "a line", "trace", id, "span", fmt.Sprint(span), "op", op(), "service", service())
			}
			line("time", at.Add(time.Second), "msg", "span end", "trace", id, "span", fmt.Sprint(span), "op", op(),
				"service", service(), "parent", parent, "parent_kind", kind, "start", at, "duration_ms", lasted, "error", failed)
		}
		line("msg", "without a time", "trace", id, "service", service())
		// So many services that a worker forgets their names, and uses their numbers for others.
		line("time", begin.Add(2*time.Hour), "msg", "of a service of its own", "trace", id, "service", fmt.Sprint("its-", trace))
		line("time", begin.Add(3*time.Hour), "msg", "of one more", "trace", id, "service", fmt.Sprint("more-", trace))
	}
	match := func(op string) bool { return strings.HasSuffix(op, "/a") }
	want := outlinesByHand(t, strings.Join(lines, ""), match)
	for _, workers := range []int{1, 3, 2, 1} {
		log := strings.Join(lines, "") // at first, the lines of each trace are together
		random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		s, err := ScanOutlines(t.Context(), []Input{{"f", strings.NewReader(log)}}, &OutlineOptions{
			ScanOptions: ScanOptions{Workers: workers, chunk: 1 << 14},
			Match:       func(r *Record) bool { return match(string(r.Op())) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(want, slices.Collect(s.All(nil))); d != "" {
			t.Fatalf("%d workers: -want +got\n%.4000s", workers, d)
		}
		failed := func(o *Outline) bool { return o.Errors > 0 }
		matched := slices.DeleteFunc(slices.Clone(want), func(o Outline) bool { return o.Matched == 0 || !failed(&o) })
		if d := gocmp.Diff(matched, slices.Collect(s.Matched(failed))); d != "" || len(matched) == 0 {
			t.Errorf("%d workers: %d matched: -want +got\n%.4000s", workers, len(matched), d)
		}
		if s.Len() != len(want) || len(slices.Collect(s.IDs())) != len(want) {
			t.Errorf("%d traces, %d ids, want %d", s.Len(), len(slices.Collect(s.IDs())), len(want))
		}
	}
}

func outlinesByHand(t *testing.T, log string, match func(op string) bool) []Outline {
	t.Helper()
	traces := make(map[string][]Entry)
	entries, _ := scanAll(t, []byte(log))
	for _, e := range entries {
		traces[e.Trace] = append(traces[e.Trace], e)
	}
	var all []Outline
	for id, lines := range traces {
		all = append(all, outlineByHand(id, lines, match))
	}
	slices.SortFunc(all, func(a, b Outline) int {
		if a.Start.IsZero() != b.Start.IsZero() {
			if a.Start.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID))
	})
	return all
}

func outlineByHand(id string, lines []Entry, match func(op string) bool) Outline {
	o := Outline{ID: id}
	var times []time.Time
	var ends, failed, roots, firsts []Entry
	for _, e := range lines {
		if match(e.Op) {
			o.Matched++
		}
		if e.Service != "" && !slices.Contains(o.Services, e.Service) {
			o.Services = append(o.Services, e.Service)
		}
		switch {
		case e.Event == EventEnd:
			times = append(times, e.Start, e.Start.Add(e.Duration))
			again := slices.ContainsFunc(ends, func(x Entry) bool {
				return x.Span == e.Span && x.Duration == e.Duration && x.Failed == e.Failed
			})
			if again {
				break
			}
			ends = append(ends, e)
			if e.Failed {
				failed = append(failed, e)
			}
			if e.Parent == "" {
				roots = append(roots, e)
			}
		default:
			if e.Event == EventLog {
				o.Logs++
			} else {
				o.Starts++
			}
			if !e.Time.IsZero() {
				times = append(times, e.Time)
			}
			firsts = append(firsts, e)
		}
	}
	slices.Sort(o.Services)
	o.Spans, o.Errors = len(ends), len(failed)
	if len(times) > 0 {
		o.Start, o.End = slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)
	}
	switch first := func(a, b Entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(b.Duration, a.Duration), -strings.Compare(a.Op, b.Op), -strings.Compare(a.Service, b.Service))
	}; {
	case len(roots) > 0:
		root := slices.MinFunc(roots, first)
		o.Op, o.Service, o.Failed = root.Op, root.Service, root.Failed
	case len(ends) > 0:
		root := slices.MinFunc(ends, first)
		o.Op, o.Service, o.Failed, o.External = root.Op, root.Service, root.Failed, root.ParentKind == externalParent
	default:
		line := slices.MinFunc(firsts, func(a, b Entry) int {
			if a.Time.IsZero() != b.Time.IsZero() {
				return -a.Time.Compare(b.Time) // a line with a time comes before one without
			}
			return cmp.Or(a.Time.Compare(b.Time), -strings.Compare(a.Op, b.Op), -strings.Compare(a.Service, b.Service))
		})
		o.Op, o.Service = line.Op, line.Service
	}
	if len(failed) > 0 {
		e := slices.MinFunc(failed, func(a, b Entry) int {
			return cmp.Or(a.Start.Add(a.Duration).Compare(b.Start.Add(b.Duration)), strings.Compare(a.Error, b.Error), strings.Compare(a.Op, b.Op))
		})
		o.Error, o.ErrorOp = e.Error, e.Op
	}
	return o
}

// Consecutive lines may have different keys in the same position that begin alike.
func TestKeysThatBeginAlike(t *testing.T) {
	var log bytes.Buffer
	keys := []string{"trace", "trace_id", "tracer", "t", "op", "o", "ops", "", "span", "spa", "span_id", "trace.id", `t\u0072ace`, "é", "msg", "kind"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		log.WriteByte('{')
		for i := range 1 + random.IntN(6) {
			if i > 0 {
				log.WriteByte(',')
			}
			fmt.Fprintf(&log, `"%s":"%d"`, keys[random.IntN(len(keys))], random.IntN(3))
		}
		log.WriteString("}\n")
	}
	var want, got []string
	entries, _ := scanAll(t, log.Bytes())
	for _, e := range entries {
		want = append(want, fmt.Sprintf("%q %q %q %q", e.Trace, e.Span, e.Op, e.Message))
	}
	_, err := ScanRecords(t.Context(), []Input{{"f", bytes.NewReader(log.Bytes())}}, &ScanOptions{Workers: 1}, func() func(*Record) {
		return func(r *Record) {
			got = append(got, fmt.Sprintf("%q %q %q %q", r.Trace(), r.Span(), r.Op(), r.Message()))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%.2000s", d)
	}
}

// An outline has the error and its op, or neither if there are too many different errors.
func TestOutlineErrorsBounded(t *testing.T) {
	const n = 3 * outlineShards * maxShardErrors / 2
	var log bytes.Buffer
	for i := range n {
		fmt.Fprintf(&log, `{"time":"2026-03-01T09:15:00Z","msg":"span end","trace":"t%d","span":"s","op":"pay",`+
			`"start":"2026-03-01T09:15:00Z","duration_ms":1,"error":"card %[1]d declined"}`+"\n", i)
	}
	s, err := ScanOutlines(t.Context(), []Input{{"f", bytes.NewReader(log.Bytes())}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for o := range s.All(nil) {
		switch [2]string{o.Error, o.ErrorOp} {
		case [2]string{"card " + o.ID[1:] + " declined", "pay"}:
			kept++
		case [2]string{}:
		default:
			t.Fatalf("%+v", o)
		}
		if o.Errors != 1 {
			t.Fatalf("%+v", o)
		}
	}
	if most := outlineShards * maxShardErrors; kept > most || kept < most*9/10 {
		t.Errorf("the errors of %d traces are kept, want nearly %d", kept, most)
	}
}

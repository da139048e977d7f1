package tracetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"encoding/json"

	"github.com/google/go-cmp/cmp"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/tracetest"
)

func TestRecordTree(t *testing.T) {
	rec := tracetest.Record(t)
	err := slogtrace.Do(t.Context(), "book", func(ctx context.Context) error {
		slog.InfoContext(ctx, "not a span")
		_, s := slogtrace.Start(ctx, "calendar.reserve", slog.String("room", "blue"))
		s.End()
		return slogtrace.Do(ctx, "pay", func(context.Context) error { return errors.New("card declined") })
	}, slog.Int("seats", 2))
	if err == nil {
		t.Fatal("Do lost the error")
	}
	want := strings.TrimPrefix(`
book  seats=2  ✗ card declined
├─ calendar.reserve  room=blue
└─ pay  ✗ card declined
`, "\n")
	if diff := cmp.Diff(want, rec.Tree()); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	if n := len(rec.Entries()); n != 4 {
		t.Errorf("got %d entries, want 4: three spans and a line", n)
	}
	rec.Reset()
	if got := rec.Tree(); got != "" {
		t.Errorf("after Reset the tree is %q", got)
	}
}

// The order of concurrent spans is chance. The tree must not show it.
func TestTreeIsStable(t *testing.T) {
	want := ""
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			rec := tracetest.NewRecorder()
			tracer := slogtrace.NewTracer(rec, nil)
			ctx, root := tracer.Start(t.Context(), "book")
			var wg sync.WaitGroup
			for _, who := range []string{"ada", "bob", "eve"} {
				wg.Go(func() {
					time.Sleep(rand.N(time.Second))
					_, s := slogtrace.Start(ctx, "mail", slog.String("to", who))
					// Longer than the time between their starts, so that they overlap.
					time.Sleep(time.Second + rand.N(time.Second))
					s.End()
				})
			}
			wg.Wait()
			time.Sleep(time.Millisecond)
			_, s := slogtrace.Start(ctx, "a last step")
			s.End()
			root.End()
			if i == 0 {
				want = rec.Tree()
			}
			if diff := cmp.Diff(want, rec.Tree()); diff != "" {
				t.Fatalf("run %d (-first +this):\n%s", i, diff)
			}
		})
	}
	if diff := cmp.Diff("book\n├─ mail  to=ada\n├─ mail  to=bob\n├─ mail  to=eve\n└─ a last step\n", want); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestSequentialIDs(t *testing.T) {
	for range 2 { // the second time the ids start again
		t.Run("", func(t *testing.T) {
			tracetest.SequentialIDs(t)
			rec := tracetest.NewRecorder()
			ctx, root := slogtrace.NewTracer(rec, nil).Start(t.Context(), "root")
			_, child := slogtrace.Start(ctx, "child")
			child.End()
			root.End()
			const trace = "00000000000000010000000000000002"
			traces := rec.Traces()
			if len(traces) != 1 || traces[0].ID != trace || len(traces[0].Roots) != 1 {
				t.Fatalf("got traces %+v, want one with id %s and one root", traces, trace)
			}
			r := traces[0].Roots[0]
			if r.ID != "0000000000000003" || r.Children[0].ID != "0000000000000004" || r.Children[0].ParentID != r.ID {
				t.Errorf("got ids %s and %s", r.ID, r.Children[0].ID)
			}
		})
	}
	a, _ := slogtrace.Start(t.Context(), "x")
	if strings.HasPrefix(slogtrace.SpanContextFromContext(a).TraceID.String(), "0000") {
		t.Error("ids are still counted after the test that asked for it")
	}
}

func TestRecordRestores(t *testing.T) {
	logger, w, flags := slog.Default(), log.Writer(), log.Flags()
	t.Run("", func(t *testing.T) {
		rec := tracetest.Record(t)
		log.Print("through package log")
		if e := rec.Entries(); len(e) != 1 || e[0].Message != "through package log" {
			t.Errorf("got entries %+v", e)
		}
	})
	if slog.Default() != logger || log.Writer() != w || log.Flags() != flags {
		t.Error("slog's default logger, or log's writer or flags, are not what they were")
	}
}

func TestDerivedLoggersRecordHere(t *testing.T) {
	rec := tracetest.NewRecorder()
	l := slog.New(rec)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l := l.With("worker", i).WithGroup("g")
			for j := range 50 {
				l.Debug("x", "j", j)
			}
		})
	}
	wg.Wait()
	if n := len(rec.Entries()); n != 400 {
		t.Errorf("got %d entries, want 400", n)
	}
}

func TestRecorderIsAHandler(t *testing.T) {
	rec := tracetest.NewRecorder()
	err := slogtest.TestHandler(rec, func() []map[string]any {
		var all []map[string]any
		for _, line := range strings.Split(strings.TrimSpace(string(rec.Lines())), "\n") {
			m := map[string]any{}
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

func ExampleRecorder() {
	rec := tracetest.NewRecorder()
	ctx, span := slogtrace.NewTracer(rec, nil).Start(context.Background(), "book", slog.Int("seats", 2))
	_, pay := slogtrace.Start(ctx, "pay")
	pay.Fail(errors.New("card declined"))
	pay.End()
	span.End()

	fmt.Print(rec.Tree())
	// Output:
	// book  seats=2
	// └─ pay  ✗ card declined
}

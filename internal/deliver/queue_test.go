package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slogtrace/slogtrace/internal/racetest"
)

// A receiver keeps what Send is given. Its answers are the errors that it returns, one after the other, and then nil.
type receiver struct {
	mu      sync.Mutex
	got     []string
	sizes   []int
	answers []error
	at      []time.Time
}

func (r *receiver) send(_ context.Context, b Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = append(r.at, time.Now())
	if len(r.answers) > 0 {
		err := r.answers[0]
		r.answers = r.answers[1:]
		if err != nil {
			return err
		}
	}
	r.sizes = append(r.sizes, b.Len())
	for record := range b.All() {
		r.got = append(r.got, string(record))
	}
	return nil
}

func (r *receiver) batches() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sizes)
}

func numbers(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("record %d", i))
	}
	return list
}

func addAll(q *Queue, records []string) {
	for _, r := range records {
		q.Add([]byte(r))
	}
}

// account fails the test if the counts do not add up.
func account(t *testing.T, q *Queue) Stats {
	t.Helper()
	s := q.Stats()
	got := s.Delivered + uint64(s.Waiting)
	for _, n := range s.Dropped {
		got += n
	}
	if got != s.Records {
		t.Errorf("%d records were added, %d are accounted for: %+v", s.Records, got, s)
	}
	if s.HeldBytes > q.opts.MaxBytes {
		t.Errorf("%d bytes held, want at most %d", s.HeldBytes, q.opts.MaxBytes)
	}
	return s
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A batch goes when it is full, or old, or wanted.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r receiver
		q := New(Options{Name: "test", BatchRecords: 10, BatchBytes: 1000, Delay: time.Second, Send: r.send})
		addAll(q, numbers(0, 25))
		synctest.Wait()
		check(t, "full batches", r.batches(), "[10 10]")
		time.Sleep(time.Second - 1)
		synctest.Wait()
		check(t, "just before the delay", r.batches(), "[10 10]")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		check(t, "after the delay", r.batches(), "[10 10 5]")

		addAll(q, numbers(25, 27))
		check(t, "Flush", q.Flush(t.Context()), nil)
		check(t, "wanted", r.batches(), "[10 10 5 2]")
		check(t, "Flush of nothing", q.Flush(t.Context()), nil)

		long := []string{strings.Repeat("a", 600), strings.Repeat("b", 600), strings.Repeat("c", 2000), "d"}
		addAll(q, long)
		check(t, "Shutdown", q.Shutdown(t.Context()), nil)
		check(t, "by bytes", r.batches(), "[10 10 5 2 1 1 1 1]")
		if want := append(numbers(0, 27), long...); !slices.Equal(r.got, want) {
			t.Errorf("got %q, want %q", r.got, want)
		}
		if s := account(t, q); s.Delivered != 31 || s.Batches != 8 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// With a receiver that hangs, no caller waits, and what fits is kept.
func TestHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ Batch) error {
			<-ctx.Done()
			return &RetryError{Err: context.Cause(ctx)}
		}
		q := New(Options{Name: "test", MaxRecords: 100, BatchRecords: 10, Send: hang})
		start := time.Now()
		addAll(q, numbers(0, 1000))
		synctest.Wait()
		addAll(q, numbers(1000, 2000))
		check(t, "time that passed", time.Since(start), time.Duration(0))
		s := account(t, q)
		check(t, "dropped", s.Dropped, "map[queue full:1900]")
		check(t, "waiting", s.Waiting, 100)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		check(t, "Flush", errorText(q.Flush(ctx)), "test: 1900 lost: 1900 queue full; last error: context deadline exceeded\n"+
			"test: 100 still in the queue: context deadline exceeded")
		check(t, "Shutdown", errorText(q.Shutdown(ctx)), "test: 100 lost: 100 shut down; last error: context deadline exceeded")
		q.Add([]byte("late"))
		check(t, "Shutdown again", errorText(q.Shutdown(t.Context())), "test: 1 lost: 1 shut down; last error: context deadline exceeded")
		account(t, q)
	})
}

// Records that are dropped while Flush or Shutdown waits do not count as those that it waits for.
func TestDropsWhileFlushing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r receiver
		begin := time.Now()
		q := New(Options{Name: "test", MaxRecords: 100, BatchRecords: 10, Send: func(ctx context.Context, b Batch) error {
			if time.Since(begin) < time.Minute {
				return &RetryError{Err: errors.New("busy")}
			}
			return r.send(ctx, b)
		}})
		addAll(q, numbers(0, 100))
		go func() {
			time.Sleep(time.Second)
			addAll(q, numbers(100, 300)) // it is full
		}()
		check(t, "Flush", errorText(q.Flush(t.Context())), "test: 200 lost: 200 queue full; last error: busy")
		check(t, "records that came", len(r.got), 100)

		begin = time.Now()
		addAll(q, numbers(0, 100))
		go func() {
			time.Sleep(time.Second)
			addAll(q, numbers(100, 300)) // it is closed
		}()
		check(t, "Shutdown", errorText(q.Shutdown(t.Context())), "test: 200 lost: 200 shut down; last error: busy")
		check(t, "records that came", len(r.got), 200)
		account(t, q)
	})
}

// A Send that does not heed its context cannot hold up Shutdown.
func TestDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		q := New(Options{Name: "test", Delay: -1, Send: func(context.Context, Batch) error { <-free; return nil }})
		q.Add([]byte("x"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		check(t, "Shutdown", q.Shutdown(ctx), "test: it does not stop sending; what became of 1 is not known")
		close(free)
		synctest.Wait()
		check(t, "delivered", account(t, q).Delivered, 1)
	})
}

// What a receiver refuses for now is sent again, as late as it asks for.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := func(after time.Duration) error { return &RetryError{After: after, Err: errors.New("busy")} }
		r := receiver{answers: []error{later(0), later(0), later(time.Minute), later(24 * time.Hour)}}
		q := New(Options{Name: "test", Delay: -1, Send: r.send})
		addAll(q, numbers(0, 3))
		synctest.Wait()
		check(t, "Flush", q.Flush(t.Context()), nil)
		if !slices.Equal(r.got, numbers(0, 3)) {
			t.Errorf("got %q", r.got)
		}
		for i, want := range []struct{ least, most time.Duration }{
			{firstPause / 2, firstPause}, {firstPause, 2 * firstPause}, {time.Minute, time.Minute}, {maxAfter, maxAfter},
		} {
			if got := r.at[i+1].Sub(r.at[i]); got < want.least || got > want.most {
				t.Errorf("pause %d is %v, want %v to %v", i+1, got, want.least, want.most)
			}
		}
		check(t, "retries", account(t, q).Retries, 4)
		check(t, "Shutdown", q.Shutdown(t.Context()), nil)
	})
}

// An outage of an hour loses nothing that fits the queue.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r receiver
		start := time.Now()
		q := New(Options{Name: "test", MaxRecords: 10_000, Delay: time.Second, Send: func(ctx context.Context, b Batch) error {
			if time.Since(start) < time.Hour {
				return &RetryError{Err: errors.New("connection refused")}
			}
			return r.send(ctx, b)
		}})
		for i := range 3000 {
			q.Add(fmt.Appendf(nil, "record %d", i))
			time.Sleep(time.Second)
		}
		check(t, "Shutdown", q.Shutdown(t.Context()), nil)
		if !slices.Equal(r.got, numbers(0, 3000)) {
			t.Errorf("%d records came, or in another order", len(r.got))
		}
		account(t, q)
	})
}

// What is too large is split, down to one record, which alone is lost.
func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r receiver
		q := New(Options{Name: "test", BatchRecords: 100, Send: func(ctx context.Context, b Batch) error {
			if b.Bytes() > 100 {
				return fmt.Errorf("%w: at most 100 bytes", ErrTooLarge)
			}
			return r.send(ctx, b)
		}})
		records := numbers(0, 50)
		records[20] = strings.Repeat("x", 101)
		addAll(q, records)
		check(t, "Shutdown", q.Shutdown(t.Context()), "test: 1 lost: 1 too large; last error: too large: at most 100 bytes")
		if want := slices.Delete(records, 20, 21); !slices.Equal(r.got, want) {
			t.Errorf("got %q, want %q", r.got, want)
		}
		if s := account(t, q); s.Delivered != 49 || s.Retries != 0 {
			t.Errorf("%+v", s)
		}
	})
}

type named string

func (n named) Error() string  { return "text of " + string(n) + "\x1b[31m\n\u2028" }
func (n named) Reason() string { return string(n) }

// Each answer of Send has its count, and no text of the receiver gets out of hand.
func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receiver{answers: []error{
			&RejectedError{Records: 1, Err: errors.New("no id")},
			&RejectedError{Records: 99, Err: errors.New("all of them")},
			&RejectedError{Records: -1, Err: errors.New("only a warning")},
			errors.New("a bug"),
			named("status 400"),
		}}
		q := New(Options{Name: "test", BatchRecords: 3, Send: r.send})
		addAll(q, numbers(0, 15))
		err := q.Shutdown(t.Context())
		check(t, "Shutdown", err, "test: 10 lost: 3 not sent, 4 rejected, 3 status 400; last error: text of status 400 [31m  ")
		check(t, "delivered", account(t, q).Delivered, 5)
	})
	synctest.Test(t, func(t *testing.T) {
		n := 0
		q := New(Options{Name: "test", BatchRecords: 1, Send: func(context.Context, Batch) error {
			n++
			return named(fmt.Sprint("reason ", n))
		}})
		addAll(q, numbers(0, 1000))
		_ = q.Shutdown(t.Context())
		if s := account(t, q); len(s.Dropped) > maxReasons+1 || s.Dropped["other reasons"] != 1000-maxReasons {
			t.Errorf("%d reasons: %v", len(s.Dropped), s.Dropped)
		}
	})
}

// The queue holds no more than it says, and not much less: it fills with records of any size.
func TestMaxBytes(t *testing.T) {
	const most = 4 << 20
	for _, size := range []int{10, 1000, 30_000, 500_000} {
		hang := make(chan struct{})
		q := New(Options{Name: "test", MaxRecords: 1 << 30, MaxBytes: most, BatchRecords: 1 << 30,
			Send: func(context.Context, Batch) error { <-hang; return nil }})
		record := bytes.Repeat([]byte("x"), size)
		before := heap()
		for q.Stats().Dropped[queueFull] == 0 {
			for range 10 {
				q.Add(record)
			}
		}
		held := heap() - before
		n := q.Stats().Waiting
		s := account(t, q)
		t.Logf("records of %d bytes: %d, %d bytes held, %d on the heap", size, n, s.HeldBytes, held)
		if held > most+1<<20 {
			t.Errorf("records of %d bytes: %d bytes on the heap, want at most MaxBytes", size, held)
		}
		if size >= 100 && n*size < most/4*3 {
			t.Errorf("records of %d bytes: only %d fit", size, n)
		}
		close(hang)
		_ = q.Shutdown(t.Context())
		s = account(t, q)
		if s.Delivered != uint64(n) {
			t.Errorf("%d of %d delivered", s.Delivered, n)
		}
		if limit := 2 * q.opts.BatchBytes; s.HeldBytes > limit {
			t.Errorf("%d bytes held by an empty queue, want at most %d", s.HeldBytes, limit)
		}
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Whatever happens at the same time, each record is delivered once, in its goroutine's order, or dropped and counted.
func TestConcurrent(t *testing.T) {
	const adders, each = 8, 500
	var mu sync.Mutex
	got := map[string]int{}
	last := [adders]int{}
	rejectedRecords := 0
	q := New(Options{Name: "test", MaxRecords: 500, MaxBytes: 1 << 14, BatchRecords: 16, Delay: time.Millisecond, Send: func(_ context.Context, b Batch) error {
		mu.Lock()
		defer mu.Unlock()
		if b.Len() > 8 && rand.N(4) == 0 {
			return ErrTooLarge
		}
		lost := 0
		for record := range b.All() {
			if rand.N(100) == 0 {
				lost++
				continue
			}
			var who, i int
			if _, err := fmt.Sscanf(string(record), "%d %d", &who, &i); err != nil {
				t.Errorf("%q: %v", record, err)
			}
			if i <= last[who]-1 {
				t.Errorf("%q came after %d", record, last[who]-1)
			}
			last[who] = i + 1
			got[string(record)]++
		}
		rejectedRecords += lost
		if lost > 0 {
			return &RejectedError{Records: lost, Err: errors.New("at random")}
		}
		return nil
	}})
	var group sync.WaitGroup
	for who := range adders {
		group.Go(func() {
			for i := range each {
				q.Add(fmt.Appendf(nil, "%d %d", who, i))
				if i%100 == 0 {
					_ = q.Flush(t.Context())
				}
			}
		})
	}
	group.Go(func() {
		for range 100 {
			account(t, q)
			runtime.Gosched()
		}
	})
	group.Wait()
	_ = q.Shutdown(t.Context())
	s := account(t, q)
	if s.Waiting != 0 || s.Delivered != uint64(len(got)) || s.Dropped[rejected] != uint64(rejectedRecords) {
		t.Errorf("%d came and %d were rejected: %+v", len(got), rejectedRecords, s)
	}
	for record, n := range got {
		if n != 1 {
			t.Errorf("%q came %d times", record, n)
		}
	}
}

// A slow or broken writer delays nobody, and lines are counted whole.
func TestWriter(t *testing.T) {
	var out bytes.Buffer
	q := New(Options{Name: "test", Send: Writer(&out)})
	addAll(q, []string{"a\n", "bb\n", "ccc\n"})
	check(t, "Shutdown", q.Shutdown(t.Context()), nil)
	check(t, "written", out.String(), "a\nbb\nccc\n")

	// A line without its end counts: the next batch would begin with that.
	for taken, want := range []int{3, 2, 2, 2, 1, 1, 1, 1, 0} {
		q := New(Options{Name: "test", Send: Writer(&broken{left: taken})})
		addAll(q, []string{"a\n", "bb\n", "ccc\n"})
		var wantErr any
		if want > 0 {
			wantErr = fmt.Sprintf("test: %d lost: %[1]d not written; last error: no space left", want)
		}
		check(t, fmt.Sprint("Shutdown of a writer that takes ", taken), q.Shutdown(t.Context()), wantErr)
		check(t, fmt.Sprint("LastError of a writer that takes ", taken), q.Stats().LastError, "no space left")
	}
	q = New(Options{Name: "test", Send: Writer(short{})})
	q.Add([]byte("abc\n"))
	check(t, "a short write", q.Shutdown(t.Context()), "test: 1 lost: 1 not written; last error: "+io.ErrShortWrite.Error())
}

// After a write that was cut, the next line begins on a line of its own, and what counts as written is there whole.
func TestWriterCut(t *testing.T) {
	batches := []string{"a1\nb2\n", "c3\nd4\n", "e5\nf6\n"}
	for first := range 7 {
		for second := range 8 {
			w := &cutter{left: []int{first, second}}
			send := Writer(w)
			written := uint64(0)
			for _, text := range batches {
				err := send(t.Context(), Batch{text: []byte(text), ends: []int{3, 6}})
				lost := 0
				if r, ok := errors.AsType[*RejectedError](err); ok {
					lost = r.Records
				} else if err != nil {
					t.Fatal(err)
				}
				written += uint64(2 - lost)
			}
			whole := uint64(0)
			for line := range strings.SplitSeq(strings.TrimSuffix(w.got.String(), "\n"), "\n") {
				switch {
				case line == "":
					t.Errorf("cut after %d and %d bytes: an empty line in %q", first, second, w.got.String())
				case len(line) == 2 && strings.Contains(strings.Join(batches, ""), line):
					whole++
				case len(line) > 1:
					t.Errorf("cut after %d and %d bytes: the line %q", first, second, line)
				}
			}
			if whole != written || !strings.HasSuffix("\n"+w.got.String(), "\ne5\nf6\n") {
				t.Errorf("cut after %d and %d bytes: %d counted as written, in %q", first, second, written, w.got.String())
			}
		}
	}
}

// A cutter takes so many bytes of each of the first calls.
type cutter struct {
	left []int
	got  strings.Builder
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(c.left) == 0 {
		return c.got.Write(p)
	}
	n := min(c.left[0], len(p))
	c.left = c.left[1:]
	c.got.Write(p[:n])
	if n == len(p) {
		return n, nil
	}
	return n, errors.New("no space left")
}

type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	n := min(b.left, len(p)-1)
	return n, errors.New("no space left")
}

type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 2, nil }

// The memory of batches is used again, so that bursts of several batches allocate none, and a quarter of MaxBytes is kept at most.
func TestKept(t *testing.T) {
	racetest.SkipAllocs(t)
	q := New(Options{Name: "test", Send: func(context.Context, Batch) error { return nil }, MaxBytes: 1 << 20, BatchRecords: 50, Delay: time.Hour})
	defer q.Shutdown(t.Context())
	record := bytes.Repeat([]byte("a"), 1000)
	burst := func(batches int) {
		for range batches * 50 {
			q.Add(record)
		}
		check(t, "Flush", q.Flush(t.Context()), nil)
	}
	burst(3)
	allocs := testing.AllocsPerRun(10, func() { burst(3) })
	if allocs > 30 { // some for each call of Send; a batch that grows makes about ten
		t.Errorf("%.0f allocations for three batches", allocs)
	}
	if got := q.Stats().HeldBytes; got == 0 || got > 1<<18 {
		t.Errorf("%d bytes kept, want at most %d", got, 1<<18)
	}
	burst(15)
	if got := account(t, q).HeldBytes; got > 1<<18 {
		t.Errorf("%d bytes kept after a large burst, want at most %d", got, 1<<18)
	}
}

// Put waits for room, as long as its context, and loses nothing.
func TestPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := receiver{answers: []error{nil, &RetryError{Err: errors.New("later")}}}
		q := New(Options{Name: "test", MaxRecords: 7, MaxBytes: 4 << 10, BatchRecords: 5, Delay: time.Hour, Send: r.send})
		want := numbers(0, 100)
		for i := range want {
			want[i] += strings.Repeat(".", 13*i)
			if err := q.Put(t.Context(), []byte(want[i])); err != nil {
				t.Fatal(err)
			}
			account(t, q)
		}
		check(t, "flush", q.Flush(t.Context()), nil)
		check(t, "delivered", account(t, q).Delivered, 100)
		if !slices.Equal(r.got, want) {
			t.Errorf("got %q", r.got)
		}
		check(t, "too large", q.Put(t.Context(), make([]byte, 5<<10)), nil)
		check(t, "dropped", account(t, q).Dropped, "map[too large:1]")

		r.answers = slices.Repeat([]error{&RetryError{Err: errors.New("later")}}, 1000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var err error
		for err == nil {
			err = q.Put(ctx, []byte("x"))
		}
		check(t, "the context has ended", err, context.DeadlineExceeded)
		check(t, "in the queue", account(t, q).Waiting, 7)
		done, end := context.WithCancel(t.Context())
		end()
		if err := q.Shutdown(done); err == nil {
			t.Error("7 records are lost")
		}
		check(t, "after Shutdown", q.Put(t.Context(), []byte("x")), nil)
		check(t, "dropped", account(t, q).Dropped, "map[shut down:8 too large:1]")
	})
}

// A record that has no room beside a batch whose records are delivered, but whose memory is still held, is not too large.
func TestRoomOfDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r receiver
		q := New(Options{Name: "test", MaxBytes: 4 << 10, Delay: time.Hour, Send: r.send})
		q.Add(make([]byte, 3900))
		synctest.Wait() // its goroutine waits until the record is due
		q.mu.Lock()
		q.due = time.Now()
		q.mu.Unlock()
		c, _ := q.next()
		q.settle(c.batch(), nil)
		q.Add(make([]byte, 1000))
		check(t, "added", q.Stats().Dropped, "map[queue full:1]")
		put := make(chan error, 1)
		go func() { put <- q.Put(t.Context(), make([]byte, 1000)) }()
		synctest.Wait()
		check(t, "returned", len(put), 0)
		q.recycle(c)
		synctest.Wait()
		check(t, "returned", len(put), 1)
		check(t, "in the queue", account(t, q).Waiting, 1)
		check(t, "shutdown", q.Shutdown(t.Context()), "test: 1 lost: 1 queue full")
	})
}

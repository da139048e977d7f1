package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slogtrace/slogtrace"
)

// The worker is killed while it runs a job. The next worker delivers the job, and the log shows the span that was cut off.
func TestWorkerKilled(t *testing.T) {
	s, o := startTestSystem(t, 20)
	q := queue{s.files}
	url, next := testCustomer(t)
	trace := mustBook(t, s)

	first := startTestWorker(t, o, url)
	cut := next()
	if err := first.cmd.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	if p, w := jobs(t, q, pending), jobs(t, q, working); p != 0 || w != 1 {
		t.Fatalf("%d jobs pending and %d in hand, want 0 and 1", p, w)
	}

	second := startTestWorker(t, o, url)
	again := next()
	again.answer <- 200
	if err := second.drain(); err != nil {
		t.Fatal(err)
	}
	if p, w, d := jobs(t, q, pending), jobs(t, q, working), jobs(t, q, done); p != 0 || w != 0 || d != 1 {
		t.Errorf("%d jobs pending, %d in hand, %d done; want the last", p, w, d)
	}
	if a, b := cut.header.Get("Webhook-Id"), again.header.Get("Webhook-Id"); a != b || a == "" {
		t.Errorf("webhook %q the first time, %q the second", a, b)
	}

	s.close()
	tr := logs(t, o.dir)[trace]
	want := []string{
		"- > POST /bookings [api]",
		"POST /bookings > booking.confirm [api]",
		"booking.confirm > calendar.reserve [api]",
		"booking.confirm > mail.confirmation [api] seat.id=A1",
		"booking.confirm > webhook.enqueue [api]",
		"calendar.reserve > POST /events [calendar]",
		"webhook.enqueue > webhook.deliver [worker] job.attempt=1 UNFINISHED",
		"webhook.enqueue > webhook.deliver [worker] job.attempt=2",
	}
	if diff := cmp.Diff(want, edges(tr)); diff != "" {
		t.Errorf("parents and children (-want +got):\n%s", diff)
	}
	for i, d := range find(tr, "webhook.deliver") {
		process := []*workerProcess{first, second}[i].cmd.Process.Pid
		if got := attr(d, "pid"); got != fmt.Sprint(process) {
			t.Errorf("delivery %d is of process %s, want %d", i+1, got, process)
		}
	}
	var lines []string
	for _, e := range find(tr, "webhook.enqueue")[0].Logs {
		lines = append(lines, e.Message)
	}
	if diff := cmp.Diff([]string{"a worker died with this job in hand", "will try again"}, lines); diff != "" {
		t.Errorf("lines of the job (-want +got):\n%s", diff)
	}
}

func openTestQueue(t *testing.T, o options) queue {
	t.Helper()
	f, err := openFiles(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.root.Close() })
	return queue{f}
}

// SIGTERM lets the worker finish its current job. The others wait for the next worker.
func TestWorkerTerminated(t *testing.T) {
	s, o := startTestSystem(t, 20)
	q := queue{s.files}
	url, next := testCustomer(t)
	mustBook(t, s)
	mustBook(t, s)
	w := startTestWorker(t, o, url)
	inHand := next()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitLog(t, o.dir, "worker", "worker stops after the job in hand")
	inHand.answer <- 200
	if err := w.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if p, w, d := jobs(t, q, pending), jobs(t, q, working), jobs(t, q, done); p != 1 || w != 0 || d != 1 {
		t.Errorf("%d jobs pending, %d in hand, %d done; want 1, 0, 1", p, w, d)
	}
}

// However the main process ends, the worker does not outlive it for long.
func TestNoOrphans(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := program(t, "-scenario", "5", "-speed", "0.2", "-dir", dir) // 21 s
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitLog(t, dir, "worker", "worker started")
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("no error")
			}
			awaitLog(t, dir, "worker", "worker stopped")
		})
	}
}

// A broken job is not lost, and does not stop the others.
func TestWorkerBadJobs(t *testing.T) {
	o := options{t.TempDir(), 1000}
	q := openTestQueue(t, o)
	add := func(id string, job Job) {
		t.Helper()
		job.ID, job.Kind, job.Attempt = id, "webhook", 1
		job.Booking.Customer = "acme"
		if err := q.files.write(pending, id, job); err != nil {
			t.Fatal(err)
		}
	}
	add("webhook-000000000001", Job{Carrier: slogtrace.Carrier{Traceparent: "00-nonsense", Op: "x"}})
	add("webhook-000000000002", Job{})
	for name, text := range map[string]string{
		pending + "/webhook-000000000003.json":  `{"id":`,
		working + "/webhook-000000000004.json":  `{"id":`,
		pending + "/reminder-000000000005.json": `{"kind": "reminder"}`, // no attempt, nobody to remind
		pending + "/nonsense-000000000006.json": `{"kind": "nonsense", "attempt": -7}`,
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	url, next := testCustomer(t)
	w := startTestWorker(t, o, url)
	answers := map[string][]int{
		"webhook-000000000001": {200},
		"webhook-000000000002": {500, 500, 500, 500, 500},
	}
	for range 6 {
		h := next()
		id := h.header.Get("Webhook-Id")
		if len(answers[id]) == 0 {
			t.Fatalf("job %s comes too often", id)
		}
		h.answer <- answers[id][0]
		answers[id] = answers[id][1:]
	}
	if err := w.drain(); err != nil {
		t.Fatal(err)
	}
	if p, w, d, f := jobs(t, q, pending), jobs(t, q, working), jobs(t, q, done), jobs(t, q, failed); p != 0 || w != 0 || d != 1 || f != 5 {
		t.Errorf("%d jobs pending, %d in hand, %d done, %d failed; want 0, 0, 1, 5", p, w, d, f)
	}
	awaitLog(t, o.dir, "worker", "job without its trace")
	awaitLog(t, o.dir, "worker", "giving up")
	awaitLog(t, o.dir, "worker", "unreadable job")
}

// A job that kills every worker is given up too.
func TestRecoverGivesUp(t *testing.T) {
	q := openTestQueue(t, options{dir: t.TempDir()})
	job := Job{Kind: "webhook"}
	if err := q.add(context.Background(), job); err != nil {
		t.Fatal(err)
	}
	for i := range maxAttempts {
		got, left, err := q.claim(time.Now().Add(time.Hour))
		if err != nil || got == nil || left != 0 || got.Attempt != i+1 {
			t.Fatalf("claim %d: %+v, %d left, %v", i+1, got, left, err)
		}
		if err := q.recover(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if p, f := jobs(t, q, pending), jobs(t, q, failed); p != 0 || f != 1 {
		t.Errorf("%d jobs pending, %d failed; want 0, 1", p, f)
	}
}

func TestClaimOrder(t *testing.T) {
	q := openTestQueue(t, options{dir: t.TempDir()})
	now := time.Now()
	for i, at := range []time.Duration{-time.Minute, time.Minute, -time.Hour} {
		id := fmt.Sprintf("webhook-00000000000%d", i)
		if err := q.files.write(pending, id, Job{ID: id, NotBefore: now.Add(at)}); err != nil {
			t.Fatal(err)
		}
	}
	var order []string
	for {
		job, left, err := q.claim(now)
		if err != nil {
			t.Fatal(err)
		}
		if job == nil {
			order = append(order, fmt.Sprint(left, " left"))
			break
		}
		order = append(order, strings.TrimPrefix(job.ID, "webhook-00000000000"))
	}
	if want := []string{"2", "0", "1 left"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}

func TestBadIDs(t *testing.T) {
	f := openTestQueue(t, options{dir: t.TempDir()}).files
	for _, id := range []string{"", ".", "..", "../x-000000000000", "x-000000000000/..", "x-00000000000", "X-000000000000", "x-000000000000\n", "x\x00-000000000000"} {
		if err := f.write(pending, id, 1); err != errBadID {
			t.Errorf("write %q: %v", id, err)
		}
		if err := f.read(pending, id, new(int)); err != errBadID {
			t.Errorf("read %q: %v", id, err)
		}
		if err := f.move(id, pending, done); err != errBadID {
			t.Errorf("move %q: %v", id, err)
		}
	}
}

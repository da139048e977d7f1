package pgqueue

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/slogtrace/slogtrace"
	"github.com/slogtrace/slogtrace/interop/internal/postgres"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracesql"
	"github.com/slogtrace/slogtrace/tracetest"
)

const (
	lease   = 2 * time.Second
	workers = 3 // goroutines of a consumer
)

// The tests start this program again as producers and consumers.
func TestMain(m *testing.M) {
	switch os.Getenv("PGQUEUE") {
	case "":
		os.Exit(m.Run())
	case "produce":
		exit(produce())
	case "consume":
		exit(consume())
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// open logs to standard output and opens the queue that the environment names.
func open() (*Queue, error) {
	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil)).With("service", os.Getenv("PGQUEUE")))
	// A worker may be killed at any time. With LogStart, its log has the start of the span that was cut off.
	slogtrace.SetDefault(slogtrace.NewTracer(nil, &slogtrace.TracerOptions{LogStart: true}))
	db, err := tracesql.Open("pgx", os.Getenv("PGQUEUE_DSN"), nil)
	if err != nil {
		return nil, err
	}
	return &Queue{DB: db, Name: "webhooks", Lease: lease, Pause: 20 * time.Millisecond, MaxAttempts: 5, Poll: 20 * time.Millisecond}, nil
}

// A webhook is the payload. Fail is how many attempts fail, Hang how many never end.
type webhook struct {
	Booking int `json:"booking"`
	Fail    int `json:"fail,omitempty"`
	Hang    int `json:"hang,omitempty"`
}

// produce sends a webhook for each line of standard input, in a trace of its own, in the transaction that makes the booking.
func produce() error {
	q, err := open()
	if err != nil {
		return err
	}
	work, errs := make(chan webhook), make(chan error)
	for range 4 {
		go func() {
			var err error
			for w := range work {
				err = errors.Join(err, book(q, w))
			}
			errs <- err
		}()
	}
	dec := json.NewDecoder(os.Stdin)
	for {
		var w webhook
		if err = dec.Decode(&w); err != nil {
			break
		}
		work <- w
	}
	close(work)
	if err == io.EOF {
		err = nil
	}
	for range 4 {
		err = errors.Join(err, <-errs)
	}
	return err
}

func book(q *Queue, w webhook) (err error) {
	ctx, err := slogtrace.WithBaggage(context.Background(), "tenant", "acme")
	if err != nil {
		return err
	}
	ctx, span := slogtrace.Start(ctx, "book")
	defer span.End(&err)
	tx, err := q.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO bookings (id) VALUES ($1)", w.Booking); err != nil {
		return err
	}
	if _, err := q.Send(ctx, tx, w); err != nil {
		return err
	}
	return tx.Commit()
}

// consume works until standard input is at its end.
func consume() error {
	q, err := open()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			err := q.Work(ctx, q.deliver)
			if !errors.Is(err, context.Canceled) {
				slog.Error("worker ended", "err", err)
			}
		})
	}
	group.Wait()
	return q.DB.Close()
}

// deliver notes each delivery.
func (q *Queue) deliver(ctx context.Context, job Job) error {
	var w webhook
	if err := json.Unmarshal(job.Payload, &w); err != nil {
		return err
	}
	_, err := q.DB.ExecContext(ctx, "INSERT INTO deliveries (booking, attempt, pid) VALUES ($1, $2, $3)", w.Booking, job.Attempt, os.Getpid())
	if err != nil {
		return err
	}
	if job.Attempt <= w.Hang {
		slog.WarnContext(ctx, "the customer does not answer")
		select {}
	}
	if job.Attempt <= w.Fail {
		return errors.New("the customer answered 503")
	}
	return nil
}

// A process is a producer or a consumer.
type process struct {
	*exec.Cmd
	stdin io.WriteCloser
	log   string // the file that has its lines
}

func start(t *testing.T, role, dsn, dir string) *process {
	t.Helper()
	log, err := os.CreateTemp(dir, role+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGQUEUE="+role, "PGQUEUE_DSN="+dsn)
	cmd.Stdout, cmd.Stderr = log, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if the test did not end it
		_ = cmd.Wait()
	})
	return &process{cmd, stdin, log.Name()}
}

// end closes the standard input of p and waits until it has ended.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("%s: %v", p.log, err)
	}
}

// setup makes a database with the tables.
func setup(t *testing.T) (db *sql.DB, dsn string) {
	t.Helper()
	dsn = postgres.Shared(t).Database(t)
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := (&Queue{DB: db}).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"CREATE TABLE bookings (id int PRIMARY KEY)",
		"CREATE TABLE deliveries (booking int REFERENCES bookings, attempt int, pid int)",
	} {
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	return db, dsn
}

// ask returns the numbers that query selects.
func ask(t *testing.T, db *sql.DB, query string, args ...any) []int {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	numbers := make([]int, len(columns))
	to := make([]any, len(columns))
	for i := range numbers {
		to[i] = &numbers[i]
	}
	if !rows.Next() {
		t.Fatalf("%s: no row: %v", query, rows.Err())
	}
	if err := rows.Scan(to...); err != nil {
		t.Fatal(err)
	}
	return numbers
}

// wait asks until ok is true of the answer.
func wait(t *testing.T, db *sql.DB, query string, ok func([]int) bool) {
	t.Helper()
	var got []int
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = ask(t, db, query); ok(got) {
			return
		}
	}
	t.Fatalf("%s: still %v after two minutes", query, got)
}

// produceAll runs a producer to its end.
func produceAll(t *testing.T, dsn, dir string, webhooks ...webhook) {
	t.Helper()
	p := start(t, "produce", dsn, dir)
	enc := json.NewEncoder(p.stdin)
	for _, w := range webhooks {
		if err := enc.Encode(w); err != nil {
			t.Fatal(err)
		}
	}
	p.end(t)
}

// traces reads the logs of all processes. A line that a killed process did not finish is left out.
func traces(t *testing.T, dir string) []*tracelog.Trace {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []tracelog.Entry
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tracelog.Scan(f, filepath.Base(name), func(e tracelog.Entry) { entries = append(entries, e) })
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	return tracelog.Assemble(entries)
}

func attr(s *tracelog.Span, key string) string {
	for _, a := range s.Attrs {
		if a.Key == key {
			return strings.Trim(string(a.Value), `"`)
		}
	}
	return ""
}

// named returns the spans of t with an op.
func named(t *tracelog.Trace, op string) (spans []*tracelog.Span) {
	for _, s := range t.All() {
		if s.Op == op {
			spans = append(spans, s)
		}
	}
	return spans
}

func TestOneTrace(t *testing.T) {
	db, dsn := setup(t)
	dir := t.TempDir()
	produceAll(t, dsn, dir, webhook{Booking: 1, Fail: 1})
	consumer := start(t, "consume", dsn, dir)
	wait(t, db, "SELECT count(*) FROM jobs", func(n []int) bool { return n[0] == 0 })
	consumer.end(t)

	got := traces(t, dir)
	want := `book
  CONNECT
  BEGIN
  INSERT bookings
  send webhooks
    INSERT jobs
    process webhooks: the customer answered 503
      INSERT deliveries
      UPDATE jobs
  COMMIT
process webhooks
  INSERT deliveries
  DELETE jobs
`
	var tree strings.Builder
	for _, trace := range got {
		for depth, s := range trace.All() {
			tree.WriteString(strings.Repeat("  ", depth) + s.Op)
			if s.Failed {
				tree.WriteString(": " + s.Error)
			}
			tree.WriteByte('\n')
		}
	}
	if diff := cmp.Diff(want, tree.String()); diff != "" {
		t.Fatalf("traces (-want +got):\n%s", diff)
	}
	send, first, retry := named(got[0], "send webhooks")[0], named(got[0], "process webhooks")[0], got[1].Roots[0]
	if want := []tracelog.Link{{Trace: got[0].ID, Span: send.ID}}; !slices.Equal(retry.Links, want) {
		t.Errorf("the retry links to %v, want %v", retry.Links, want)
	}
	for _, test := range []struct {
		span *tracelog.Span
		kind string
		want map[string]string
	}{
		{send, "producer", map[string]string{"messaging.operation.type": "send"}},
		{first, "consumer", map[string]string{"messaging.operation.type": "process", "attempt": "1"}},
		{retry, "consumer", map[string]string{"messaging.operation.type": "process", "attempt": "2"}},
	} {
		if test.span.Kind != test.kind {
			t.Errorf("%s: kind %q, want %q", test.span.Op, test.span.Kind, test.kind)
		}
		maps.Copy(test.want, map[string]string{
			"messaging.system": "postgresql", "messaging.destination.name": "webhooks", "messaging.message.id": "1", "tenant": "acme",
		})
		for key, want := range test.want {
			if got := attr(test.span, key); got != want {
				t.Errorf("%s: %s is %q, want %q", test.span.Op, key, got, want)
			}
		}
	}
	if first.Queued <= 0 || attr(first, "queue_wait_ms") == "" || attr(retry, "queue_wait_ms") == "" {
		t.Errorf("waits: %v, %q and %q, want all", first.Queued, attr(first, "queue_wait_ms"), attr(retry, "queue_wait_ms"))
	}
}

// A killed worker's job is taken by another one, as a retry that links back.
func TestKilledWorker(t *testing.T) {
	db, dsn := setup(t)
	dir := t.TempDir()
	produceAll(t, dsn, dir, webhook{Booking: 7, Hang: 1})
	killed := start(t, "consume", dsn, dir)
	wait(t, db, "SELECT count(*) FROM deliveries", func(n []int) bool { return n[0] == 1 })
	other := start(t, "consume", dsn, dir)
	// While the first worker lives, it keeps its lease: the other one has nothing to do.
	until := time.Now().Add(lease + lease/2)
	for time.Now().Before(until) {
		if got := ask(t, db, "SELECT attempt FROM jobs")[0]; got != 1 {
			t.Fatalf("attempt %d while the first worker was alive", got)
		}
		time.Sleep(lease / 10)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	wait(t, db, "SELECT count(*) FROM jobs", func(n []int) bool { return n[0] == 0 })
	other.end(t)

	if got := ask(t, db, "SELECT count(*), max(attempt), count(DISTINCT pid) FROM deliveries"); !slices.Equal(got, []int{2, 2, 2}) {
		t.Errorf("deliveries, attempts and processes are %v, want 2 of each", got)
	}
	got := traces(t, dir)
	if len(got) != 2 {
		t.Fatalf("%d traces, want that of the booking and that of the retry", len(got))
	}
	send, first, retry := named(got[0], "send webhooks")[0], named(got[0], "process webhooks")[0], got[1].Roots[0]
	if first.ParentID != send.ID || first.EndRecord != nil || first.StartRecord == nil {
		t.Errorf("the first attempt is not a span below %s that was cut off: %+v", send.ID, first)
	}
	if want := []tracelog.Link{{Trace: got[0].ID, Span: send.ID}}; !slices.Equal(retry.Links, want) {
		t.Errorf("the retry links to %v, want %v", retry.Links, want)
	}
	if retry.Op != "process webhooks" || attr(retry, "attempt") != "2" || retry.Failed || retry.Service != "consume" {
		t.Errorf("the retry is %+v", retry)
	}
}

// Of 10,000 jobs none is lost and none is delivered twice, but for the retries, which are counted. Workers are killed meanwhile.
func TestNoJobLost(t *testing.T) {
	jobs, kills := 10_000, 4
	if testing.Short() {
		jobs = 1_000
	}
	db, dsn := setup(t)
	dir := t.TempDir()
	var webhooks []webhook
	wantFailed := 0
	for i := range jobs {
		w := webhook{Booking: i}
		if i%100 == 0 {
			w.Fail = 1 + i/100%3
			wantFailed += w.Fail
		}
		webhooks = append(webhooks, w)
	}
	consumers := []*process{start(t, "consume", dsn, dir), start(t, "consume", dsn, dir)}
	produced := make(chan struct{})
	go func() {
		defer close(produced)
		produceAll(t, dsn, dir, webhooks...)
	}()
	for i := range kills {
		wait(t, db, "SELECT count(DISTINCT booking) FROM deliveries", func(n []int) bool { return n[0] > (i+1)*jobs/(kills+1) })
		if err := consumers[0].Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = consumers[0].Wait()
		consumers = append(consumers[1:], start(t, "consume", dsn, dir))
	}
	<-produced
	wait(t, db, "SELECT count(*) FROM jobs", func(n []int) bool { return n[0] == 0 })
	for _, c := range consumers {
		c.end(t)
	}

	// Each job was delivered by each attempt at most once. An attempt that has no delivery was killed before.
	got := ask(t, db, `SELECT count(*), count(DISTINCT booking), count(DISTINCT (booking, attempt)) FROM deliveries`)
	if got[1] != jobs || got[0] != got[2] {
		t.Errorf("%d deliveries of %d jobs in %d attempts, want %d jobs and no attempt twice", got[0], got[1], got[2], jobs)
	}
	again := got[0] - jobs - wantFailed
	if most := kills * workers; again < 0 || again > most {
		t.Errorf("%d deliveries beside the first ones and %d retries after errors, want at most %d, one for each killed worker", again, wantFailed, most)
	}

	// The logs tell the same: each attempt is a span, below the job's Send or linked to it.
	attempts := map[string]int{} // by the span of Send
	sent, cut := 0, 0
	for _, trace := range traces(t, dir) {
		sent += len(named(trace, "send webhooks"))
		for _, s := range named(trace, "process webhooks") {
			order := s.ParentID
			if attr(s, "attempt") != "1" {
				if s.ParentID != "" || len(s.Links) != 1 {
					t.Fatalf("a retry is not a root with a link: %+v", s)
				}
				order = s.Links[0].Span
			}
			attempts[order]++
			if s.EndRecord == nil {
				cut++
			}
		}
	}
	all := 0
	for _, n := range attempts {
		all += n
	}
	if sent != jobs || len(attempts) != jobs {
		t.Errorf("the logs have %d jobs sent and %d processed, want %d", sent, len(attempts), jobs)
	}
	// A worker can be killed after the row was taken and before its line was written.
	if most := jobs + wantFailed + kills*workers; all < got[0] || all > most || cut > kills*workers {
		t.Errorf("the logs have %d attempts, %d of them cut off; the table has %d deliveries", all, cut, got[0])
	}
	t.Logf("%d deliveries of %d jobs: %d failed, %d after a kill", got[0], jobs, wantFailed, again)
}

// A job that kills each of its workers is not taken forever, and one that fails too often stays in the table.
func TestLastAttempt(t *testing.T) {
	rec := tracetest.Record(t)
	db, _ := setup(t)
	q := &Queue{DB: db, Name: "webhooks", Lease: time.Millisecond, MaxAttempts: 2}
	if _, err := q.Send(t.Context(), db, "poison"); err != nil {
		t.Fatal(err)
	}
	for attempt := 1; attempt <= q.MaxAttempts; attempt++ {
		var job Job
		var err error
		for job, err = q.take(t.Context()); errors.Is(err, sql.ErrNoRows); job, err = q.take(t.Context()) {
			time.Sleep(time.Millisecond) // until the lease of the worker before ends
		}
		if err != nil || job.Attempt != attempt {
			t.Fatalf("got attempt %d, %v, want %d", job.Attempt, err, attempt)
		}
	}
	time.Sleep(10 * q.Lease)
	if job, err := q.take(t.Context()); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got attempt %d, %v, want none", job.Attempt, err)
	}

	q.Name, q.Lease = "failing", time.Minute
	if _, err := q.Send(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	for range q.MaxAttempts {
		job, err := q.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := q.attempt(t.Context(), job, func(context.Context, Job) error { return errors.New("no route") }); err == nil {
			t.Error("the attempt did not fail")
		}
	}
	if _, err := q.take(t.Context()); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want none", err)
	}
	if got := bytes.Count(rec.Lines(), []byte(`"msg":"giving up"`)); got != 1 {
		t.Errorf("%d lines say that the queue gives up, want 1", got)
	}
	if got := ask(t, db, "SELECT count(*) FROM jobs WHERE due = 'infinity' AND error = 'no route'"); got[0] != 1 {
		t.Errorf("%d dead jobs with their error, want 1", got[0])
	}
}

// Whoever has lost its lease does not touch the job.
func TestLeaseLost(t *testing.T) {
	db, _ := setup(t)
	rec := tracetest.Record(t)
	q := &Queue{DB: db, Name: "webhooks", Lease: 30 * time.Millisecond, MaxAttempts: 5}
	if _, err := q.Send(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	job, err := q.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = q.attempt(t.Context(), job, func(ctx context.Context, _ Job) error {
		// As if this process had been stopped for longer than the lease.
		if _, err := db.ExecContext(ctx, "UPDATE jobs SET attempt = attempt + 1"); err != nil {
			return err
		}
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, errLeaseLost) {
		t.Errorf("got %v, want %v", err, errLeaseLost)
	}
	const want = "job 1: the lease ended: another worker has the job"
	if got := named(rec.Traces()[0], "process webhooks"); len(got) != 1 || got[0].Error != want {
		t.Errorf("got the spans %+v, want one that failed with %q", got, want)
	}
	if got := ask(t, db, "SELECT attempt, count(error) FROM jobs GROUP BY attempt"); !slices.Equal(got, []int{2, 0}) {
		t.Errorf("the job has attempt and errors %v, want [2 0]", got)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/tracelog"
)

// The test binary is also the program: as its worker, which os.Executable starts, and as a whole, for the function program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" || os.Getenv("BOOKING_TEST_RUN") != "" {
		main()
	}
	// With -race each process that ends sleeps for a second, unless it is told not to.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	os.Exit(m.Run())
}

// patience is how long a test waits for an event that must happen, on a busy machine too.
const patience = 2 * time.Minute

// program returns the whole program as a command that is not started yet.
func program(t *testing.T, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), "BOOKING_TEST_RUN=1")
	// If it hangs, it has some time to end its worker. A worker that hangs does not block the test.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience / 2
	return cmd
}

// startTestSystem starts everything but the worker, with this process as the API's.
func startTestSystem(t *testing.T, speed pace) (*system, options) {
	o := options{t.TempDir(), speed}
	log, err := openLog(o.dir, "api")
	if err != nil {
		t.Fatal(err)
	}
	before := slog.Default()
	slog.SetDefault(slog.New(log.service("api")))
	s, err := startSystem(context.Background(), o, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.close()
		slog.SetDefault(before)
		log.file.Close()
	})
	return s, o
}

func startTestWorker(t *testing.T, o options, hooks string) *workerProcess {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w, err := startWorker(ctx, o, hooks, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.stop()
		cancel()
	})
	return w
}

// A hook is a webhook that testCustomer received. testCustomer responds with the status that it gets from the test.
type hook struct {
	header http.Header
	body   string
	answer chan int
}

// testCustomer returns the URL of a customers' server that asks the test for each response.
func testCustomer(t *testing.T) (url string, next func() hook) {
	hooks, end := make(chan hook), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := hook{r.Header, string(body), make(chan int, 1)}
		select {
		case hooks <- h:
		case <-end:
			return
		}
		select {
		case status := <-h.answer:
			w.WriteHeader(status)
		case <-r.Context().Done():
		case <-end:
		}
	}))
	t.Cleanup(func() {
		close(end)
		srv.Close()
	})
	return srv.URL, func() hook {
		t.Helper()
		select {
		case h := <-hooks:
			return h
		case <-time.After(patience):
			t.Fatal("no webhook came")
			panic("unreachable")
		}
	}
}

// post returns the status, the headers and the JSON object that the API answers.
func post(t *testing.T, url, body string, header ...string) (int, http.Header, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return resp.StatusCode, resp.Header, answer
}

// bookingBody is the body of a request with one attendee.
func bookingBody(customer, card string) string {
	return fmt.Sprintf(`{"customer": %q, "room": "blue", "card": %q, "attendees": [{"seat": "A1", "mail": "ann@mail.example"}]}`, customer, card)
}

// mustBook makes a booking and returns its trace id.
func mustBook(t *testing.T, s *system) string {
	t.Helper()
	status, header, answer := post(t, s.api.url+"/bookings", bookingBody("acme", ""))
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, answer)
	}
	return header.Get("X-Trace-Id")
}

// logs returns the traces in dir, whose lines must all be readable.
func logs(t *testing.T, dir string) map[string]*tracelog.Trace {
	t.Helper()
	entries, err := readLogs(dir, func(src tracelog.Source) {
		if src.Bad > 0 {
			t.Errorf("%s: %v", src.File, src.BadLines)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return assemble(entries)
}

// awaitLog waits until a line of a log file of the given process contains text.
func awaitLog(t *testing.T, dir, process, text string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		names, _ := filepath.Glob(filepath.Join(dir, process+"-*.log"))
		for _, name := range names {
			if data, _ := os.ReadFile(name); bytes.Contains(data, []byte(text)) {
				return
			}
		}
	}
	t.Fatalf("no %s log says %q", process, text)
}

// edges writes a trace as one line for each span: its parent, or "-", and itself.
func edges(tr *tracelog.Trace) []string {
	var lines []string
	for _, s := range tr.All() {
		parent := "-"
		if s.Parent != nil {
			parent = s.Parent.Op
		}
		line := parent + " > " + s.Op + " [" + s.Service + "]"
		for _, key := range []string{"seat.id", "job.attempt"} {
			if v := attr(s, key); v != "" {
				line += " " + key + "=" + v
			}
		}
		if s.Failed {
			line += " FAILED " + s.Error
		}
		if s.State != tracelog.Ended {
			line += " UNFINISHED"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// attr returns an attribute of a span as text, "" if it has none of that key.
func attr(s *tracelog.Span, key string) string {
	for _, a := range s.Attrs {
		if a.Key == key {
			return strings.Trim(string(a.Value), `"`)
		}
	}
	return ""
}

// find returns the spans with the given op, in the order in which they started.
func find(tr *tracelog.Trace, op string) []*tracelog.Span {
	var found []*tracelog.Span
	for _, s := range tr.All() {
		if s.Op == op {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *tracelog.Span) int { return a.Start.Compare(b.Start) })
	return found
}

// pids returns the processes that wrote into a trace, one of each.
func pids(tr *tracelog.Trace) []string {
	var all []string
	for _, s := range tr.All() {
		all = append(all, attr(s, "pid"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// jobs counts the jobs in a folder of the queue.
func jobs(t *testing.T, q queue, folder string) int {
	t.Helper()
	ids, err := q.files.list(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(ids)
}

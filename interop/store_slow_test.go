package interop

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// A slowReader is a proxy before a store that stops to read the first long answer after some bytes, until it is told to go
// on. Little of the answer is on its way then: the store has to wait.
type slowReader struct {
	URL     string
	stopped chan struct{} // closed when it has stopped
	resume  chan struct{} // close it to go on
}

// readSlowly starts one that reads so many bytes before it stops.
func readSlowly(t testing.TB, store string, most int64) *slowReader {
	t.Helper()
	to, err := url.Parse(store)
	if err != nil {
		t.Fatal(err)
	}
	s := &slowReader{stopped: make(chan struct{}), resume: make(chan struct{})}
	var once atomic.Bool
	dialer := &net.Dialer{}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err == nil {
				err = c.(*net.TCPConn).SetReadBuffer(128 << 10)
			}
			return c, err
		}},
		ModifyResponse: func(r *http.Response) error {
			r.Body = &slowBody{r.Body, s, &once, most}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

type slowBody struct {
	io.ReadCloser
	slow *slowReader
	once *atomic.Bool
	left int64
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left <= 0 && b.once.CompareAndSwap(false, true) {
		close(b.slow.stopped)
		<-b.slow.resume
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), 32<<10)])
	b.left -= int64(n)
	return n, err
}

// A node that dies while its lines are read slowly leads to no short answer: the command fails and names the node, or with
// --partial says what is missing.
func TestStoreNodeKilled(t *testing.T) {
	t.Parallel()
	c := victorialogs.StartCluster(t, 2)
	var s stored
	for i := range 4 { // each portion goes to one node or both
		s = storeLog(t, c.Front, "0", 0, loggen.Options{Size: 10 << 20, Seed: uint64(i)})
	}
	spread(t, c)
	killedUnderSlowReader(t, c, s.from, 1<<20)
}

// spread makes all lines of a cluster visible, and wants some on each node.
func spread(t *testing.T, c *victorialogs.Cluster) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); c.Front.Metric(t, "vl_insert_remote_pending_bytes") > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(1500 * time.Millisecond) // the front holds small data back for a second
	for i, n := range c.Storage {
		n.Sync(t)
		if len(n.Query(t, "* | limit 1")) == 0 {
			t.Fatalf("node %d has nothing", i)
		}
	}
}

// killedUnderSlowReader reads all lines twice, stops after so many bytes, kills the second node and goes on.
func killedUnderSlowReader(t *testing.T, c *victorialogs.Cluster, from string, most int64) {
	t.Helper()
	dead := strings.TrimPrefix(c.Storage[1].URL, "http://")
	_, tenant, _ := strings.Cut(from, "?")
	for _, partial := range []bool{false, true} {
		slow := readSlowly(t, c.Front.URL, most)
		args := []string{"stats", "--json", "--grep", "o", "--since", sinceAll, "--max-lines", "0", "--from", strings.Replace(slow.URL, "http:", "victorialogs:", 1) + "?" + tenant}
		if partial {
			args = append(args, "--partial")
		}
		cmd, stdout, stderr := startCommand(t, nil, args...)
		done := make(chan struct{})
		go func() {
			cmd.Wait()
			close(done)
		}()
		select {
		case <-slow.stopped:
		case <-done:
			t.Fatalf("no long answer: %s %s", cmd.ProcessState, stderr)
		}
		c.Storage[1].Kill(t)
		close(slow.resume)
		<-done
		code := cmd.ProcessState.ExitCode()
		switch {
		case !partial && (code != 1 || stdout.String() != "" || !strings.Contains(stderr.String(), dead)):
			t.Errorf("exit code %d, %s, want 1 and the name of %s\n%.300s", code, stderr, dead, stdout)
		case partial && (code != 0 || !strings.Contains(stdout.String(), `"count"`) || !strings.Contains(stderr.String(), "the answer lacks lines: ") || !strings.Contains(stderr.String(), dead)):
			t.Errorf("--partial: exit code %d, %s, want 0 and what is missing of %s\n%.300s", code, stderr, dead, stdout)
		}
		c.Storage[1].Restart(t)
	}
}

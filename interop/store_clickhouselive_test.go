package interop

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slogtrace/slogtrace/interop/internal/clickhouse"
)

// An interrupt ends the query at the server, also if a connection to it takes a while. It would run forever: it reads a
// table without an end and finds nothing, so that the server does not notice that nobody waits for the answer.
func TestClickHouseInterrupt(t *testing.T) {
	t.Parallel()
	server := clickhouse.Start(t)
	server.Exec(t, "create view endless as select toUInt64(number) as time, 'x' as msg, 'x' as trace, 'INFO' as level from system.numbers", nil)
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.sign(t, time.Hour, net.IPv4(127, 0, 0, 1))}}
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(300 * time.Millisecond)
		return nil, nil
	}
	far := before(t, server.URL, config, nil)
	cmd, _, stderr := startCommand(t, []string{"SLOGTRACE_CA_FILE=" + ca.file}, "ls", "--since", sinceAll, "--from", strings.Replace(far.URL, "https:", "clickhouse+https:", 1)+"/default/endless")
	await := func(want string) (took time.Duration) {
		begin := time.Now()
		for strings.TrimSpace(server.Exec(t, "select count() from system.processes where query_id like 'slogtrace-%'", nil)) != want {
			if took = time.Since(begin); took > 10*time.Second {
				t.Fatalf("not %s queries after %v", want, took)
			}
			time.Sleep(10 * time.Millisecond)
		}
		return took
	}
	await("1")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if took := await("0"); took > 2*time.Second {
		t.Errorf("the query ran for %v", took)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("%v, %s", cmd.ProcessState, stderr)
	}
}

// tail shows each line once while lines come, through a restart of the server.
func TestClickHouseTail(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		server := clickhouse.Start(t)
		tailTable(t, server, "UInt64", func() { server.Restart(t) })
	})
	t.Run("newest", func(t *testing.T) {
		t.Parallel()
		tailTable(t, startChdb(t), "DateTime64(9, 'UTC')", nil)
	})
}

func tailTable(t *testing.T, server *clickhouse.Server, timeType string, restart func()) {
	server.Exec(t, "create table logs (time "+timeType+", msg String, run String, level String, seq Nullable(Int64)) engine = MergeTree partition by tuple() order by time", nil)
	cmd, stdout, stderr := startCommand(t, nil, "tail", "--json", "-n", "0", "--delay", "1s", "--where", "run=tail", "--from", clickhouseAddress(server, "logs"))
	time.Sleep(1500 * time.Millisecond) // it has begun
	var want []string
	send := func(count int) {
		var rows bytes.Buffer
		at := time.Now().UnixNano()
		stamp := fmt.Sprint(at)
		if timeType != "UInt64" {
			stamp = `"` + time.Unix(0, at).UTC().Format("2006-01-02 15:04:05.000000000") + `"`
		}
		for range count { // of equal time
			msg := fmt.Sprintf("line %d", len(want))
			fmt.Fprintf(&rows, `{"time":%s,"msg":%q,"run":"tail","level":"INFO","seq":%d}`+"\n", stamp, msg, len(want))
			want = append(want, msg)
		}
		fmt.Fprintf(&rows, `{"time":%s,"msg":"other","run":"another","level":"INFO"}`+"\n", stamp)
		server.Exec(t, "insert into logs format JSONEachRow", &rows)
	}
	for range 4 {
		send(50)
		time.Sleep(300 * time.Millisecond)
	}
	if restart != nil {
		restart()
	}
	send(50)
	awaitLines(t, stdout, len(want))
	time.Sleep(1500 * time.Millisecond) // so that lines that are shown twice are seen
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	compareTail(t, stdout.String(), want, stderr.String())
}

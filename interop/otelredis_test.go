package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/slogtrace/slogtrace"
)

// supervise runs a server, $@, until standard input is at its end: the test wants that, or is no more, however it ended.
const supervise = `"$@" & pid=$!
read -r _
kill $pid
wait $pid`

// startRedis starts a server with an empty data set in memory, and returns its address. It runs until the test ends.
func startRedis(t *testing.T) (addr string) {
	t.Helper()
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("there is no Redis server: apt-get install redis-server")
	}
	// Another process may take the port that was free. The server then ends.
	for range 5 {
		if addr, err = runRedis(t, server); err == nil {
			return addr
		}
	}
	t.Fatal(err)
	return ""
}

func runRedis(t *testing.T, server string) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr = l.Addr().String()
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return "", err
	}
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", server, "--bind", "127.0.0.1", "--port", strconv.Itoa(port),
		"--save", "", "--appendonly", "no", "--dir", t.TempDir())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	client := redis.NewClient(&redis.Options{Addr: addr, DialerRetries: 1})
	defer client.Close()
	stop := func() error { return errors.Join(stdin.Close(), cmd.Wait()) }
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var got map[string]string
		if got, err = client.ConfigGet(t.Context(), "port").Result(); err == nil && got["port"] == strconv.Itoa(port) {
			t.Cleanup(func() {
				if err := stop(); err != nil {
					t.Errorf("stop Redis: %v", err)
				}
			})
			return addr, nil
		}
	}
	return "", errors.Join(fmt.Errorf("no Redis at %s: %w", addr, err), stop())
}

// openRedis returns a client whose commands are u's spans, after its first connection is open.
//
// The library dials under a context of its own, so a span of that would be a trace of its own. The commands that open a
// connection are children of whatever command needs it. An old server does not know some of them, and these would be failed spans.
func openRedis(t *testing.T, u *otelUser, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { client.Close() })
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(u.provider), redisotel.WithDialFilter(true),
		redisotel.WithCommandFilter(func(cmd redis.Cmder) bool { return cmd.Name() == "hello" })); err != nil {
		t.Fatal(err)
	}
	return client
}

// A value that is not there is no failure, alone and in a pipeline.
func TestOTelRedis(t *testing.T) {
	u := newOTelUser(nil)
	client := openRedis(t, u, startRedis(t))
	u.in(t.Context(), "book", func(ctx context.Context) {
		if err := client.Set(ctx, "seat", "12A", 0).Err(); err != nil {
			t.Error(err)
		}
		if err := client.Get(ctx, "nothing").Err(); err != redis.Nil {
			t.Errorf("error %v", err)
		}
		if err := client.Incr(ctx, "seat").Err(); err == nil {
			t.Error("no error")
		}
		cmds, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Get(ctx, "nothing")
			p.Get(ctx, "seat")
			return nil
		})
		if err != redis.Nil || len(cmds) != 2 {
			t.Errorf("%v, error %v", cmds, err)
		}
	})
	u.check(t, `book
  set [client] db.system="redis" db.statement="set seat 12A"
  get [client] db.system="redis" db.statement="get nothing"
  incr [client] db.system="redis" db.statement="incr seat" ✗ ERR value is not an integer or out of range
    · exception "ERR value is not an integer or out of range"
  redis.pipeline get [client] db.system="redis" db.statement="get nothing\nget seat"
`, "db.system", "db.statement")
}

// wrapErrors is a hook that wraps the errors of commands.
type wrapErrors struct{ redis.Hook }

func (wrapErrors) DialHook(next redis.DialHook) redis.DialHook { return next }

func (wrapErrors) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (wrapErrors) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil {
			return fmt.Errorf("cache: %w", err)
		}
		return nil
	}
}

// redisotel compares with redis.Nil, and so takes one that is wrapped for a failure. IsFailure sees the error itself.
func TestOTelRedisNil(t *testing.T) {
	addr := startRedis(t)
	opts := &slogtrace.TracerOptions{
		IsFailure: func(err error) bool { return !errors.Is(err, redis.Nil) },
	}
	for _, test := range []struct {
		opts *slogtrace.TracerOptions
		want string
	}{{nil, " ✗ cache: redis: nil"}, {opts, ""}} {
		u := newOTelUser(test.opts)
		client := openRedis(t, u, addr)
		client.AddHook(wrapErrors{})
		u.in(t.Context(), "book", func(ctx context.Context) {
			if err := client.Get(ctx, "nothing").Err(); !errors.Is(err, redis.Nil) {
				t.Errorf("error %v", err)
			}
		})
		u.check(t, "book\n  get [client]"+test.want+"\n    · exception \"cache: redis: nil\"\n")
	}
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slogtrace/slogtrace/interop/internal/program"
	"github.com/slogtrace/slogtrace/interop/internal/victorialogs"
)

// A store is VictoriaLogs with a log, and a proxy that counts bytes.
type store struct {
	node        *victorialogs.Node
	proxy       *proxy
	first, last time.Time // of the log's lines
}

func startStore(p *program.Program) (*store, error) {
	file, err := p.File()
	if err != nil {
		return nil, err
	}
	n, err := victorialogs.Open(file)
	if err != nil {
		return nil, err
	}
	s := &store{node: n}
	if s.proxy, err = startProxy(strings.TrimPrefix(n.URL, "http://")); err != nil {
		n.Close()
		return nil, err
	}
	return s, nil
}

func (s *store) close() error {
	s.proxy.listener.Close()
	return s.node.Close()
}

// maxPost is how many bytes of lines a request has at most.
const maxPost = 4 << 20

// load sends a log, and waits until all of its lines can be searched and the store rests.
func (s *store) load(ctx context.Context, file string, lines int) error {
	fmt.Fprintln(os.Stderr, "loading", file)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	var part []byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if err := s.note(line); err != nil {
			return err
		}
		if len(part)+len(line) > maxPost || err == io.EOF {
			if err := s.insert(ctx, append(part, line...)); err != nil {
				return err
			}
			part, line = part[:0], nil
		}
		if err == io.EOF {
			break
		}
		part = append(part, line...)
	}
	if err := s.get(ctx, "/internal/force_flush"); err != nil {
		return err
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		n, err := s.count(ctx)
		if err != nil {
			return err
		}
		if n > lines || n < lines && time.Now().After(deadline) {
			return fmt.Errorf("%d lines can be searched, want %d", n, lines)
		}
		if n == lines {
			break
		}
	}
	return s.settle(ctx)
}

// note notes the time of a line.
func (s *store) note(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	text, ok := bytes.CutPrefix(line, []byte(`{"time":"`))
	if !ok {
		return fmt.Errorf("a line that does not begin with its time: %.100q", line)
	}
	at, err := time.Parse(time.RFC3339Nano, string(text[:max(0, bytes.IndexByte(text, '"'))]))
	if s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	if at.After(s.last) {
		s.last = at
	}
	return err
}

func (s *store) insert(ctx context.Context, lines []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.node.URL+"/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", bytes.NewReader(lines))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/stream+json")
	return do(req)
}

func (s *store) get(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.node.URL+path, nil)
	if err != nil {
		return err
	}
	return do(req)
}

func do(req *http.Request) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", req.URL.Path, resp.Status, text)
	}
	return err
}

// count returns how many lines can be searched.
func (s *store) count(ctx context.Context) (n int, err error) {
	query := url.Values{"query": {"* | stats count() n"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.node.URL+"/select/logsql/query?"+query.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var row struct {
		N int `json:",string"`
	}
	err = json.NewDecoder(resp.Body).Decode(&row)
	return row.N, err
}

// settle merges all parts into one, and waits until that is done.
func (s *store) settle(ctx context.Context) error {
	if err := s.get(ctx, "/internal/force_merge"); err != nil {
		return err
	}
	for range 10 * 60 { // several looks: a merge may begin a little later
		time.Sleep(time.Second)
		m, err := s.node.Metrics()
		if err != nil {
			return err
		}
		busy := 0.0
		for name, x := range m {
			if strings.HasPrefix(name, "vl_active_merges") {
				busy += x
			}
		}
		if busy == 0 {
			return nil
		}
	}
	return fmt.Errorf("VictoriaLogs merges for more than ten minutes")
}

// A proxy passes connections on, and counts what goes through.
type proxy struct {
	listener net.Listener
	bytes    atomic.Int64 // in both directions
	requests atomic.Int64
}

func startProxy(to string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(c, to)
		}
	}()
	return p, nil
}

func (p *proxy) pass(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() {
		in := bufio.NewReader(client)
		for {
			req, err := http.ReadRequest(in)
			if err != nil {
				break
			}
			p.requests.Add(1)
			if req.Write(&counted{server, p}) != nil {
				break
			}
		}
		server.(*net.TCPConn).CloseWrite()
	})
	both.Go(func() {
		io.Copy(&counted{client, p}, server)
		client.(*net.TCPConn).CloseWrite()
	})
	both.Wait()
}

// A counted counts what is written to it.
type counted struct {
	io.Writer
	proxy *proxy
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.proxy.bytes.Add(int64(n))
	return n, err
}

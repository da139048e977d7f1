package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// A fault is how a receiver fails.
type fault int

const (
	none        fault = iota
	unavailable       // 503 with Retry-After
	tooMany           // 429, a few times
	reset             // the connection is reset before the request has been read
	hang              // no answer, and then the connection is reset
	resetAfter        // the connection is reset after the records have been taken: they come again
	hangAfter         // likewise, without an answer at first
	tooLarge          // 413: the batch comes again, in halves
	refuse            // 400: the batch does not come again
	reject            // OTLP's partial success: some records are not taken
	garbage           // 200 with an answer that means nothing
	faults
)

var faultNames = [faults]string{"", "503", "429", "reset", "hang, reset", "taken, reset", "taken, hang, reset", "413", "400", "partial success", "garbage in the answer"}

// A receiver takes the records of a sink, and fails now and then. It is a handler for one path.
type receiver struct {
	sink  *sink
	otlp  bool
	every int           // one request in so many meets a fault
	hangs time.Duration // at most

	mu     sync.Mutex
	random *rand.Rand
	storm  int // answers of 429 that follow
	faults [faults]int

	requests int
	down     func() // the server refuses connections for a while
}

func (r *receiver) next() fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	f := none
	switch {
	case r.storm > 0:
		r.storm--
		f = tooMany
	case r.random.IntN(r.every) == 0:
		f = 1 + fault(r.random.IntN(int(faults)-1))
		if f == reject && !r.otlp {
			f = refuse
		}
		if f == tooMany {
			r.storm = r.random.IntN(3)
		}
	case r.random.IntN(4*r.every) == 0 && r.down != nil:
		go r.down()
	}
	r.faults[f]++
	return f
}

func (r *receiver) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.random.Int64N(int64(r.hangs)))
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f := r.next()
	switch f {
	case unavailable:
		w.Header().Set("Retry-After", []string{"0", "1", time.Now().Add(time.Second).UTC().Format(http.TimeFormat)}[r.pause()%3])
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	case tooMany:
		http.Error(w, "too many", http.StatusTooManyRequests)
		return
	case reset:
		breakOff(w)
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the client has gone; it does not count on an answer
	}
	if f == hang {
		time.Sleep(r.pause())
		breakOff(w)
		return
	}
	var numbers []int
	if r.otlp {
		numbers = r.sink.otlp(body, nil)
	} else {
		numbers = r.sink.lines(body, nil)
	}
	if (f == refuse || f == reject || f == tooLarge) && r.sink.came(numbers) {
		f = none // it has been taken: a refusal would be a lie
	}
	switch f {
	case resetAfter, hangAfter:
		r.sink.take(numbers, len(body), true)
		if f == hangAfter {
			time.Sleep(r.pause())
		}
		breakOff(w)
	case tooLarge:
		if len(numbers) == 1 {
			r.sink.refuse(numbers, "too large")
		}
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	case refuse:
		r.sink.refuse(numbers, "status 400")
		http.Error(w, "no", http.StatusBadRequest)
	case reject:
		taken := len(numbers) / 2
		r.sink.take(numbers[:taken], len(body), false)
		r.sink.refuse(numbers[taken:], "rejected")
		signal := "rejectedSpans"
		if req.URL.Path == "/v1/logs" {
			signal = "rejectedLogRecords"
		}
		fmt.Fprintf(w, `{"partialSuccess":{"%s":"%d","errorMessage":"half is enough"}}`, signal, len(numbers)-taken)
	case garbage:
		r.sink.take(numbers, len(body), false)
		io.WriteString(w, "<html>{{")
	default:
		r.sink.take(numbers, len(body), false)
		io.WriteString(w, "{}")
	}
}

// breakOff resets the connection.
func breakOff(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// A listener can refuse connections for a while, and then listen at the same address again.
type listener struct {
	mu     sync.Mutex
	inner  net.Listener
	away   chan struct{} // closed when it is back; nil if it is there
	closed bool
	times  int // how often it was away
}

func listen() (*listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &listener{inner: l}, nil
}

func (l *listener) Addr() net.Addr { return l.inner.Addr() }

func (l *listener) Accept() (net.Conn, error) {
	for {
		l.mu.Lock()
		inner, away := l.inner, l.away
		l.mu.Unlock()
		if away != nil {
			<-away
			continue
		}
		conn, err := inner.Accept()
		if err == nil {
			return conn, nil
		}
		l.mu.Lock()
		again := l.away != nil || l.inner != inner
		l.mu.Unlock()
		if !again {
			return nil, err
		}
	}
}

func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.inner.Close()
}

// refuse refuses connections for that long. The server must break its idle ones off.
func (l *listener) refuse(d time.Duration) error {
	l.mu.Lock()
	if l.away != nil || l.closed {
		l.mu.Unlock()
		return nil
	}
	back := make(chan struct{})
	l.away = back
	l.times++
	address := l.inner.Addr().String()
	_ = l.inner.Close()
	l.mu.Unlock()
	time.Sleep(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(back)
	l.away = nil
	if l.closed {
		return nil
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	l.inner = again
	return nil
}

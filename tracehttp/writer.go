package tracehttp

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/slogtrace/slogtrace"
)

// A writer is the ResponseWriter that a traced handler gets, and all that is known of its request:
// one allocation. A type that embeds it adds what the original can do besides.
// Like any ResponseWriter it is for one goroutine at a time.
type writer struct {
	http.ResponseWriter
	handler  *handler
	exchange *exchange
	span     *slogtrace.Span
	pattern  string // known when the span began
	status   int    // 0: none yet
	hijacked bool
	returned bool      // the handler has returned
	err      error     // the first of Write
	traceID  [1]string // the value of X-Trace-Id; "" for none
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) base() *writer { return w }

// baseOf returns the writer that w is or wraps, nil if there is none.
func baseOf(w http.ResponseWriter) *writer {
	for range 100 { // a wrapper that unwraps to itself is somebody's bug, but no reason to hang
		switch u := w.(type) {
		case interface{ base() *writer }:
			return u.base()
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return nil
		}
	}
	return nil
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.ownOnce(w.handler.traceHeader)
		for _, known := range w.exchange.ids {
			w.ownOnce(known.header)
		}
	}
	w.ResponseWriter.WriteHeader(status)
	// Informational ones, save for 101, come before the status (RFC 9110, 15.2).
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
}

// ownOnce leaves the first of a header that is ours: httputil.ReverseProxy adds those of the answer that it passes on.
func (w *writer) ownOnce(key string) {
	if key == "" {
		return
	}
	if h := w.Header(); len(h[key]) > 1 {
		h[key] = h[key][:1:1]
	}
}

// begin notes the status of an answer, unless that is another already, or nothing is sent.
func (w *writer) begin(status int) {
	if w.status == 0 && !w.hijacked {
		w.status = status
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.note(err)
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	w.begin(http.StatusOK)
	n, err := io.WriteString(w.ResponseWriter, s)
	w.note(err)
	return n, err
}

func (w *writer) note(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

func (w *writer) flush() error {
	w.begin(http.StatusOK)
	var err error
	if f, ok := w.ResponseWriter.(interface{ FlushError() error }); ok {
		err = f.FlushError()
	} else {
		w.ResponseWriter.(http.Flusher).Flush()
	}
	w.note(err)
	return err
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	// Not of the original itself: it may be a wrapper with an Unwrap only.
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked = true
	}
	return conn, buf, err
}

func (w *writer) readFrom(r io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	// An error is as likely the reader's: the client's absence shows otherwise.
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

// The types by what they add, each with one method more than what it embeds.
type (
	flusher           struct{ writer }
	hijacker          struct{ writer }
	readerFrom        struct{ writer }
	flushHijacker     struct{ flusher }
	flushReaderFrom   struct{ flusher }
	flushPusher       struct{ flusher } // HTTP/2
	hijackReaderFrom  struct{ hijacker }
	flushHijackReader struct{ flushHijacker } // HTTP/1
)

func (w *flusher) Flush()                                             { _ = w.flush() }
func (w *flusher) FlushError() error                                  { return w.flush() }
func (w *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)      { return w.hijack() }
func (w *flushHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
func (w *readerFrom) ReadFrom(r io.Reader) (int64, error)             { return w.readFrom(r) }
func (w *flushReaderFrom) ReadFrom(r io.Reader) (int64, error)        { return w.readFrom(r) }
func (w *hijackReaderFrom) ReadFrom(r io.Reader) (int64, error)       { return w.readFrom(r) }
func (w *flushHijackReader) ReadFrom(r io.Reader) (int64, error)      { return w.readFrom(r) }
func (w *flushPusher) Push(target string, opts *http.PushOptions) error {
	return w.ResponseWriter.(http.Pusher).Push(target, opts)
}

// canHijack reports whether http.ResponseController can hijack w.
func canHijack(w http.ResponseWriter) bool {
	for range 100 {
		switch u := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return false
		}
	}
	return false
}

// newWriter returns a writer for w, as the handler is to see it, and the one within.
func newWriter(w http.ResponseWriter) (http.ResponseWriter, *writer) {
	_, flush := w.(http.Flusher)
	_, read := w.(io.ReaderFrom)
	_, push := w.(http.Pusher)
	hijack := canHijack(w)
	switch {
	case flush && hijack && read:
		x := new(flushHijackReader)
		return x, &x.writer
	case flush && push && !hijack && !read:
		x := new(flushPusher)
		return x, &x.writer
	case flush && hijack:
		x := new(flushHijacker)
		return x, &x.writer
	case flush && read:
		x := new(flushReaderFrom)
		return x, &x.writer
	case hijack && read:
		x := new(hijackReaderFrom)
		return x, &x.writer
	case flush:
		x := new(flusher)
		return x, &x.writer
	case hijack:
		x := new(hijacker)
		return x, &x.writer
	case read:
		x := new(readerFrom)
		return x, &x.writer
	}
	x := new(writer)
	return x, x
}

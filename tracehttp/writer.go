package tracehttp

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/slogtrace/slogtrace"
)

// A writer is the ResponseWriter that a traced handler gets, with all that is known about the request:
// one allocation. Types that embed it add methods that the original has.
// Like any ResponseWriter it is for one goroutine at a time.
type writer struct {
	http.ResponseWriter
	handler  *handler
	exchange *exchange
	span     *slogtrace.Span
	pattern  string // the one known when the span began
	status   int    // 0: none yet
	hijacked bool
	returned bool      // the handler has returned
	err      error     // the first error of a write
	traceID  [1]string // the value of the trace header; "" for none
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) base() *writer { return w }

// baseOf returns the writer that w is or wraps, or nil.
func baseOf(w http.ResponseWriter) *writer {
	for range 100 { // a wrapper may unwrap to itself by mistake; do not hang then
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
	// Informational statuses except 101 come before the final status (RFC 9110, 15.2).
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.begin(status)
	}
}

// ownOnce keeps only the first value of a header of ours: httputil.ReverseProxy adds that of the response it passes on.
func (w *writer) ownOnce(key string) {
	if key == "" {
		return
	}
	if h := w.Header(); len(h[key]) > 1 {
		h[key] = h[key][:1:1]
	}
}

// begin notes the status of the response, unless one was noted before or the connection was hijacked.
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
	// Not by the original directly: it may be a wrapper that only has Unwrap.
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked = true
	}
	return conn, buf, err
}

func (w *writer) readFrom(r io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	// An error may just as well be the reader's. An absent client is noticed otherwise.
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

// Each type adds one method to the type it embeds.
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

// newWriter returns a ResponseWriter for the handler, with the optional methods of w, and the writer inside it.
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

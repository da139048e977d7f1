// Package traceship sends the lines of a logger to a log store over HTTP, for programs without an agent beside them.
//
//	w, err := traceship.NewWriter("http://victorialogs:9428/insert/jsonline?_time_field=time&_msg_field=msg&_stream_fields=service", nil)
//	if err != nil {
//		return err
//	}
//	defer w.Shutdown(context.Background())
//	h := slogtrace.NewJSONHandler(io.MultiWriter(os.Stdout, w), nil)
//
// A Writer is below the handler that writes the lines. So what the store gets is what a file would have: every
// preset of package slogtrace, redaction and tail sampling work as they do with a file.
//
// # Delivery
//
// Write never waits and never fails. Lines wait in a bounded queue until a goroutine sends them. When the queue is full, new lines are
// dropped and counted: see [Writer.Stats]. A batch is sent until it is taken: again after statuses 429, 502, 503 and 504 and after
// failed connections, with growing pauses, or after what Retry-After asks for. It is split if it is too large (413).
// After any other status it is dropped and counted under that status. Delivery is at least once: what a store took before the connection
// broke may be there twice.
//
// [Writer.Shutdown] sends what waits. What is in the queue is lost if the program ends without it: by os.Exit, log.Fatal or a panic
// that nobody recovers. [Options.Immediate] sends each line at once.
//
// [NewAsyncWriter] puts the same queue before any other writer, such as a slow file.
package traceship

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/internal/deliver"
)

// Options are options for [NewWriter]. The zero value means the defaults.
type Options struct {
	Framing Framing // what is around the lines; "": JSONLines

	// Token is the store's secret. Each Framing has its own header for it. Token and Headers are in no error text.
	Token   string
	Headers map[string]string // of each request

	// Labels describe the program: the stream of Loki, the attributes of New Relic, the fields of Splunk, and service,
	// hostname, ddsource and ddtags of Datadog. The other framings ignore them: there the lines have all.
	Labels map[string]string

	// KeepLine is the name of a member that is added to each line, with the whole line as a string. It is for stores that keep
	// members in another form, such as VictoriaLogs: with "_msg" there, that member is exactly what was written, for jq -r ._msg.
	// The store then needs about 2.5 times the space. "": none. Only JSONLines, Elasticsearch and Axiom have it.
	KeepLine string

	// MaxLine limits the bytes of a line as it is sent: if the store gets its members, those that KeepLine adds count too.
	// Longer lines are dropped as "line too long". 0: what the store takes, see Framing.
	MaxLine int

	MaxQueue      int           // lines that wait, at most; default 10,000
	MaxQueueBytes int           // and their bytes; default 8 MiB
	MaxBatch      int           // lines in a request, at most; default 1,000
	Delay         time.Duration // of a batch that is not full; default 1 s
	Immediate     bool          // sends each line in a request of its own, without delay; for debugging

	Gzip    bool
	Timeout time.Duration // of one request; default 10 s
	TLS     *tls.Config

	// Transport sends the requests. Nil: one of the Writer's own, with the proxy that the environment names.
	// It must not be one that makes spans.
	Transport http.RoundTripper
}

// A Writer is an [io.Writer] that queues lines. [NewWriter] makes one that sends them to a log store, [NewAsyncWriter] one
// that writes them to another writer. It is safe for concurrent use.
type Writer struct {
	queue    *deliver.Queue
	client   *deliver.Client // nil: another writer
	maxLine  int             // with a client
	members  bool            // the store gets lines as members
	keepLine string
	scratch  sync.Pool // of *[]byte
}

// lineTooLong is the reason for which a line is dropped.
const lineTooLong = "line too long"

// NewWriter returns a Writer that posts to the http or https URL u. It connects to nobody yet. Nil options mean the defaults.
// The error says which option is not valid.
func NewWriter(u string, opts *Options) (*Writer, error) {
	if opts == nil {
		opts = new(Options)
	}
	f, ok := framings[cmp.Or(opts.Framing, JSONLines)]
	if !ok {
		return nil, fmt.Errorf("traceship: Options.Framing: there is no %q", opts.Framing)
	}
	if opts.KeepLine != "" && !f.members {
		return nil, fmt.Errorf("traceship: Options.KeepLine: with %s the line is a string already", opts.Framing)
	}
	header := http.Header{"Content-Type": {f.contentType}, "User-Agent": {"slogtrace-traceship"}}
	if opts.Token != "" {
		header.Set(f.tokenHeader, f.tokenPrefix+opts.Token)
	}
	for key, value := range opts.Headers {
		header.Set(key, value)
	}
	client, err := deliver.NewClient(u, deliver.ClientOptions{Header: header, Gzip: opts.Gzip, TLS: opts.TLS, Transport: opts.Transport})
	if err != nil {
		return nil, fmt.Errorf("traceship: %w", err)
	}
	w := &Writer{client: client, maxLine: cmp.Or(opts.MaxLine, f.maxLine), members: f.members, keepLine: opts.KeepLine}
	s := &shipment{framing: f, labels: opts.Labels, keepLine: opts.KeepLine}
	q := deliver.Options{
		Name:         "traceship",
		MaxRecords:   cmp.Or(opts.MaxQueue, 10_000),
		MaxBytes:     opts.MaxQueueBytes,
		BatchRecords: cmp.Or(opts.MaxBatch, 1000),
		BatchBytes:   f.batchBytes,
		Delay:        cmp.Or(opts.Delay, time.Second),
		Timeout:      opts.Timeout,
	}
	if opts.Immediate {
		q.BatchRecords, q.Delay = 1, -1
	}
	q.Send = func(ctx context.Context, b deliver.Batch) error {
		answer, err := client.Post(ctx, s.body(b))
		if err != nil || f.rejected == nil {
			return err
		}
		if n, text := f.rejected(answer); n > 0 {
			return &deliver.RejectedError{Records: n, Err: errors.New(text)}
		}
		return nil
	}
	w.queue = deliver.New(q)
	return w, nil
}

// Write queues the lines in p, of which each handler of package slogtrace writes one at a time.
// It returns len(p) and no error: what is lost is counted.
func (w *Writer) Write(p []byte) (int, error) {
	if w.client == nil {
		w.queue.AddLines(p)
		return len(p), nil
	}
	for line := range bytes.Lines(p) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			continue
		}
		if w.tooLong(line) {
			w.queue.Drop(lineTooLong)
			continue
		}
		w.queue.Add(line)
	}
	return len(p), nil
}

// tooLong reports whether line would be sent with more than maxLine bytes.
func (w *Writer) tooLong(line []byte) bool {
	if len(line) > w.maxLine {
		return true
	}
	// As an object, a byte may become three, where it is not UTF-8, and six more in KeepLine.
	if !w.members || 9*len(line)+6*len(w.keepLine)+100 <= w.maxLine {
		return false
	}
	b, _ := w.scratch.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	*b = appendObject((*b)[:0], line, w.keepLine)
	long := len(*b) > w.maxLine
	if cap(*b) <= maxKept {
		w.scratch.Put(b)
	}
	return long
}

// Flush sends, or writes, what waits, until it is delivered or dropped, or ctx ends. The error names what was lost since the last Flush.
func (w *Writer) Flush(ctx context.Context) error { return w.queue.Flush(ctx) }

// Shutdown sends, or writes, what waits and ends the Writer's goroutine. If ctx ends first, the rest is dropped.
// The error names what was lost since the last Flush. Later lines are dropped.
func (w *Writer) Shutdown(ctx context.Context) error {
	err := w.queue.Shutdown(ctx)
	if w.client != nil {
		w.client.CloseIdle()
	}
	return err
}

// Stats are what became of the lines of a Writer. Lines is the sum of Delivered, Waiting and all of Dropped.
type Stats struct {
	Lines     uint64            // were written
	Delivered uint64            // the store has them, or the inner writer took them
	Dropped   map[string]uint64 // by reason: "queue full", "line too long", "too large", "rejected", "not written", "shut down", "status 400", …
	Batches   uint64            // requests that were successful, or calls of the inner writer
	Retries   uint64            // requests that were sent again
	LastError string            // "" if there was none
	Waiting   int               // in the queue or under way
	HeldBytes int               // the memory that the queue holds
}

// Stats returns what became of all lines so far.
func (w *Writer) Stats() Stats {
	s := w.queue.Stats()
	return Stats{s.Records, s.Delivered, s.Dropped, s.Batches, s.Retries, s.LastError, s.Waiting, s.HeldBytes}
}

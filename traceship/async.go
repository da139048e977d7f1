package traceship

import (
	"cmp"
	"io"
	"time"

	"github.com/slogtrace/slogtrace/internal/deliver"
)

// AsyncOptions are options for [NewAsyncWriter]. The zero value means the defaults.
type AsyncOptions struct {
	MaxQueue      int           // lines that wait, at most; default 10,000
	MaxQueueBytes int           // and their bytes; default 8 MiB
	MaxBatchBytes int           // bytes of one Write of the inner writer, at most, unless a single line is longer; default 64 KiB
	Delay         time.Duration // how long a line waits for others, to be written with them; default 100 ms; negative: not at all
}

// NewAsyncWriter returns a Writer that writes to w in a goroutine of its own. So a slow w, such as a file on a network or a busy pipe,
// delays neither a log call nor the end of a span. Nil options mean the defaults.
//
//	w := traceship.NewAsyncWriter(os.Stdout, nil)
//	defer w.Shutdown(context.Background())
//	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(w, nil)))
//
// Each call of w.Write gets whole lines, in order and byte for byte: a w that rotates files cuts no line. It is called by one
// goroutine, and must not keep the bytes. No line of another caller comes between the lines of one Write. Each Write should be whole lines, as
// those of handlers are.
//
// When the queue has no room for a line, the line is dropped and counted as "queue full". If w returns an error or writes too little, the lines that
// it did not take as a whole are dropped and counted as "not written": they are not tried again. If it took a part of a line, the
// next Write begins with a line break, so that this part stays on a line of its own.
//
// A Write of w that never returns holds up the lines behind it, and nothing else. Shutdown waits for it until one second after the
// end of its context. Neither Flush nor Shutdown calls any method of w but Write.
//
// What waits is lost if the program ends without Shutdown, as in the package comment, so a small Delay loses less.
func NewAsyncWriter(w io.Writer, opts *AsyncOptions) *Writer {
	if opts == nil {
		opts = new(AsyncOptions)
	}
	q := deliver.Options{
		Name:       "traceship",
		MaxRecords: cmp.Or(max(opts.MaxQueue, 0), 10_000),
		MaxBytes:   cmp.Or(max(opts.MaxQueueBytes, 0), 8<<20),
		BatchBytes: cmp.Or(max(opts.MaxBatchBytes, 0), 64<<10),
		Delay:      cmp.Or(opts.Delay, 100*time.Millisecond),
		Send:       deliver.Writer(w),
	}
	q.BatchRecords = q.MaxRecords
	return &Writer{queue: deliver.New(q)}
}

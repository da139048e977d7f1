package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

func (s *session) tail() *cobra.Command {
	var f query.Filter
	t := tailer{session: s, filter: &f}
	var lines int
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail [FILE...]",
		Short: "Follow files or standard input, readable",
		Long: `Follow files, or standard input, and write their lines for people to read: time (UTC), level, the beginning of
the trace's id in a colour of its own, service, operation and message; a span's end with its duration and error.

First come the last lines that are there, those of several files in order of time. A file is followed through rotation
(renamed and created anew, or copied and truncated), and with a directory or a quoted glob so are files that appear
later, from their beginning. What is no record, such as a panic, is written as it is.
The flags choose among the lines, each by itself.`,
		Example: `  myservice | slogtrace tail
  slogtrace tail --error -n 0 api.log worker.log
  slogtrace tail --since 10m --follow=false 'logs/*.log'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("since") && !cmd.Flags().Changed("lines") {
				lines = -1
			}
			return t.run(cmd.Context(), args, lines, follow)
		},
	}
	flags := cmd.Flags()
	flags.IntVarP(&lines, "lines", "n", 10, "how many lines to begin with, of each file; -1: all, as with --since")
	flags.BoolVarP(&follow, "follow", "f", true, "go on, as the files grow; --follow=false ends where they do now")
	flags.BoolVar(&t.attrs, "attrs", false, "show the attributes of spans, too")
	f.Register(flags, s.now)
	return cmd
}

// A tailer writes lines.
type tailer struct {
	*session
	filter *query.Filter
	attrs  bool
	places places // in the files that are followed

	following atomic.Int64 // how many those are
	calm      calm

	telling sync.Mutex
	over    bool // nothing is followed any more, though a follower may not have noticed yet

	written int
	day     string
	level   int // width of that column
	service int // likewise
}

func (t *tailer) run(ctx context.Context, args []string, lines int, follow bool) error {
	t.outlet.stop = nil // to interrupt it is to end it: what was read is written
	ins, err := t.files.Inputs(args)
	if err != nil {
		return err
	}
	var sources []iter.Seq[input.Line] // what is there
	var live []io.ReadCloser           // what is yet to come
	var names []string
	for _, in := range ins {
		past, future, err := t.source(ctx, in, lines, follow)
		if err != nil {
			t.Fail("%s: %v", in.Path, input.Reason(err))
			continue
		}
		if past != nil {
			sources = append(sources, past)
		}
		if future != nil {
			live, names = append(live, future), append(names, in.Path)
		}
	}
	for l := range mergeLines(sources) {
		if ctx.Err() != nil {
			return nil
		}
		if err := t.line(&l); err != nil {
			return err
		}
	}
	var w *watcher
	if follow {
		w = newWatcher(args, ins, t)
	}
	if err := t.follow(ctx, live, names, w); err != nil {
		return err
	}
	if t.written == 0 && ctx.Err() == nil {
		if t.Failed() {
			return tell.ErrTold
		}
		return errors.New("no line matches")
	}
	return nil
}

// source returns the last lines of an input, and a reader of what comes after them, unless that is nothing.
func (t *tailer) source(ctx context.Context, in input.Input, lines int, follow bool) (iter.Seq[input.Line], io.ReadCloser, error) {
	if in.Once {
		return nil, &lateReader{open: func() (io.ReadCloser, error) { return t.files.OpenOnce(ctx, in) }}, nil
	}
	file, err := t.files.OpenLog(in.Path)
	if err != nil {
		return nil, nil, err
	}
	size := file.Info.Size()
	if input.Compressed(file) { // to which nobody appends
		r, err := t.files.Decompress(ctx, io.NewSectionReader(file, 0, size), file)
		return nil, r, err
	}
	begin, end, err := lastLines(file, size, lines, follow)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	var live io.ReadCloser
	if follow {
		live = newFollower(ctx, in.Path, file, end, t)
	}
	past := func(yield func(input.Line) bool) {
		text := io.NewSectionReader(input.NewPlainFile(file, end), begin, end-begin)
		t.readPast(ctx, &lineBreaker{r: text}, in.Path, yield)
		if !follow {
			file.Close()
		}
	}
	return past, live, nil
}

// lookEach times the number of files that are followed is how often a calm one is looked at, where they are many.
const lookEach = 1500 * time.Microsecond

// rest waits until it is time to look at a file again.
func (t *tailer) rest(ctx context.Context, f *follower, calm bool) {
	every := func() time.Duration { return max(pollEvery, time.Duration(t.following.Load())*lookEach) }
	switch {
	case t.wait != nil:
		t.wait(ctx)
	case calm && every() > pollEvery:
		t.calm.wait(ctx, f, every)
	default:
		sleep(ctx, pollEvery)
	}
}

// A lateReader is opened when it is read: to open standard input may mean to wait for its first line.
type lateReader struct {
	open func() (io.ReadCloser, error)
	io.ReadCloser
}

func (r *lateReader) Read(b []byte) (n int, err error) {
	if r.ReadCloser == nil {
		if r.ReadCloser, err = r.open(); err != nil {
			r.ReadCloser = nil
			return 0, err
		}
	}
	return r.ReadCloser.Read(b)
}

func (r *lateReader) Close() error {
	if r.ReadCloser == nil {
		return nil
	}
	return r.ReadCloser.Close()
}

var errEnough = errors.New("enough")

// readPast yields lines until there are no more, or no more are wanted.
func (t *tailer) readPast(ctx context.Context, r io.Reader, name string, yield func(input.Line) bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := false
	_, err := input.ReadLines(input.NewCancelReader(ctx, r), name, func(l input.Line) {
		if !done && !yield(l) {
			done = true
			cancel(errEnough)
		}
	})
	if err != nil && ctx.Err() == nil {
		t.Fail("%s: %v", name, input.Reason(err))
	}
}

// follow writes the lines of the readers and of the files that w finds as they come. It returns when all readers have
// ended or ctx is done.
func (t *tailer) follow(ctx context.Context, live []io.ReadCloser, names []string, w *watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		t.telling.Lock()
		t.over = true
		t.telling.Unlock()
	}()
	// An event is a line, the end of a reader or a new file.
	type event struct {
		line  input.Line
		ended bool
		err   error
		found string
	}
	events := make(chan event)
	send := func(e event) {
		select {
		case events <- e:
		case <-ctx.Done():
		}
	}
	open := 0
	start := func(r io.ReadCloser, name string) {
		open++
		go func() {
			defer r.Close()
			_, err := input.ReadLines(r, name, func(l input.Line) { send(event{line: l}) })
			if err != nil {
				err = namedError{name, err}
			}
			send(event{ended: true, err: err})
		}()
	}
	for i, r := range live {
		start(r, names[i])
	}
	if w != nil {
		open++ // it never ends
		go w.run(ctx, t.look, func(path string) { send(event{found: path}) })
	}
	for open > 0 {
		var e event
		select {
		case e = <-events:
		case <-ctx.Done():
			return nil // a reader of standard input may block forever
		default:
			// Nothing is there at the moment.
			if err := t.out.Flush(); err != nil {
				return err
			}
			select {
			case e = <-events:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case e.ended:
			if open--; e.err != nil {
				t.Fail("%v", e.err)
			}
		case e.found != "":
			file, err := t.files.OpenLog(e.found)
			if err != nil {
				t.Fail("%s: %v", e.found, input.Reason(err))
				continue
			}
			t.Talk("%s: a new file", e.found)
			start(newFollower(ctx, e.found, file, 0, t), e.found)
		default:
			if err := t.line(&e.line); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell is talk for followers. It is silent once nothing is followed any more.
func (t *tailer) tell(format string, args ...any) {
	t.telling.Lock()
	defer t.telling.Unlock()
	if !t.over {
		t.Talk(format, args...)
	}
}

// A namedError is an error of a file.
type namedError struct {
	name string
	err  error
}

func (e namedError) Error() string { return e.name + ": " + input.Reason(e.err).Error() }

// Package follow reads files while they are written. It follows many files at once, through rotation, and also files that
// appear later.
package follow

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// A Tail reads the last lines of its inputs, and then the lines that are written to them.
type Tail struct {
	Files  *input.Files
	Tell   *tell.Teller
	Lines  int                     // how many lines to begin with, of each file; less than 0: all
	Follow bool                    // go on as the files grow
	Line   func(*input.Line) error // called with each line
	Idle   func() error            // called when there is no more to read at the moment

	wait func(context.Context) // until followed files are looked at again; nil: as long as is good for so many
	look func(context.Context) // until new ones are looked for; nil: two seconds

	followers followers
}

// Run reads the inputs that the arguments name, until ctx is done or until none of them can grow.
func (t *Tail) Run(ctx context.Context, args []string) error {
	t.followers.pool, t.followers.teller, t.followers.wait = &t.Files.Pool, t.Tell, t.wait
	if t.look == nil {
		t.look = waitLook
	}
	ins, err := t.Files.Inputs(args)
	if err != nil {
		return err
	}
	var sources []iter.Seq[input.Line] // what is there
	var live []io.ReadCloser           // what is yet to come
	var names []string
	for _, in := range ins {
		past, future, err := t.source(ctx, in)
		if err != nil {
			t.Tell.Fail("%s: %v", in.Path, input.Reason(err))
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
		if err := t.Line(&l); err != nil {
			return err
		}
	}
	var w *watcher
	if t.Follow {
		w = newWatcher(args, ins, t.Files, &t.followers.places)
	}
	return t.goOn(ctx, live, names, w)
}

// source returns the last lines of an input, and a reader of what comes after them, or nil if nothing can.
func (t *Tail) source(ctx context.Context, in input.Input) (iter.Seq[input.Line], io.ReadCloser, error) {
	if in.Once {
		return nil, &lateReader{open: func() (io.ReadCloser, error) { return t.Files.OpenOnce(ctx, in) }}, nil
	}
	file, err := t.Files.OpenLog(in.Path)
	if err != nil {
		return nil, nil, err
	}
	size := file.Info.Size()
	if input.Compressed(file) { // to which nobody appends
		r, err := t.Files.Decompress(ctx, io.NewSectionReader(file, 0, size), file)
		return nil, r, err
	}
	lines := t.Lines
	document := lines > 0 && isDocument(file)
	if document {
		lines = -1 // and the last records of all are taken
	}
	begin, end, err := lastLines(file, size, lines, t.Follow)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	var live io.ReadCloser
	if t.Follow {
		live = newFollower(ctx, in.Path, file, end, &t.followers)
	}
	past := func(yield func(input.Line) bool) {
		text := io.NewSectionReader(input.NewPlainFile(file, end), begin, end-begin)
		t.readPast(ctx, &lineBreaker{r: text}, in.Path, yield)
		if !t.Follow {
			file.Close()
		}
	}
	if document {
		past = lastOf(t.Lines, past)
	}
	return past, live, nil
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
func (t *Tail) readPast(ctx context.Context, r io.Reader, name string, yield func(input.Line) bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := false
	_, err := input.ReadLines(input.NewCancelReader(ctx, r), name, t.Files.Shape, func(l input.Line) {
		if !done && !yield(l) {
			done = true
			cancel(errEnough)
		}
	})
	if err != nil && ctx.Err() == nil {
		t.Tell.Fail("%s: %v", name, input.Reason(err))
	}
}

// goOn passes the lines of the readers, and of the files that w finds, to t.Line as they come. It returns when all readers
// have ended or ctx is done.
func (t *Tail) goOn(ctx context.Context, live []io.ReadCloser, names []string, w *watcher) error {
	interrupt := ctx // it ends a moment before the context that is derived from it
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer t.followers.end()
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
			_, err := input.ReadLines(r, name, t.Files.Shape, func(l input.Line) { send(event{line: l}) })
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
			if err := t.Idle(); err != nil {
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
			if open--; e.err != nil && interrupt.Err() == nil { // an interrupted read is no failure
				t.Tell.Fail("%v", e.err)
			}
		case e.found != "":
			file, err := t.Files.OpenLog(e.found)
			if err != nil {
				t.Tell.Fail("%s: %v", e.found, input.Reason(err))
				continue
			}
			t.Tell.Talk("%s: a new file", e.found)
			start(newFollower(ctx, e.found, file, 0, &t.followers), e.found)
		default:
			if err := t.Line(&e.line); err != nil {
				return err
			}
		}
	}
	return nil
}

// A namedError is an error with the name of a file.
type namedError struct {
	name string
	err  error
}

func (e namedError) Error() string { return e.name + ": " + input.Reason(e.err).Error() }

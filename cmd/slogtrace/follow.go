package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// pollEvery is how often a followed file is looked at. Polling costs next to nothing, and unlike notifications of the
// kernel works on network file systems and in containers.
const pollEvery = 200 * time.Millisecond

func waitPoll(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(pollEvery):
	}
}

// A follower reads a file that is being written, and never comes to its end: it waits for more.
// When the file was renamed and another one created, it reads the one to its end and then the other;
// when the file was truncated, it begins anew. A line without its newline is ended there.
// Read returns io.EOF once ctx is done.
type follower struct {
	ctx  context.Context
	path string
	wait func(context.Context)
	tell func(format string, args ...any)

	places *places

	file   *os.File
	offset int64
	tail   []byte // what was last read, to see whether the file is still the same
	torn   bool   // what was read does not end with a newline
	gone   bool   // told that there is no file
}

// tailLength is how many bytes a follower compares to see whether a file that did not shrink was written anew.
const tailLength = 256

func (f *follower) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, more, err := f.read(b)
		if n > 0 || err != nil {
			return n, err
		}
		if more {
			continue
		}
		f.wait(f.ctx)
		if f.ctx.Err() != nil {
			return 0, io.EOF
		}
	}
}

// read reads what there is. If that is nothing, more says whether to look again without waiting.
func (f *follower) read(b []byte) (n int, more bool, err error) {
	if f.file != nil && f.changed() {
		// What is there now is another file in all but its name.
		f.tell("%s: truncated, read from its beginning again", f.path)
		return f.restart(b), true, nil
	}
	if f.file != nil {
		n, err := f.file.ReadAt(b, f.offset)
		if n > 0 {
			f.offset += int64(n)
			f.tail = append(f.tail, b[:n]...)
			f.tail = f.tail[max(0, len(f.tail)-tailLength):]
			f.torn = b[n-1] != '\n'
			return n, false, nil
		}
		if err != nil && err != io.EOF {
			return 0, false, err
		}
	}
	// At the end. Is this still the file of that name?
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if !f.gone {
			f.gone = true
			f.tell("%s: gone, waiting for it to come back", f.path)
		}
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if f.file != nil {
		if now, err := f.file.Stat(); err == nil && os.SameFile(now, info) {
			return 0, false, nil
		}
		// What was written between the last read and the rename comes first.
		if n, _ := f.file.ReadAt(b[:1], f.offset); n > 0 {
			return 0, true, nil
		}
	}
	file, err := os.Open(f.path)
	if err != nil {
		return 0, false, nil // in the middle of a rotation; the next look will tell
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return 0, false, err
	}
	held, at := f.places.known(f, info, file)
	if held {
		file.Close()
		return 0, false, nil // until whoever reads it notices that it has another name now
	}
	f.places.hold(f, info)
	if f.file != nil {
		f.file.Close()
		if at.info == nil {
			f.tell("%s: a new file", f.path)
		}
	}
	f.file, f.gone = file, false
	n = f.restart(b)
	f.offset, f.tail = at.offset, bytes.Clone(at.tail)
	return n, true, nil
}

// restart begins at the beginning of the file, on a new line.
func (f *follower) restart(b []byte) int {
	f.offset, f.tail = 0, nil
	if f.torn {
		f.torn = false
		b[0] = '\n'
		return 1
	}
	return 0
}

// changed reports whether what was read is no longer there: the file is shorter now, or it was truncated
// and has grown again to at least the same length.
func (f *follower) changed() bool {
	info, err := f.file.Stat()
	if err != nil || f.offset == 0 {
		return false
	}
	if info.Size() < f.offset {
		return true
	}
	now := make([]byte, len(f.tail))
	n, _ := f.file.ReadAt(now, f.offset-int64(len(f.tail)))
	return n == len(now) && !bytes.Equal(now, f.tail)
}

func (f *follower) Close() error {
	if f.file == nil {
		return nil
	}
	f.places.hold(f, nil)
	return f.file.Close()
}

// newFollower follows a file from offset on, which must be at the beginning of a line.
func newFollower(ctx context.Context, path string, offset int64, p *places, wait func(context.Context), tell func(string, ...any)) *follower {
	f := &follower{ctx: ctx, path: path, places: p, wait: wait, tell: tell, offset: offset}
	// What is there before the offset tells later whether this is still the same file.
	if file, err := os.Open(path); err == nil {
		f.file = file
		f.tail = make([]byte, min(offset, tailLength))
		if n, err := file.ReadAt(f.tail, offset-int64(len(f.tail))); n < len(f.tail) && err != nil {
			f.offset, f.tail = 0, nil
		}
		if info, err := file.Stat(); err == nil {
			p.hold(f, info)
		}
	}
	return f
}

// lastLines returns where the last lines of a file begin, all of them if lines is less than 0, and where they end:
// before a line that has no newline yet, if the rest of it is to be followed.
func lastLines(f io.ReaderAt, size int64, lines int, follow bool) (begin, end int64, err error) {
	if lines == 0 && !follow {
		return size, size, nil
	}
	const block = 64 << 10
	buf := make([]byte, block)
	end = size
	seen := 0 // newlines, from the end
	ended := false
	for at := size; at > 0; {
		n := min(block, at)
		at -= n
		if _, err := f.ReadAt(buf[:n], at); err != nil && err != io.EOF {
			return 0, 0, err
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] != '\n' {
				continue
			}
			here := at + i + 1
			switch {
			case !ended:
				ended = true
				if follow {
					end = here
				} else if here < size {
					seen++ // the last line has no newline, and is one
				}
				if lines < 0 {
					return 0, end, nil
				}
			default:
				seen++
			}
			if seen == lines {
				return here, end, nil
			}
		}
	}
	if !ended && follow {
		end = 0
	}
	return 0, end, nil
}

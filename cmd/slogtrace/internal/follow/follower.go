package follow

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
)

// A follower reads a file that is being written. At its end it waits for more.
//
// When the file was renamed and another one created, it reads the old file to its end, then those that had the name in
// between, then the new file. When the file was truncated, it reads from a copy what it has not seen, and then begins
// anew. It adds a newline to a line that lacks one there. Read returns io.EOF once ctx is done.
type follower struct {
	ctx    context.Context
	path   string
	wait   func(calm bool) // until the next look; calm means that there has been nothing new for a while
	tell   func(format string, args ...any)
	done   func()
	pool   *input.Pool
	places *places

	file *tracked   // being read; nil if there is none
	next []*tracked // to be read next, in this order; the last one has the name now
	left []*tracked // read to their ends. They may still grow, as other processes may have them open

	between *tracked // one of left, while its lines up to until are being read; else nil
	until   int64

	torn bool // the text so far does not end with a newline
	gone bool // the user knows that there is no file

	seen fs.FileInfo // the file of that name at the last look
	calm int         // how many looks in a row have found it unchanged
}

const (
	// calmAfter is how many looks must find the same size and time before the file counts as unchanged: clocks of file
	// systems are coarse.
	calmAfter = 10
	// leaveAfter is how many looks a renamed file gets after its last news.
	leaveAfter = 300
)

// newFollower follows a file from an offset, which must be the beginning of a line.
func newFollower(ctx context.Context, path string, file *input.Handle, offset int64, g *followers) *follower {
	f := &follower{ctx: ctx, path: path, tell: g.tell, pool: g.pool, places: &g.places, file: newTracked(path, file, offset)}
	f.wait = func(calm bool) { g.rest(ctx, path, f.seen, calm) }
	f.places.visit(f.pool, filepath.Dir(path))
	f.places.hold(f, f.file)
	g.size.Add(1)
	f.done = func() { g.size.Add(-1) }
	return f
}

func (f *follower) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, more, err := f.look(b)
		if n > 0 {
			kept := breakLines(b[:n], f.torn)
			if len(kept) > 0 {
				f.torn = kept[len(kept)-1] != '\n'
				return len(kept), nil
			}
			continue
		}
		if err != nil {
			return 0, err
		}
		if more {
			continue
		}
		f.wait(f.calm >= calmAfter && len(f.left) == 0)
		if f.ctx.Err() != nil {
			return 0, io.EOF
		}
	}
}

// look reads once. If it read nothing, more reports whether to look again without waiting.
func (f *follower) look(b []byte) (n int, more bool, err error) {
	if f.between != nil {
		if n := f.finish(b); n > 0 {
			return n, false, nil
		}
	}
	before := f.seen
	info, statErr := os.Stat(f.path)
	if f.unchanged(info, statErr) {
		return f.late(b), false, nil
	}
	if f.file != nil {
		if f.file.changed() {
			f.truncated(before)
			return f.advance(b), true, nil
		}
		n, err := f.file.read(b)
		if errors.Is(err, input.ErrMoved) {
			f.tell("%s: an unknown number of bytes may be missing: %v", f.path, err)
			f.places.leave(f.file)
			f.file = nil
			return 0, true, nil
		}
		if n > 0 || err != nil {
			return n, false, err
		}
	}
	// At the end.
	if len(f.next) > 0 {
		return f.advance(b), true, nil
	}
	switch {
	case errors.Is(statErr, fs.ErrNotExist):
		if !f.gone {
			f.gone = true
			f.tell("%s: gone, waiting for it to come back", f.path)
		}
		return 0, false, nil
	case statErr != nil:
		return 0, false, statErr
	case f.file != nil && f.file.is(info):
		f.gone = false
		return f.late(b), false, nil
	case !info.Mode().IsRegular(), f.file != nil && info.Size() == 0:
		// Opening a pipe could take forever. And as long as a new file is empty, the old one may be written to.
		return 0, false, nil
	}
	return f.renamed(b)
}

// unchanged reports whether one system call is enough to know that there is nothing new.
func (f *follower) unchanged(info fs.FileInfo, err error) bool {
	was := f.seen
	if f.seen = info; err != nil || was == nil || f.file == nil || len(f.next) > 0 || !f.file.is(info) ||
		info.Size() != f.file.offset || info.Size() != was.Size() || !info.ModTime().Equal(was.ModTime()) {
		f.calm = 0
		return false
	}
	f.calm++
	return f.calm > calmAfter
}

// renamed goes on with the file that has the name now. Those that had it in between come first.
func (f *follower) renamed(b []byte) (n int, more bool, err error) {
	file, err := f.pool.OpenFile(f.path)
	if err != nil {
		return 0, false, nil // a rotation is going on; the next look will see its end
	}
	held, at := f.places.known(f, file.Info, file)
	if held {
		file.Close()
		return 0, false, nil // another follower reads it, and will notice that it has a new name
	}
	if f.file != nil {
		// What was written between the last read and the rename comes first.
		if n, _ := f.file.read(b); n > 0 {
			file.Close()
			return n, false, nil
		}
	}
	f.gone = false
	if i := slices.IndexFunc(f.left, func(d *tracked) bool { return d.is(file.Info) }); i >= 0 {
		file.Close() // it has its name again
		f.next = append(f.next, f.left[i])
		f.left = slices.Delete(f.left, i, i+1)
		return f.advance(b), true, nil
	}
	if f.file != nil {
		f.next, _ = f.missed(f.file, file.Info, false)
		for _, d := range f.next {
			f.tell("%s: reading %s, which had this name in between", f.path, d.path)
		}
		if at.info == nil {
			f.tell("%s: a new file", f.path)
		}
	}
	f.next = append(f.next, newTracked(f.path, file, at.offset))
	for _, d := range f.next {
		f.places.hold(f, d)
	}
	return f.advance(b), true, nil
}

// truncated begins anew in the file. If only a copy has the text from before, that comes first. Before is the file as the
// last look saw it.
func (f *follower) truncated(before fs.FileInfo) {
	d := f.file
	had := max(d.offset, holeLength(d.file)) // the least size that it had
	if before != nil && d.is(before) {
		had = max(had, before.Size())
	}
	missed, copied := f.missed(d, d.info, true)
	missing := ""
	switch {
	case had > max(copied, d.offset):
		missing = tell.Plural(int(had-max(copied, d.offset)), "byte") + " may be missing: "
	case copied == 0:
		missing = "an unknown number of bytes may be missing: "
	}
	f.tell("%s: %struncated, read from its beginning again", f.path, missing)
	for _, copied := range missed {
		f.tell("%s: reading what only %s has", f.path, copied.path)
		f.places.hold(f, copied)
	}
	d.seek(0)
	f.next = append(missed, d)
}

// holeLength returns how many NULs a file begins with. There are some if it was truncated and its writer went on at its
// old offset.
func holeLength(file io.ReaderAt) (n int64) {
	buf := make([]byte, 64<<10)
	for {
		m, err := file.ReadAt(buf, n)
		for i, c := range buf[:m] {
			if c != 0 {
				return n + int64(i)
			}
		}
		if n += int64(m); err != nil || m == 0 {
			return n
		}
	}
}

// missed returns files that are new in the followed file's directory, in the order in which to read them: those that had
// its name since the last look, and copies of what was truncated. Copied is the size of the largest copy, or 0.
func (f *follower) missed(d *tracked, now fs.FileInfo, truncated bool) (missed []*tracked, copied int64) {
	dir := filepath.Dir(f.path)
	written := make(map[*tracked]time.Time)
	for _, entry := range input.ReadDir(f.pool, dir) {
		path := filepath.Join(dir, entry.Name())
		// With that much in common a copy may have any name.
		rotated := isRotated(filepath.Base(f.path), entry.Name())
		if !rotated && !(truncated && d.offset >= printed) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || os.SameFile(info, now) || d.is(info) || f.isLeft(info) ||
			!f.places.isNew(dir, info) {
			continue
		}
		file, err := f.pool.OpenFile(path)
		if err != nil {
			continue
		}
		held, at := f.places.known(f, info, file)
		isCopy := d.isCopy(file)
		var found *tracked
		switch {
		case held, at.info != nil, input.Compressed(file):
		case isCopy && info.Size() >= d.offset && hasAt(file, d.tail, d.offset):
			if copied = max(copied, info.Size()); truncated && info.Size() > d.offset {
				found = newTracked(path, file, d.offset)
				found.goesOn = true
			}
		case !isCopy && rotated:
			found = newTracked(path, file, 0)
		}
		if found == nil {
			file.Close()
			continue
		}
		missed, written[found] = append(missed, found), info.ModTime()
	}
	for _, d := range missed {
		f.places.remember(dir, d.info)
	}
	slices.SortStableFunc(missed, func(a, b *tracked) int {
		// Copies first. Where the clock is too coarse, app.log.2 is older than app.log.1.
		return cmp.Or(cmp.Compare(b.offset, a.offset), written[a].Compare(written[b]), cmp.Compare(ordinal(b.path), ordinal(a.path)))
	})
	return missed, copied
}

// ordinal returns the number at the end of a file's name if it is small, else 0.
func ordinal(path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(path), "."))
	if err != nil || n > 9999 { // that would be a date
		return 0
	}
	return n
}

func (f *follower) isLeft(info fs.FileInfo) bool {
	return slices.ContainsFunc(f.left, func(d *tracked) bool { return d.is(info) })
}

// oldName matches what rotation adds to a file's name.
var oldName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([._-][0-9].*|[._-](old|bak|orig)|~)$`) })

// isRotated reports whether other is a name that rotation gives to the file name: app.log.1 or app-2026.log for app.log.
func isRotated(name, other string) bool {
	for _, begin := range []string{name, strings.TrimSuffix(name, filepath.Ext(name))} {
		if rest, ok := strings.CutPrefix(other, begin); ok && begin != "" && oldName().MatchString(rest) {
			return true
		}
	}
	return false
}

// advance goes on with the next file. It ends the line of the one before.
func (f *follower) advance(b []byte) int {
	old := f.file
	f.file, f.next = f.next[0], f.next[1:]
	if old != nil && old != f.file && !slices.Contains(f.next, old) {
		f.left = append(f.left, old)
	}
	if f.torn && !f.file.goesOn {
		b[0] = '\n'
		return 1
	}
	return 0
}

// late reads whole lines that came to renamed files after their ends were read. They go between lines of the file.
func (f *follower) late(b []byte) int {
	if f.torn || len(f.left) == 0 {
		return 0
	}
	for _, d := range f.left {
		if end := d.wholeLines(b); end > d.offset {
			d.idle = 0
			f.between, f.until = d, end
			return f.finish(b)
		}
	}
	f.left = slices.DeleteFunc(f.left, func(d *tracked) bool {
		if d.idle++; d.idle <= leaveAfter {
			return false
		}
		f.places.leave(d)
		d.file.Close()
		return true
	})
	return 0
}

// finish reads the rest of the late lines.
func (f *follower) finish(b []byte) int {
	if n, _ := f.between.read(b[:min(int64(len(b)), f.until-f.between.offset)]); n > 0 {
		return n
	}
	f.between = nil
	if f.torn { // the file was truncated since, or the line is too long
		b[0] = '\n'
		return 1
	}
	return 0
}

func (f *follower) Close() error {
	f.done()
	for _, d := range slices.Concat(f.left, f.next, []*tracked{f.file}) {
		if d != nil {
			f.places.leave(d)
			d.file.Close()
		}
	}
	return nil
}

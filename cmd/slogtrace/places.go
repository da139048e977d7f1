package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// places are how far followers have read in which files, whatever those are called now:
// when app.log has become app.log.1, what is in it is not news to whoever looks for files of that name.
type places struct {
	mu   sync.Mutex
	held map[*follower]fs.FileInfo
	left []place
}

// A place is where a follower was in a file that it left.
type place struct {
	info   fs.FileInfo
	offset int64
	tail   []byte // before the offset: a new file may get the number of one that is gone
}

// maxPlaces is how many files are remembered that were left.
const maxPlaces = 1000

// known tells of a file whether a follower other than f is reading it, else where one left it.
func (p *places) known(f *follower, info fs.FileInfo, file io.ReaderAt) (held bool, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, i := range p.held {
		if other != f && os.SameFile(i, info) {
			return true, place{}
		}
	}
	for _, at := range slices.Backward(p.left) {
		if at.offset > 0 && os.SameFile(at.info, info) {
			now := make([]byte, len(at.tail))
			if n, _ := file.ReadAt(now, at.offset-int64(len(now))); n == len(now) && bytes.Equal(now, at.tail) {
				return false, at
			}
		}
	}
	return false, place{}
}

// hold says which file f reads from now on; nil is none.
func (p *places) hold(f *follower, info fs.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.held[f]; old != nil {
		p.left = append(p.left, place{old, f.offset, bytes.Clone(f.tail)})
		p.left = p.left[max(0, len(p.left)-maxPlaces):]
	}
	if info == nil {
		delete(p.held, f)
		return
	}
	if p.held == nil {
		p.held = make(map[*follower]fs.FileInfo)
	}
	p.held[f] = info
}

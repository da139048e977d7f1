package follow

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// places remembers how far followers have read files, whatever the names of the files are now. So app.log is not taken for
// a new file when it has become app.log.1.
type places struct {
	mu   sync.Mutex
	held map[*tracked]any // by which follower
	left []place
	dirs map[string]*input.FileSet // the files that were in directories before
}

// A place is how far a follower has read a file that it no longer reads.
type place struct {
	info   fs.FileInfo
	offset int64
	tail   []byte // before the offset: a new file may get the number of one that is gone
}

// maxPlaces limits how many places are remembered.
const maxPlaces = 1000

// known reports whether a follower other than by reads the file. If none does, it returns the place where one left it, if any.
func (p *places) known(by any, info fs.FileInfo, file io.ReaderAt) (held bool, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, reader := range p.held {
		if reader != by && os.SameFile(other.info, info) {
			return true, place{}
		}
	}
	for _, at := range slices.Backward(p.left) {
		if at.offset > 0 && os.SameFile(at.info, info) && hasAt(file, at.tail, at.offset) {
			return false, at
		}
	}
	return false, place{}
}

// hold records that a follower reads a file from now on.
func (p *places) hold(by any, file *tracked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(map[*tracked]any)
	}
	p.held[file] = by
}

// leave records that a file is not read any more.
func (p *places) leave(file *tracked) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, file)
	p.left = append(p.left, place{file.info, file.offset, bytes.Clone(file.tail)})
	p.left = p.left[max(0, len(p.left)-maxPlaces):]
}

// visit reads a directory for the first time. The files that are there now count as old.
func (p *places) visit(files *input.Pool, dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dirs[dir] != nil {
		return
	}
	if p.dirs == nil {
		p.dirs = make(map[string]*input.FileSet)
	}
	set := new(input.FileSet)
	p.dirs[dir] = set
	for _, entry := range input.ReadDir(files, dir) {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err == nil && info.Mode().IsRegular() {
			set.Add(info)
		}
	}
}

// isNew reports whether a file is new in a directory that was visited.
func (p *places) isNew(dir string, info fs.FileInfo) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dirs[dir] != nil && !p.dirs[dir].Has(info)
}

// remember records that a file of a visited directory is not new any more.
func (p *places) remember(dir string, info fs.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirs[dir].Add(info)
}

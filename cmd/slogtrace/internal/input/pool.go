package input

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// A Pool holds the regular files that are being read. When the process may not open more files, the pool closes the least
// recently read ones. It opens them again when they are read. The zero value is empty. A Pool is safe for concurrent use.
type Pool struct {
	mu     sync.Mutex
	opened map[*Handle]bool
	clock  int64 // counts uses
}

// A Handle is a regular file. It stays the same file even if another one takes its name.
type Handle struct {
	pool *Pool
	Info fs.FileInfo // when it was opened

	// The rest is the pool's.
	path  string
	file  *os.File // nil while it is closed
	users int
	used  int64
}

// ErrMoved is the error of a file that the pool closed and cannot find any more.
var ErrMoved = errors.New("renamed or removed, and there were too many files to keep it open")

// OpenFile opens a regular file.
func (p *Pool) OpenFile(path string) (*Handle, error) {
	h := &Handle{pool: p, path: path}
	file, err := p.Open(path)
	if err != nil {
		return nil, err
	}
	if h.Info, err = file.Stat(); err != nil {
		file.Close()
		return nil, err
	}
	p.mu.Lock()
	p.put(h, file)
	p.mu.Unlock()
	return h, nil
}

// Open is os.Open. It closes other files if the process has too many open.
func (p *Pool) Open(path string) (file *os.File, err error) {
	err = p.withRoom(func() error {
		file, err = os.Open(path)
		return err
	})
	return file, err
}

// withRoom calls a function that opens something. It closes files until that succeeds.
func (p *Pool) withRoom(open func() error) error {
	for {
		err := open()
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || !p.shed() {
			return err
		}
	}
}

// shedAtOnce is the least number of files to close at once: the next files need room, too.
const shedAtOnce = 16

// shed closes some files that are not in use, the least recently read ones first. It reports whether it closed any.
func (p *Pool) shed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var idle []*Handle
	for h := range p.opened {
		if h.users == 0 {
			idle = append(idle, h)
		}
	}
	slices.SortFunc(idle, func(a, b *Handle) int { return cmp.Compare(a.used, b.used) })
	idle = idle[:min(len(idle), max(shedAtOnce, len(idle)/8))]
	for _, h := range idle {
		h.file.Close()
		h.file = nil
		delete(p.opened, h)
	}
	return len(idle) > 0
}

func (p *Pool) put(h *Handle, file *os.File) {
	if p.opened == nil {
		p.opened = make(map[*Handle]bool)
	}
	h.file = file
	p.opened[h] = true
	h.touch()
}

func (h *Handle) touch() {
	h.pool.clock++
	h.used = h.pool.clock
}

// use calls fn with the open file.
func (h *Handle) use(fn func(*os.File) error) error {
	p := h.pool
	p.mu.Lock()
	for h.file == nil {
		path := h.path
		p.mu.Unlock()
		file, path, err := p.again(path, h.Info)
		if err != nil {
			return err
		}
		p.mu.Lock()
		if h.file != nil { // by somebody else
			file.Close()
			break
		}
		h.path = path
		p.put(h, file)
	}
	h.users++
	h.touch()
	file := h.file
	p.mu.Unlock()
	err := fn(file)
	p.mu.Lock()
	h.users--
	p.mu.Unlock()
	return err
}

// again opens the file with that info: at path, or else under another name in the same directory.
func (p *Pool) again(path string, info fs.FileInfo) (*os.File, string, error) {
	try := func(path string) *os.File {
		if now, err := os.Stat(path); err != nil || !os.SameFile(now, info) {
			return nil
		}
		file, err := p.Open(path)
		if err != nil {
			return nil
		}
		if now, err := file.Stat(); err != nil || !os.SameFile(now, info) {
			file.Close()
			return nil
		}
		return file
	}
	if file := try(path); file != nil {
		return file, path, nil
	}
	dir := filepath.Dir(path)
	for _, entry := range ReadDir(p, dir) {
		other := filepath.Join(dir, entry.Name())
		if file := try(other); file != nil {
			return file, other, nil
		}
	}
	return nil, "", ErrMoved
}

// ReadDir returns the entries of a directory, as far as it can be read.
func ReadDir(p *Pool, dir string) (entries []fs.DirEntry) {
	p.withRoom(func() (err error) {
		entries, err = os.ReadDir(dir)
		return err
	})
	return entries
}

// ReadAt implements [io.ReaderAt]. It opens the file again if it was closed to make room.
func (h *Handle) ReadAt(b []byte, off int64) (n int, err error) {
	err = h.use(func(file *os.File) error {
		n, err = file.ReadAt(b, off)
		return err
	})
	return n, err
}

// Stat returns the info of the file, whatever its name is now.
func (h *Handle) Stat() (info fs.FileInfo, err error) {
	err = h.use(func(file *os.File) error {
		info, err = file.Stat()
		return err
	})
	return info, err
}

// Close must be the last call.
func (h *Handle) Close() error {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	file := h.file
	if file == nil {
		return nil
	}
	h.file = nil
	delete(h.pool.opened, h)
	return file.Close()
}

package follow

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
)

// lookEvery is how often directories and globs are looked at for new files.
const lookEvery = 2 * time.Second

func waitLook(ctx context.Context) { sleep(ctx, lookEvery) }

// A watcher finds the files that appear in directories, and those that globs match later.
type watcher struct {
	args   []string // the arguments that may name several files
	files  *input.Files
	places *places

	known  map[string]bool  // paths that are not new
	refuse map[string]int64 // the sizes of files in directories that were not logs
}

// newWatcher returns nil if there is nothing to watch.
func newWatcher(args []string, ins []input.Input, files *input.Files, places *places) *watcher {
	w := &watcher{files: files, places: places, known: make(map[string]bool), refuse: make(map[string]int64)}
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() || err != nil && strings.ContainsAny(arg, "*?[") {
			w.args = append(w.args, arg)
		}
	}
	if len(w.args) == 0 {
		return nil
	}
	for _, in := range ins {
		w.known[in.Path] = true
	}
	return w
}

// look returns the files that are there now and were not before.
func (w *watcher) look() []string {
	var found []string
	for _, arg := range w.args {
		paths := []string{arg}
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			paths, _ = filepath.Glob(arg)
		}
		for _, path := range paths {
			if w.known[filepath.Clean(path)] {
				continue
			}
			info, err := os.Stat(path)
			switch {
			case err != nil:
			case info.IsDir():
				input.Walk(filepath.Clean(path), w.known, func(string, error) {}, func(path string, info fs.FileInfo) {
					if w.isNew(path, info, true) {
						found = append(found, path)
					}
				})
			case info.Mode().IsRegular():
				if path = filepath.Clean(path); w.isNew(path, info, false) {
					found = append(found, path)
				}
			}
		}
	}
	return found
}

// isNew reports whether to follow a file from now on. An empty file may become a log, or a compressed file.
// In directories only logs are followed. A file that was not a log is looked at again once its size has changed.
func (w *watcher) isNew(path string, info fs.FileInfo, inDir bool) bool {
	if w.known[path] || info.Size() == 0 || inDir && w.refuse[path] == info.Size() {
		return false
	}
	f, err := w.files.Pool.Open(path)
	if err != nil {
		return false // it may be gone already, or not be ours yet
	}
	defer f.Close()
	held, at := w.places.known(nil, info, f)
	switch {
	case held: // renamed, and not noticed yet
		return false
	case at.info != nil, w.isOld(path), input.Compressed(f):
		w.known[path] = true
		return false
	case inDir && !w.files.HasRecords(path):
		w.refuse[path] = info.Size()
		return false
	}
	w.known[path] = true
	return true
}

// isOld reports whether rotation gives such a name to a followed file, or to its copy.
func (w *watcher) isOld(path string) bool {
	for known := range w.known {
		if rest, ok := strings.CutPrefix(path, known); ok && oldName().MatchString(rest) {
			return true
		}
	}
	return false
}

// run calls tell with each new file, until ctx is done.
func (w *watcher) run(ctx context.Context, wait func(context.Context), tell func(path string)) {
	for {
		if wait(ctx); ctx.Err() != nil {
			return
		}
		for _, path := range w.look() {
			tell(path)
		}
	}
}

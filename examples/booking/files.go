package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

// files are JSON files, one for each id, that move between folders.
// At any time a file is in one folder and complete, even if a process dies.
type files struct{ root *os.Root }

var folders = []string{"tmp", "payments/waiting", "payments/declined", "payments/paid", "payments/refunded",
	pending, working, done, failed}

func openFiles(dir string) (*files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if err := root.MkdirAll(folder, 0o755); err != nil {
			root.Close()
			return nil, err
		}
	}
	return &files{root}, nil
}

func newID(kind string) string {
	var b [6]byte
	rand.Read(b[:])
	return kind + "-" + hex.EncodeToString(b[:])
}

var (
	goodID   = regexp.MustCompile(`^[a-z]{1,16}-[0-9a-f]{12}$`)
	errBadID = errors.New("not an id")
)

// path checks id, which may be anybody's input, before it becomes a file name.
func path(folder, id string) (string, error) {
	if !goodID.MatchString(id) {
		return "", errBadID
	}
	return folder + "/" + id + ".json", nil
}

// write replaces the file atomically: readers find the old one, or none, until the new one is complete.
func (f *files) write(folder, id string, v any) (err error) {
	to, err := path(folder, id)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := fmt.Sprintf("tmp/%s.%d", id, os.Getpid())
	file, err := f.root.Create(tmp)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return f.root.Rename(tmp, to)
}

func (f *files) read(folder, id string, v any) error {
	from, err := path(folder, id)
	if err != nil {
		return err
	}
	data, err := f.root.ReadFile(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// move fails with fs.ErrNotExist if the file is not there, or no longer there. If several processes try, one succeeds.
func (f *files) move(id, from, to string) error {
	old, err := path(from, id)
	if err != nil {
		return err
	}
	new, err := path(to, id)
	if err != nil {
		return err
	}
	return f.root.Rename(old, new)
}

// list returns the ids of the files in folder. It ignores files whose name is not an id.
func (f *files) list(folder string) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), folder)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && goodID.MatchString(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

package input

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Files that were closed to make room are opened again, also under another name; one that is gone is an error.
func TestPool(t *testing.T) {
	dir := t.TempDir()
	var p Pool
	var handles []*Handle
	read := func(h *Handle) (string, error) {
		b := make([]byte, 10)
		n, err := h.ReadAt(b, 0)
		return string(b[:n]), err
	}
	const files = 3 * shedAtOnce
	path := func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	for i := range files {
		if err := os.WriteFile(path(i), []byte(strconv.Itoa(i)), 0o666); err != nil {
			t.Fatal(err)
		}
		h, err := p.OpenFile(path(i))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		handles = append(handles, h)
	}
	read(handles[0]) // lately
	if !p.shed() || len(p.opened) != files-shedAtOnce {
		t.Fatalf("%d of %d files are open, want %d fewer", len(p.opened), files, shedAtOnce)
	}
	for i, h := range handles {
		if open := i == 0 || i > shedAtOnce; open != (h.file != nil) {
			t.Errorf("file %d is open: %t, want %t", i, !open, open)
		}
	}
	if err := os.Rename(path(1), path(1)+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path(1), []byte("other"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(2)); err != nil {
		t.Fatal(err)
	}
	for i, h := range handles {
		text, err := read(h)
		switch {
		case i == 2:
			if !errors.Is(err, ErrMoved) {
				t.Errorf("a file that is gone: %q, %v", text, err)
			}
		case text != strconv.Itoa(i):
			t.Errorf("file %d: %q, %v", i, text, err)
		}
	}
	for range handles {
		p.shed()
	}
	if p.shed() {
		t.Error("files are closed more than once")
	}
}

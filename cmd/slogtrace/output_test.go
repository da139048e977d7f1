package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file appears when it is complete, with the mode that it had, and nothing is left of one that is not completed.
func TestOutput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	files := func() string {
		var names []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	open := func() (*session, *output) {
		t.Helper()
		s := newSession(strings.NewReader(""), io.Discard, io.Discard)
		out, err := s.create(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("text")
		return s, out
	}
	_, out := open()
	if files() == "out" {
		t.Error("it is there already")
	}
	if err := out.done(io.ErrUnexpectedEOF); err != io.ErrUnexpectedEOF || files() != "" {
		t.Errorf("after a failure: %v, %s", err, files())
	}
	s, _ := open()
	if s.abandon(); files() != "" {
		t.Errorf("after an interrupt: %s", files())
	}
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, out = open()
	if err := out.done(nil); err != nil || files() != "out" {
		t.Errorf("%v, %s", err, files())
	}
	s.abandon()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err == nil { // Windows may refuse
		linked, err := s.create(link, nil)
		if err != nil {
			t.Fatal(err)
		}
		linked.WriteString("text")
		if err := linked.done(nil); err != nil || files() != "out" {
			t.Errorf("by a link: %v, %s", err, files())
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("the link is replaced: %v, %v", info, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 4 || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

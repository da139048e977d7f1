// Package queries has questions about traces in the languages of log stores. The command slogtrace prints them.
package queries

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

// files has one file for each store, named after it: duckdb.sql.
//
//go:embed *.apl *.esql *.logql *.logsql *.sql *.txt
var files embed.FS

// A Store is the file of one log store.
type Store struct {
	Name      string // duckdb
	About     string // the first line of the file: which versions, and whether the questions were run
	Text      string // the file
	Questions []Question
}

// A Question is a part of the file: a comment, such as "-- 5. The slowest operations.", and what is below it.
type Question struct {
	Title string // "5. The slowest operations."
	Text  string // the queries, without comments
}

// Names returns the names of all stores, sorted. It reads no file.
func Names() []string {
	var names []string
	for _, e := range entries() {
		names = append(names, nameOf(e))
	}
	return names
}

// Stores returns all stores by name.
func Stores() []Store {
	var stores []Store
	for _, e := range entries() {
		data, err := fs.ReadFile(files, e.Name())
		if err != nil {
			panic(err)
		}
		s := Store{Name: nameOf(e), Text: string(data)}
		s.read()
		stores = append(stores, s)
	}
	return stores
}

func entries() []fs.DirEntry {
	list, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	return list
}

func nameOf(e fs.DirEntry) string { return strings.TrimSuffix(e.Name(), path.Ext(e.Name())) }

// read sets About and Questions from the text. Each line of a comment begins with the sign that the file begins with.
func (s *Store) read() {
	sign, rest, _ := strings.Cut(s.Text, " ")
	s.About, _, _ = strings.Cut(rest, "\n")
	for line := range strings.Lines(s.Text) {
		comment, is := strings.CutPrefix(line, sign+" ")
		n := len(s.Questions) - 1
		switch {
		case is && len(comment) > 1 && '0' <= comment[0] && comment[0] <= '9' && comment[1] == '.':
			s.Questions = append(s.Questions, Question{Title: strings.TrimSpace(comment)})
		case n >= 0 && !strings.HasPrefix(line, sign):
			s.Questions[n].Text += line
		}
	}
	for i := range s.Questions {
		s.Questions[i].Text = strings.TrimSpace(s.Questions[i].Text)
	}
}

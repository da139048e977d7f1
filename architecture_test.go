package slogtrace_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const architecture = "docs/architecture.md"

// notOurs are the words in code spans of the page that look like names of this module and are others'.
var notOurs = map[string]string{
	"LogValuer":   "log/slog",
	"traceparent": "a header",
	"tracestate":  "a header",
	"slog":        "a package",
}

// TestArchitecture holds the page to the code. Each file, directory, function, type, method and field that it names exists.
// A table has each code file of the root, of tracelog and of cmd/slogtrace, sub-packages included, and each directory with a
// package.
//
// In a table row that begins with one directory, and after a line <!-- files in DIR/ -->, up to the next heading,
// names of files may leave that directory out.
func TestArchitecture(t *testing.T) {
	code, err := parseCode(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range code.check(string(must(os.ReadFile(architecture)))) {
		t.Error(problem)
	}
}

// sourceCode is what a repository declares, and where.
type sourceCode struct {
	fsys  fs.FS
	files []string            // all Go files, without tests
	names map[string][]string // the files that declare a name: Start, Span, Span.End
}

// parseCode reads all Go files except those of other workspaces and testdata.
func parseCode(fsys fs.FS) (*sourceCode, error) {
	c := &sourceCode{fsys, nil, make(map[string][]string)}
	fset := token.NewFileSet()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || name == "interop" || name != "." && d.Name()[0] == '.') {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, "_test.go") {
			c.files = append(c.files, name)
		}
		for _, decl := range f.Decls {
			c.declare(name, decl)
		}
		return nil
	})
	return c, err
}

func (c *sourceCode) declare(file string, decl ast.Decl) {
	add := func(name ...string) {
		c.names[strings.Join(name, ".")] = append(c.names[strings.Join(name, ".")], file)
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name.Name)
		} else if name := regexp.MustCompile(`\w+`).FindString(typeText(d.Recv.List[0].Type)); name != "" {
			add(name, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name.Name)
				}
			case *ast.TypeSpec:
				add(s.Name.Name)
				var members *ast.FieldList
				switch typ := s.Type.(type) {
				case *ast.StructType:
					members = typ.Fields
				case *ast.InterfaceType:
					members = typ.Methods
				default:
					continue
				}
				for _, m := range members.List {
					for _, name := range m.Names {
						add(s.Name.Name, name.Name)
					}
				}
			}
		}
	}
}

// typeText returns the name of a receiver's type.
func typeText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeText(e.X)
	case *ast.IndexExpr:
		return typeText(e.X)
	case *ast.IndexListExpr:
		return typeText(e.X)
	}
	return ""
}

// declaredIn returns the files that declare a name: one at the top level, or a method or field of any type; T.m; package.name.
func (c *sourceCode) declaredIn(name string) []string {
	name = strings.TrimPrefix(name, "slogtrace.")
	files := slices.Clone(c.names[name])
	first, rest, dotted := strings.Cut(name, ".")
	if dotted {
		for _, file := range c.names[rest] {
			if path.Base(path.Dir(file)) == first {
				files = append(files, file)
			}
		}
		return files
	}
	for member, in := range c.names {
		if strings.HasSuffix(member, "."+name) {
			files = append(files, in...)
		}
	}
	return files
}

func (c *sourceCode) exists(name string) bool {
	_, err := fs.Stat(c.fsys, strings.TrimSuffix(name, "/"))
	return err == nil
}

var (
	filesComment = regexp.MustCompile(`^<!-- files in (\S+)/ -->$`)
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	identifier   = regexp.MustCompile(`^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(.*\))?$`)
	pathWord     = regexp.MustCompile(`[\w.-]+(?:/[\w.-]+)*/?`)
	nameInFile   = regexp.MustCompile("`(\\w+(?:\\.\\w+)*)` (?:in |\\()([\\w./-]+\\.go)")
)

// check returns what is wrong with the page.
func (c *sourceCode) check(page string) (problems []string) {
	var (
		line    int
		base    string
		inTable = make(map[string]bool)
	)
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s:%d: ", architecture, line)+fmt.Sprintf(format, args...))
	}
	// find returns the path of a file or directory that the page names.
	find := func(name string, dirs ...string) (string, bool) {
		for _, dir := range append(dirs, base, ".", "docs") {
			if file := path.Join(dir, name); c.exists(file) {
				return file, true
			}
		}
		return "", false
	}
	for text := range strings.Lines(page) {
		line++
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "#") {
			base = ""
		}
		if m := filesComment.FindStringSubmatch(text); m != nil {
			if base = m[1]; !c.exists(base) {
				problem("there is no directory %s", base)
			}
			continue
		}
		var dirs []string // that of the row
		cells := strings.Split(strings.Trim(text, "| "), " | ")
		isRow := strings.HasPrefix(text, "|")
		if first := strings.Trim(cells[0], "`"); isRow && strings.HasSuffix(first, "/") && !strings.Contains(first, " ") {
			if dir, ok := find(first); ok {
				dirs = []string{dir}
			}
		}
		for _, word := range pathWord.FindAllString(text, -1) {
			word = strings.TrimRight(word, ".")
			top, _, isPath := strings.Cut(word, "/")
			if ext := path.Ext(word); ext != ".go" && ext != ".md" && (!isPath || !c.exists(top) && !c.exists(path.Join(base, top))) {
				continue
			}
			file, ok := find(word, dirs...)
			if !ok {
				problem("there is no %s: write where it is now, from the root of the repository", word)
			}
			inTable[file] = inTable[file] || isRow
		}
		for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
			m = identifier.FindStringSubmatch(m[1])
			if m == nil || path.Ext(m[1]) == ".go" || path.Ext(m[1]) == ".md" {
				continue
			}
			name := m[1]
			first, _, _ := strings.Cut(name, ".")
			_, isExample := find(name, append(dirs, "examples")...)
			if notOurs[first] == "" && len(c.declaredIn(name)) == 0 && !isExample {
				problem("no code declares %s: write the name that it has now; if it is not this repository's, add it to notOurs in architecture_test.go", name)
			}
		}
		for _, m := range nameInFile.FindAllStringSubmatch(text, -1) {
			if file, ok := find(m[2], dirs...); ok && !slices.Contains(c.declaredIn(m[1]), file) {
				problem("%s does not declare %s: it is in %s", file, m[1], strings.Join(c.declaredIn(m[1]), ", "))
			}
		}
	}
	line = 1
	for _, file := range c.files {
		dir := path.Dir(file)
		switch {
		case dir == ".":
			if !inTable[file] {
				problem("no table has %s: add it to the row of the table under Layout that has its neighbours, and what it is for", file)
			}
		case dir == "tracelog":
			if !inTable[file] {
				problem("no table has %s: add it to the row of the table under \"From lines to answers\" that has its neighbours, and what it is for", file)
			}
		case strings.HasPrefix(dir, "tracelog/"):
			if !inTable[file] {
				problem("no table has %s: add it to the table under \"From lines to answers\", in the row that begins with `%s/`", file, strings.TrimPrefix(dir, "tracelog/"))
			}
		case dir == "cmd/slogtrace", strings.HasPrefix(dir, "cmd/slogtrace/"):
			if !inTable[file] {
				problem("no table has %s: add it to the table under \"The command\"", file)
			}
		case !strings.HasPrefix(dir, "examples/") && !strings.HasPrefix(dir, "cmd/") && !inTable[dir]:
			problem("no table has the package in %s: add the directory to the table under Layout, and what it is for", dir)
			inTable[dir] = true
		}
	}
	return problems
}

// TestArchitectureFinds plants mistakes in a page about a small repository.
func TestArchitectureFinds(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	code, err := parseCode(fstest.MapFS{
		"span.go":                     file("package p\ntype Span struct{ rare *rare }\ntype rare struct{}\nfunc (s *Span) End() {}\n"),
		"span_test.go":                file("package p\nfunc plant() {}\n"),
		"web/web.go":                  file("package web\nfunc Serve() {}\n"),
		"web/route.go":                file("package web\n"),
		"tracelog/scan.go":            file("package tracelog\nfunc Scan() {}\n"),
		"tracelog/draw/tree.go":       file("package draw\n"),
		"cmd/slogtrace/ls.go":         file("package main\n"),
		"cmd/slogtrace/internal/a.go": file("package internal\n"),
		"examples/tour/main.go":       file("package main\n"),
		"interop/peer.go":             file("package interop\nfunc Peer() {}\n"),
		"testdata/bad.go":             file("no Go"),
		"docs/http.md":                file(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	const page = "# Architecture\n" +
		"| `span.go` | `Span`, `slogtrace.Span`, `Span.End`, `rare`, `End()`; [http.md](http.md), log/slog, `slog.Handler`, `traceparent` |\n" +
		"| `web/` | `web.go` `route.go` and `web.Serve`, see `tour` |\n" +
		"`rare` in span.go, `plant` (span_test.go).\n" +
		"## Read\n<!-- files in tracelog/ -->\n| `scan.go` | `Scan` |\n| `draw/` | `tree.go` |\n" +
		"## Command\n<!-- files in cmd/slogtrace/ -->\n| `ls.go` | |\n| `internal/` | `a.go` |\n"
	for _, test := range []struct{ old, new, want string }{
		{"", "", ""},
		{"`span.go` |", "`spans.go` |", "docs/architecture.md:2: there is no spans.go"},
		{"http.md)", "https.md)", "docs/architecture.md:2: there is no https.md"},
		{"`scan.go`", "`span.go`", `no table has tracelog/scan.go: add it to the row of the table under "From lines to answers"`},
		{"| `span.go` | ", "", "no table has span.go: add it to the row of the table under Layout"},
		{"`tree.go`", "", "in the row that begins with `draw/`"},
		{"`ls.go`", "", `no table has cmd/slogtrace/ls.go: add it to the table under "The command"`},
		{"`a.go`", "", "no table has cmd/slogtrace/internal/a.go"},
		{"<!-- files in tracelog/ -->", "", "docs/architecture.md:7: there is no scan.go"},
		{"files in tracelog/", "files in log/", "docs/architecture.md:6: there is no directory log"},
		{"| `web/` | `web.go` `route.go`", "| `span.go` | ", "no table has the package in web:"},
		{"`Span`", "`Spans`", "docs/architecture.md:2: no code declares Spans: "},
		{"`slogtrace.Span`", "`slogtrace.Spans`", "docs/architecture.md:2: no code declares slogtrace.Spans: "},
		{"`Span.End`", "`Span.Stop`", "docs/architecture.md:2: no code declares Span.Stop: "},
		{"`End()`", "`Stop()`", "docs/architecture.md:2: no code declares Stop: "},
		{"`web.Serve`", "`web.Span`", "docs/architecture.md:3: no code declares web.Span: "},
		{"`slog.Handler`", "`Peer`", "docs/architecture.md:2: no code declares Peer: "},
		{"`tour`", "`tours`", "docs/architecture.md:3: no code declares tours: "},
		{"`rare` in span.go", "`Scan` in span.go", "docs/architecture.md:4: span.go does not declare Scan: it is in tracelog/scan.go"},
		{"(span_test.go)", "(web/web.go)", "docs/architecture.md:4: web/web.go does not declare plant: it is in span_test.go"},
		{"log/slog", "web/slog", "docs/architecture.md:2: there is no web/slog"},
	} {
		mistaken := strings.Replace(page, test.old, test.new, 1)
		problems := code.check(mistaken)
		if test.want == "" && len(problems) > 0 {
			t.Errorf("without a mistake: %q", problems)
		}
		if test.want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, test.want) }) {
			t.Errorf("%q for %q: want %q, got %q", test.new, test.old, test.want, problems)
		}
	}
}

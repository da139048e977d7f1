// Knots prints, for each package, the largest set of files each of which needs all the others: whoever
// changes one of them must know them all. A file needs another one if it uses an object, a method or a field
// that the other one declares. Tests do not count.
//
// Usage: go run .ci/knots.go [-max N] [-why] PACKAGES
//
// With -max, it fails if a package has a larger knot. With -why, it lists what the files of a knot use of each other.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("knots: ")
	limit := flag.Int("max", 0, "fail if a knot has more than `N` files; 0: any number")
	why := flag.Bool("why", false, "list what the files of a knot use of each other")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run .ci/knots.go [-max N] [-why] PACKAGES")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	packages, err := list(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	failed := false
	for _, p := range packages {
		if p.DepOnly || len(p.GoFiles) == 0 {
			continue
		}
		uses, err := p.uses(packages)
		if err != nil {
			log.Fatalf("%s: %v", p.ImportPath, err)
		}
		knot := largest(knots(uses))
		fmt.Printf("%s: %d of %d files\n", p.ImportPath, len(knot), len(p.GoFiles))
		if *why {
			explain(os.Stdout, knot, uses)
		}
		if *limit > 0 && len(knot) > *limit {
			failed = true
			fmt.Printf("\tmore than %d: %s\n", *limit, strings.Join(knot, " "))
		}
	}
	if failed {
		os.Exit(1)
	}
}

// A pkg is a package as go list tells of it.
type pkg struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
	ImportMap               map[string]string
}

// list returns the packages that match patterns, and those that they need.
func list(patterns []string) (map[string]*pkg, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", append([]string{"list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,DepOnly,ImportMap", "--"}, patterns...)...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	packages := map[string]*pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages[p.ImportPath] = &p
	}
}

// A useGraph has, for each file, the files that it needs, and for each of those the names that it uses.
type useGraph map[string]map[string][]string

// uses returns what the files of p use of each other.
func (p *pkg) uses(packages map[string]*pkg) (useGraph, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	uses := useGraph{}
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		uses[name] = map[string][]string{}
	}
	lookup := func(path string) (io.ReadCloser, error) {
		if mapped, ok := p.ImportMap[path]; ok {
			path = mapped
		}
		dep := packages[path]
		if dep == nil || dep.Export == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(dep.Export)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	checked, err := conf.Check(p.ImportPath, fset, files, &info)
	if err != nil {
		return nil, err
	}
	for id, obj := range info.Uses {
		if obj.Pkg() != checked || !obj.Pos().IsValid() {
			continue
		}
		from := filepath.Base(fset.Position(id.Pos()).Filename)
		to := filepath.Base(fset.Position(obj.Pos()).Filename)
		if from != to && !slices.Contains(uses[from][to], obj.Name()) {
			uses[from][to] = append(uses[from][to], obj.Name())
		}
	}
	return uses, nil
}

// knots returns the strongly connected components of g with more than one file (Tarjan 1972).
func knots(g useGraph) [][]string {
	var (
		found   [][]string
		stack   []string
		index   = map[string]int{} // from 1, in the order of visits
		low     = map[string]int{}
		onStack = map[string]bool{}
		visit   func(string)
	)
	visit = func(file string) {
		index[file] = len(index) + 1
		low[file] = index[file]
		stack = append(stack, file)
		onStack[file] = true
		for _, next := range slices.Sorted(maps.Keys(g[file])) {
			if index[next] == 0 {
				visit(next)
				low[file] = min(low[file], low[next])
			} else if onStack[next] {
				low[file] = min(low[file], index[next])
			}
		}
		if low[file] != index[file] {
			return
		}
		i := slices.Index(stack, file)
		knot := slices.Clone(stack[i:])
		stack = stack[:i]
		for _, f := range knot {
			onStack[f] = false
		}
		if len(knot) > 1 {
			slices.Sort(knot)
			found = append(found, knot)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(g)) {
		if index[file] == 0 {
			visit(file)
		}
	}
	return found
}

func largest(knots [][]string) []string {
	var most []string
	for _, k := range knots {
		if len(k) > len(most) {
			most = k
		}
	}
	return most
}

func explain(w io.Writer, knot []string, uses useGraph) {
	for _, from := range knot {
		for _, to := range knot {
			if names := uses[from][to]; len(names) > 0 {
				slices.Sort(names)
				fmt.Fprintf(w, "\t%s uses %s: %s\n", from, to, strings.Join(names, " "))
			}
		}
	}
}

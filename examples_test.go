package slogtrace_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Every exported function is called in an Example, or there is a reason why not.
func TestExamples(t *testing.T) {
	reasons := map[string]string{
		"slogtrace.ParseTraceID":  "the line would be the signature",
		"slogtrace.ParseSpanID":   "the line would be the signature",
		"slogtrace.RateLimited":   "time decides what it samples",
		"slogtrace.IgnoreParent":  "wraps a Sampler, which the doc shows",
		"slogtrace.GoogleCloud":   "a preset: Format has the Example",
		"tracetest.Record":        "takes a testing.TB, which an Example has not; the package doc shows it",
		"tracetest.SequentialIDs": "takes a testing.TB, which an Example has not; the package doc shows it",
		"tracetest.TestHandler":   "takes a testing.T, which an Example has not; the package doc shows it",
	}
	for dir, pkg := range map[string]string{".": "slogtrace", "tracehttp": "tracehttp", "tracemetrics": "tracemetrics", "tracetest": "tracetest", "tracelog": "tracelog", "tracelog/draw": "draw"} {
		shown, functions := map[string]bool{}, []string{}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				switch {
				case !ok:
				case strings.HasSuffix(name, "_test.go"):
					if of, ok := strings.CutPrefix(fn.Name.Name, "Example"); ok {
						shown[of] = true
						noteNames(shown, fn)
					}
				case fn.Recv == nil && fn.Name.IsExported():
					functions = append(functions, fn.Name.Name)
				}
			}
		}
		if len(functions) == 0 {
			t.Errorf("%s: no functions found", pkg)
		}
		for _, name := range functions {
			key := pkg + "." + name
			switch reason := reasons[key]; {
			case !shown[name] && reason == "":
				t.Errorf("%s: want an Example that calls it, or a reason in this test why not", key)
			case shown[name] && reason != "":
				t.Errorf("%s has an Example: its reason can go", key)
			}
			delete(reasons, key)
		}
	}
	for key := range reasons {
		t.Errorf("%s: there is no such function", key)
	}
}

// noteNames notes all names that fn uses.
func noteNames(names map[string]bool, fn *ast.FuncDecl) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names[id.Name] = true
		}
		return true
	})
}

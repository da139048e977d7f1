// Plant plants bugs, one at a time, and reports whether the tests that should find them do. The tree is not changed:
// the go command reads the mutated file instead of its own (go help build, -overlay).
//
// Usage: go run .ci/plant.go [-run REGEXP] LIST
//
// LIST has bugs, separated by empty lines: what is wrong; the file; lines to replace, which begin with - and
// occur there once, at whatever depth; lines to put there, which begin with +; the package and its tests. Lines that
// begin with # are comments. With -run, only bugs that match are planted.
//
// It exits with 1 if a bug is not found, does not compile or does not fit the code any more, or if a test fails without it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("plant: ")
	only := flag.String("run", "", "plant only the bugs that match `regexp`")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: go run .ci/plant.go [-run REGEXP] LIST")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	text, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	bugs, err := parse(string(text))
	if err != nil {
		log.Fatalf("%s: %v", flag.Arg(0), err)
	}
	if *only != "" {
		re, err := regexp.Compile(*only)
		if err != nil {
			log.Fatal(err)
		}
		bugs = slices.DeleteFunc(bugs, func(b bug) bool { return !re.MatchString(b.name) })
	}
	if len(bugs) == 0 {
		log.Fatal("no bugs to plant")
	}
	dir, err := os.MkdirTemp("", "plant")
	if err != nil {
		log.Fatal(err)
	}
	failed := run(bugs, dir)
	os.RemoveAll(dir)
	if failed > 0 {
		log.Fatalf("%d of %d bugs are trouble", failed, len(bugs))
	}
	fmt.Printf("%d bugs, all found\n", len(bugs))
}

// A bug is a mutation of a file, and the tests that find it.
type bug struct {
	name     string
	file     string
	old, new string
	pkg      string
	tests    []string
}

// parse reads a list of bugs.
func parse(text string) (bugs []bug, err error) {
	for part := range strings.SplitSeq(text, "\n\n") {
		var lines, from, to []string
		for line := range strings.SplitSeq(strings.Trim(part, "\n"), "\n") {
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '-':
				from = append(from, line[1:])
			case line[0] == '+':
				to = append(to, line[1:])
			default:
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 && from == nil && to == nil {
			continue
		}
		if len(lines) != 3 || len(from) == 0 {
			return nil, fmt.Errorf("want what is wrong, a file, - lines, + lines, and a package with tests, got\n%s", part)
		}
		tests := strings.Fields(lines[2])
		if len(tests) < 2 {
			return nil, fmt.Errorf("%s: want a package and tests, got %q", lines[0], lines[2])
		}
		bugs = append(bugs, bug{lines[0], lines[1], strings.Join(from, "\n"), strings.Join(to, "\n"), tests[0], tests[1:]})
	}
	return bugs, nil
}

// mutate returns code with the bug in it.
func (b *bug) mutate(code string) (string, error) {
	// Depth does not count: the list would break where code moves into a block.
	var at [][2]int
	want := strings.Split(b.old, "\n")
	lines := strings.SplitAfter(code, "\n")
	for i, start := 0, 0; i+len(want) <= len(lines); i++ {
		n := 0
		for n < len(want) && strings.TrimSpace(lines[i+n]) == strings.TrimSpace(want[n]) {
			n++
		}
		if n == len(want) {
			at = append(at, [2]int{start, start + len(strings.Join(lines[i:i+n], ""))})
		}
		start += len(lines[i])
	}
	if len(at) != 1 {
		return "", fmt.Errorf("%s has %d places with\n%s", b.file, len(at), b.old)
	}
	return code[:at[0][0]] + b.new + "\n" + code[at[0][1]:], nil
}

// run plants each of bugs and returns how many are trouble. dir is for files.
func run(bugs []bug, dir string) (failed int) {
	trouble := func(b *bug, format string, args ...any) {
		failed++
		fmt.Printf("TROUBLE %s: %s\n", b.name, fmt.Sprintf(format, args...))
	}
	// Without a bug all tests pass. One that fails anyway would find whatever is planted.
	passing := map[string]bool{}
	for _, b := range bugs {
		if _, ok := passing[b.pkg+" "+b.tests[0]]; ok {
			continue
		}
		var tests []string
		for _, other := range bugs {
			if other.pkg == b.pkg {
				tests = append(tests, other.tests...)
			}
		}
		out := test(b.pkg, tests, "")
		for _, name := range tests {
			passing[b.pkg+" "+name] = strings.Contains(out, "\n--- PASS: "+name+" ")
		}
	}
next:
	for i, b := range bugs {
		for _, name := range b.tests {
			if !passing[b.pkg+" "+name] {
				trouble(&b, "%s of %s does not pass without it, or does not exist", name, b.pkg)
				continue next
			}
		}
		code, err := os.ReadFile(b.file)
		if err != nil {
			trouble(&b, "%v", err)
			continue
		}
		mutated, err := b.mutate(string(code))
		if err != nil {
			trouble(&b, "%v", err)
			continue
		}
		overlay, err := overlayOf(dir, i, b.file, mutated)
		if err != nil {
			log.Fatal(err)
		}
		out := test(b.pkg, b.tests, overlay)
		if missed := missing(out, b.tests); strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") {
			trouble(&b, "it does not compile:\n%s", out)
		} else if len(missed) > 0 {
			trouble(&b, "not found by %s", strings.Join(missed, ", "))
		} else {
			fmt.Printf("found   %s: %s\n", b.name, strings.Join(b.tests, ", "))
		}
	}
	return failed
}

// missing returns those of tests that did not fail. A panic or a timeout ends all of them, and names the one that ran.
func missing(out string, tests []string) (missed []string) {
	for _, name := range tests {
		if !strings.Contains(out, "\n--- FAIL: "+name+" ") && !regexp.MustCompile(`(?s)\npanic: .*\b`+name+`\b`).MatchString(out) {
			missed = append(missed, name)
		}
	}
	return missed
}

// overlayOf writes a mutated file and the list that puts it in the place of file, and returns the name of the list.
func overlayOf(dir string, i int, file, mutated string) (string, error) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	replacement := filepath.Join(dir, fmt.Sprintf("%d.go", i))
	if err := os.WriteFile(replacement, []byte(mutated), 0o666); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{absolute: replacement}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, fmt.Sprintf("%d.json", i))
	return name, os.WriteFile(name, text, 0o666)
}

// test runs tests of a package and returns the output, which begins with a new line.
func test(pkg string, tests []string, overlay string) string {
	args := []string{"test", "-vet=off", "-ldflags=-s -w", "-short", "-v", "-count=1", "-timeout=60s", "-run=^(" + strings.Join(tests, "|") + ")$"}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	out, _ := exec.Command("go", append(args, pkg)...).CombinedOutput() // what failed is in the output
	return "\n" + string(out)
}

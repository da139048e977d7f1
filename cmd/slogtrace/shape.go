package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slogtrace/slogtrace/tracelog"
)

// names is the flag --map: names of the record schema with the paths that lines have for them.
type names tracelog.Shape

func (n *names) Type() string { return "names" }

func (n *names) String() string {
	if n == nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(n.Names)) {
		all = append(all, name+"="+n.Names[name])
	}
	return strings.Join(all, ",")
}

func (n *names) Set(s string) error {
	if n.Names == nil {
		n.Names = make(map[string]string)
	}
	known := tracelog.ShapeNames()
	for pair := range strings.SplitSeq(s, ",") {
		name, path, ok := strings.Cut(strings.TrimSpace(pair), "=")
		switch name = strings.TrimSpace(name); {
		case !ok || strings.TrimSpace(path) == "":
			return fmt.Errorf("want name=path, such as trace=ctx.tid, got %q", pair)
		case name == "message":
			name = "msg"
		case name == "duration":
			name = "duration_ms"
		case !slices.Contains(known, name):
			return fmt.Errorf("unknown name %q%s: want one of %s", name, didYouMean(name, slices.Clone(known), ""), strings.Join(known, ", "))
		}
		n.Names[name] = strings.TrimSpace(path)
	}
	return nil
}

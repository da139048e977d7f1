// Command ours is what package tracelog's streaming functions make of a log, and little else: a subject of readspeed.
//
//	ours stats|stats-all|ls FILE
//	ours show FILE ID
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/slogtrace/slogtrace/internal/loggen"
	"github.com/slogtrace/slogtrace/tracelog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ours:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want a command and a file")
	}
	f, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, in := context.Background(), []tracelog.Input{{Name: args[1], Reader: f}}
	out := json.NewEncoder(os.Stdout)
	switch args[0] {
	case "stats", "stats-all":
		g, err := tracelog.ScanGroups(ctx, in, &tracelog.GroupOptions{KeepDuplicates: args[0] == "stats-all"})
		if err != nil {
			return err
		}
		var ops []loggen.Op
		for _, x := range g.Groups {
			f := x.Stat.Figures()
			ops = append(ops, loggen.Op{Op: x.Key, Count: int(f.Count), Errors: int(f.Errors), P50: f.P50, P95: f.P95, P99: f.P99, Max: f.Max})
		}
		return out.Encode(ops)
	case "ls":
		s, err := tracelog.ScanOutlines(ctx, in, nil)
		if err != nil {
			return err
		}
		failed, hash := 0, uint64(0)
		for sum := range s.All(func(s *tracelog.Outline) bool { return s.Errors > 0 }) {
			failed++
			hash += loggen.Hash(sum.ID)
		}
		return out.Encode(map[string]any{"failed_traces": failed, "failed_hash": fmt.Sprintf("%016x", hash)})
	case "show":
		if len(args) != 3 {
			return fmt.Errorf("show: want a file and an id")
		}
		found, err := tracelog.FindTrace(ctx, in, tracelog.TraceIDs(args[2]), nil)
		if err != nil {
			return err
		}
		for i := range found.Entries {
			os.Stdout.Write(append(found.Entries[i].Raw, '\n'))
		}
		return nil
	}
	return fmt.Errorf("no command %q", args[0])
}

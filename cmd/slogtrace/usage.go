package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("want no arguments, got %q", args[0])
	}
	return nil
}

// unknownName is the mistake of a name that is none of names. It suggests the nearest one, or lists them.
func unknownName(what, typed string, names []string) error {
	hint := didYouMean(typed, slices.Clone(names), "")
	if hint == "" {
		hint = ": want " + strings.Join(names, ", ")
	}
	return usagef("unknown %s %q%s", what, typed, hint)
}

// didYouMean suggests the name nearest to what was typed, if one is near.
func didYouMean(typed string, names []string, prefix string) string {
	nearest, least := "", max(1, len(typed)/3)+1
	slices.Sort(names)
	for _, name := range names {
		d := distance(typed, name)
		if strings.EqualFold(typed, name) {
			d = 0
		}
		if len(typed) > 2 && strings.HasPrefix(name, typed) {
			d = min(d, 1)
		}
		if d < least {
			nearest, least = name, d
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + prefix + nearest + "?"
}

// distance returns how many bytes of a must be inserted, removed, replaced, or swapped with their neighbours to get b.
func distance(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// A choice is a flag with a fixed set of values.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "order" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("want " + strings.Join(c.of[:len(c.of)-1], ", ") + " or " + c.of[len(c.of)-1])
	}
	c.value = s
	return nil
}

func completeChoice(cmd *cobra.Command, flag string, of []string) {
	cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp))
}

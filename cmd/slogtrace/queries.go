package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/docs/queries"
)

// A queriesJSON is what queries --json writes for a store.
type queriesJSON struct {
	Store     string         `json:"store"`
	About     string         `json:"about"`
	Questions []questionJSON `json:"questions"`
}

type questionJSON struct {
	Title string `json:"title"`
	Query string `json:"query"`
}

func (s *session) queries() *cobra.Command {
	names := queries.Names() // the files are read when they are asked for: this is part of every command's start
	return &cobra.Command{
		Use:   "queries [STORE]",
		Short: "Print questions for a log store, ready to paste",
		Long: `queries prints questions about traces in the language of a log store: all operations of a flow, failed calls
with the root of their trace, p95 from end to end, failed traces, slow operations, waiting jobs, open circuit
breakers. They are written for the logs of a booking service: put your own names in place of its.

STORE is one of ` + strings.Join(names, ", ") + `.`,
		Example: `  slogtrace queries                     which stores there are
  slogtrace queries duckdb              its questions
  slogtrace queries --json postgresql   for programs`,
		ValidArgs: names,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("want one store, got %q too", args[1])
			}
			if len(args) > 0 && !slices.Contains(names, args[0]) {
				return unknownName("store", args[0], names)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			stores := make(map[string]queries.Store)
			for _, store := range queries.Stores() {
				stores[store.Name] = store
			}
			chosen := names
			if len(args) > 0 {
				chosen = args
			}
			switch {
			case s.json:
				for _, name := range chosen {
					q := queriesJSON{Store: name, About: stores[name].About}
					for _, question := range stores[name].Questions {
						q.Questions = append(q.Questions, questionJSON{question.Title, question.Text})
					}
					if err := term.WriteJSON(s.out, q); err != nil {
						return err
					}
				}
				return nil
			case len(args) > 0:
				_, err := io.WriteString(s.out, stores[args[0]].Text)
				return err
			}
			for _, name := range names {
				if _, err := fmt.Fprintf(s.out, "%-14s %s\n", name, stores[name].About); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

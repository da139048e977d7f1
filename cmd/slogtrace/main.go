// Command slogtrace turns log lines back into traces: it lists them, shows them, counts in them, finds their errors,
// follows them as they are written, and tells what is missing in them. See README.md, or slogtrace help.
//
// It exits with 0, with 1 if nothing was found or something failed, or with 2 if the command line is wrong.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
)

func main() { os.Exit(process()) }

// process runs the command as the process it is in asks for.
func process() int {
	// Without this a closed pipe would kill the process before it can see the error, and | head is no failure.
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C is not caught
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// run is the command without the process. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return newSession(stdin, stdout, stderr).run(ctx, args)
}

// A session is one run of the command: where it reads and writes, and what all commands share.
type session struct {
	*tell.Teller
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	out    *bufio.Writer // on stdout, flushed at the end
	now    func() time.Time

	outlet, errlet outlet // stdout and stderr
	files          input.Files

	stdoutTerm bool // whether stdout is a terminal
	width      int  // of it; 0 is unknown

	json  bool
	local bool // times are local ones
	color term.ColorMode
}

func newSession(stdin io.Reader, stdout, stderr io.Writer) *session {
	s := &session{stdin: stdin, now: time.Now}
	s.outlet.w, s.errlet.w = stdout, stderr
	s.stdout, s.stderr = &s.outlet, &s.errlet
	s.out = bufio.NewWriter(s.stdout)
	s.stdoutTerm, s.width = term.Terminal(stdout)
	stderrTerm, _ := term.Terminal(stderr)
	s.Teller = tell.New(s.stderr, stderrTerm, func() time.Time { return s.now() })
	stdinTerm, _ := term.Terminal(stdin)
	s.files = input.Files{Stdin: stdin, StdinTerminal: stdinTerm, Tell: s.Teller}
	return s
}

// painter is for what is written to standard output.
func (s *session) painter() term.Painter { return s.color.Painter(s.stdoutTerm) }

// writeTable writes a table that is no wider than the terminal.
func (s *session) writeTable(rows iter.Seq[[]term.Cell]) error {
	return term.WriteTable(s.out, rows, s.width, s.painter())
}

// A usageError is a mistake in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (s *session) run(ctx context.Context, args []string) int {
	root := s.root()
	s.strict(root)
	root.SetArgs(args)
	defer s.files.Close()
	defer context.AfterFunc(ctx, s.files.Close)() // the second Ctrl-C may come at once
	s.outlet.stop = ctx
	cmd, err, left := s.execute(ctx, root)
	if left {
		s.abandon()
		return 1
	}
	var usage usageError
	switch {
	case errors.Is(err, syscall.EPIPE):
		return 0 // whoever reads has seen enough
	case errors.As(err, &usage), err == input.ErrNoFile:
		s.Talk("%v (see %s --help)", err, cmd.CommandPath())
		return 2
	case err == tell.ErrTold:
		return 1
	case errors.Is(err, context.Canceled):
		s.Talk("interrupted")
		return 1
	case err != nil:
		s.Talk("%v", err)
		return 1
	case s.Failed():
		return 1
	}
	return 0
}

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "slogtrace",
		Short: "Turn log lines back into traces",
		Long: `slogtrace turns log lines back into traces.

It reads the lines that package slogtrace writes, those of loggers with OpenTelemetry's and other
backends' names for the ids, and more. FILE is a file, a glob, a directory, or - for standard input,
which is also read where no FILE is given. Files may be compressed with gzip or zstd.

Exit codes: 0, 1 if nothing was found or something failed, 2 if the command line is wrong.`,
		Example: `  slogtrace ls --error app.log          which traces failed
  slogtrace show 4bf92f app.log         one of them, by the beginning of its id
  slogtrace stats --by service logs/    how long things take
  myservice | slogtrace tail            readable, live`,
		Args: func(_ *cobra.Command, args []string) error { return s.unknownCommand(args) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(s.stderr)
			cmd.Help()
			return usagef("want a command")
		},
		SilenceErrors: true, SilenceUsage: true, DisableSuggestions: true,
	}
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().SortFlags = false
	root.PersistentFlags().BoolVar(&s.json, "json", false, "write JSON, for programs")
	root.PersistentFlags().BoolVar(&s.local, "local", false, "show local times, not UTC")
	root.PersistentFlags().Var(&s.color, "color", "colours: `when` is auto, always or never")
	root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(term.ColorModes, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(s.ls(), s.show(), s.stats(), s.errors(), s.tail(), s.check(), s.version())
	for _, cmd := range root.Commands() {
		cmd.Flags().SortFlags = false
		if cmd.Args == nil {
			cmd.Args = cobra.ArbitraryArgs
		}
	}
	return root
}

// strict makes usage errors of what cobra's own commands take for a wish for help, or fail with.
func (s *session) strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				_, rest, _ := root.Find(args)
				return s.unknownCommand(rest)
			}
		case "completion":
			var shells []string
			for _, shell := range cmd.Commands() {
				shells = append(shells, shell.Name())
				shell.Args = noArgs
			}
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if len(args) == 0 {
					return usagef("want a shell: %s", strings.Join(shells, ", "))
				}
				return usagef("unknown shell %q%s", args[0], didYouMean(args[0], slices.Clone(shells), ""))
			}
			cmd.RunE = func(*cobra.Command, []string) error { return nil } // else help comes before Args
		}
	}
}

func (s *session) unknownCommand(args []string) error {
	if len(args) == 0 {
		return nil
	}
	names := []string{"ls", "show", "stats", "errors", "tail", "check", "version", "help", "completion"}
	if _, err := os.Stat(args[0]); err == nil {
		return usagef("unknown command %q, which is a file: did you mean slogtrace ls %[1]s?", args[0])
	}
	return usagef("unknown command %q%s", args[0], didYouMean(args[0], names, ""))
}

// flagError makes one clear line of what cobra has to say of a flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := unknown.GetSpecifiedName()
		return usagef("unknown flag --%s%s", name, didYouMean(name, names, "--"))
	case errors.As(err, &unknown):
		return usagef("unknown flag -%s%s", unknown.GetSpecifiedShortnames(), didYouMeanLong(cmd, unknown.GetSpecifiedShortnames()))
	case errors.As(err, &value):
		flag, why := value.GetFlag(), value.Unwrap()
		if number := new(strconv.NumError); errors.As(why, &number) {
			why = errors.New("want a number")
			if flag.Value.Type() == "bool" {
				why = errors.New("want true or false")
			}
		}
		return usagef("--%s %q: %v", flag.Name, value.GetValue(), why)
	}
	return usageError{err}
}

// didYouMeanLong helps whoever writes long flags with one dash.
func didYouMeanLong(cmd *cobra.Command, name string) string {
	if cmd.Flags().Lookup(name) != nil {
		return "; did you mean --" + name + "?"
	}
	return ""
}

// didYouMean suggests the name nearest to what was typed, if one is near.
func didYouMean(typed string, names []string, prefix string) string {
	nearest, least := "", max(1, len(typed)/3)+1
	slices.Sort(names)
	for _, name := range names {
		d := distance(typed, name)
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

// distance is how many bytes must be inserted, removed, replaced, or swapped with their neighbour to make b of a.
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

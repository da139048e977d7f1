// Command slogtrace turns log lines back into traces: it lists them, shows them, counts in them, finds their errors,
// follows them as they are written, and tells what is missing in them. See README.md, or slogtrace help.
//
// It exits with 0, with 1 if nothing was found or something failed, or with 2 if the command line is wrong.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
)

func main() { os.Exit(process()) }

// process runs the command with the arguments, the streams and the signals of this process.
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

func (s *session) run(ctx context.Context, args []string) int {
	root := s.root()
	s.strict(root)
	root.SetArgs(args)
	return s.exitCode(ctx, root)
}

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "slogtrace",
		Short: "Turn log lines back into traces",
		Long: `slogtrace turns log lines back into traces.

It reads the lines that package slogtrace writes, those of loggers with OpenTelemetry's and other
backends' names for the ids, and more, as stores and shippers give them back: inside of objects, strings
and arrays, printed on many lines, behind any text. FILE is a file, a glob, a directory, or - for standard input,
which is also read where no FILE is given. Files may be compressed with gzip or zstd. With --from, or SLOGTRACE_FROM in
the environment, it reads a log store instead: see --from below and its guide.

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
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		if s.shape.Record != "" || len(s.shape.Names) > 0 {
			s.files.Shape = &s.shape
		}
		for _, name := range []string{"limit", "width"} {
			if n, err := cmd.Flags().GetInt(name); err == nil && n < 0 {
				return usagef("--%s %d: want 0 or more", name, n)
			}
		}
		return s.from.open(s, cmd, args)
	}
	root.PersistentFlags().SortFlags = false
	root.PersistentFlags().BoolVar(&s.json, "json", false, "write JSON, for programs")
	root.PersistentFlags().BoolVar(&s.local, "local", false, "show local times, not UTC")
	root.PersistentFlags().StringVar(&s.shape.Record, "record", "", "read the record at this `path` in each line: result._raw")
	root.PersistentFlags().Var((*names)(&s.shape), "map", "the record's own `names`: trace=ctx.tid,op=name; may be repeated")
	root.PersistentFlags().Var(&s.color, "color", "colours: `when` is auto, always or never")
	s.from.register(root.PersistentFlags())
	root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(term.ColorModes, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(s.ls(), s.show(), s.stats(), s.errors(), s.diff(), s.why(), s.tail(), s.check(), s.callMap(), s.flame(), s.export(), s.queries(), s.version())
	for _, cmd := range root.Commands() {
		cmd.Flags().SortFlags = false
		if cmd.Args == nil {
			cmd.Args = cobra.ArbitraryArgs
		}
	}
	return root
}

// strict makes cobra's own commands return usage errors where they would print help or fail.
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
	names := []string{"ls", "show", "stats", "errors", "diff", "why", "tail", "check", "map", "flame", "export", "queries", "version", "help", "completion"}
	if _, err := os.Stat(args[0]); err == nil {
		return usagef("unknown command %q, which is a file: did you mean slogtrace ls %[1]s?", args[0])
	}
	return usagef("unknown command %q%s", args[0], didYouMean(args[0], names, ""))
}

// flagError makes one clear line of cobra's error about a flag.
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

// didYouMeanLong suggests the long flag to a user who typed it with one dash.
func didYouMeanLong(cmd *cobra.Command, name string) string {
	if cmd.Flags().Lookup(name) != nil {
		return "; did you mean --" + name + "?"
	}
	return ""
}

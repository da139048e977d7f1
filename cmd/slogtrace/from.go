package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend/clickhouse"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/backend/victorialogs"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/input"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
)

// envFrom is the variable of the environment for --from.
const envFrom = "SLOGTRACE_FROM"

// defaultRange is how far back a store is read without --since.
const defaultRange = 24 * time.Hour

// A from is the flags about a store, and the store.
type from struct {
	address string
	query   string
	partial bool
	explain bool
	most    int
	window  time.Duration

	source  *backend.Source // nil: files are read
	filter  *query.Filter   // of the command; nil if it has none
	plan    backend.Plan
	grouped *backend.Grouped // nil: each line was read
}

func (f *from) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "from", "", "read the log store at `URL`: victorialogs://host:9428?tenant=1:2 or clickhouse://host:8123/DATABASE/TABLE; default $"+envFrom)
	flags.StringVar(&f.query, "query", "", "of a store, only lines that match `CONDITION`, in its own language: LogsQL or SQL")
	flags.BoolVar(&f.partial, "partial", false, "of a store, read what there is if parts of it do not answer, and say so")
	flags.BoolVar(&f.explain, "explain", false, "say what a store is asked")
	flags.IntVar(&f.most, "max-lines", 10_000_000, "of a store, refuse to read more than `N` lines; 0: no limit")
	flags.DurationVar(&f.window, "window", 0, "of a store, ask for this `duration` at a time; default as the number of lines suggests")
}

// open makes the files of the session those of a store, if flags or the environment name one.
func (f *from) open(s *session, cmd *cobra.Command, args []string) error {
	address := f.address
	switch cmd.Name() {
	case "queries", "version", "help", "completion":
		return nil
	}
	if address == "" {
		for _, name := range []string{"query", "partial", "explain", "max-lines", "window"} {
			if cmd.Flags().Changed(name) && os.Getenv(envFrom) == "" {
				return usagef("--%s: only with --from", name)
			}
		}
		if address = os.Getenv(envFrom); address == "" || namesFiles(cmd, args) {
			return nil
		}
	}
	if f.window < 0 {
		return usagef("--window: want a duration, got %v", f.window)
	}
	scheme, _, _ := strings.Cut(address, "://")
	kind, _, _ := strings.Cut(scheme, "+")
	var store backend.Store
	switch kind {
	case "victorialogs":
		v, err := victorialogs.New(address, os.Getenv, s.files.Shape)
		if err != nil {
			return usagef("--from: %v", err)
		}
		v.Query, v.Partial = f.query, f.partial
		store = v
	case "clickhouse":
		c, err := clickhouse.New(address, os.Getenv, s.files.Shape)
		if err != nil {
			return usagef("--from: %v", err)
		}
		c.Query, c.Partial = f.query, f.partial
		store = c
	default:
		return usagef("--from: want a URL such as victorialogs://host:9428 or clickhouse://host:8123/TABLE")
	}
	if host, exposed := backend.Exposed(address, os.Getenv); exposed {
		s.Talk("%s: the password or token goes there without encryption: %s+https:// encrypts", host, kind)
	}
	f.filter = query.Registered(cmd.Flags())
	f.source = &backend.Source{Store: store, Tell: s.Teller, Shape: s.files.Shape, MaxLines: f.most, Window: f.window, Partial: f.partial, Explain: f.explain}
	s.asking.Store(true)
	s.files.Store = func(ctx context.Context, args []string, again bool) (*input.Reading, error) {
		return f.read(ctx, s, args, again)
	}
	return nil
}

// namesFiles reports whether arguments name files, for which the store in the environment is not read.
func namesFiles(cmd *cobra.Command, args []string) bool {
	switch cmd.Name() {
	case "show", "diff":
		_, args = splitIDs(args)
	case "export":
		args = args[min(1, len(args)):] // the format
	}
	return len(args) > 0
}

// read reads from the store what the command has planned. If the command reads it only once, not all of it need be held.
func (f *from) read(ctx context.Context, s *session, args []string, again bool) (*input.Reading, error) {
	if len(args) > 0 {
		return nil, usagef("--from and %q: want one of them", args[0])
	}
	var parts query.Parts
	if f.filter != nil {
		parts = f.filter.Parts()
	}
	begin, end := f.span(s, &parts)
	if f.filter != nil {
		f.filter.SetSince(begin)
	}
	if f.plan.Grouped {
		if r, err := f.readGrouped(ctx, s, &parts, begin, end); r != nil || err != nil {
			return r, err
		}
	}
	if !again {
		stream, err := f.source.Stream(ctx, &f.plan, &parts, begin, end, s.files.NewBuffer)
		if err != nil {
			return nil, err
		}
		if stream != nil {
			return s.files.OpenStream(ctx, f.source.Store.Name(), stream), nil
		}
	}
	buf := s.files.NewBuffer()
	if err := f.source.Fetch(ctx, &f.plan, &parts, begin, end, buf); err != nil {
		buf.Close()
		return nil, err
	}
	return s.files.OpenBuffer(ctx, f.source.Store.Name(), buf), nil
}

// readGrouped reads ends of spans that are alike as one line, or returns nil.
func (f *from) readGrouped(ctx context.Context, s *session, parts *query.Parts, begin, end time.Time) (*input.Reading, error) {
	ends, starts := s.files.NewBuffer(), s.files.NewBuffer()
	var err error
	if f.grouped, err = f.source.Grouped(ctx, &f.plan, parts, begin, end, ends, starts); f.grouped == nil {
		ends.Close()
		starts.Close()
		return nil, err
	}
	lines := io.MultiReader(io.NewSectionReader(ends, 0, ends.Size()), io.NewSectionReader(starts, 0, starts.Size()))
	return s.files.OpenStream(ctx, f.source.Store.Name(), &readBuffers{lines, ends, starts}), err
}

// readBuffers are read once.
type readBuffers struct {
	io.Reader
	ends, starts *input.Buffer
}

func (b *readBuffers) Close() error {
	b.ends.Close()
	b.starts.Close()
	return nil
}

// span returns the time to read. It says if that is the default.
func (f *from) span(s *session, p *query.Parts) (begin, end time.Time) {
	if end = p.Until; end.IsZero() {
		end = s.now()
	}
	if begin = p.Since; begin.IsZero() {
		begin = end.Add(-defaultRange)
		if p.Until.IsZero() {
			s.Talk("%s: reading the last 24 hours: --since 7d reads more", f.source.Store.Name())
		} else {
			s.Talk("%s: reading the 24 hours before --until: --since reads more", f.source.Store.Name())
		}
	}
	return begin, end
}

// plan says what the command needs, if it reads a store.
func (s *session) plan(p backend.Plan) {
	s.from.plan = p
	if s.from.source != nil {
		s.from.source.Attrs = p.Attrs
	}
}

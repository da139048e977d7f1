package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/term"
	"github.com/slogtrace/slogtrace/tracelog"
	"github.com/slogtrace/slogtrace/tracelog/export"
)

// An exportFormat is a format of export. open is nil if it has no traces.
type exportFormat struct {
	name, about string
	open        func(io.Writer, *export.Options) *export.Writer
}

var exportFormats = []exportFormat{
	{"otlp", "OpenTelemetry's JSON, a request on each line; or to a receiver, with --endpoint", export.NewOTLP},
	{"chrome", "Chrome's trace events, for ui.perfetto.dev", export.NewChrome},
	{"zipkin", "Zipkin's JSON, version 2", export.NewZipkin},
	{"csv", "a span on each line, for spreadsheets and DuckDB", export.NewCSV},
	{"lnav", "the format file with which lnav reads logs; needs no FILE", nil},
}

// An exportedJSON is what export --json writes besides the traces.
type exportedJSON struct {
	Format     string            `json:"format"`
	Traces     int               `json:"traces"`
	Spans      int               `json:"spans"`
	Lines      int               `json:"lines"`      // log lines
	Unfinished int               `json:"unfinished"` // of the spans
	LeftOut    int               `json:"left_out"`   // spans without a start
	LinesOut   int               `json:"lines_left_out,omitempty"`
	Delivered  *uint64           `json:"delivered,omitempty"`
	Lost       map[string]uint64 `json:"lost,omitempty"` // spans that were not delivered, by reason
}

type exportOptions struct {
	ids             []string
	output          string
	logs            bool
	columns         []string
	endpoint        string
	headers         []string
	gzip            bool
	patience        time.Duration
	endpointChanged bool
}

func (s *session) export() *cobra.Command {
	var f query.Filter
	var o exportOptions
	var names []string
	for _, format := range exportFormats {
		names = append(names, format.name)
	}
	cmd := &cobra.Command{
		Use:   "export FORMAT [FILE...]",
		Short: "Write traces in the formats of other tools",
		Long: `Write traces in the formats of other tools. FORMAT is one of these:

` + exportHelp() + `
export writes whole traces: those with a span or a line that matches all of the flags, as ls does. A span that has not
ended gets the last sign of it as its end. Times are those of the log. Only chrome corrects clocks that disagree.

With --endpoint, spans go to an OTLP receiver, such as Jaeger's or a Collector's. OpenTelemetry's variables apply, such as
OTEL_EXPORTER_OTLP_HEADERS and _CERTIFICATE. If a span was not delivered, the exit code is 1.`,
		Example: `  slogtrace export otlp --endpoint http://localhost:4318 --since 1h app.log
  slogtrace export chrome --trace 4bf92f -o trace.json app.log
  slogtrace export csv --op 'POST *' --columns http.route,customer app.log > spans.csv
  slogtrace export lnav -o slogtrace.json && lnav -i slogtrace.json`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usagef("want a format: %s", strings.Join(names, ", "))
			case !slices.Contains(names, args[0]):
				return unknownName("format", args[0], names)
			case args[0] == "lnav" && len(args) > 1:
				return usagef("lnav: it needs no FILE, got %q", args[1])
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (list []cobra.Completion, _ cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault // file names
			}
			for _, format := range exportFormats {
				list = append(list, cobra.CompletionWithDesc(format.name, format.about))
			}
			return list, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			format, files := args[0], args[1:]
			o.endpointChanged = cmd.Flags().Changed("endpoint")
			if err := s.checkExport(cmd, format, &o); err != nil {
				return err
			}
			if o.endpointChanged {
				return s.exportTo(cmd.Context(), files, &f, &o)
			}
			return s.exportFile(cmd.Context(), format, files, &f, &o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "write to this `FILE`")
	flags.StringArrayVar(&o.ids, "trace", nil, "only traces whose ids begin with `ID`; may be repeated")
	flags.BoolVar(&o.logs, "logs", false, "also write the log lines of spans")
	flags.StringSliceVar(&o.columns, "columns", nil, "for csv: these `attributes` get columns of their own")
	flags.StringVar(&o.endpoint, "endpoint", "", "for otlp: send to the receiver at this `URL`; \"\": OTEL_EXPORTER_OTLP_ENDPOINT, else http://localhost:4318")
	flags.StringArrayVar(&o.headers, "header", nil, "for --endpoint: a header of each request, `name=value`; may be repeated")
	flags.BoolVar(&o.gzip, "gzip", false, "for --endpoint: compress requests")
	flags.DurationVar(&o.patience, "give-up", 30*time.Second, "for --endpoint: give up after this `duration` without a delivery")
	f.Register(flags, s.now)
	return cmd
}

// checkExport finds flags that contradict each other, or that the format does not use.
func (s *session) checkExport(cmd *cobra.Command, format string, o *exportOptions) error {
	changed := cmd.Flags().Changed
	for i, name := range o.columns {
		if o.columns[i] = strings.TrimSpace(name); o.columns[i] == "" {
			return usagef("--columns: want the keys of attributes, separated by commas")
		}
	}
	switch {
	case o.endpointChanged && format != "otlp":
		return usagef("--endpoint is for otlp")
	case o.endpointChanged && o.output != "":
		return usagef("want --endpoint or -o, not both")
	case changed("columns") && format != "csv":
		return usagef("--columns is for csv")
	case o.logs && format == "csv":
		return usagef("--logs: csv has no place for log lines")
	case slices.Contains(o.ids, ""):
		return usagef("--trace: want the beginning of an id")
	case s.json && (o.output == "" || o.output == "-") && !o.endpointChanged && format != "lnav":
		return usagef("--json writes counts: say where the traces go, by -o or --endpoint")
	case !o.endpointChanged && slices.ContainsFunc([]string{"header", "gzip", "give-up"}, changed):
		return usagef("--header, --gzip, --give-up: only with --endpoint")
	case o.patience <= 0:
		return usagef("--give-up: want a duration above 0, got %v", o.patience)
	case format == "lnav":
		var err error
		own := cmd.LocalNonPersistentFlags()
		cmd.Flags().Visit(func(flag *pflag.Flag) {
			if flag.Name != "output" && own.Lookup(flag.Name) != nil {
				err = usagef("--%s: lnav is a format file, without traces", flag.Name)
			}
		})
		return err
	}
	return nil
}

func exportHelp() string {
	var b strings.Builder
	for _, format := range exportFormats {
		fmt.Fprintf(&b, "  %-8s %s\n", format.name, format.about)
	}
	return b.String()
}

// exportFile writes traces to a file, or to standard output.
func (s *session) exportFile(ctx context.Context, format string, files []string, f *query.Filter, o *exportOptions) error {
	out, err := s.create(o.output, files)
	if err != nil {
		return err
	}
	if format == "lnav" {
		_, err := out.WriteString(export.LnavFormat())
		return out.done(err)
	}
	i := slices.IndexFunc(exportFormats, func(known exportFormat) bool { return known.name == format })
	w := exportFormats[i].open(out, &export.Options{Logs: o.logs, Columns: o.columns})
	err = s.exportTraces(ctx, w, files, f, o)
	if err == nil {
		err = w.Close()
	}
	if err = out.done(err); err != nil {
		return err
	}
	return s.exported(format, w.Counts(), nil)
}

// exportTraces reads the traces and writes them. It is an error if there are none. It reports ids for which there is none.
func (s *session) exportTraces(ctx context.Context, w *export.Writer, files []string, f *query.Filter, o *exportOptions) error {
	var want []query.Wanted
	for _, id := range o.ids {
		want = append(want, query.NewWanted(id))
	}
	found := make([]bool, len(want))
	err := s.eachTrace(ctx, files, f, want, !o.endpointChanged, func(t *tracelog.Trace) error {
		for i := range want {
			_, may := want[i].Match(t.ID)
			found[i] = found[i] || may
		}
		return w.Trace(t)
	})
	for i := range want {
		switch {
		case err != nil || found[i]:
		case f.Empty():
			s.Fail("trace %s: not found", want[i].Text)
		default:
			s.Fail("trace %s: not found, or it does not match the flags", want[i].Text)
		}
	}
	return err
}

// exported reports what was left out, and with --json what was written.
func (s *session) exported(format string, c export.Counts, delivered *exportedJSON) error {
	if c.Unfinished > 0 {
		s.Talk("%s had not ended: the last sign of each is its end there", tell.Plural(c.Unfinished, "span"))
	}
	if c.LeftOut > 0 {
		s.Talk("%s without a start left out", tell.Plural(c.LeftOut, "span"))
	}
	if c.LinesLeftOut > 0 {
		s.Talk("%s left out: a span of OTLP has at most 128 events", tell.Plural(c.LinesLeftOut, "log line"))
	}
	if !s.json {
		return nil
	}
	j := exportedJSON{Format: format, Traces: c.Traces, Spans: c.Spans, Lines: c.Lines, Unfinished: c.Unfinished, LeftOut: c.LeftOut, LinesOut: c.LinesLeftOut}
	if delivered != nil {
		j.Delivered, j.Lost = delivered.Delivered, delivered.Lost
	}
	return term.WriteJSON(s.out, j)
}

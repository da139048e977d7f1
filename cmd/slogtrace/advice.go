package main

import (
	"cmp"
	"fmt"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/internal/limits"
)

// advise adds the advice: what to change.
func (r *report) advise() {
	advise := func(format string, args ...any) { r.Advice = append(r.Advice, fmt.Sprintf(format, args...)) }
	bad := 0
	for _, f := range r.Files {
		bad += f.Unreadable
	}
	inTrace := r.Records - r.NoTrace
	for _, text := range r.found {
		advise("%s", text)
	}
	if len(r.found) > 0 && r.Ends == 0 {
		return
	}
	switch {
	case r.Records == 0:
		advise("no line is a record: log with slogtrace.NewJSONHandler, slog.NewJSONHandler or another handler that writes one record per line")
		return
	case inTrace == 0 && r.InGroup+r.InWrapper == 0:
		advise("no record carries ids: wrap the handler with slogtrace.NewHandler or use slogtrace.NewJSONHandler, start spans with slogtrace.Start, and log with InfoContext and the like")
		return
	}
	if r.InWrapper > 0 && len(r.found) == 0 {
		advise("%s ids inside a wrapper that is itself a record: if they are its own, read them with --record %s", hasOrHave(r.InWrapper, "record"), cmp.Or(shellWord(r.wrapper), "PATH"))
	}
	if r.InGroup > 0 {
		advise("%s ids in a group: wrap the handler before you call WithGroup, slogtrace.NewHandler(h).WithGroup(…)", hasOrHave(r.InGroup, "record"))
	}
	if inTrace == 0 {
		return
	}
	if r.NotWrapped > 0 {
		advise("no trace id on any of %s in a file: wrap the handler there, slogtrace.NewHandler(h)", tell.Plural(r.NotWrapped, "record"))
	}
	if r.Ends == 0 {
		advise("there are ids but no span ends, so no durations: use slogtrace.Start and End, and set the handler's level to Info or lower")
	}
	if 5*r.NoContext > r.Records {
		advise("no trace id on %s: inside spans, log with a context (slog.InfoContext) or with slogtrace.Logger(ctx)", share(r.NoContext, r.Records))
	}
	if r.Orphans > 0 {
		own := "a trace of their own"
		if r.Orphans == 1 {
			own = "a trace of its own"
		}
		advise("%s started %s: is the Carrier in the payload, and is Carrier.Context called before Start?", tell.Plural(r.Orphans, "consumer span"), own)
	}
	if r.OnceEach > 0 {
		advise("%s once each: is there an id in the name? Put it into an attribute", occur(r.OnceEach, "operation"))
	}
	if r.TinyRates > 0 {
		advise("a sample_rate below %g on %s: each counts as %[1]g", limits.MinSampleRate, tell.Plural(r.TinyRates, "record"))
	}
	if 2*r.NoService > inTrace {
		advise("no service on %s in a trace: bind it to the default logger, With(\"service\", …)", share(r.NoService, inTrace))
	}
	if r.NoTime > 0 {
		advise("no readable time on %s: write it as RFC 3339, as slog does", share(r.NoTime, r.Records))
	}
	if bad > 0 {
		kind := "not records"
		if bad == 1 {
			kind = "not a record"
		}
		advise("%s %s: send panics and banners to another file, and write each line with one Write", isOrAre(bad, "line"), kind)
	}
	if r.Duplicates > 0 {
		advise("%s: harmless, each record counts once, but something sends them twice", tell.Plural(r.Duplicates, "duplicate record"))
	}
	for _, c := range r.Incomplete {
		switch c.Reason {
		case "missing parent":
			advise("name the files of all services involved: slogtrace check api.log worker.log, or a directory")
		case "parent without an end":
			advise("set TracerOptions.LogStart to see spans that have not ended, and end each span: defer span.End(&err)")
		case "abandoned span":
			advise("call defer span.End(&err) right after Start, and end spans before the process exits")
		}
	}
}

func share(n, of int) string { return fmt.Sprintf("%d of %s", n, tell.Plural(of, "record")) }

func hasOrHave(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " has"
	}
	return fmt.Sprintf("%d %ss have", n, noun)
}

func occur(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " occurs"
	}
	return fmt.Sprintf("%d %ss occur", n, noun)
}

func isOrAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return fmt.Sprintf("%d %ss are", n, noun)
}

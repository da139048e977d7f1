package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/query"
	"github.com/slogtrace/slogtrace/cmd/slogtrace/internal/tell"
	"github.com/slogtrace/slogtrace/tracelog/export"
	"github.com/slogtrace/slogtrace/traceotlp"
)

var errGaveUp = errors.New("nothing was delivered for too long")

// exportTo sends traces to an OTLP receiver. A span that was not delivered is an error.
func (s *session) exportTo(ctx context.Context, files []string, f *query.Filter, o *exportOptions) error {
	opts := &traceotlp.Options{Endpoint: o.endpoint, Gzip: o.gzip, Headers: map[string]string{}}
	for _, header := range o.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return usagef("--header: want name=value") // without the text, which may be a secret
		}
		opts.Headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	sender, err := traceotlp.NewSender(opts)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "traceotlp: ")
		return usageError{errors.New(strings.Replace(text, "Options.Endpoint", "--endpoint", 1))}
	}
	work, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watchDelivery(work, sender, o.patience, func() { cancel(errGaveUp) })
	}()
	w := export.NewOTLPSender(work, sender, &export.Options{Logs: o.logs})
	err = s.exportTraces(work, w, files, f, o)
	_ = sender.Shutdown(work) // Stats has what its error tells
	gaveUp := context.Cause(work) == errGaveUp
	cancel(nil)
	<-watched
	if err != nil && !gaveUp {
		return err
	}
	stats, counts := sender.Stats(), w.Counts()
	lost := stats.Dropped
	if n := lost["shut down"]; n > 0 { // while they waited to be sent
		lost["not sent"] += n
		delete(lost, "shut down")
	}
	if rest := uint64(counts.Spans) - stats.Records; rest > 0 {
		lost["not sent"] += rest
	}
	j := &exportedJSON{Delivered: &stats.Delivered}
	if len(lost) == 0 {
		if !s.json {
			s.Talk("%s of %s delivered", tell.Plural(int(stats.Delivered), "span"), tell.Plural(counts.Traces, "trace"))
		}
		return s.exported("otlp", counts, j)
	}
	j.Lost = lost
	n := uint64(0)
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(lost)) {
		n += lost[reason]
		reasons = append(reasons, fmt.Sprintf("%d %s", lost[reason], reason))
	}
	text := fmt.Sprintf("%d of %s not delivered: %s", n, tell.Plural(counts.Spans, "span"), strings.Join(reasons, ", "))
	if stats.LastError != "" {
		text += "; the last error: " + stats.LastError
	}
	if gaveUp {
		text += fmt.Sprintf("; gave up after %v without a delivery", o.patience)
		if err != nil {
			text += ", and the rest of the log was not read"
		}
	}
	s.Fail("%s", text)
	return s.exported("otlp", counts, j)
}

// slow is how long nothing is delivered before that is reported.
const slow = 5 * time.Second

// watchDelivery calls giveUp if spans wait and none has been delivered or dropped for patience. It returns when ctx ends.
func (s *session) watchDelivery(ctx context.Context, sender *traceotlp.Sender, patience time.Duration, giveUp func()) {
	tick := time.NewTicker(min(max(patience/10, time.Millisecond), 250*time.Millisecond))
	defer tick.Stop()
	settled, since, told := uint64(0), time.Now(), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stats := sender.Stats()
		if now := stats.Records - uint64(stats.Waiting); now != settled || stats.Waiting == 0 {
			settled, since, told = now, time.Now(), false
			continue
		}
		switch waited := time.Since(since); {
		case waited >= patience:
			giveUp()
			return
		case waited >= slow && !told && stats.LastError != "":
			told = true
			s.Talk("%s delivered so far, and trying again: %s", tell.Plural(int(stats.Delivered), "span"), stats.LastError)
		}
	}
}

// Injected passes a logger to the code that logs. The logger's handler also writes the spans.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/slogtrace/slogtrace"
)

func main() {
	h := slogtrace.NewJSONHandler(os.Stdout, nil)
	logger := slog.New(h)
	slogtrace.SetDefault(slogtrace.NewTracer(h, nil))

	bank := &bank{log: logger.With("component", "bank")}
	bank.charge(context.Background(), 129)
}

// A bank logs to the logger that it was given.
type bank struct {
	log *slog.Logger
}

func (b *bank) charge(ctx context.Context, euros int) (err error) {
	ctx, span := slogtrace.Start(ctx, "charge", slog.Int("euros", euros))
	defer span.End(&err)
	b.log.InfoContext(ctx, "asking the bank", "attempt", 1)
	return errors.New("card declined")
}

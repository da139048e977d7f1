// Quickstart logs one trace of two spans to standard output, one JSON line per record.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/slogtrace/slogtrace"
)

func main() {
	slog.SetDefault(slog.New(slogtrace.NewJSONHandler(os.Stdout, nil)))
	book(context.Background(), "4711")
}

func book(ctx context.Context, id string) (err error) {
	ctx, span := slogtrace.Start(ctx, "book", slog.String("booking", id))
	defer span.End(&err)
	return charge(ctx, 129)
}

func charge(ctx context.Context, euros int) (err error) {
	ctx, span := slogtrace.Start(ctx, "charge", slog.Int("euros", euros))
	defer span.End(&err)
	slog.InfoContext(ctx, "asking the bank", "attempt", 1)
	return errors.New("card declined")
}

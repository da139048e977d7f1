package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/slogtrace/slogtrace"
)

// A rollback has a function for each step of a booking that is done. The function takes that step back.
type rollback []func(context.Context) error

func (r *rollback) add(undo func(context.Context) error) { *r = append(*r, undo) }

// rollbackTime limits a rollback, since a context without cancellation has no deadline either.
const rollbackTime = 30 * time.Second

// run takes back what is done, the last step first. If nothing is done, there is no span.
//
// The customer may have left, and then ctx is cancelled. A refund must be made all the same. context.WithoutCancel
// keeps everything else that ctx carries, so the spans are in the booking's trace, below the span of ctx.
// A step that cannot be taken back does not keep run from the others.
func (r rollback) run(ctx context.Context) (err error) {
	if len(r) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	ctx, span := slogtrace.Start(ctx, "booking.rollback")
	defer span.End(&err)
	var errs []error
	for _, undo := range slices.Backward(r) {
		errs = append(errs, undo(ctx))
	}
	return errors.Join(errs...)
}

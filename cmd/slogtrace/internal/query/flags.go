package query

import (
	"time"

	"github.com/spf13/pflag"
)

// A Time is a point in time as a flag: a timestamp, or how long ago. It is the zero time unless the flag is set.
type Time struct{ moment }

// Register adds the flag.
func (t *Time) Register(flags *pflag.FlagSet, name, usage string, now func() time.Time) {
	t.now = now
	flags.Var(&t.moment, name, usage)
}

// RegisterWhere adds a flag of another name than --where that adds a condition.
func (f *Filter) RegisterWhere(flags *pflag.FlagSet, name, usage string) {
	flags.Var(&f.where, name, usage)
}

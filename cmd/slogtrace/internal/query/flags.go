package query

import (
	"time"

	"github.com/spf13/pflag"
)

// A Time is a point in time as a flag: a timestamp, or how long ago. It is the zero time unless the flag is set.
type Time struct{ moment }

// Register adds the flag. An age such as 15m is subtracted from now.
func (t *Time) Register(flags *pflag.FlagSet, name, usage string, now func() time.Time) {
	t.now = now
	flags.Var(&t.moment, name, usage)
}

// RegisterWhere adds a flag that is like --where and has another name.
func (f *Filter) RegisterWhere(flags *pflag.FlagSet, name, usage string) {
	flags.Var(&f.where, name, usage)
}

// Split returns two filters that together choose what f does: one of --since and --until, and one of all other flags.
func (f *Filter) Split() (period, rest *Filter) {
	period, rest = &Filter{since: f.since, until: f.until}, new(Filter)
	*rest = *f
	rest.since, rest.until = moment{}, moment{}
	return period, rest
}

// Keys returns the keys of the values that the filter asks for.
func (f *Filter) Keys() []string {
	var keys []string
	for i := range f.where.all {
		keys = append(keys, f.where.all[i].key)
	}
	if len(f.ops) > 0 {
		keys = append(keys, "op")
	}
	if len(f.services) > 0 {
		keys = append(keys, "service")
	}
	return keys
}

package input

import "github.com/slogtrace/slogtrace/tracelog"

// Timings calls fn with the Timing of each trace, as [tracelog.TraceSizes.Timings] does. By is that of [tracelog.TimingOptions].
// It reads everything twice, or once if there is no span record.
func (r *Reading) Timings(by func(*tracelog.Record) ([]byte, bool), fn func(*tracelog.Timing)) (*tracelog.Timings, error) {
	var sizes *tracelog.TraceSizes
	o := &tracelog.TimingOptions{ScanOptions: r.Options(nil), By: by}
	err := r.Pass(func(in []tracelog.Input) (_ []tracelog.Source, err error) {
		sizes, err = tracelog.ScanTraceSizes(r.ctx, in, &o.ScanOptions)
		return sizes.Sources, err
	})
	if err != nil || sizes.Spans == 0 {
		return new(tracelog.Timings), err
	}
	var timings *tracelog.Timings
	err = r.Pass(func(in []tracelog.Input) (_ []tracelog.Source, err error) {
		timings, err = sizes.Timings(r.ctx, in, o, fn)
		return nil, err
	})
	return timings, err
}

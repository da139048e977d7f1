// Package compare tells what differs between two sets of traces, such as those before and after a deployment, and what
// the slow or failed traces of one set have in common.
//
//	var d compare.Data
//	for _, t := range before {
//		d.Add(compare.Before, t)
//	}
//	for _, t := range after {
//		d.Add(compare.After, t)
//	}
//	report, err := d.Compare(ctx, nil)
//	if err != nil {
//		return err
//	}
//	for _, row := range report.Rows {
//		fmt.Println(row.Change, row.Op, row.P95.Before, row.P95.After)
//	}
//
// # What is compared
//
// Operations are matched by their path: the operations from the root down to the span. So POST /bookings is compared with
// POST /bookings only, however much the traffic of each has changed. [Report.Mixed] tells whether it has.
// Each path has up to four tests:
//
//	Slower, Faster          how long the spans take
//	More, Fewer, New, Gone  how many spans there are for each span above them
//	Failing                 which share of the spans fails
//	Queued                  how long the spans waited in a queue
//
// A difference is reported if it is at least [Options.MinChange] and more than chance explains.
//
// # The statistics
//
// The spans of one trace are not independent: all are slow when their machine is. A test that treats them as independent
// reports changes far too often: in 38 % of comparisons without any change, with 20 spans in each trace whose
// durations correlate by 0.2. So the unit of all tests here is the trace:
//
//   - Durations are replaced by the normal scores of their ranks among all spans of the path (van der Waerden), so that a
//     few outliers do not decide. A trace counts with the mean score of its spans. The statistic is Welch's t.
//   - The probability p of a difference as great by chance comes from permuting the traces of both sides. If both have fewer
//     than 30 traces with the operation, p is exact: it counts all divisions of the traces. Else there are more
//     random permutations than the number of tests divided by Alpha. A test ends early after ten permutations that are
//     as extreme as the data. If the difference is less than MinChange, it ends after 1000, or after three that are as
//     extreme: p is rough then. If both sides have 4000 traces or more, blocks of as many traces each are permuted, at least
//     2000 on each side. Where a proven bound of p (Bernstein) is below what so many permutations can tell, p is
//     that bound.
//   - Of durations, Slower has four fifths of Alpha and Faster one fifth: p is that of the direction, divided by its share.
//     The other tests with two directions treat them alike.
//   - All tests of a comparison are corrected together by the procedure of Benjamini and Hochberg. On average, at most a
//     share of Alpha of the reported changes is wrong. If nothing has changed, the probability that anything is reported
//     is at most Alpha. Tests that could not find anything, whatever the data, are not made and not counted.
//   - Intervals of quantiles come from a bootstrap over traces. With more than 20,000 traces on a side they come from a
//     cluster-robust standard error.
//   - If the log is sampled, each trace has the weight 1/sample_rate. [Report.Effective] is how many traces of equal
//     weights would give the same precision.
//
// Random numbers come from [Options.Seed], and nothing depends on the order in which traces are added. So the same traces
// always give the same answer.
//
// No test can tell whether the deployment is the cause. If a service gets slower all day, the traces of the
// evening differ from those of the morning. [Report.Trends] has such differences within one side.
package compare

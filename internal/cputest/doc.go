// Package cputest measures CPU time for tests: what else runs on the machine does not count.
// It has functions only where the system tells CPU time as Unix does.
package cputest

//go:build unix

package speed

import (
	"os"
	"syscall"
)

// maxRSS returns the most memory that a process had, in MB. Linux counts it in kB.
func maxRSS(p *os.ProcessState) float64 {
	return float64(p.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

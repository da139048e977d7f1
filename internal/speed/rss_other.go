//go:build !unix

package speed

import "os"

// maxRSS is not known here.
func maxRSS(*os.ProcessState) float64 { return 0 }

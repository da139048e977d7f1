package export

import _ "embed"

//go:embed lnav.json
var lnav string

// LnavFormat returns the format file, as JSON, with which lnav reads logs of package slogtrace. Install it with lnav -i, or as
// slogtrace.json in a directory below ~/.lnav/formats. Traces are lnav's operations: the keys o and O go to the next and
// the previous line of the same trace.
func LnavFormat() string { return lnav }

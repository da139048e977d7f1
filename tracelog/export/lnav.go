package export

import _ "embed"

//go:embed lnav.json
var lnav string

// LnavFormat returns the format file with which lnav reads logs of package slogtrace: as slogtrace.json in a directory below
// ~/.lnav/formats, or by lnav -i. The traces are lnav's operations: o and O go to the next and the previous line of the same one.
func LnavFormat() string { return lnav }

package tracelog

import "io"

// An Input is something to read lines from.
type Input struct {
	Name string // for Source, Record and errors

	// Reader is read from where it is to its end, by one goroutine, while others make sense of what it read.
	// If it is an *os.File of a regular file, or else has methods ReadAt and Size, all of it is read in parts,
	// by all of them at once, up to the size that it has when reading begins.
	Reader io.Reader
}

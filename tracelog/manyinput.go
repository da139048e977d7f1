package tracelog

import "io"

// An Input is a source of lines.
type Input struct {
	Name string // for Source, Record and errors

	// Reader is read from its current position to its end, by one goroutine, while others parse what it read. If it
	// is an *os.File of a regular file, or if it has methods ReadAt and Size, all of it is read in parts by all
	// goroutines at once, up to the size that it has when reading begins.
	Reader io.Reader
}

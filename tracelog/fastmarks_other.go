//go:build !amd64 || purego

package tracelog

// markBlocks makes the marks of whole blocks of markSize bytes.
func markBlocks(to, from []byte) { markEach(to, from) }

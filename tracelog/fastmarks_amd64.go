//go:build !purego

package tracelog

// markBlocks makes the marks of whole blocks of markSize bytes.
func markBlocks(to, from []byte) {
	n := len(to) / (markSize / 8)
	_ = from[:n*markSize]
	markSSE2(&to[0], &from[0], n)
}

// markSSE2 is for at least one block. Every amd64 has SSE2.
//
//go:noescape
func markSSE2(to, from *byte, blocks int)

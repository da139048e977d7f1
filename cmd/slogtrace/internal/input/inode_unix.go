//go:build unix

package input

import (
	"io/fs"
	"syscall"
)

// inode is the same for all names of a file, and seldom for others.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}

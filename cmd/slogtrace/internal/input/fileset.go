package input

import (
	"io/fs"
	"os"
	"slices"
)

// A FileSet is a set of files. A file with two names is one.
type FileSet map[uint64][]fs.FileInfo

// Has reports whether the file is there, under whatever name.
func (set FileSet) Has(info fs.FileInfo) bool {
	return slices.ContainsFunc(set[inode(info)], func(other fs.FileInfo) bool { return os.SameFile(other, info) })
}

// Add reports whether the file was not there before.
func (set *FileSet) Add(info fs.FileInfo) bool {
	if set.Has(info) {
		return false
	}
	if *set == nil {
		*set = make(FileSet)
	}
	key := inode(info)
	(*set)[key] = append((*set)[key], info)
	return true
}

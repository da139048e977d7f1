package input

import (
	"context"
	"fmt"
	"io"
	"os"
)

// A Buffer holds lines that are not in a file, until a Reading reads them: in memory, or in a temporary file if there are many.
// Truncate removes what was written last. It is not safe for concurrent use.
type Buffer struct {
	files  *Files
	blocks [][]byte // of bufferBlock bytes, of which size are used: while there are more, nothing is copied
	file   *os.File // nil while everything is in memory
	remove func()
	size   int64
}

// bufferBlock is how much memory a Buffer takes at once.
const bufferBlock = 1 << 20

// NewBuffer returns an empty Buffer.
func (f *Files) NewBuffer() *Buffer { return &Buffer{files: f} }

// Size returns how many bytes are in the buffer.
func (b *Buffer) Size() int64 { return b.size }

func (b *Buffer) Write(p []byte) (n int, err error) {
	if b.file == nil && b.size+int64(len(p)) > b.files.maxSpooled() {
		if b.file, b.remove, err = b.files.temps.create(&b.files.Pool, b.files.CreateTemp); err != nil {
			return 0, b.files.spoolError(err)
		}
		if _, err := io.Copy(b.file, io.NewSectionReader(blocksReader(b.blocks), 0, b.size)); err != nil {
			return 0, b.files.spoolError(err)
		}
		b.blocks = nil
	}
	if b.file == nil {
		n = b.hold(p)
	} else if n, err = b.file.WriteAt(p, b.size); err != nil {
		err = b.files.spoolError(err)
	}
	b.size += int64(n)
	return n, err
}

// hold appends p to the blocks.
func (b *Buffer) hold(p []byte) int {
	for rest := p; len(rest) > 0; {
		i, from := (b.size+int64(len(p)-len(rest)))/bufferBlock, (b.size+int64(len(p)-len(rest)))%bufferBlock
		if i == int64(len(b.blocks)) {
			b.blocks = append(b.blocks, make([]byte, bufferBlock))
		}
		rest = rest[copy(b.blocks[i][from:], rest):]
	}
	return len(p)
}

// A blocksReader reads blocks.
type blocksReader [][]byte

func (b blocksReader) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		i, from := (at+int64(n))/bufferBlock, (at+int64(n))%bufferBlock
		if i >= int64(len(b)) {
			return n, io.EOF
		}
		n += copy(p[n:], b[i][from:])
	}
	return n, nil
}

// ReadAt reads what was written.
func (b *Buffer) ReadAt(p []byte, at int64) (int, error) {
	from := io.ReaderAt(blocksReader(b.blocks))
	if b.file != nil {
		from = b.file
	}
	n, err := from.ReadAt(p[:min(int64(len(p)), max(0, b.size-at))], at)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Truncate removes all but the first size bytes.
func (b *Buffer) Truncate(size int64) error {
	if size < 0 || size > b.size {
		return fmt.Errorf("truncate %d bytes to %d", b.size, size)
	}
	b.size = size
	if b.file == nil {
		return nil
	}
	return b.file.Truncate(size)
}

// Close drops the lines.
func (b *Buffer) Close() {
	if b.remove != nil {
		b.remove()
	}
}

// OpenStream returns a Reading of lines of a store that can be read only once. An error of r is that of Pass. Closing the Reading
// closes r.
func (f *Files) OpenStream(ctx context.Context, name string, r io.ReadCloser) *Reading {
	src := &source{name: name, remote: true, once: true, close: func() { r.Close() }, open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}
	return &Reading{files: f, ctx: ctx, sources: []*source{src}}
}

// OpenBuffer returns a Reading of the lines in b. Closing it closes b. Messages call it name; records have no file.
func (f *Files) OpenBuffer(ctx context.Context, name string, b *Buffer) *Reading {
	src := &source{name: name, remote: true, close: b.Close, plain: &plainFile{ReaderAt: b, size: b.size}}
	return &Reading{files: f, ctx: ctx, sources: []*source{src}, total: b.size}
}

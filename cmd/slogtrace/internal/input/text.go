package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/slogtrace/slogtrace/tracelog"
)

// foreign are compressed forms that are recognized by their first four bytes, but not read.
var foreign = []struct{ magic, name string }{
	{"\xfd7zX", "xz"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"}, {"\x04\x22\x4d\x18", "lz4"}, {"7z\xbc\xaf", "7-Zip"},
}

// decompress returns the text of r. It recognizes the form of compression by the first bytes, not by a name.
// It returns an error for a binary file.
func decompress(r io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(r, sniffed)
	magic, _ := in.Peek(4) // an error comes again
	switch {
	case isGzip(magic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return text(z, z.Close)
	case isZstd(magic):
		// A file may ask for as much memory as it likes; zstd's own limit for that is 128 MiB.
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return text(z, func() error { z.Close(); return nil })
	}
	for _, f := range foreign {
		if bytes.HasPrefix(magic, []byte(f.magic)) {
			return nil, fmt.Errorf("compressed with %s, which slogtrace cannot read: unpack it first", f.name)
		}
	}
	return text(in, func() error { return nil })
}

// text returns text as UTF-8, by its byte order mark, if it has one. PowerShell writes UTF-16.
//
// It returns an error for a binary file. NULs alone do not make a file binary: a crash leaves some in logs, and so does
// a writer that does not append when its file is truncated.
func text(r io.Reader, closer func() error) (io.ReadCloser, error) {
	in, ok := r.(*bufio.Reader)
	if !ok {
		in = bufio.NewReaderSize(r, sniffed)
	}
	in.Peek(1) // not more: standard input may be live
	head, _ := in.Peek(in.Buffered())
	if len(head) == 1 && head[0] >= 0xfe { // which no UTF-8 has
		head, _ = in.Peek(2)
	}
	if order := utf16Order(head); order != nil {
		in.Discard(2)
		return text(&utf16Reader{r: in, order: order}, closer)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		in.Discard(3)
	case bytes.IndexByte(head, 0) >= 0 && len(bytes.Trim(head, "\x00")) > 0:
		src, _ := tracelog.Scan(bytes.NewReader(head), "", func(tracelog.Entry) {})
		if src.Records == 0 {
			closer()
			return nil, errors.New("a binary file, not a log")
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{in, closerFunc(closer)}, nil
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// Compressed reports whether a file begins as one that Decompress decodes: it is compressed, or UTF-16.
func Compressed(f io.ReaderAt) bool {
	var magic [4]byte
	f.ReadAt(magic[:], 0)
	return isGzip(magic[:]) || isZstd(magic[:]) || utf16Order(magic[:]) != nil
}

func isGzip(magic []byte) bool { return bytes.HasPrefix(magic, []byte("\x1f\x8b")) }

// isZstd also accepts the frames that decoders skip.
func isZstd(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")) ||
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18"
}

package input

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// Whatever is written and removed, in memory and then in a file, what is left can be read.
func TestBuffer(t *testing.T) {
	files := Files{Spooled: 2*bufferBlock + 100}
	defer files.Close()
	b := files.NewBuffer()
	defer b.Close()
	r := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, bufferBlock)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	var want []byte
	for i := range 100 {
		if r.IntN(3) == 0 {
			want = want[:r.IntN(len(want)+1)]
			if err := b.Truncate(int64(len(want))); err != nil {
				t.Fatal(err)
			}
		}
		part := text[r.IntN(len(text)):]
		if n, err := b.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
		want = append(want, part...)
		if inFile := b.file != nil; i == 0 && inFile {
			t.Fatal("in a file too early")
		}
		got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()+5))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d: %d bytes, want %d (%v)", i, len(got), len(want), err)
		}
		if len(want) > 6*bufferBlock {
			want = want[:r.IntN(2)*(bufferBlock+1)]
			if err := b.Truncate(int64(len(want))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b.file == nil {
		t.Error("never in a file")
	}
}

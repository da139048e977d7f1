package input

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// Each form of compression that is not read is named.
func TestForeignForms(t *testing.T) {
	for magic, name := range map[string]string{
		"\xfd7zXZ\x00\x00\x04": "xz", "BZh91AY": "bzip2", "PK\x03\x04\x14": "zip", "\x04\x22\x4d\x18\x64": "lz4", "7z\xbc\xaf\x27\x1c": "7-Zip",
	} {
		_, err := decompress(strings.NewReader(magic + "\x00\x01\x02"))
		if err == nil || !strings.Contains(err.Error(), "compressed with "+name+",") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// UTF-16 is read as package unicode/utf16 decodes it, however it arrives.
func FuzzUTF16(f *testing.F) {
	for _, text := range []string{"", "a\x00", "\x00a", "a", "\x3d\xd8\x00\xde", "\xd8\x3d\xde\x00", "\x3d\xd8a\x00", "\x00\xdea\x00", "\x3d\xd8", "\x3d\xd8\x00", "\xff\xfe\xff\xfe"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for mark, order := range map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian} {
			var units []uint16
			for i := 0; i+2 <= len(text); i += 2 {
				units = append(units, order.Uint16(text[i:]))
			}
			want := string(utf16.Decode(units))
			if len(text)%2 == 1 {
				want += "\ufffd"
			}
			want = strings.TrimPrefix(want, "\ufeff") // a second mark
			for _, r := range []io.Reader{bytes.NewReader([]byte(mark + string(text))), iotest.OneByteReader(strings.NewReader(mark + string(text)))} {
				in, err := decompress(r)
				if err != nil {
					if strings.Contains(want, "\x00") {
						continue // it is taken for a binary file
					}
					t.Fatalf("%q: %v", text, err)
				}
				if got, err := io.ReadAll(in); string(got) != want || err != nil {
					t.Errorf("%q: %q, want %q (%v)", text, got, want, err)
				}
			}
		}
	})
}

// More UTF-16 than a buffer holds is read, compressed or not, with a character at each place of the buffer's end.
func TestLongUTF16(t *testing.T) {
	for shift := range 3 {
		want := strings.Repeat("x", shift) + strings.Repeat("a\U0001f600é", 20_000)
		text := []byte("\xff\xfe")
		for _, u := range utf16.Encode([]rune(want)) {
			text = binary.LittleEndian.AppendUint16(text, u)
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(text)
		z.Close()
		for name, r := range map[string]io.Reader{"plain": bytes.NewReader(text), "halves": iotest.HalfReader(bytes.NewReader(text)), "gzip": &packed, "data and error": iotest.DataErrReader(bytes.NewReader(text))} {
			in, err := decompress(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(in); string(got) != want || err != nil {
				t.Errorf("%s: %d bytes, want %d (%v)", name, len(got), len(want), err)
			}
		}
	}
}

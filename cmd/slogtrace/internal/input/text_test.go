package input

import (
	"strings"
	"testing"
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

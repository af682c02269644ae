package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"recordings/index"
)

func exampleContents() *contents {
	sum := strings.Repeat("0f", 32)
	return &contents{
		info: index.Backup{
			Name:       "monday",
			Time:       1_000_000,
			Recordings: 3,
			Index:      true,
			Files:      2,
			Bytes:      10,
			Sequence:   4,
			Version:    "1.2.3",
			Layout:     1,
			Schema:     2,
		},
		entries: []entry{{"records/000001.log", sum}, {"search/CURRENT", sum}},
	}
}

// TestManifest: what is written is read back.
func TestManifest(t *testing.T) {
	want := exampleContents()
	text, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseManifest(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	for n := range text { // wherever it is cut off, or a bit is flipped
		if _, err := parseManifest(text[:n]); err == nil {
			t.Errorf("the first %d bytes of %d are taken for a manifest", n, len(text))
		}
		text[n] ^= 1
		if _, err := parseManifest(text); err == nil {
			t.Errorf("with another byte %d it is still taken for a manifest", n)
		}
		text[n] ^= 1
	}
}

// FuzzManifest: whatever a manifest says, nothing outside of the backup is named, and nothing is
// lost by writing it again.
func FuzzManifest(f *testing.F) {
	text, err := exampleContents().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(strings.Replace(string(text), "records/", "../", 1))
	f.Add(title + "\n# {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if end := strings.LastIndex(text, "\n"+lastStart) + 1; end > 0 { // beyond the sum, which no fuzzer guesses
			sum := sha256.Sum256([]byte(text[:end]))
			text = text[:end] + lastStart + hex.EncodeToString(sum[:]) + "\n"
		}
		c, err := parseManifest([]byte(text))
		if err != nil {
			return
		}
		for _, e := range c.entries {
			if p := filepath.Join("/backup", e.path); !strings.HasPrefix(p, "/backup/") || p != "/backup/"+e.path {
				t.Errorf("it names %q", e.path)
			}
		}
		again, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if c2, err := parseManifest(again); err != nil || !reflect.DeepEqual(c, c2) {
			t.Errorf("written again it is %+v, %v\nwant %+v", c2, err, c)
		}
	})
}

package embedded

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	records "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestManifestCutBetweenEntries: a manifest that ends in front of any of its entries, which nothing in it betrays, loses no
// recording: either it is refused, or everything is there.
func TestManifestCutBetweenEntries(t *testing.T) {
	template := t.TempDir()
	x := openIndex(t, Options{Dir: template, Ballast: -1})
	for n := 0; n < 300; n += 50 {
		putRecords(t, x, n, n+50)
		if err := x.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	want := len(stored(t, x)[testCenter])
	closeIndex(t, x)
	template = filepath.Join(template, recordsDir)

	refused := 0
	for _, end := range entryEnds(t, template) {
		dir := t.TempDir()
		copyTree(t, template, filepath.Join(dir, recordsDir))
		if err := os.Truncate(manifestOf(t, filepath.Join(dir, recordsDir)), end); err != nil {
			t.Fatal(err)
		}
		x, err := Open(t.Context(), Options{Dir: dir, Ballast: -1})
		if err != nil {
			refused++
			continue
		}
		if got := len(stored(t, x)[testCenter]); got != want {
			t.Errorf("cut at %d: %d recordings, want %d", end, got, want)
		}
		closeIndex(t, x)
	}
	if refused < 3 {
		t.Errorf("%d manifests were refused: the test does not cut where it should", refused)
	}
}

func manifestOf(t *testing.T, dir string) string {
	t.Helper()
	desc, err := pebble.Peek(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, filepath.Base(desc.ManifestFilename))
}

// entryEnds are where the entries of the manifest of a store end, but for the last.
func entryEnds(t *testing.T, dir string) (ends []int64) {
	t.Helper()
	f, err := os.Open(manifestOf(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := records.NewReader(f, 0)
	for {
		entry, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = io.Copy(io.Discard, entry)
		}
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, r.Offset())
	}
	ends = slices.Compact(ends)
	if len(ends) < 5 {
		t.Fatalf("the manifest has %d entries", len(ends))
	}
	return ends[:len(ends)-1]
}

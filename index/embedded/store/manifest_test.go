package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestManifestCutBetweenEntries: a manifest that ends in front of any of its entries, which nothing
// in it betrays, loses no recording: either it is refused, or everything is there.
func TestManifestCutBetweenEntries(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, closeStore := open(t, o)
	const want = 300
	for n := 0; n < want; n += 50 {
		put(t, s, n, n+50)
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	closeStore()
	template := filepath.Join(o.Dir, RecordsDir)

	refused := 0
	for _, end := range entryEnds(t, template) {
		dir := t.TempDir()
		records := filepath.Join(dir, RecordsDir)
		if err := os.CopyFS(records, os.DirFS(template)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(manifestOf(t, records), end); err != nil {
			t.Fatal(err)
		}

		found, err := Recount(t.Context(), Options{Dir: dir})
		if err != nil {
			refused++
			continue
		}
		if found.Count != want {
			t.Errorf("cut at %d: %d recordings, want %d", end, found.Count, want)
		}
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
	r := record.NewReader(f, 0)
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

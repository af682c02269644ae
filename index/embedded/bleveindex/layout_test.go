package bleveindex_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"

	"recordings/index/embedded/bleveindex"
)

// TestMetaIsMended: the file by which Bleve knows of which kind an index is has its content
// whenever the index was open, whatever became of it before.
func TestMetaIsMended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "000001")
	open := func() {
		t.Helper()
		x, err := bleveindex.Open(dir, bleveindex.Position{},
			bleveindex.Options{Log: zerolog.Nop(), SearchMemory: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}

	open()
	path := filepath.Join(dir, "index_meta.json")
	made, err := os.ReadFile(path)
	if err != nil || string(made) != `{"storage":"scorch","index_type":"scorch"}` {
		t.Fatalf("made with %q, %v", made, err)
	}
	for _, damaged := range []string{"", `{"stor`} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		open()
		if mended, err := os.ReadFile(path); err != nil || string(mended) != string(made) {
			t.Errorf("%q became %q, %v", damaged, mended, err)
		}
	}
}

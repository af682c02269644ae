package embedded_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

// A data directory with a search index of an older schema, of 40 recordings of which one was
// deleted, opens, and is searched as if it had been made today.
func TestUpgradeFromSchema1(t *testing.T) { testUpgrade(t, "schema-1.tar.gz") }
func TestUpgradeFromSchema2(t *testing.T) { testUpgrade(t, "schema-2.tar.gz") }

func testUpgrade(t *testing.T, fixture string) {
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join("testdata", fixture), "-C", dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v: %s", err, out)
	}
	old, err := filepath.Glob(filepath.Join(dir, "search", "*", "*.zap"))
	if err != nil || len(old) != 1 {
		t.Fatalf("the fixture has the segments %v, %v", old, err)
	}
	x, err := embedded.Open(t.Context(), embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	indextest.Ready(t, x)
	criteria, err := mapping.ParseCriteria(map[string]string{"userName": "MÜL*", "callerPhoneNumber": "*4668*"})
	if err != nil {
		t.Fatal(err)
	}
	q := index.Query{Scope: index.Scope{ContactCenter: "cc", Region: "us-west"}, Criteria: criteria, Limit: 100}
	page, err := index.Find(t.Context(), x, q)
	if err != nil || len(page.Recordings) != 19 || page.Recordings[0].ID != "r39" {
		t.Errorf("found %d recordings, %v; want 19 from r39 on", len(page.Recordings), err)
	}
	if _, err := os.Stat(old[0]); !os.IsNotExist(err) {
		t.Errorf("the old search index is still there: %v", err)
	}
}

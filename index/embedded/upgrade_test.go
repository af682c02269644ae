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

// A data directory with a search index of an older schema, or of this one with less in it, of 40 recordings of
// which one was deleted, opens, and is searched as if it had been made today.
func TestUpgradeFromSchema1(t *testing.T) { testUpgrade(t, "schema-1.tar.gz") }
func TestUpgradeFromSchema2(t *testing.T) { testUpgrade(t, "schema-2.tar.gz") }

func TestUpgradeBeforeCallTypes(t *testing.T) {
	x := testUpgrade(t, "before-call-types.tar.gz")
	for criterion, want := range map[[2]string]int{
		{"callType", "inbound"}: 19, {"callType", "out*"}: 20, {"comment", "refund"}: 1,
	} {
		if n := len(foundIn(t, x, map[string]string{criterion[0]: criterion[1]})); n != want {
			t.Errorf("%q finds %d recordings, want %d", criterion, n, want)
		}
	}
}

// testUpgrade opens a data directory that is unpacked, and finds in it what has always been there.
func testUpgrade(t *testing.T, fixture string) *embedded.Index {
	t.Helper()
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join("testdata", fixture), "-C", dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v: %s", err, out)
	}
	old, err := filepath.Glob(filepath.Join(dir, "search", "*", "*.zap"))
	inStore, err2 := filepath.Glob(filepath.Join(dir, "search", "*", "store", "*.zap"))
	if old = append(old, inStore...); len(old) != 1 {
		t.Fatalf("the fixture has the segments %v, %v, %v", old, err, err2)
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
	found := foundIn(t, x, map[string]string{"userName": "MÜL*", "callerPhoneNumber": "*4668*"})
	if len(found) != 19 || found[0] != "r39" {
		t.Errorf("found %q; want 19 from r39 on", found)
	}
	if _, err := os.Stat(old[0]); !os.IsNotExist(err) {
		t.Errorf("the old search index is still there: %v", err)
	}
	return x
}

// foundIn are the ids of what is found.
func foundIn(t *testing.T, x *embedded.Index, params map[string]string) (ids []string) {
	t.Helper()
	criteria, err := mapping.ParseCriteria(params)
	if err != nil {
		t.Fatal(err)
	}
	q := index.Query{Scope: index.Scope{ContactCenter: "cc", Region: "us-west"}, Criteria: criteria, Limit: 100}
	page, err := index.Find(t.Context(), x, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Recordings {
		ids = append(ids, r.ID)
	}
	return ids
}

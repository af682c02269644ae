package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestBeforeComments: a data directory of before there were comments opens as it is: its search index is
// neither made anew nor changed by that, comments on its recordings are found, and all of it is as it should
// be, also once its segments are merged with those of now.
func TestBeforeComments(t *testing.T) {
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join("testdata", "before-comments.tar.gz"), "-C", dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v: %s", err, out)
	}
	current, err := os.ReadFile(filepath.Join(dir, "search", "CURRENT"))
	if err != nil {
		t.Fatal(err)
	}
	x, err := embedded.Open(t.Context(), embedded.Eager(embedded.Options{Dir: dir}))
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			_ = x.Close()
		}
	})
	find := func(name, value string) (ids []string) {
		t.Helper()
		criteria, err := mapping.ParseCriteria(map[string]string{name: value})
		if err != nil {
			t.Fatal(err)
		}
		of := index.Scope{ContactCenter: "cc", Region: "us-west"}
		page, err := index.Find(t.Context(), x, index.Query{Scope: of, Criteria: criteria, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Recordings {
			ids = append(ids, r.ID)
		}
		return ids
	}

	indextest.Ready(t, x)
	if n := len(find("userName", "MÜL*")); n != 39 {
		t.Errorf("found %d recordings, want 39", n)
	}
	if ids := find("comment", "*"); len(ids) > 0 {
		t.Errorf("%q have comments", ids)
	}
	for round := range 30 { // each makes a segment, until some are merged
		for _, id := range []string{"r03", "r05"} {
			err := x.Mark(t.Context(), "cc", id, func(r *mapping.Recording) error {
				r.SetComment(mapping.Comment{ID: fmt.Sprint(round), Text: fmt.Sprintf("asks for refund%d!", round)})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		indextest.Settle(t, x)
		got := find("comment", fmt.Sprintf("asks AND refund%d", round))
		if want := []string{"r05", "r03"}; !slices.Equal(got, want) {
			t.Fatalf("found %q, want %q", got, want)
		}
	}
	if ids := find("nonDelete", "true"); !slices.Equal(ids, []string{"r05"}) {
		t.Errorf("%q are held", ids)
	}
	if now, err := os.ReadFile(filepath.Join(dir, "search", "CURRENT")); err != nil || string(now) != string(current) {
		t.Errorf("the search index is %q, %v; it was %q", now, err, current)
	}

	closed = true
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := embedded.Verify(t.Context(), embedded.Options{Dir: dir}, func(index.Verification) {})
	if err != nil || v.Phase != index.Done || v.Problems > 0 || v.Done != 39 {
		t.Errorf("verifying: %+v, %v", v, err)
	}
}

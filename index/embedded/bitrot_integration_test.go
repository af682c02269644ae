//go:build integration

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recordings/index"
	"recordings/index/embedded/store"
	"recordings/index/indextest"
	"recordings/mapping"
)

// damagePoints is how many files are damaged, one at a time.
const damagePoints = 320

// TestDamageAnywhere flips a bit of, or cuts off, one file of a data directory after the other: of
// the tables, the log, the manifest and the options of the store, and of the segments, the root and
// what is beside them of the search index. Verifying finds it, or it does no harm: after the start
// every recording is read, and every search answered, as if nothing had happened. What is damaged
// is never read or found in another form: either it is refused, or it is as it was. A damaged
// search index is rebuilt by itself.
func TestDamageAnywhere(t *testing.T) {
	points := damagePoints
	if factor, err := strconv.Atoi(os.Getenv("RECORDINGS_TORTURE")); err == nil && factor > 1 {
		points *= factor
	}
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	template, want := damageTemplate(t)
	kinds := filesByKind(t, template)
	counts := make(map[string]int)
	for n := range points {
		names := slices.Sorted(maps.Keys(kinds))
		kind := names[n%len(names)]
		file := kinds[kind][rng.IntN(len(kinds[kind]))]
		dir := t.TempDir()
		linkTree(t, template, dir, file)
		how := damageFile(t, rng, filepath.Join(dir, file))
		outcome := checkDamaged(t, dir, want)
		counts[kind+": "+outcome]++
		if t.Failed() {
			t.Fatalf("point %d: %s of %s", n, how, file)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%4d %s", counts[outcome], outcome)
	}
}

// damageTemplate makes a data directory with files of every kind, among them a log that is not
// empty, and returns what is stored.
func damageTemplate(t *testing.T) (dir string, want map[string]*mapping.Recording) {
	t.Helper()
	dir = t.TempDir()
	x := openIndex(t, Options{Dir: dir, trimEvery: 50, Ballast: -1})
	putRecords(t, x, 0, 400)
	for n := 100; n < 120; n++ {
		if err := x.Delete(t.Context(), testCenter, record(n).ID); err != nil {
			t.Fatal(err)
		}
	}
	persist(t, x)
	closeIndex(t, x)
	x = openIndex(t, Options{Dir: dir, trimEvery: 50, Ballast: -1})
	putRecords(t, x, 400, 500)
	indextest.Ready(t, x)
	persist(t, x)
	copied := t.TempDir()
	want = stored(t, x)[testCenter]
	// As a kill leaves it, with the log.
	if err := x.store.Checkpoint(filepath.Join(copied, store.RecordsDir)); err != nil {
		t.Fatal(err)
	}
	closeIndex(t, x)
	copyTree(t, filepath.Join(dir, "search"), filepath.Join(copied, "search")) // closed, and sealed
	return copied, want
}

// filesByKind lists the files of a data directory that have a content.
func filesByKind(t *testing.T, dir string) map[string][]string {
	t.Helper()
	kinds := make(map[string][]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err != nil || info.Size() == 0 {
			return err
		}
		kind, _, _ := strings.Cut(filepath.Base(name), "-")
		if ext := filepath.Ext(kind); ext != "" {
			kind = ext
		}
		kinds[kind] = append(kinds[kind], name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".sst", ".log", "MANIFEST", "OPTIONS", ".zap", ".bolt", "CURRENT", "seal"} {
		if len(kinds[kind]) == 0 {
			t.Fatalf("there is no file of the kind %s: %v", kind, kinds)
		}
	}
	return kinds
}

// linkTree makes a directory like another, of which one file is to be damaged.
func linkTree(t *testing.T, from, to, damaged string) {
	t.Helper()
	copyTree(t, from, to)
	if _, err := os.Stat(filepath.Join(to, damaged)); err != nil {
		t.Fatal(err)
	}
}

// damageFile flips a bit, or cuts off a part.
func damageFile(t *testing.T, rng *rand.Rand, path string) (how string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := rng.IntN(len(data))
	if rng.IntN(4) == 0 {
		how, data = fmt.Sprintf("all behind %d of %d bytes", at, len(data)), data[:at]
	} else {
		how = fmt.Sprintf("bit %d of byte %d of %d", at%8, at, len(data))
		data[at] ^= 1 << (at % 8)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return how
}

// checkDamaged verifies a damaged directory, opens it, and compares what is read and found with
// what was stored.
func checkDamaged(t *testing.T, dir string, want map[string]*mapping.Recording) (outcome string) {
	t.Helper()
	o := Options{Dir: dir, Ballast: -1}
	v, err := Verify(t.Context(), o, func(index.Verification) {})
	found := err != nil || v.Problems > 0
	x, err := Open(t.Context(), o)
	if err != nil {
		if !found {
			t.Errorf("it cannot be opened (%v), but was verified: %s", err, v.Verdict)
		}
		return "found, and refused to be opened"
	}
	defer closeIndex(t, x)
	refused, lost := 0, 0
	for id, r := range want {
		got, err := x.Get(t.Context(), testScope, id)
		switch {
		case errors.Is(err, index.ErrNotFound):
			lost++
		case err != nil:
			refused++
			reported := slices.ContainsFunc(
				v.Findings,
				func(f index.Finding) bool { return f.ContactCenter == testCenter && f.ID == id },
			)
			if indexIsWhole(v) && !reported {
				t.Errorf("%q cannot be read, and was not reported: %v", id, err)
			}
		case !sameRecording(t, got, r):
			t.Errorf("%q is read in another form", id)
		}
	}
	if (refused > 0 || lost > 0) && !found {
		t.Errorf("%d recordings cannot be read, %d are lost, but it was verified: %s", refused, lost, v.Verdict)
	}
	if refused > 0 {
		return "found, and what is damaged is not read"
	}
	checkSearches(t, x) // of what is stored, the index being rebuilt if it must be
	switch {
	case lost > 0:
		return "found: changes are lost"
	case found:
		return "found, and mended by itself"
	}
	if again := verified(t, x, false); again.Problems > 0 {
		t.Errorf("it was verified, and then finds %+v", again)
	}
	return "does no harm"
}

// indexIsWhole reports whether the keys of damaged recordings could be known from the search index.
func indexIsWhole(v index.Verification) bool {
	return v.Total > 0 && !slices.ContainsFunc(v.Findings, func(f index.Finding) bool { return f.Kind.Derived() })
}

func sameRecording(t *testing.T, a, b *mapping.Recording) bool {
	t.Helper()
	x, err := mapping.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := mapping.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

package embedded

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/store"
	"recordings/index/indextest"
	"recordings/mapping"
)

const (
	testCenter = "center"
	testRegion = "west"
	patience   = time.Minute // for what must happen some time
)

var testScope = index.Scope{ContactCenter: testCenter, Region: testRegion}

// openIndex opens an index that is closed at the end of the test, unless it was before. It does not
// wait for more changes before it indexes some, unless a test wants it to.
func openIndex(t testing.TB, o Options) *Index {
	t.Helper()
	if o.gather == 0 {
		o.gather = time.Millisecond
	}
	x, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("opening the index: %v", err)
	}
	t.Cleanup(func() { closeIndex(t, x) })
	return x
}

func closeIndex(t testing.TB, x *Index) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Errorf("closing the index: %v", err)
	}
}

func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// record returns the n-th recording of a few hundred that differ in what is searched for.
func record(n int) *mapping.Recording {
	r := indextest.New(fmt.Sprintf("%05d", n), testRegion, mapping.Time(n)*1000)
	r.CallerPhoneNumber = fmt.Sprintf("+%04d", n%100)
	return r
}

func putRecords(t testing.TB, x *Index, from, to int) {
	t.Helper()
	var all []*mapping.Recording
	for n := from; n < to; n++ {
		all = append(all, record(n))
	}
	for i, result := range x.PutAll(t.Context(), testCenter, all, index.PutOptions{}) {
		if result.Err != nil {
			t.Fatalf("putting recording %d: %v", from+i, result.Err)
		}
	}
}

// persist waits until the search index survives a crash with all that is in the store.
func persist(t testing.TB, x *Index) {
	t.Helper()
	waitFor(t, "the search index to persist everything", func() bool {
		s := x.serving.current()
		if s == nil {
			return false
		}
		_, last := x.store.Size()
		sequence, _ := s.Persisted()
		return sequence == last
	})
}

// changeLog is how far the change log reaches.
func changeLog(x *Index) (store.ChangeLog, error) {
	at := x.store.Snapshot(nil)
	defer at.Close()
	return at.ChangeLog()
}

// stored returns all recordings by contact center and id, as Scan has them.
func stored(t testing.TB, x *Index) map[string]map[string]*mapping.Recording {
	t.Helper()
	all := make(map[string]map[string]*mapping.Recording)
	err := x.Scan(t.Context(), func(contactCenter string, r *mapping.Recording) error {
		if all[contactCenter] == nil {
			all[contactCenter] = make(map[string]*mapping.Recording)
		}
		all[contactCenter][r.ID] = r
		return nil
	})
	if err != nil {
		t.Fatalf("scanning: %v", err)
	}
	return all
}

// checkSearches waits until searches are answered, and compares their answers with the recordings
// in the store.
func checkSearches(t testing.TB, x *Index) {
	t.Helper()
	indextest.Ready(t, x)
	all := stored(t, x)
	contactCenters := slices.Sorted(maps.Keys(all))
	if !slices.Contains(contactCenters, testCenter) {
		contactCenters = append(contactCenters, testCenter)
	}

	newest := []index.Order{index.NewestFirst}
	patterns := map[string][]index.Order{
		"*": index.Orders, "+0*": newest, "*7": newest, "+0042": newest, "none": newest,
	}
	for _, contactCenter := range append(contactCenters, "none") {
		for _, region := range []string{testRegion, "east"} {
			for pattern, orders := range patterns {
				caller := mapping.Expression{{mapping.NewPattern(pattern)}}
				q := index.Query{
					Scope:    index.Scope{ContactCenter: contactCenter, Region: region},
					Criteria: mapping.Criteria{CallerPhoneNumber: caller},
					Limit:    1 << 20,
				}
				for _, q.Order = range orders {
					page, err := index.Find(t.Context(), x, q)
					if err == nil {
						err = indextest.CheckPage(all[contactCenter], q, page)
					}
					if err != nil {
						t.Fatalf("searching %q: %v", pattern, err)
					}
				}
			}
		}
	}
}

// currentSearchDir returns the directory of the current search index of a data directory.
func currentSearchDir(t testing.TB, dir string) string {
	t.Helper()
	current, err := bleveindex.Current(filepath.Join(dir, "search"))
	if err != nil {
		t.Fatal(err)
	}
	return current
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(currentSearchDir(t, dir), "store", "*.zap"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the search index has the segments %q, %v", files, err)
	}
	return files
}

// copyTree copies a directory that may be changing.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
	if err != nil {
		t.Fatalf("copying %s: %v", from, err)
	}
}

// withFS returns options for an index whose recordings are in a file system.
func withFS(dir string, fs vfs.FS) Options { return Options{Dir: dir, fs: fs} }

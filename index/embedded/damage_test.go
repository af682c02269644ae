package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/util"
	bleve "github.com/blevesearch/bleve_index_api"
	"go.etcd.io/bbolt"

	"recordings/index"
	"recordings/index/embedded/bleveindex"
	"recordings/index/embedded/schema"
	"recordings/index/embedded/store"
	"recordings/index/embedded/verify"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestDamage damages the search index while nobody uses it. It must be rebuilt, with the right
// answers after that, and without a crash, while everything else is answered.
func TestDamage(t *testing.T) {
	whole := Options{Dir: t.TempDir(), trimEvery: 50}
	x := openIndex(t, whole)
	putRecords(t, x, 0, 300)
	if err := x.Delete(t.Context(), testCenter, record(7).ID); err != nil {
		t.Fatal(err)
	}
	persist(t, x)
	closeIndex(t, x)

	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			o := whole
			o.Dir = t.TempDir()
			copyTree(t, whole.Dir, o.Dir)
			if err := os.WriteFile(filepath.Join(currentSearchDir(t, o.Dir), "old"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			damage(t, o.Dir)

			x := openIndex(t, o)
			if _, err := x.Get(t.Context(), testScope, record(8).ID); err != nil {
				t.Errorf("reading meanwhile: %v", err)
			}
			putRecords(t, x, 290, 310)
			checkSearches(t, x)
			if _, err := os.Stat(filepath.Join(currentSearchDir(t, o.Dir), "old")); err == nil {
				t.Error("the search index was not rebuilt")
			}
			if remains, _ := filepath.Glob(filepath.Join(o.Dir, "search", "0*")); len(remains) != 1 {
				t.Errorf("the search directory has %q", remains)
			}
		})
	}
}

var damages = map[string]func(t *testing.T, dir string){
	"Missing": func(t *testing.T, dir string) { removeAll(t, filepath.Join(dir, "search")) },
	"MissingPointer": func(t *testing.T, dir string) {
		removeAll(t, filepath.Join(dir, "search", bleveindex.CurrentFile))
		// What is left must not be taken for the new one.
		search := filepath.Join(dir, "search")
		if err := os.Rename(filepath.Join(search, "000001"), filepath.Join(search, "000007")); err != nil {
			t.Fatal(err)
		}
	},
	"EmptyPointer": func(t *testing.T, dir string) {
		truncate(t, filepath.Join(dir, "search", bleveindex.CurrentFile), 0)
	},
	"Empty": func(t *testing.T, dir string) {
		removeAll(t, currentSearchDir(t, dir))
		mkdir(t, currentSearchDir(t, dir))
	},
	"MissingRoot": func(t *testing.T, dir string) { removeAll(t, rootOf(t, dir)) },
	"EmptyRoot":   func(t *testing.T, dir string) { truncate(t, rootOf(t, dir), 0) },
	"HalfRoot":    func(t *testing.T, dir string) { truncate(t, rootOf(t, dir), 0.5) },
	"PageOfRoot":  func(t *testing.T, dir string) { truncate(t, rootOf(t, dir), 0.2) },
	"GarbageRoot": func(t *testing.T, dir string) {
		flip(t, filepath.Join(currentSearchDir(t, dir), bleveindex.RootFile), 0, 1<<20)
	},
	"MissingSegment": onSegments(removeAll),
	"EmptySegment":   onSegments(func(t *testing.T, path string) { truncate(t, path, 0) }),
	"HalfSegment":    onSegments(func(t *testing.T, path string) { truncate(t, path, 0.5) }),
	"SegmentFirst":   onSegments(func(t *testing.T, path string) { flip(t, path, 0, 1) }),
	"SegmentMiddle":  onSegments(func(t *testing.T, path string) { flip(t, path, 2000, 1) }),
	"SegmentFooter": onSegments(func(t *testing.T, path string) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, path, int(info.Size())-30, 26)
	}),
	"NewestState":  damageNewestState,
	"OlderSchema":  func(t *testing.T, dir string) { setPosition(t, currentSearchDir(t, dir), positionOf(-1, 0)) },
	"OtherContent": func(t *testing.T, dir string) { setPosition(t, currentSearchDir(t, dir), positionOf(0, 1)) },
	"DamagedPosition": func(t *testing.T, dir string) {
		setPosition(t, currentSearchDir(t, dir), positionAt(301, 0, 0)[:19])
	},
	"NoPosition": func(t *testing.T, dir string) { setPosition(t, currentSearchDir(t, dir), nil) },
	"Ahead": func(t *testing.T, dir string) {
		setPosition(t, currentSearchDir(t, dir), positionAt(302, 0, 0))
	},
	"Behind": func(t *testing.T, dir string) {
		setPosition(t, currentSearchDir(t, dir), positionAt(10, 0, 0))
	},
	"LogTrimmed": func(t *testing.T, dir string) {
		setPosition(t, currentSearchDir(t, dir), positionAt(299, 0, 0))
		ctx, cancel := context.WithCancel(t.Context())
		records, err := store.Open(ctx, store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		err = records.Trim(300)
		cancel()
		if err := errors.Join(err, records.Close()); err != nil {
			t.Fatal(err)
		}
	},
}

// positionAt is what an index says that has the changes up to a sequence: the content and the
// version of its schema, the sequence, and the checksum of these.
func positionAt(sequence uint64, version, content int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(int64(schema.Content())+int64(content)))
	b = binary.BigEndian.AppendUint32(b, uint32(schema.Version+version))
	b = binary.BigEndian.AppendUint64(b, sequence)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// positionOf is a position of 301 changes in an index of another version of the schema, or of
// another content.
func positionOf(version, content int) []byte { return positionAt(301, version, content) }

// TestNewerSchemaIsLeftAlone: an index that a later version of the program has made is refused, and
// nothing is changed.
func TestNewerSchemaIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	x := openIndex(t, Options{Dir: dir})
	putRecords(t, x, 0, 301)
	persist(t, x)
	closeIndex(t, x)
	setPosition(t, currentSearchDir(t, dir), positionOf(1, 0))

	before := contents(t, dir)
	if x, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, bleveindex.ErrNewerSchema) {
		t.Errorf("opened %v, %v", x, err)
	}
	after := contents(t, dir)
	for path, was := range before {
		if is, ok := after[path]; !ok || is != was {
			t.Errorf("%s was changed or removed: %v", path, ok)
		}
	}

	setPosition(t, currentSearchDir(t, dir), positionOf(0, 0))
	checkSearches(t, openIndex(t, Options{Dir: dir}))
}

// contents are the files below the directory of search indexes.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(dir, "search"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestDamagedRecordings damages recordings where they are stored: whoever reads one is told so, by
// a search as well, and others are read.
func TestDamagedRecordings(t *testing.T) {
	n := indextest.Sized(2000, 500)
	dir := t.TempDir()
	x := openIndex(t, Options{Dir: dir})
	putRecords(t, x, 0, n)
	persist(t, x)
	if err := x.store.Flush(); err != nil {
		t.Fatal(err)
	}
	closeIndex(t, x)
	tables, err := filepath.Glob(filepath.Join(dir, store.RecordsDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %v, %v", tables, err)
	}
	for _, path := range tables {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		flip(t, path, int(info.Size()/2), 64) // behind the change log
	}
	x = openIndex(t, Options{Dir: dir})
	defer closeIndex(t, x)
	indextest.Ready(t, x)
	damaged := 0
	for i := range n {
		want := record(i)
		r, err := x.Get(t.Context(), testScope, want.ID)
		start, stop := want.StartTime(), want.StopTime()
		page, searchErr := index.Find(t.Context(), x, index.Query{
			Scope:    testScope,
			Criteria: mapping.Criteria{StartTime: &start, EndTime: &stop},
			Limit:    1,
		})
		switch {
		case err == nil && searchErr == nil && r.ID == want.ID &&
			len(page.Recordings) == 1 && page.Recordings[0].ID == want.ID:
		case errors.Is(err, index.ErrDamaged) && errors.Is(searchErr, index.ErrDamaged):
			damaged++
		default:
			t.Fatalf("%s: %v, and by a search %v, %d recordings", want.ID, err, searchErr, len(page.Recordings))
		}
	}
	if damaged == 0 || damaged > n/4 {
		t.Errorf("%d of %d recordings are damaged", damaged, n)
	}
}

// rootOf is the root file of the current search index of a data directory.
func rootOf(t *testing.T, dir string) string {
	t.Helper()
	return filepath.Join(currentSearchDir(t, dir), bleveindex.RootFile)
}

// onSegments damages all segments: some may not be of the index any more, as it was merged.
func onSegments(damage func(t *testing.T, path string)) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, path := range segmentFiles(t, dir) {
			damage(t, path)
		}
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// truncate leaves a part of a file.
func truncate(t *testing.T, path string, part float64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(float64(info.Size())*part)); err != nil {
		t.Fatal(err)
	}
}

// flip inverts up to n bytes of a file.
func flip(t *testing.T, path string, from, n int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < min(from+n, len(data)); i++ {
		data[i] ^= 0xff
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// setPosition changes how far the search index in a directory says that it reaches.
func setPosition(t *testing.T, dir string, value []byte) {
	t.Helper()
	analysis := bleve.NewAnalysisQueue(1)
	defer analysis.Close()
	s, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path":                filepath.Join(dir, "store"),
		"forceSegmentType":    schema.SegmentType,
		"forceSegmentVersion": int(schema.SegmentVersion),
	}, analysis)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}

	key := []byte("position")
	b := bleve.NewBatch()
	b.SetInternal(key, value)
	if value == nil {
		b.DeleteInternal(key)
	}
	if err := errors.Join(s.Batch(b), s.Close()); err != nil { // such a batch is durable when it returns
		t.Fatal(err)
	}
	removeAll(t, filepath.Join(dir, bleveindex.SealFile)) // as if it was never closed
}

// TestReplay opens an index that lacks the newest changes, which the change log has: it is not
// rebuilt.
func TestReplay(t *testing.T) {
	for name, n := range map[string]int{"Few": 100, "Many": 1500} {
		t.Run(name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), BatchSize: 100}
			x := openIndex(t, o)
			putRecords(t, x, 0, 50)
			persist(t, x)
			closeIndex(t, x)
			old := t.TempDir()
			copyTree(t, filepath.Join(o.Dir, "search"), old)

			x = openIndex(t, o)
			putRecords(t, x, 40, n)
			for _, id := range []string{record(3).ID, record(60).ID} {
				if err := x.Delete(t.Context(), testCenter, id); err != nil {
					t.Fatal(err)
				}
			}
			persist(t, x)
			closeIndex(t, x)
			removeAll(t, filepath.Join(o.Dir, "search"))
			copyTree(t, old, filepath.Join(o.Dir, "search"))
			x = openIndex(t, o)
			checkSearches(t, x)
			if dir := filepath.Base(currentSearchDir(t, o.Dir)); dir != "000001" {
				t.Errorf("it was rebuilt as %s", dir)
			}
		})
	}
}

// TestInconsistent takes a recording away behind the back of the index. The search that meets it
// fails, and the index is rebuilt.
func TestInconsistent(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 10)
	indextest.Settle(t, x)
	gone := &store.Change{ContactCenter: testCenter, Key: store.RecordKey(testCenter, record(3).ID), Delta: -1}
	if err := x.store.Commit([]*store.Change{gone}, func() {}); err != nil {
		t.Fatal(err)
	}
	q := index.Query{Scope: testScope, Limit: 100}
	if page, err := index.Find(t.Context(), x, q); !errors.Is(err, verify.ErrInconsistent) {
		t.Fatalf("the search returned %v, %v", page, err)
	}
	waitFor(t, "the index to be given up", func() bool { return !x.Status().Ready })
	checkSearches(t, x)
}

// TestAsyncPanic is told of a panic in one of Bleve's goroutines. The index is given up and
// rebuilt.
func TestAsyncPanic(t *testing.T) {
	x := openIndex(t, Options{Dir: t.TempDir()})
	putRecords(t, x, 0, 10)
	indextest.Settle(t, x)
	before := currentSearchDir(t, x.o.Dir)
	died := scorch.NewScorchError("merger", "index out of range", scorch.ErrAsyncPanic)
	scorch.RegistryAsyncErrorCallbacks["recordings"](died, filepath.Join(before, "store"))
	waitFor(t, "the index to be given up", func() bool { return !x.Status().Ready })
	if s := x.Status(); s.Reason == "" {
		t.Errorf("the status does not tell why: %+v", s)
	}
	var notReady *index.NotReadyError
	_, err := index.Find(t.Context(), x, index.Query{Scope: testScope, Limit: 1})
	if err != nil && !errors.As(err, &notReady) {
		t.Errorf("a search meanwhile: %v, want NotReadyError", err)
	}
	putRecords(t, x, 10, 20)
	checkSearches(t, x)
	if after := currentSearchDir(t, x.o.Dir); after == before {
		t.Errorf("%s was not rebuilt", after)
	}
}

// damageNewestState adds a state to the root file that is newer than the last, and whose only
// segment is cut short. Bleve would go on with the older one.
func damageNewestState(t *testing.T, dir string) {
	search := currentSearchDir(t, dir)
	removeAll(t, filepath.Join(search, bleveindex.SealFile)) // as if it was never closed
	segments := segmentFiles(t, dir)
	data, err := os.ReadFile(segments[len(segments)-1])
	if err != nil {
		t.Fatal(err)
	}
	const broken = "0000000000ff.zap"
	if err := os.WriteFile(filepath.Join(filepath.Dir(segments[0]), broken), data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := bbolt.Open(filepath.Join(search, bleveindex.RootFile), 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = root.Update(func(tx *bbolt.Tx) error {
		states := tx.Bucket(util.BoltSnapshotsBucket)
		name, _ := states.Cursor().Last()
		newer := slices.Clone(name)
		newer[len(newer)-1]++
		state, err := states.CreateBucket(newer)
		if err != nil {
			return err
		}
		if err := copyBucket(states.Bucket(name), state); err != nil {
			return err
		}
		err = state.ForEachBucket(func(name []byte) error {
			if part := state.Bucket(name); part.Get(util.BoltPathKey) != nil {
				return errors.Join(errFound, part.Put(util.BoltPathKey, []byte(broken)))
			}
			return nil
		})
		if !errors.Is(err, errFound) {
			return errors.Join(errors.New("the last state has no segment"), err)
		}
		return nil
	})
	if err := errors.Join(err, root.Close()); err != nil {
		t.Fatal(err)
	}
}

var errFound = errors.New("the state has a segment")

func copyBucket(from, to *bbolt.Bucket) error {
	return from.ForEach(func(name, value []byte) error {
		if value != nil {
			return to.Put(name, value)
		}
		inner, err := to.CreateBucket(name)
		if err != nil {
			return err
		}
		return copyBucket(from.Bucket(name), inner)
	})
}

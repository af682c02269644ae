package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/backup"
	"recordings/index/embedded/store"
	"recordings/index/indextest"
	"recordings/mapping"
)

// makeBackup makes a backup by the operation, and waits for its end.
func makeBackup(t testing.TB, x *Index, r index.BackupRequest) index.BackupStatus {
	t.Helper()
	if _, err := x.StartBackup(r); err != nil {
		t.Fatalf("starting a backup: %v", err)
	}
	waitFor(t, "the backup to end", func() bool { return x.BackupStatus().Phase.Ended() })
	s := x.BackupStatus()
	if s.Phase != index.Done {
		t.Fatalf("the backup: %+v", s)
	}
	return s
}

// restore makes a data directory of a backup, and opens it.
func restore(t testing.TB, from string) *Index {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), from, dir, zerolog.Nop(), nil); err != nil {
		t.Fatalf("restoring: %v", err)
	}
	if left, err := filepath.Glob(dir + ".*"); err != nil || len(left) != 0 {
		t.Errorf("restoring has left %q behind, %v", left, err)
	}
	return openIndex(t, Options{Dir: dir})
}

func withBackups(t testing.TB) Options {
	dir := t.TempDir()
	return Options{Dir: filepath.Join(dir, "data"), BackupDir: filepath.Join(dir, "backups"), Version: "1.2.3"}
}

// TestBackupUnderWrites: a backup has what was answered before it began, and is of one state.
func TestBackupUnderWrites(t *testing.T) {
	o := withBackups(t)
	o.trimEvery = 50
	x := openIndex(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	answers := newLedger()
	var writers sync.WaitGroup
	for worker := range 4 {
		writers.Go(func() { answers.write(ctx, t, x, worker) })
	}
	var names []string
	var before []*ledger
	for _, name := range []string{"one", "two", "three"} {
		waitFor(t, "more answers", func() bool { return answers.count() >= 300*(1+len(names)) })
		before = append(before, answers.copy())
		s := makeBackup(t, x, index.BackupRequest{Name: name, WithoutIndex: name == "two"})
		if s.Done != s.Total || s.Total == 0 {
			t.Errorf("%s: %d of %d bytes are done", name, s.Done, s.Total)
		}
		names = append(names, name)
	}
	cancel()
	writers.Wait()
	closeIndex(t, x)
	for i, name := range names {
		restored := restore(t, filepath.Join(o.BackupDir, name))
		checkBetween(t, restored, before[i], answers)
		checkSearches(t, restored)
		if rebuilt := strings.HasSuffix(currentSearchDir(t, restored.o.Dir), "000001"); name != "two" && !rebuilt {
			t.Errorf("%s: the search index of the backup was not used", name)
		}
		putRecords(t, restored, 0, 10)
		checkSearches(t, restored)
	}
}

// checkBetween: each recording is in a state that it had between two moments. A recording's
// versions are 1 to 4, and then 5 or deleted.
func checkBetween(t *testing.T, x *Index, before, after *ledger) {
	t.Helper()
	rank := func(versions int) int {
		if versions == 0 {
			return 5
		}
		return versions
	}
	after = after.copy()
	for id, last := range after.entries {
		first, ok := before.entries[id]
		r, err := x.Get(t.Context(), testScope, id)
		switch {
		case err == nil:
			if got := len(r.MediaFiles); ok && got < rank(first) || got > rank(last)+1 {
				t.Errorf("%s has version %d, from %d to %d was answered", id, got, first, last)
			}
		case !errors.Is(err, index.ErrNotFound):
			t.Fatal(err)
		case ok && last != 0 && last != 4:
			t.Errorf("%s was answered before the backup, and is not in it", id)
		}
	}
}

// TestBackupIsIncremental: what has not changed is not copied, and yet each backup stands alone.
func TestBackupIsIncremental(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 500)
	persist(t, x)
	closeIndex(t, x) // moves the log to a table, which does not change any more
	x = openIndex(t, o)
	persist(t, x)
	makeBackup(t, x, index.BackupRequest{Name: "first"})
	putRecords(t, x, 500, 600)
	s := makeBackup(t, x, index.BackupRequest{Name: "second"})
	if !strings.Contains(s.Verdict, "600 recordings") || !strings.Contains(s.Verdict, "shared with the backup first") {
		t.Errorf("the verdict is %q", s.Verdict)
	}
	first, second := filepath.Join(o.BackupDir, "first"), filepath.Join(o.BackupDir, "second")
	if n := sharedFiles(t, first, second); n < 1 {
		t.Errorf("%d files are shared, want a table at least", n)
	}
	all, err := x.Backups(t.Context())
	if err != nil || len(all) != 2 || all[0].Name != "second" || all[0].Recordings != 600 || all[1].Recordings != 500 ||
		all[0].Version != "1.2.3" ||
		!all[0].Index {
		t.Errorf("the backups are %+v, %v", all, err)
	}
	waitFor(t, "segments to be shared, once none is merged any more", func() bool {
		makeBackup(t, x, index.BackupRequest{Name: "last"})
		n := sharedFiles(t, o.Dir, filepath.Join(o.BackupDir, "last"))
		removeAll(t, filepath.Join(o.BackupDir, "last"))
		return n >= 2
	})
	removeAll(t, first)
	removeAll(t, o.Dir+"/records")
	if _, err := backup.Check(t.Context(), second, backup.Options{}, nil); err != nil {
		t.Errorf("without the first: %v", err)
	}
	restored := restore(t, second)
	if n := len(stored(t, restored)[testCenter]); n != 600 {
		t.Errorf("%d recordings are restored, want 600", n)
	}
	checkSearches(t, restored)
}

// sharedFiles counts the files that have a name in both directories.
func sharedFiles(t *testing.T, a, b string) (n int) {
	t.Helper()
	err := filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(a, path)
		if err != nil {
			return err
		}
		if other, err := os.Stat(filepath.Join(b, relative)); err == nil && os.SameFile(info, other) {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDamagedBackup: what is not exactly what was backed up is not restored.
func TestDamagedBackup(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 100)
	persist(t, x)
	makeBackup(t, x, index.BackupRequest{Name: "good"})
	closeIndex(t, x)
	good := filepath.Join(o.BackupDir, "good")
	for name, damage := range backupDamages {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "backup")
			copyTree(t, good, dir)
			if _, err := backup.Check(t.Context(), dir, backup.Options{}, nil); err != nil {
				t.Fatalf("before it is damaged: %v", err)
			}
			damage.do(t, dir)
			_, err := backup.Check(t.Context(), dir, backup.Options{}, nil)
			if err == nil || !strings.Contains(err.Error(), damage.want) {
				t.Errorf("checking it: %v, want %q", err, damage.want)
			}
			to := filepath.Join(t.TempDir(), "data")
			if _, err := Restore(t.Context(), dir, to, zerolog.Nop(), nil); err == nil ||
				!strings.Contains(err.Error(), damage.want) {
				t.Errorf("restoring it: %v, want %q", err, damage.want)
			}
			if left, err := filepath.Glob(to + "*"); err != nil || len(left) != 0 {
				t.Errorf("there is %q, %v", left, err)
			}
		})
	}
}

var backupDamages = map[string]struct {
	do   func(t *testing.T, dir string)
	want string
}{
	"a flipped bit of a record": {func(t *testing.T, dir string) {
		rewrite(t, firstOf(t, dir, "records/*.log"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	}, "is not as it was backed up"},
	"a file cut short": {func(t *testing.T, dir string) {
		rewrite(t, firstOf(t, dir, "search/*/store/root.bolt"), func(b []byte) []byte { return b[:len(b)-1] })
	}, "is not as it was backed up"},
	"a missing file": {
		func(t *testing.T, dir string) { removeAll(t, firstOf(t, dir, "search/*/store/*.zap")) },
		"is missing",
	},
	"a file too many": {func(t *testing.T, dir string) {
		rewrite(t, filepath.Join(dir, "records", "999999.sst"), func([]byte) []byte { return nil })
	}, "is not in the manifest"},
	"a link instead of a file": {func(t *testing.T, dir string) {
		path := firstOf(t, dir, "records/*.log")
		if err := errors.Join(os.Rename(path, dir+".moved"), os.Symlink(dir+".moved", path)); err != nil {
			t.Fatal(err)
		}
	}, "is not a plain file"},
	"no manifest": {
		func(t *testing.T, dir string) { removeAll(t, filepath.Join(dir, backup.Manifest)) },
		"is no backup",
	},
	"a manifest cut off": {
		manifest(func(text string) string { return text[:strings.LastIndex(text, "#")] }),
		"is damaged or cut off",
	},
	"a manifest halved": {
		manifest(func(text string) string { return text[:len(text)/2] }),
		"is damaged or cut off",
	},
	"an empty manifest": {manifest(func(string) string { return "" }), "not that of a backup"},
	"another count": {
		manifest(func(text string) string { return strings.Replace(text, `"recordings":100`, `"recordings":101`, 1) }),
		"is damaged or cut off",
	},
	"a path outside":          {resigned("  records/", "  ../records/"), "no path of a backup"},
	"a path from the root":    {resigned("  records/", "  /records/"), "no path of a backup"},
	"a path with two slashes": {resigned("  records/", "  records//"), "no path of a backup"},
	"a path through a parent": {resigned("  records/", "  records/../../x/"), "no path of a backup"},
	"a later form":            {resigned("# recordings backup 1", "# recordings backup 2"), "a later one"},
	"another file":            {resigned("search/CURRENT", "search/CURRENT.old"), "is not in the manifest"},
	"another number of files": {resigned(`"files":`, `"files":1`), "says that there are"},
}

// manifest changes the manifest of a backup.
func manifest(edit func(string) string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		rewrite(t, filepath.Join(dir, backup.Manifest), func(b []byte) []byte { return []byte(edit(string(b))) })
	}
}

// resigned changes the manifest of a backup as somebody does who also makes its own sum right.
func resigned(from, to string) func(*testing.T, string) {
	return manifest(func(text string) string {
		const last = "# the lines above have the sum "
		text = strings.ReplaceAll(text[:strings.LastIndex(text, last)], from, to)
		sum := sha256.Sum256([]byte(text))
		return text + last + hex.EncodeToString(sum[:]) + "\n"
	})
}

func firstOf(t *testing.T, dir, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no %s, %v", pattern, err)
	}
	return files[0]
}

// rewrite writes a file anew, after it was changed; one that is not there is empty before.
func rewrite(t *testing.T, path string, edit func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	data = edit(data)
	removeAll(t, path)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBackupOfDamage: a table that is damaged does not get into a backup, which could not be
// restored; be it where the change log is, which is read for a backup, or elsewhere.
func TestBackupOfDamage(t *testing.T) {
	for name, at := range map[string]int64{"ChangeLog": 10, "Records": 2} {
		t.Run(name, func(t *testing.T) {
			o := withBackups(t)
			x := openIndex(t, o)
			putRecords(t, x, 0, 100)
			makeBackup(t, x, index.BackupRequest{Name: "good"})
			putRecords(t, x, 100, 200)
			if err := x.store.Flush(); err != nil {
				t.Fatal(err)
			}
			tables, err := filepath.Glob(filepath.Join(o.Dir, store.RecordsDir, "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatalf("tables %q, %v", tables, err)
			}
			table := tables[len(tables)-1]
			info, err := os.Stat(table)
			if err != nil {
				t.Fatal(err)
			}
			flip(t, table, int(info.Size()/at), 1)
			if _, err := x.StartBackup(index.BackupRequest{Name: "bad"}); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the backup to end", func() bool { return x.BackupStatus().Phase.Ended() })
			file := strings.TrimSuffix(filepath.Base(table), ".sst")
			if s := x.BackupStatus(); s.Phase != index.Failed || !strings.Contains(s.Verdict, file) ||
				!strings.Contains(s.Verdict, "checksum") ||
				strings.Contains(s.Verdict, "\n") {
				t.Errorf("the backup of a damaged table: %+v", s)
			}
			if all, err := x.Backups(t.Context()); err != nil || len(all) != 1 || all[0].Name != "good" {
				t.Errorf("there are the backups %+v, %v", all, err)
			}
			indextest.Ready(t, restore(t, filepath.Join(o.BackupDir, "good")))
		})
	}
}

// TestBackupThatLies: sums that are right do not make up for what is not there.
func TestBackupThatLies(t *testing.T) {
	for name, lie := range map[string]func(*testing.T, string){
		"a recording more": resigned(`"recordings":100`, `"recordings":101`),
		"a change more":    resigned(`"sequence":100`, `"sequence":101`),
		"a later layout":   resigned(`"layout":1`, `"layout":9`),
	} {
		t.Run(name, func(t *testing.T) {
			o := withBackups(t)
			x := openIndex(t, o)
			putRecords(t, x, 0, 100)
			makeBackup(t, x, index.BackupRequest{Name: "lies"})
			dir := filepath.Join(o.BackupDir, "lies")
			lie(t, dir)
			to := filepath.Join(t.TempDir(), "data")
			if _, err := Restore(t.Context(), dir, to, zerolog.Nop(), nil); err == nil ||
				!strings.Contains(err.Error(), "the backup ") {
				t.Errorf("restoring it: %v", err)
			}
			if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("there is a data directory: %v", err)
			}
		})
	}
}

// TestInterruptedBackup: one that did not come to its end is none, and is in nobody's way.
func TestInterruptedBackup(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 100)
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := filepath.Join(o.BackupDir, "cut")
	stopped := errors.New("stopped")
	if _, err := x.MakeBackup(ctx, dir, false, func(int64, int64) { cancel(stopped) }); !errors.Is(err, stopped) {
		t.Fatalf("a backup that is stopped: %v", err)
	}
	if s := x.BackupStatus(); s.Phase != index.Failed || !strings.Contains(s.Verdict, "nothing of it is left") {
		t.Errorf("the state is %+v", s)
	}
	makeBackup(t, x, index.BackupRequest{Name: "whole"})
	// Killed just before its end.
	if err := os.CopyFS(dir+index.IncompleteBackup, os.DirFS(filepath.Join(o.BackupDir, "whole"))); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(o.BackupDir, "somebody's"+index.IncompleteBackup)
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	// Killed in the middle; and what only has such a name, and is somebody's.
	for name, file := range map[string]string{"killed": "UNFINISHED", "mine": "notes.txt"} {
		dir := filepath.Join(o.BackupDir, name+index.IncompleteBackup)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(o.BackupDir, "empty"+index.IncompleteBackup), 0o700); err != nil {
		t.Fatal(err)
	}
	if all, err := x.Backups(t.Context()); err != nil || len(all) != 1 || all[0].Name != "whole" {
		t.Errorf("the backups are %+v, %v", all, err)
	}
	makeBackup(t, x, index.BackupRequest{Name: "next"})
	entries, err := os.ReadDir(o.BackupDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{
		"backup.lock", "empty.incomplete", "mine.incomplete", "next", filepath.Base(foreign), "whole",
	}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
	makeBackup(t, x, index.BackupRequest{Name: "empty"})
	_, err = x.MakeBackup(t.Context(), filepath.Join(o.BackupDir, "mine"), false, func(int64, int64) {})
	if err == nil || !strings.Contains(err.Error(), "was not made by a backup; remove it") {
		t.Errorf("where there is something else: %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.BackupDir, "mine.incomplete", "notes.txt")); err != nil {
		t.Errorf("what is somebody's is gone: %v", err)
	}
	if _, err := os.Stat(x.backups.stagingDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory still holds what was backed up: %v", err)
	}
	restore(t, filepath.Join(o.BackupDir, "next"))
}

// TestBackupRefusals: what cannot be done is refused before anything is done.
func TestBackupRefusals(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 10)
	makeBackup(t, x, index.BackupRequest{Name: "there"})
	for _, name := range []string{
		"../x", "a/b", ".hidden", "x" + index.IncompleteBackup, "-x", "ü", strings.Repeat("x", 101), "a b", "a\x00",
	} {
		if _, err := x.StartBackup(index.BackupRequest{Name: name}); err == nil ||
			!strings.Contains(err.Error(), "is not 1 to 100 letters") {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if _, err := x.StartBackup(index.BackupRequest{Name: "there"}); !isStateError(err) {
		t.Errorf("the same name again: %v", err)
	}
	if _, err := Restore(t.Context(), filepath.Join(o.BackupDir, "there"), o.Dir, zerolog.Nop(), nil); err == nil ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("restoring over a live directory: %v", err)
	}
	closeIndex(t, x)
	if _, err := Restore(t.Context(), filepath.Join(o.BackupDir, "there"), o.Dir, zerolog.Nop(), nil); err == nil ||
		!strings.Contains(err.Error(), "not empty") {
		t.Errorf("restoring over a stopped one: %v", err)
	}
	o.BackupDir = ""
	x = openIndex(t, o)
	checkAllThere(t, x, 10)
	if _, err := x.StartBackup(index.BackupRequest{}); !isStateError(err) ||
		!strings.Contains(err.Error(), "backup_directory") {
		t.Errorf("without a directory of backups: %v", err)
	}
}

func isStateError(err error) bool {
	_, ok := errors.AsType[*index.StateError](err)
	return ok
}

func checkAllThere(t *testing.T, x *Index, n int) {
	t.Helper()
	if got := len(stored(t, x)[testCenter]); got != n {
		t.Errorf("there are %d recordings, want %d", got, n)
	}
}

// TestRestoreOldBackup: a backup whose search index has another schema is restored, and the index
// is built anew.
func TestRestoreOldBackup(t *testing.T) {
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join("testdata", "backup-1.tar.gz"), "-C", dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v: %s", err, out)
	}
	x := restore(t, filepath.Join(dir, "old"))
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
}

// TestBackupOfNotes: comments and saved searches are in a backup, and there after it was restored.
func TestBackupOfNotes(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 3)
	id := record(1).ID
	err := x.Mark(t.Context(), testCenter, id, func(r *mapping.Recording) error {
		r.SetComment(mapping.Comment{ID: "1", Text: "asks for a refund", User: "alice", Time: 7})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	saved := index.SavedSearch{Name: "Refunds", Criteria: map[string]string{"comment": "refund"}, LookedAt: 5, Time: 6}
	if err := x.ChangeSavedSearches(t.Context(), testCenter, "alice", index.SaveSearch(saved)); err != nil {
		t.Fatal(err)
	}

	makeBackup(t, x, index.BackupRequest{Name: "b"})
	again := restore(t, filepath.Join(o.BackupDir, "b"))
	indextest.Ready(t, again)
	criteria, err := mapping.ParseCriteria(saved.Criteria)
	if err != nil {
		t.Fatal(err)
	}
	of := index.Scope{ContactCenter: testCenter, Region: record(1).Region}
	page, err := index.Find(t.Context(), again, index.Query{Scope: of, Criteria: criteria, Limit: 10})
	if err != nil || len(page.Recordings) != 1 || page.Recordings[0].ID != id {
		t.Errorf("found %+v, %v, want %s", page.Recordings, err, id)
	}
	all, err := again.SavedSearches(t.Context(), testCenter, "alice")
	if err != nil || len(all) != 1 || !all[0].Equal(&saved) {
		t.Errorf("saved are %+v, %v", all, err)
	}
}

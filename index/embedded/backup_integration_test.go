//go:build integration

package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/embedded/backup"
)

// TestBackupElsewhere makes backups on another file system, where nothing can be shared but between
// them, and restores from there. It must be run as root.
func TestBackupElsewhere(t *testing.T) {
	disk := mountTmpfs(t)
	o := Options{Dir: filepath.Join(t.TempDir(), "data"), BackupDir: filepath.Join(disk, "backups")}
	x := openIndex(t, o)
	putRecords(t, x, 0, 500)
	persist(t, x)
	closeIndex(t, x)
	x = openIndex(t, o)
	persist(t, x)
	at := func(name string) string { return filepath.Join(o.BackupDir, name) }

	makeBackup(t, x, index.BackupRequest{Name: "first"})
	if n := sharedFiles(t, o.Dir, at("first")); n != 0 {
		t.Fatalf("%d files are shared over the border of a file system", n)
	}
	s := makeBackup(t, x, index.BackupRequest{Name: "second"})
	if n := sharedFiles(t, at("first"), at("second")); n < 2 ||
		!strings.Contains(s.Verdict, "shared with the backup first") {
		t.Errorf("%d files are shared with the first: %s", n, s.Verdict)
	}
	// What has been damaged since is not shared, and so not handed on.
	table := firstOf(t, at("second"), "records/*.sst")
	flipByte(t, table)
	makeBackup(t, x, index.BackupRequest{Name: "third"})
	if _, err := backup.Check(t.Context(), at("second"), backup.Options{}, nil); err == nil {
		t.Error("the damage of the second is not found")
	}
	restored := restore(t, at("third"))
	checkAllThere(t, restored, 500)
	checkSearches(t, restored)

	// And from here to there.
	if _, err := Restore(t.Context(), at("third"), filepath.Join(disk, "restored"), zerolog.Nop(), nil); err != nil {
		t.Errorf("restoring on that file system: %v", err)
	}
}

// flipByte changes a byte in the middle of a file, where it lies.
func flipByte(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBackupDiskFull: a backup for which there is no room fails, leaves nothing behind, and does no
// harm.
func TestBackupDiskFull(t *testing.T) {
	disk := mountTmpfs(t)
	o := Options{Dir: filepath.Join(t.TempDir(), "data"), BackupDir: filepath.Join(disk, "backups")}
	x := openIndex(t, o)
	for n := range 500 {
		if _, err := x.Put(t.Context(), testCenter, bulky(record(n).ID)); err != nil {
			t.Fatal(err)
		}
	}
	filler := filepath.Join(disk, "filler")
	fillFile(t, filler)
	if err := os.Truncate(filler, fileSize(t, filler)-1<<20); err != nil {
		t.Fatal(err)
	}
	_, err := x.MakeBackup(t.Context(), filepath.Join(o.BackupDir, "none"), false, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a backup on a full disk: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(o.BackupDir, "none*")); err != nil || len(left) != 0 {
		t.Errorf("there is %q, %v", left, err)
	}
	if _, err := x.Put(t.Context(), testCenter, record(1000)); err != nil {
		t.Errorf("a Put afterwards: %v", err)
	}
	removeAll(t, filler)
	makeBackup(t, x, index.BackupRequest{Name: "whole"})
	checkAllThere(t, restore(t, filepath.Join(o.BackupDir, "whole")), 501)
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

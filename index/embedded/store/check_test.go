package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck finds nothing where all is well, in use or not, and a table that is damaged.
func TestCheck(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, closeStore := open(t, o)
	put(t, s, 0, 500)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	put(t, s, 500, 600)
	well := &reported{}
	if err := s.Check(well); err != nil || len(well.damaged) != 0 || well.files < 4 {
		t.Errorf("in use, it finds %q in %d files, %v", well.damaged, well.files, err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, verifyDir)); !os.IsNotExist(err) {
		t.Errorf("it has left something behind: %v", err)
	}
	closeStore()

	tables, err := filepath.Glob(filepath.Join(o.Dir, RecordsDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables %q, %v", tables, err)
	}
	if err := CheckTable(tables[0]); err != nil {
		t.Errorf("a table that is well: %v", err)
	}
	flip(t, tables[0])
	if err := CheckTable(tables[0]); err == nil {
		t.Error("the damage is not found")
	}
	if err := CheckTable(filepath.Join(o.Dir, RecordsDir, "LOCK")); err != nil {
		t.Errorf("what is no table: %v", err)
	}
	damaged := &reported{}
	if err := CheckStopped(o, nil, damaged); err != nil || len(damaged.damaged) == 0 {
		t.Fatalf("stopped, it finds %q, %v", damaged.damaged, err)
	}
	if want := filepath.Join(RecordsDir, filepath.Base(tables[0])); !strings.HasPrefix(damaged.damaged[0], want) {
		t.Errorf("it finds %q, want %s", damaged.damaged, want)
	}
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string) {
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

// TestInspect reads a checkpoint, and leaves it as it was.
func TestInspect(t *testing.T) {
	dir, at := t.TempDir(), t.TempDir()
	s, _ := open(t, Options{Dir: dir})
	put(t, s, 0, 20)
	remove(t, s, 4)
	if err := s.Checkpoint(filepath.Join(at, RecordsDir)); err != nil {
		t.Fatal(err)
	}
	before := names(t, filepath.Join(at, RecordsDir))
	log, err := Inspect(Options{Dir: at})
	if err != nil || log != (ChangeLog{First: 1, Last: 21, Count: 19}) {
		t.Errorf("it reaches to %+v, %v", log, err)
	}
	if after := names(t, filepath.Join(at, RecordsDir)); after != before {
		t.Errorf("there are %s, there were %s", after, before)
	}
	if log, err := Recount(t.Context(), Options{Dir: at}); err != nil || log.Count != 19 || log.Last != 21 {
		t.Errorf("counted, it reaches to %+v, %v", log, err)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

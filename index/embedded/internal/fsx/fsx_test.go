package fsx_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"recordings/index/embedded/internal/fsx"
)

// TestMakeDirSurvives: a directory that was made is there after a power cut, with all its parents.
// The file system in memory loses every name whose directory was not synced.
func TestMakeDirSurvives(t *testing.T) {
	mem := vfs.NewCrashableMem()
	if err := fsx.MakeDir(mem, "/a/b/c"); err != nil {
		t.Fatal(err)
	}
	if err := mem.MkdirAll("/a/b/unsynced", 0o700); err != nil {
		t.Fatal(err)
	}

	cut := mem.CrashClone(vfs.CrashCloneCfg{})
	if _, err := cut.Stat("/a/b/c"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if _, err := cut.Stat("/a/b/unsynced"); err == nil {
		t.Error("the test cuts no power: what was not synced is there")
	}
}

package backup_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"recordings/index"
	"recordings/index/embedded/backup"
)

// TestRunner follows a backup from its beginning to its end, and one that fails.
func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(backup.Runner)
		if s := r.Status(); s.Phase != index.Idle {
			t.Errorf("before any backup: %+v", s)
		}
		if s, err := r.Begin("/backups/monday"); err != nil || s.Phase != index.Preparing || s.Name != "monday" {
			t.Errorf("at the beginning: %+v, %v", s, err)
		}
		var running *index.StateError
		if _, err := r.Begin("/backups/tuesday"); !errors.As(err, &running) ||
			!strings.Contains(running.Message, "monday") {
			t.Errorf("another at the same time: %v", err)
		}

		r.Progress(0, 400)
		time.Sleep(2 * time.Second)
		r.Progress(100, 400)
		if s := r.Status(); s.Phase != index.Copying || s.Done != 100 || s.Total != 400 || s.Rate != 50 ||
			s.SecondsLeft != 6 {
			t.Errorf("on the way: %+v", s)
		}

		made := &backup.Made{Backup: index.Backup{Recordings: 3, Files: 2, Bytes: 400}, Shared: 100, With: "sunday"}
		r.End(made, false, nil)
		s := r.Status()
		if s.Phase != index.Done || s.SecondsLeft != 0 || s.Ended <= s.Began {
			t.Errorf("at the end: %+v", s)
		}
		for _, want := range []string{
			"3 recordings in 2 files of 400 bytes", "100 bytes are shared with the backup sunday", "not ready",
		} {
			if !strings.Contains(s.Verdict, want) {
				t.Errorf("the verdict %q lacks %q", s.Verdict, want)
			}
		}

		if _, err := r.Begin("/backups/tuesday"); err != nil {
			t.Fatal(err)
		}
		r.End(nil, true, errors.New("no space\nno space"))
		if s := r.Status(); s.Phase != index.Failed ||
			!strings.Contains(s.Verdict, "nothing of it is left: no space.") {
			t.Errorf("one that fails: %+v", s)
		}
	})
}

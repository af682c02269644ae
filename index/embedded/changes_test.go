package embedded

import (
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

// changesSince returns the ids of the recordings in the order of their last changes, and the time of
// the last of these.
func changesSince(t *testing.T, x *Index, since mapping.Time) (ids []string, last mapping.Time) {
	t.Helper()
	q := index.Query{
		Scope: testScope, Criteria: mapping.Criteria{ChangedSince: &since},
		Order: index.OldestChangeFirst, Limit: 1 << 20,
	}
	page, err := index.Find(t.Context(), x, q)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Recordings {
		ids, last = append(ids, r.ID), r.ChangedTime
	}
	return ids, last
}

// TestChangesSurvive: a change keeps its time through a restart, a reindex, and a backup that is
// restored; a Put that changes nothing does not change it; and although the clock goes back, none
// comes behind another that is later.
func TestChangesSurvive(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1_747_511_132_000)
	o := withBackups(t)
	o.Dir = t.TempDir()
	o.now = func() time.Time { return time.UnixMilli(clock.Load()) }
	x := openIndex(t, o)
	indextest.Ready(t, x)
	for _, n := range []int{3, 1, 2} {
		putRecords(t, x, n, n+1)
		clock.Add(1000)
	}
	putRecords(t, x, 1, 4) // changes nothing
	changed := stored(t, x)

	check := func(x *Index, when string) {
		t.Helper()
		checkSearches(t, x)
		ids, _ := changesSince(t, x, 0)
		if want := []string{"00003", "00001", "00002"}; !slices.Equal(ids, want) {
			t.Errorf("%s: changed were %q, want %q", when, ids, want)
		}
		for id, r := range stored(t, x)[testCenter] {
			if want := changed[testCenter][id].ChangedTime; r.ChangedTime != want || want < 1_747_511_132_000 {
				t.Errorf("%s: %q was changed at %v, want %v", when, id, r.ChangedTime, want)
			}
		}
	}
	check(x, "pending")
	persist(t, x)
	check(x, "indexed")
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "")
	check(x, "reindexed")
	status := makeBackup(t, x, index.BackupRequest{Name: "b"})
	check(restore(t, filepath.Join(o.BackupDir, status.Name)), "restored")

	closeIndex(t, x)
	clock.Add(-3_600_000)
	x = openIndex(t, o)
	check(x, "opened again")
	_, last := changesSince(t, x, 0)
	putRecords(t, x, 4, 5)
	merged := record(3)
	merged.CallerPhoneNumber = "changed"
	if outcome, err := x.Put(t.Context(), testCenter, merged); err != nil || outcome != index.Merged {
		t.Fatal(outcome, err)
	}
	if ids, at := changesSince(t, x, last); !slices.Equal(ids, []string{"00002", "00004", "00003"}) || at <= last {
		t.Errorf("since the last one %q were changed, until %v; the last one was at %v", ids, at, last)
	}
}

// TestChangesWithAnotherClock polls as the conformance suite does, while the clock jumps back and
// forth.
func TestChangesWithAnotherClock(t *testing.T) {
	o := Eager(Options{Dir: t.TempDir()})
	var calls atomic.Int64
	o.now = func() time.Time {
		n := calls.Add(1)
		return time.UnixMilli(1_747_511_132_000 + n/3 - n%7*50)
	}
	indextest.RunChanges(t, func(testing.TB) func(testing.TB) indextest.Index {
		return func(t testing.TB) indextest.Index { return openIndex(t, o) }
	})
}

// TestChangesOfBefore: what an earlier version stored has no time of its change. It is found since
// 0 and by no later time, and comes before all changes.
func TestChangesOfBefore(t *testing.T) {
	dir := t.TempDir()
	unpack := exec.Command("tar", "-xzf", filepath.Join("testdata", "schema-2.tar.gz"), "-C", dir)
	if out, err := unpack.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v: %s", err, out)
	}
	x := openIndex(t, Options{Dir: dir})
	checkSearches(t, x)

	find := func(since mapping.Time, offset, limit int) index.Found {
		t.Helper()
		q := index.Query{
			Scope:    index.Scope{ContactCenter: "cc", Region: "us-west"},
			Criteria: mapping.Criteria{ChangedSince: &since},
			Order:    index.OldestChangeFirst, Offset: offset, Limit: limit, Total: true,
		}
		page, err := index.Find(t.Context(), x, q)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	all := find(0, 0, 100)
	n := len(all.Recordings)
	if n < 10 || all.Total != n || all.Recordings[0].ChangedTime != 0 || find(1, 0, 1).Total != 0 {
		t.Fatalf("%d recordings of before, %+v", n, all.Page)
	}

	merged := all.Recordings[3]
	merged.CallerPhoneNumber = "changed"
	if _, err := x.Put(t.Context(), "cc", merged); err != nil {
		t.Fatal(err)
	}
	for range 2 { // pending, then in the search index
		checkSearches(t, x)
		after := find(0, 0, 100)
		last := after.Recordings[n-1]
		if after.Total != n || last.ID != merged.ID || last.ChangedTime == 0 || after.Recordings[n-2].ChangedTime != 0 {
			t.Errorf("after a change the last is %q of %v, of %d", last.ID, last.ChangedTime, after.Total)
		}
		if page := find(1, 0, 5); page.Total != 1 || page.Recordings[0].ID != merged.ID {
			t.Errorf("since then %d were changed", page.Total)
		}
		if page := find(0, n-2, 1); !page.More || page.Recordings[0].ID != after.Recordings[n-2].ID {
			t.Errorf("the last one of before is %q", page.Recordings[0].ID)
		}
		indextest.Settle(t, x)
	}
}

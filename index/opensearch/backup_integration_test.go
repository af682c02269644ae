//go:build integration

package opensearch_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"recordings/index"
	"recordings/index/opensearch"
	"recordings/mapping"
)

// repository registers a snapshot repository of the type fs that goes with a test.
func repository(t testing.TB, o *opensearch.Options) {
	t.Helper()
	o.SnapshotRepository = o.Index + "-backups"
	path := "/_snapshot/" + o.SnapshotRepository
	ask(t, o.Cluster.Addresses, http.MethodPut, path, map[string]any{
		"type": "fs", "settings": map[string]any{"location": o.SnapshotRepository},
	}, nil)
	t.Cleanup(func() {
		ask(t, o.Cluster.Addresses, http.MethodDelete, path+"/*", nil, nil)
		ask(t, o.Cluster.Addresses, http.MethodDelete, path, nil, nil)
	})
}

// backedUp makes a backup by one node, and waits until another says how it has ended.
func backedUp(t testing.TB, by, seenBy *opensearch.Index, name string) index.BackupStatus {
	t.Helper()
	begun, err := by.StartBackup(index.BackupRequest{Name: name})
	if err != nil {
		t.Fatalf("beginning the backup %s: %v", name, err)
	}
	await(t, "the backup has ended", func() bool {
		s := seenBy.BackupStatus()
		return s.Began == begun.Began && s.Phase.Ended()
	})
	return seenBy.BackupStatus()
}

// namesOf are the names of the backups that a node lists.
func namesOf(t testing.TB, x *opensearch.Index) (names []string) {
	t.Helper()
	all, err := x.Backups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names
}

// refusedState makes sure that something was refused as impossible now, and why.
func refusedState(t testing.TB, err error, why string) {
	t.Helper()
	var state *index.StateError
	if !errors.As(err, &state) || !strings.Contains(state.Message, why) {
		t.Errorf("it is refused so: %v, want %q", err, why)
	}
}

// contents are all recordings that a node has, as they are stored.
func contents(t testing.TB, x *opensearch.Index) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := x.Scan(t.Context(), func(contactCenter string, r *mapping.Recording) error {
		data, err := mapping.Encode(r)
		all[contactCenter+" "+r.ID] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBackup makes backups of a service, beside those of another in the same repository, and restores them under
// other names: all is there as it was, with labels and saved searches, verified, and in use.
func TestBackup(t *testing.T) {
	t.Parallel()
	o := place(t, 3)
	if _, err := open(t, o).StartBackup(index.BackupRequest{}); err == nil {
		t.Error("a backup is made without a repository")
	} else {
		refusedState(t, err, "opensearch.snapshot_repository")
	}
	repository(t, &o)
	o.Version = "1.2.3"
	one, two := open(t, o), open(t, o)
	others := place(t, 1)
	others.SnapshotRepository = o.SnapshotRepository
	other := open(t, others)

	old := fillWith(t, one, 600)
	label := mapping.LabelDefinition{Name: "reason", DisplayName: "Reason"}
	if err := one.DefineLabel(t.Context(), center, label, false); err != nil {
		t.Fatal(err)
	}
	err := one.Mark(t.Context(), center, "old-1", func(r *mapping.Recording) error {
		r.NonDelete = &mapping.Hold{Reason: "because"}
		r.Labels = append(r.Labels, mapping.Label{Name: "reason", Value: "of it"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	searches := []index.SavedSearch{{Name: "mine"}}
	err = one.ChangeSavedSearches(t.Context(), center, "admin",
		func([]index.SavedSearch) ([]index.SavedSearch, error) { return searches, nil })
	if err != nil {
		t.Fatal(err)
	}

	var notOffered *index.NotOfferedError
	if _, err := one.StartBackup(index.BackupRequest{WithoutIndex: true}); !errors.As(err, &notOffered) {
		t.Errorf("without the search index: %v", err)
	}
	want := contents(t, one)
	s := backedUp(t, one, two, "Monday")
	const begins = "The backup has 600 recordings in "
	if s.Phase != index.Done || !strings.HasPrefix(s.Verdict, begins) || s.Done != s.Total {
		t.Fatalf("the backup has ended so: %+v", s)
	}
	if s := backedUp(t, other, other, "Monday"); s.Phase != index.Done {
		t.Fatalf("the other's backup has ended so: %+v", s)
	}
	for _, name := range []string{"Monday", "mONDAY"} {
		_, err := two.StartBackup(index.BackupRequest{Name: name})
		refusedState(t, err, "there is a backup "+name+" already")
	}

	// What was answered before a backup is in it, while two services go on to change recordings.
	c := newCrowd(t, one, two)
	c.mu.Lock()
	c.held["old-1"] = true
	c.mu.Unlock()
	defer c.writers.Wait()
	defer c.stop()
	c.await(50)
	for i := range 20 {
		id := fmt.Sprint("before-", i)
		if _, err := one.Put(t.Context(), center, recording(id, i, "+1", "x")); err != nil {
			t.Fatal(err)
		}
		old[id] = 1
	}
	s = backedUp(t, two, one, "tuesday")
	if s.Phase != index.Done || !strings.Contains(s.Verdict, " are shared with others") {
		t.Errorf("the backup has ended so: %+v", s)
	}
	c.check(old)

	told := make(map[index.Phase]int64)
	tell := func(phase index.Phase, done, total int64) { told[phase] = max(told[phase], done) }
	busy := place(t, 1)
	busy.SnapshotRepository = o.SnapshotRepository
	if r, err := opensearch.Restore(t.Context(), busy, "tuesday", o.Index, tell); err != nil ||
		r.Verified.Phase != index.Done {
		t.Fatalf("restoring what was in use: %+v, %v", r, err)
	}
	there := contents(t, open(t, busy))
	for id := range old {
		if there[center+" "+id] == "" {
			t.Errorf("%s was answered before the backup, and is not in it", id)
		}
	}

	if got := namesOf(t, two); !slices.Equal(got, []string{"tuesday", "Monday"}) {
		t.Errorf("the backups are %q", got)
	}
	all, err := two.Backups(t.Context())
	if b := all[1]; err != nil || b.Recordings != 600 || b.Files == 0 || b.Bytes == 0 || b.Version != "1.2.3" ||
		b.Schema != opensearch.Schema || !b.Index || b.Time == 0 {
		t.Errorf("the backup is described so: %+v, %v", b, err)
	}

	// Restoring: over nothing, and what is restored can be used at once.
	_, err = opensearch.Restore(t.Context(), o, "Monday", "", tell)
	refusedState(t, err, "nothing is restored over something else")
	to := place(t, 1)
	to.SnapshotRepository = o.SnapshotRepository
	_, err = opensearch.Restore(t.Context(), to, "Monday", "", tell)
	refusedState(t, err, "has no backup Monday of the index "+to.Index)
	restored, err := opensearch.Restore(t.Context(), to, "Monday", o.Index, tell)
	if err != nil {
		t.Fatal(err)
	}
	if v := restored.Verified; v.Phase != index.Done || v.Done != 600 || restored.Recordings != 600 {
		t.Errorf("what is restored is verified so: %+v", v)
	}
	if told[index.Copying] == 0 || told[index.Comparing] == 0 {
		t.Errorf("the progress was %v", told)
	}
	again := open(t, to)
	if got := contents(t, again); !maps.Equal(got, want) {
		t.Errorf("%d recordings are restored, and differ from the %d of before", len(got), len(want))
	}
	if labels, err := again.Labels(t.Context(), center); err != nil || len(labels) != 1 || labels[0].Name != "reason" {
		t.Errorf("the labels are %v, %v", labels, err)
	}
	got, err := again.SavedSearches(t.Context(), center, "admin")
	if err != nil || len(got) != 1 || got[0].Name != "mine" {
		t.Errorf("the saved searches are %v, %v", got, err)
	}
	if _, err := again.Put(t.Context(), center, recording("new", 1, "+1", "x")); err != nil {
		t.Errorf("posting to what is restored: %v", err)
	}
	if ids, total := found(t, again, 0, 10, map[string]string{"userData": "x"}); ids != "new" || total != 1 {
		t.Errorf("searching what is restored finds %q", ids)
	}
	if p := again.Reindex().Phase; p != index.Idle {
		t.Errorf("what was going on is restored, too: reindex is %s", p)
	}
	if s := verified(t, again, again, false); s.Phase != index.Done {
		t.Errorf("verifying what is restored and used: %+v", s)
	}

	// Deleting takes one's own.
	if err := opensearch.DeleteBackup(t.Context(), o, "monday"); err != nil {
		t.Error(err)
	}
	refusedState(t, opensearch.DeleteBackup(t.Context(), o, "Monday"), "has no backup Monday")
	if got := namesOf(t, one); !slices.Equal(got, []string{"tuesday"}) {
		t.Errorf("the backups are %q", got)
	}
	if got := namesOf(t, other); !slices.Equal(got, []string{"Monday"}) {
		t.Errorf("the other's backups are %q", got)
	}
}

// TestBackupOfDamage: what is damaged is restored as it was, and said.
func TestBackupOfDamage(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	repository(t, &o)
	x := open(t, o)
	fillWith(t, x, 20)
	write(t, &o, center, "old-1", "old-1", func(doc map[string]any) { doc["userName"] = "nobody" })
	if s := backedUp(t, x, x, ""); s.Phase != index.Done {
		t.Fatalf("the backup has ended so: %+v", s)
	}
	to := place(t, 2)
	to.SnapshotRepository = o.SnapshotRepository
	r, err := opensearch.Restore(t.Context(), to, x.BackupStatus().Name, o.Index, func(index.Phase, int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Verified; v.Phase != index.Failed || v.Problems != 1 || v.Findings[0].ID != "old-1" {
		t.Errorf("what is restored is verified so: %+v", v)
	}
	if got := open(t, to).Verification(); got.Problems != 1 {
		t.Errorf("the service says %+v", got)
	}
}

// TestBackupTakenOver kills the process that makes a backup: another goes on with it.
func TestBackupTakenOver(t *testing.T) {
	t.Parallel()
	o := place(t, 2)
	repository(t, &o)
	x := open(t, o)
	fillWith(t, x, 100)
	kill(t, &o, "backup")
	await(t, "the backup is whole", func() bool {
		p := x.BackupStatus().Phase
		return p != index.Idle && p.Ended()
	})
	s := x.BackupStatus()
	if s.Phase != index.Done || !strings.Contains(fmt.Sprint(namesOf(t, x)), s.Name) {
		t.Errorf("the backup has ended so: %+v", s)
	}
}

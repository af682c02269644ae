package indextest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"recordings/index"
	"recordings/mapping"
)

// orphan is a media file whose recording is gone; wantOrphaned knows what else is in it.
func orphan(id, recordingID, message string) index.OrphanedMedia {
	return index.OrphanedMedia{
		ID: id, RecordingID: recordingID, Message: message, Since: 1, Tried: 2,
		Descriptor: mapping.MediaDescriptor{
			Storage: mapping.StorageS3, Path: "a/b.mp3", Data: []byte(`{"bucket":"b"}`),
		},
	}
}

// wantOrphaned checks a page of the list: the ids, with their messages, and that each is whole.
func wantOrphaned(t testing.TB, x Index, contactCenter, after string, limit int, want ...string) {
	t.Helper()
	all, err := x.Orphaned(t.Context(), contactCenter, after, limit)
	if err != nil {
		t.Fatalf("listing orphaned media: %v", err)
	}
	var got []string
	for _, l := range all {
		got = append(got, l.ID+": "+l.Message)
		if l.Descriptor.Bucket() != "b" || l.Descriptor.Path != "a/b.mp3" || l.Since != 1 || l.Tried != 2 {
			t.Errorf("orphaned media came back as %+v", l)
		}
	}

	for _, id := range []string{"0", "1", "2", "3", "4", "x", "y"} {
		listed := slices.ContainsFunc(all, func(o index.OrphanedMedia) bool { return o.ID == id })
		is, err := x.IsOrphaned(t.Context(), contactCenter, id)
		if err != nil || listed && !is || !listed && is && after == "" && len(all) < limit {
			t.Errorf("media %s of %q is on the list: %t, %v", id, contactCenter, is, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("orphaned media in %s after %q: %q, want %q", contactCenter, after, got, want)
	}
}

// testDeleteSeen: a recording is removed together with what is put on the list, or neither happens.
func testDeleteSeen(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	first := New("r", region, 1000)
	put(t, x, center, first, index.Created)
	seen, err := x.Get(t.Context(), index.Scope{ContactCenter: center, Region: index.AnyRegion}, "r")
	if err != nil {
		t.Fatal(err)
	}
	second := New("r", "elsewhere", 1000)
	second.MediaFiles = []mapping.MediaFile{mediaFile("second.mp3", 1000, 2000)}
	put(t, x, center, second, index.Merged)
	one := []index.OrphanedMedia{orphan("1", "r", "no")}
	if err := x.DeleteSeen(t.Context(), center, seen, one); !errors.Is(err, index.ErrChanged) {
		t.Errorf("deleting what was changed since: %v, want ErrChanged", err)
	}
	wantOrphaned(t, x, center, "", 10)
	if seen, err = x.Get(t.Context(), index.Scope{ContactCenter: center, Region: index.AnyRegion}, "r"); err != nil {
		t.Fatalf("the changed recording: %v", err)
	}
	both := append(one, orphan("2", "r", "nor this"))
	if err := x.DeleteSeen(t.Context(), center, seen, both); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, x, center, index.AnyRegion, "r")
	wantFound(t, x, center, region, "", "startTime=0")
	wantOrphaned(t, x, center, "", 10, "1: no", "2: nor this")
	if err := x.DeleteSeen(t.Context(), center, seen, nil); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("deleting what is not there: %v, want ErrNotFound", err)
	}
}

// testOrphaned: the list is kept for each contact center, in order, and survives a restart.
func testOrphaned(t *testing.T, fresh Opener) {
	open := fresh(t)
	x := Ready(t, open(t))
	var left []index.OrphanedMedia
	for i := range 5 {
		left = append(left, orphan(fmt.Sprint(i), "r", "no"))
	}
	settle := func(contactCenter string, gone []string, left ...index.OrphanedMedia) {
		t.Helper()
		if err := x.SettleOrphaned(t.Context(), contactCenter, gone, left); err != nil {
			t.Fatal(err)
		}
	}

	settle(center, nil, left...)
	settle(center+"\x00", nil, orphan("x", "r", "other"))
	settle("", nil, orphan("y", "r", "other"))
	settle(center, nil)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = Ready(t, open(t))
	t.Cleanup(func() { _ = x.Close() })
	wantOrphaned(t, x, center, "", 2, "0: no", "1: no")
	wantOrphaned(t, x, center, "1", 2, "2: no", "3: no")
	wantOrphaned(t, x, center, "3", 2, "4: no")
	wantOrphaned(t, x, center, "4", 2)
	settle(center, []string{"0", "4", "7"}, orphan("2", "r", "still no"))
	wantOrphaned(t, x, center, "", 10, "1: no", "2: still no", "3: no")
	wantOrphaned(t, x, center+"\x00", "", 10, "x: other")
	wantOrphaned(t, x, "", "", 10, "y: other")
	wantOrphaned(t, x, "another", "", 10)
}

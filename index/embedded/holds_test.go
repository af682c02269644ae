package embedded

import (
	"errors"
	"fmt"
	"testing"

	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

// TestHoldStays: a hold is there after everything that writes recordings or their index anew, and
// keeps the recording from being deleted there, too.
func TestHoldStays(t *testing.T) {
	o := withBackups(t)
	x := openIndex(t, o)
	putRecords(t, x, 0, 20)
	id := record(7).ID
	err := x.Mark(t.Context(), testCenter, id, func(r *mapping.Recording) error {
		r.NonDelete = &mapping.Hold{Time: 1, User: "ops", Reason: "a lawsuit"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	wantHeld := func(what string, x *Index) {
		t.Helper()
		indextest.Settle(t, indextest.Ready(t, x))
		yes := true
		q := index.Query{Scope: testScope, Criteria: mapping.Criteria{NonDelete: &yes}, Limit: 100}
		page, err := index.Find(t.Context(), x, q)
		if err != nil || len(page.Recordings) != 1 || page.Recordings[0].ID != id {
			t.Errorf("%s: found %+v, %v", what, page, err)
		}
		if err := x.Delete(t.Context(), testCenter, id); !errors.Is(err, index.ErrHeld) {
			t.Errorf("%s: deleting it: %v", what, err)
		}
	}
	wantHeld("as marked", x)

	makeBackup(t, x, index.BackupRequest{Name: "b"})
	control(t, x, index.Start)
	waitEnded(t, x, index.Done, "agree")
	wantHeld("reindexed", x)
	closeIndex(t, x)
	wantHeld("opened again", openIndex(t, o))
	wantHeld("restored", restore(t, fmt.Sprint(o.BackupDir, "/b")))
}

package trail_test

import (
	"context"
	"testing"

	"recordings/api/trail"
	"recordings/audit"
)

// Record implements [audit.Log].
func (n *notes) Record(_ context.Context, entries ...audit.Entry) (uint64, error) {
	return n.Note(entries...)
}

// TestEach: of many recordings each has its own entries, with what is so of all and what is so of it.
func TestEach(t *testing.T) {
	t.Parallel()
	log := &notes{}
	x := trail.New(log, audit.Entry{Action: audit.Download})
	x.Each([]string{"a", "b"})
	x.Fact("archive", "x.zip")
	if err := x.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.FactOf(1, "bytes", 5)
	x.OutcomeOf(1, audit.Partly)
	x.FactOf(1, "bytes", 7)
	x.End(audit.Done)

	for i, want := range []struct {
		recording string
		outcome   audit.Outcome
		begun     any
		bytes     any
	}{
		{"a", audit.Begun, nil, nil}, {"b", audit.Begun, nil, nil}, {"a", audit.Done, uint64(1), nil},
		{"b", audit.Partly, uint64(2), 7},
	} {
		e := log.all[i]
		if e.Recording != want.recording || e.Outcome != want.outcome || e.Facts["begun"] != want.begun ||
			e.Facts["bytes"] != want.bytes || e.Facts["archive"] != "x.zip" {
			t.Errorf("entry %d is %+v, want %+v", i+1, e, want)
		}
	}
	var none *trail.Trail // of which the log is not told
	none.FactOf(3, "bytes", 1)
}

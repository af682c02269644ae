package mover_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/mover"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/indextest"
	"recordings/mapping"
)

// open opens an index of its own.
func open(t *testing.T) *embedded.Index {
	t.Helper()
	x, err := embedded.Open(t.Context(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	indextest.Ready(t, x)
	return x
}

// put stores a recording.
func put(t *testing.T, x index.Index, center, region, id string) {
	t.Helper()
	r := indextest.New(id, region, mapping.Time(len(id))*1000)
	if _, err := x.Put(t.Context(), center, r); err != nil {
		t.Fatal(err)
	}
}

// centers are those of the tests, whose order by name is another one than that in which they are filled.
var centers = []string{"b", "", "a/b", "a"}

// fill stores recordings of several contact centers and regions, some with marks, and what else there is.
func fill(t *testing.T, x *embedded.Index) (recordings int) {
	t.Helper()
	for n, center := range centers {
		for i := range 300 + n {
			put(t, x, center, []string{"west", "east"}[i%2], fmt.Sprintf("call %d", i))
			recordings++
		}
		label := mapping.LabelDefinition{Name: "Checked", DisplayName: "Checked"}
		if err := x.DefineLabel(t.Context(), center, label, false); err != nil {
			t.Fatal(err)
		}
		ids := []string{"call 7", "call 8"}
		for _, err := range x.MarkAll(t.Context(), center, ids, func(r *mapping.Recording) error {
			r.NonDelete = &mapping.Hold{User: "ops", Time: 5000, Reason: "case 1"}
			r.SetLabel(mapping.Label{Name: "Checked", Value: "yes", User: "ops", Time: 6000})
			r.SetComment(mapping.Comment{ID: "c", Text: "asks for a refund", User: "ops", Time: 7000})
			return nil
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	lonely := mapping.LabelDefinition{Name: "Lonely", DisplayName: "Lonely"}
	if err := x.DefineLabel(t.Context(), "none yet", lonely, false); err != nil {
		t.Fatal(err)
	}
	orphan := index.OrphanedMedia{ID: "m1", RecordingID: "gone", Descriptor: mapping.MediaDescriptor{
		Storage: mapping.StorageWebDAV, Path: "http://media.example/a.wav"}, Message: "refused", Since: 1, Tried: 2}
	if err := x.SettleOrphaned(t.Context(), "a", nil, []index.OrphanedMedia{orphan}); err != nil {
		t.Fatal(err)
	}
	return recordings
}

// TestRun moves everything, and what is moved is the same: a second move writes nothing.
func TestRun(t *testing.T) {
	from, to := open(t), open(t)
	n := fill(t, from)
	o := mover.Options{Centers: []string{"none yet", "a"}}
	report, err := mover.Run(t.Context(), from, to, o)
	if err != nil || report.Problems > 0 || report.Recordings != uint64(n) || report.Written != uint64(n) ||
		report.Labels != len(centers)+1 || report.Orphans != 1 {
		t.Fatalf("%+v, %v; there are %d", report, err, n)
	}

	for _, center := range centers {
		for _, id := range []string{"call 0", "call 7"} {
			of := index.Scope{ContactCenter: center, Region: index.AnyRegion}
			want, err := from.Get(t.Context(), of, id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := to.Get(t.Context(), of, id)
			if err != nil {
				t.Fatal(err)
			}
			got.ChangedTime = want.ChangedTime // which each place gives by itself
			if a, b := stored(t, want), stored(t, got); a != b {
				t.Errorf("%s of %q: %s became %s", id, center, a, b)
			}
		}
	}
	if all, err := to.Labels(t.Context(), "none yet"); err != nil || len(all) != 1 {
		t.Errorf("labels of a contact center without recordings: %v, %v", all, err)
	}
	if all, err := to.Orphaned(t.Context(), "a", "", 10); err != nil || len(all) != 1 || all[0].Message != "refused" {
		t.Errorf("media left behind: %+v, %v", all, err)
	}

	report, err = mover.Run(t.Context(), from, to, o)
	if err != nil || report.Problems > 0 || report.Written != 0 || report.Recordings != uint64(n) {
		t.Errorf("again: %+v, %v", report, err)
	}
}

// stored is how a recording is stored.
func stored(t *testing.T, r *mapping.Recording) string {
	t.Helper()
	data, err := mapping.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// interrupted is a place that becomes unavailable after some writes.
type interrupted struct {
	*embedded.Index
	left int
}

var errInterrupted = fmt.Errorf("%w: it was interrupted", index.ErrUnavailable)

// PutAll implements [index.Index].
func (x *interrupted) PutAll(
	ctx context.Context, center string, all []*mapping.Recording, o index.PutOptions,
) []index.PutResult {
	if x.left--; x.left >= 0 {
		return x.Index.PutAll(ctx, center, all, o)
	}
	results := make([]index.PutResult, len(all))
	for i := range results {
		results[i].Err = errInterrupted
	}
	return results
}

// TestInterrupted: a move goes on where it was interrupted, and what is there is not written again.
func TestInterrupted(t *testing.T) {
	from, to := open(t), open(t)
	n := fill(t, from)
	var written uint64
	for tries := 0; ; tries++ {
		report, err := mover.Run(t.Context(), from, &interrupted{to, 1}, mover.Options{})
		written += report.Written
		if err == nil {
			if tries == 0 || report.Problems > 0 {
				t.Errorf("after %d tries: %+v", tries, report)
			}
			break
		}
		if !errors.Is(err, errInterrupted) || tries > len(centers) {
			t.Fatalf("after %d tries: %+v, %v", tries, report, err)
		}
	}
	if written != uint64(n) {
		t.Errorf("%d were written, of %d", written, n)
	}
}

// TestFindings: what is not the same in both places is told, and nothing of it is changed by looking.
func TestFindings(t *testing.T) {
	from, to := open(t), open(t)
	n := fill(t, from)
	if _, err := mover.Run(t.Context(), from, to, mover.Options{}); err != nil {
		t.Fatal(err)
	}
	put(t, to, "a", "west", "a new one")
	put(t, to, "z", "west", "another center's")
	if err := to.Delete(t.Context(), "b", "call 3"); err != nil {
		t.Fatal(err)
	}
	err := to.Mark(t.Context(), "b", "call 4", func(r *mapping.Recording) error {
		r.NonDelete = &mapping.Hold{User: "ops", Time: 1}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	// Since the first move a hold was released and a label taken off here, and a medium arrived there.
	err = from.Mark(t.Context(), "b", "call 7", func(r *mapping.Recording) error {
		r.NonDelete, r.Labels = nil, nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	more := indextest.New("call 8", "west", 99_000)
	more.MediaFiles[0].Descriptor.Path += ".more"
	if _, err := to.Put(t.Context(), "b", more); err != nil {
		t.Fatal(err)
	}

	want := []mover.Problem{
		{Kind: mover.Additional, ContactCenter: "a", ID: "a new one"},
		{Kind: mover.Missing, ContactCenter: "b", ID: "call 3"},
		{Kind: mover.Different, ContactCenter: "b", ID: "call 4", Detail: "the hold"},
		{Kind: mover.Different, ContactCenter: "b", ID: "call 7", Detail: "the hold, the labels"},
		{Kind: mover.Different, ContactCenter: "b", ID: "call 8", Detail: "the metadata"},
		{Kind: mover.Additional, ContactCenter: "z", ID: "another center's"},
	}
	for range 2 {
		report, err := mover.Run(t.Context(), from, to, mover.Options{Check: true})
		if err != nil || report.Written != 0 || report.Recordings != uint64(n) || fmt.Sprint(report.Findings) !=
			fmt.Sprint(want) {
			t.Errorf("%+v, %v", report, err)
		}
	}

	// What is missing is written, what only the other place has stays, and is not told as written.
	report, err := mover.Run(t.Context(), from, to, mover.Options{})
	want = slices.DeleteFunc(want, func(p mover.Problem) bool { return p.Kind == mover.Missing })
	if err != nil || report.Written != 1 || fmt.Sprint(report.Findings) != fmt.Sprint(want) {
		t.Errorf("%+v, %v", report, err)
	}
}

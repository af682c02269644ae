package indextest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"recordings/index"
	"recordings/mapping"
)

// hold puts a recording under a hold, or releases it.
func hold(held bool) func(*mapping.Recording) error {
	return func(r *mapping.Recording) error {
		r.NonDelete = nil
		if held {
			r.NonDelete = &mapping.Hold{Time: 7, User: "ops", Reason: "a lawsuit"}
		}
		return nil
	}
}

// label puts a label on a recording.
func label(name, value string) func(*mapping.Recording) error {
	return func(r *mapping.Recording) error {
		r.SetLabel(mapping.Label{Name: name, Value: value, Time: 8, User: "alice"})
		return nil
	}
}

// define defines labels by their names.
func define(t testing.TB, x Index, contactCenter string, names ...string) {
	t.Helper()
	for _, name := range names {
		d := mapping.LabelDefinition{Name: name, DisplayName: name}
		if err := x.DefineLabel(t.Context(), contactCenter, d, false); err != nil {
			t.Fatalf("defining %s: %v", name, err)
		}
	}
}

// testHolds: what is under a hold cannot be deleted, nor changed but by what is added.
func testHolds(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	first := New("r", region, 1000)
	put(t, x, center, first, index.Created)
	put(t, x, center, New("s", region, 1000), index.Created)
	if err := x.Mark(t.Context(), center, "r", hold(true)); err != nil {
		t.Fatal(err)
	}
	if err := x.Mark(t.Context(), center, "nothing", hold(true)); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("holding what is not there: %v", err)
	}

	bothWays(t, x, func() {
		wantFound(t, x, center, region, "r", "nonDelete=true")
		wantFound(t, x, center, region, "s", "nonDelete=false")
		wantFound(t, x, center, region, "r", "nonDelete=true", "startTime=0", "userName=*")
	})

	seen, err := x.Get(t.Context(), here, "r")
	if err != nil || seen.NonDelete == nil || seen.NonDelete.Reason != "a lawsuit" {
		t.Fatalf("%+v, %v", seen, err)
	}
	if err := x.Delete(t.Context(), center, "r"); !errors.Is(err, index.ErrHeld) {
		t.Errorf("Delete: %v", err)
	}
	if err := x.DeleteSeen(t.Context(), center, seen, nil); !errors.Is(err, index.ErrHeld) {
		t.Errorf("DeleteSeen: %v", err)
	}
	if _, _, err := x.Claim(t.Context(), center, "r", index.MediaOf); !errors.Is(err, index.ErrHeld) {
		t.Errorf("Claim: %v", err)
	}

	put(t, x, center, first, index.Unchanged)
	other := New("r", region, 1000)
	other.CallerPhoneNumber = "another"
	if _, err := x.Put(t.Context(), center, other); !errors.Is(err, index.ErrHeld) {
		t.Errorf("rewriting: %v", err)
	}
	more := New("r", region, 1000)
	more.MediaFiles = append(slices.Clone(more.MediaFiles), mediaFile("more.mp3", 1000, 9000))
	put(t, x, center, more, index.Merged)
	shorter := New("r", region, 1000)
	shorter.MediaFiles[0].StopTime++
	if _, err := x.Put(t.Context(), center, shorter); !errors.Is(err, index.ErrHeld) {
		t.Errorf("rewriting a media file: %v", err)
	}

	if err := x.Mark(t.Context(), center, "r", hold(false)); err != nil {
		t.Fatal(err)
	}
	put(t, x, center, other, index.Merged)
	if err := x.Delete(t.Context(), center, "r"); err != nil {
		t.Errorf("deleting what was released: %v", err)
	}
}

// testMarkAll: many at once, each with its own verdict, and what change returns is returned.
func testMarkAll(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprint(i))
		put(t, x, center, New(ids[i], region, mapping.Time(1000+i)), index.Created)
	}
	refused := errors.New("not this one")
	ids = append(ids, "nothing", "5")
	errs := x.MarkAll(t.Context(), center, ids, func(r *mapping.Recording) error {
		if r.ID == "7" {
			return refused
		}
		return hold(true)(r)
	})
	for i, err := range errs {
		want := map[string]error{"nothing": index.ErrNotFound, "7": refused}[ids[i]]
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", ids[i], err, want)
		}
	}

	bothWays(t, x, func() {
		n, err := x.Count(t.Context(), index.Query{Scope: here, Criteria: criteria(t, "nonDelete=true")})
		if err != nil || n != 299 {
			t.Errorf("%d are held, %v", n, err)
		}
	})
}

// testLabels: only defined labels can be borne, and a definition that is borne goes with force only.
func testLabels(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	for _, id := range []string{"r", "s"} {
		put(t, x, center, New(id, region, 1000), index.Created)
	}
	if err := x.Mark(t.Context(), center, "r", label("vip", "")); !errors.Is(err, index.ErrNoLabel) {
		t.Errorf("a label that is not defined: %v", err)
	}
	define(t, x, center, "VIP", "complaint")
	again := mapping.LabelDefinition{Name: "vip", DisplayName: "again"}
	if err := x.DefineLabel(t.Context(), center, again, false); !errors.Is(err, index.ErrLabelExists) {
		t.Errorf("defining it again: %v", err)
	}
	again.Name = "other"
	if err := x.DefineLabel(t.Context(), center, again, true); !errors.Is(err, index.ErrNoLabel) {
		t.Errorf("changing what is not there: %v", err)
	}
	again.DisplayName = "vIP"
	if err := x.DefineLabel(t.Context(), center, again, false); !errors.Is(err, index.ErrDisplayName) {
		t.Errorf("a display name twice: %v", err)
	}
	again = mapping.LabelDefinition{Name: "Complaint", DisplayName: "Beschwerde", Description: "d"}
	if err := x.DefineLabel(t.Context(), center, again, true); err != nil {
		t.Errorf("changing a definition: %v", err)
	}
	all, err := x.Labels(t.Context(), center)
	if err != nil || len(all) != 2 || all[0] != again || all[1].Name != "VIP" {
		t.Errorf("the labels are %+v, %v", all, err)
	}
	if none, err := x.Labels(t.Context(), "other"); err != nil || len(none) > 0 {
		t.Errorf("the labels of another contact center are %+v, %v", none, err)
	}

	for _, id := range []string{"r", "s"} {
		if err := x.Mark(t.Context(), center, id, label("vip", "Größe "+id)); err != nil {
			t.Fatal(err)
		}
	}
	bothWays(t, x, func() {
		wantFound(t, x, center, region, "r s", "label=Vip")
		wantFound(t, x, center, region, "r", `label="VIP=GRÖßE r"`)
		wantFound(t, x, center, region, "r s", "label=complaint v*")
		wantFound(t, x, center, region, "", "label=vip AND complaint")
		wantFound(t, x, center, region, "s", `label=vip AND "vip=*e s"`)
	})

	put(t, x, center, New("r", region, 1000), index.Unchanged) // merging keeps the marks
	var borne *index.LabelBorneError
	if err := x.DropLabel(t.Context(), center, "vip", false); !errors.As(err, &borne) || borne.Recordings != 2 {
		t.Errorf("dropping what is borne: %v", err)
	}
	if err := x.DropLabel(t.Context(), center, "nothing", true); !errors.Is(err, index.ErrNoLabel) {
		t.Errorf("dropping what is not there: %v", err)
	}
	if err := x.DropLabel(t.Context(), center, "vip", true); err != nil {
		t.Fatal(err)
	}
	bothWays(t, x, func() { wantFound(t, x, center, region, "", "label=vip*") })
	if r, err := x.Get(t.Context(), here, "r"); err != nil || len(r.Labels) > 0 {
		t.Errorf("the label was dropped, and %+v, %v", r, err)
	}
}

// testDropLabel: a label is taken off many recordings, while others are posted, merged and labeled, and
// then none bears it.
func testDropLabel(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	define(t, x, center, "vip")
	n := Sized(1500, 600) // of which 1,000 are counted
	var ids []string
	var all []*mapping.Recording
	for i := range n {
		ids = append(ids, fmt.Sprint(i))
		all = append(all, New(ids[i], region, mapping.Time(1000+i)))
	}
	for _, result := range x.PutAll(t.Context(), center, all, index.PutOptions{}) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	for _, err := range x.MarkAll(t.Context(), center, ids, label("vip", "v")) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var borne *index.LabelBorneError
	err := x.DropLabel(t.Context(), center, "vip", false)
	if !errors.As(err, &borne) || borne.Recordings != min(n, 1000) || borne.More != (n > 1000) {
		t.Errorf("dropping what is borne: %v", err)
	}

	var others sync.WaitGroup
	for w := range 3 {
		others.Go(func() {
			for i := range 100 {
				id := fmt.Sprint(i * 7 % n)
				if w == 0 {
					id = fmt.Sprint("new ", i)
					put(t, x, center, New(id, region, 1000), index.Created)
				}
				err := x.Mark(t.Context(), center, id, label("VIP", fmt.Sprint(w, i)))
				if errors.Is(err, index.ErrNoLabel) {
					return
				}
				if err != nil {
					t.Errorf("labeling: %v", err)
					return
				}
			}
		})
	}
	if err := x.DropLabel(t.Context(), center, "vip", true); err != nil {
		t.Error(err)
	}
	others.Wait()

	err = x.Scan(t.Context(), func(_ string, r *mapping.Recording) error {
		if len(r.Labels) > 0 {
			t.Errorf("%s bears %v", r.ID, r.Labels)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	bothWays(t, x, func() { wantFound(t, x, center, region, "", "label=vip*") })
	define(t, x, center, "vip")
}

// testPutMarks: what is moved from another installation keeps its marks, and nothing else brings any.
func testPutMarks(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	define(t, x, center, "vip")
	moved := New("r", region, 1000)
	moved.NonDelete = &mapping.Hold{Time: 1, User: "u"}
	moved.Labels = []mapping.Label{{Name: "Vip", Value: "v", Time: 2, User: "w"}}
	put(t, x, center, moved, index.Created)
	if r, err := x.Get(t.Context(), here, "r"); err != nil || r.NonDelete != nil || len(r.Labels) > 0 {
		t.Errorf("posted with marks: %+v, %v", r, err)
	}

	undefined := *moved
	undefined.ID, undefined.Labels = "s", []mapping.Label{{Name: "nothing"}}
	all := []*mapping.Recording{moved, moved, &undefined}
	results := x.PutAll(t.Context(), center, all, index.PutOptions{Marks: true})
	if results[0].Outcome != index.Merged || results[1].Outcome != index.Unchanged ||
		!errors.Is(results[2].Err, index.ErrNoLabel) {
		t.Errorf("PutAll with marks: %+v", results)
	}
	r, err := x.Get(t.Context(), here, "r")
	if err != nil || r.NonDelete == nil || *r.NonDelete != *moved.NonDelete || r.Label("vip").Value != "v" {
		t.Errorf("moved: %+v, %v", r, err)
	}
}

// testNamedBy: who names a media file is known at once, in all contact centers and regions.
func testNamedBy(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	shared := mediaFile("shared.mp3", 1000, 2000)
	naming := func(id, in string) *mapping.Recording {
		r := New(id, in, 1000)
		r.MediaFiles = []mapping.MediaFile{mediaFile(id+".mp3", 1000, 2000), shared}
		return r
	}
	put(t, x, center, naming("a", region), index.Created)
	put(t, x, "other", naming("b", "elsewhere"), index.Created)
	put(t, x, center, New("c", region, 1000), index.Created)
	want := func(want string) {
		t.Helper()
		by, err := x.NamedBy(t.Context(), index.MediaOf(&shared.Descriptor), 10)
		slices.SortFunc(by, func(a, b index.Naming) int { return strings.Compare(a.ID, b.ID) })
		if got := fmt.Sprint(by); err != nil || got != want {
			t.Errorf("named by %s, %v, want %s", got, err, want)
		}
		if one, err := x.NamedBy(t.Context(), index.MediaOf(&shared.Descriptor), 1); err != nil || len(one) != 1 {
			t.Errorf("of one at most: %v, %v", one, err)
		}
	}
	bothWays(t, x, func() { want("[{" + center + " a false} {other b false}]") })
	if err := x.Mark(t.Context(), "other", "b", hold(true)); err != nil {
		t.Fatal(err)
	}
	bothWays(t, x, func() { want("[{" + center + " a false} {other b true}]") })
	if err := x.Delete(t.Context(), center, "a"); err != nil {
		t.Fatal(err)
	}
	bothWays(t, x, func() { want("[{other b true}]") })

	// What is the same is said by who asks: other descriptors, and other hashes, may name it.
	other := mediaFile("other.mp3", 1000, 2000)
	both := index.Media{
		Hashes: []string{shared.Descriptor.Hash(), other.Descriptor.Hash()},
		Same:   func(*mapping.MediaDescriptor) bool { return true },
	}
	r := New("d", region, 1000)
	r.MediaFiles = []mapping.MediaFile{other}
	put(t, x, center, r, index.Created)
	bothWays(t, x, func() {
		if by, err := x.NamedBy(t.Context(), both, 10); err != nil || len(by) != 2 {
			t.Errorf("named by %v, %v", by, err)
		}
	})
	both.Same = func(*mapping.MediaDescriptor) bool { return false }
	if by, err := x.NamedBy(t.Context(), both, 10); err != nil || len(by) != 0 {
		t.Errorf("nothing is the same, and it is named by %v, %v", by, err)
	}
}

// testClaims: of a deletion and a hold one wins, and of two deletions that share media the second sees
// that the first is done.
func testClaims(t *testing.T, fresh Opener) {
	x := start(t, fresh)
	put(t, x, center, New("r", region, 1000), index.Created)
	same := New("s", region, 1000) // names the same media
	same.MediaFiles = New("r", region, 1000).MediaFiles
	put(t, x, center, same, index.Created)
	_, release, err := x.Claim(t.Context(), center, "r", index.MediaOf)
	if err != nil {
		t.Fatal(err)
	}

	shortly := func(do func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return do(ctx)
	}
	for _, id := range []string{"r", "s"} {
		err := shortly(func(ctx context.Context) error { return x.Mark(ctx, center, id, hold(true)) })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s is claimed, or names claimed media, and got under a hold: %v", id, err)
		}
	}
	err = shortly(func(ctx context.Context) error { _, _, err := x.Claim(ctx, center, "s", index.MediaOf); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("media was claimed twice: %v", err)
	}
	media := index.MediaOf(&same.MediaFiles[0].Descriptor)
	err = shortly(func(ctx context.Context) error { _, err := x.ClaimMedia(ctx, media); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("media of a claimed recording was claimed: %v", err)
	}

	// Who comes to name claimed media waits, and who names other media does not.
	naming := New("n", region, 1000)
	naming.MediaFiles = same.MediaFiles
	err = shortly(func(ctx context.Context) error { _, err := x.Put(ctx, center, naming); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a recording came to name claimed media: %v", err)
	}
	other := New("o", region, 1000)
	other.MediaFiles = []mapping.MediaFile{mediaFile("other.mp3", 1000, 2000)}
	put(t, x, center, other, index.Created)
	release()
	if _, err := x.Put(t.Context(), center, naming); err != nil { // it may be there since the first time
		t.Errorf("naming media that was released: %v", err)
	}

	release, err = x.ClaimMedia(t.Context(), media)
	if err != nil {
		t.Fatal(err)
	}
	naming.ID = "m"
	err = shortly(func(ctx context.Context) error { _, err := x.Put(ctx, "other", naming); return err })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a recording of another contact center came to name claimed media: %v", err)
	}
	release()
	if err := x.Mark(t.Context(), center, "s", hold(true)); err != nil {
		t.Errorf("holding another: %v", err)
	}
	if err := x.Mark(t.Context(), center, "r", hold(true)); err != nil {
		t.Errorf("holding what was released: %v", err)
	}

	// Whoever comes first: never both.
	for i := range 50 {
		id := fmt.Sprint(i)
		put(t, x, center, New(id, region, 1000), index.Created)
		var held, claimed error
		var both sync.WaitGroup
		both.Go(func() { held = x.Mark(t.Context(), center, id, hold(true)) })
		both.Go(func() {
			var r *mapping.Recording
			var release func()
			if r, release, claimed = x.Claim(t.Context(), center, id, index.MediaOf); claimed == nil {
				claimed = x.DeleteSeen(t.Context(), center, r, nil)
				release()
			}
		})
		both.Wait()
		if (held == nil) == (claimed == nil) {
			t.Fatalf("the hold: %v, the deletion: %v", held, claimed)
		}
	}
}

// modelLabels are the labels of a model, which are defined when they are needed.
var modelLabels = []string{"vip", "Complaint", "x=y"}

// mark holds, releases, labels or comments what may be there or not.
func (m *model) mark(t *rapid.T) {
	contactCenter, id := ContactCenters().Draw(t, "contactCenter"), IDs().Draw(t, "id")
	name := rapid.SampledFrom(modelLabels).Draw(t, "label")
	d := mapping.LabelDefinition{Name: name, DisplayName: name}
	err := m.x.DefineLabel(m.t.Context(), contactCenter, d, false)
	if err != nil && !errors.Is(err, index.ErrLabelExists) {
		t.Fatalf("defining a label: %v", err)
	}

	change := hold(rapid.Bool().Draw(t, "held"))
	commentID := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "comment")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 3, 4:
		change = comment(commentID, rapid.SampledFrom(comments).Draw(t, "text"))
	case 5:
		change = uncomment(commentID)
	case 0:
		change = label(name, rapid.SampledFrom([]string{"", "a", "Ä b"}).Draw(t, "value"))
	case 1:
		change = func(r *mapping.Recording) error { r.RemoveLabel(strings.ToUpper(name)); return nil }
	}

	old := m.recordings[contactCenter][id]
	err = m.x.Mark(m.t.Context(), contactCenter, id, change)
	if old == nil {
		if !errors.Is(err, index.ErrNotFound) {
			t.Fatalf("marking what is not there: %v", err)
		}
		return
	}
	marked := *old
	change(&marked)
	if old.NonDelete != nil && !mapping.OnlyAddsComments(old, &marked) {
		if !errors.Is(err, index.ErrHeld) {
			t.Fatalf("changing a comment under a hold: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("marking: %v", err)
	}
	changed := m.encode(t, &marked) != m.encode(t, old)
	m.recordings[contactCenter][id] = &marked
	m.stamp(t, contactCenter, id, changed)
}

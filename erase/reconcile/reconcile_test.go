package reconcile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/erase"
	"recordings/erase/jobs"
	"recordings/erase/reconcile"
	"recordings/index/embedded"
	"recordings/mapping"
)

// bench is an index, two storages, and what compares them.
type bench struct {
	*reconcile.Reconciliations
	t      *testing.T
	index  *embedded.Index
	s3     *blobtest.Server
	dav    *blobtest.Server
	media  *blob.Store
	keeper jobs.Keeper
	audit  erase.Auditor // nil: none
	rate   int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	x, err := embedded.Open(context.Background(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		t: t, index: x, keeper: jobs.NewFiles(t.TempDir() + "/jobs"),
		s3: blobtest.NewServer(t, blobtest.S3), dav: blobtest.NewServer(t, blobtest.WebDAV),
	}
	b.media = blobtest.NewStore(t, blob.Options{
		S3: blob.S3{
			Buckets: []string{"calls"}, Endpoint: b.s3.URL, PathStyle: true, Region: "us-east-1",
			AccessKey: "k", SecretKey: "s",
		},
		WebDAV: blob.WebDAV{Origins: []blob.Origin{{URL: b.dav.URL + "/rec/"}}},
	}, new(blobtest.Observer))
	b.open()
	t.Cleanup(func() {
		b.Close()
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	b.Reconciliations, err = reconcile.Open(context.Background(), reconcile.Options{
		Index: b.index, Eraser: erase.New(b.index, b.media), Media: b.media, Keeper: b.keeper, Rate: b.rate,
		Audit: b.audit, Log: zerolog.Nop(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// post stores a recording that names media: at a URL of WebDAV, or in the bucket.
func (b *bench) post(contactCenter, id, size string, paths ...string) {
	b.t.Helper()
	r := &mapping.Recording{ID: id, CallerPhoneNumber: "1", DialedPhoneNumber: "2", Region: "us"}
	for _, path := range paths {
		d := mapping.MediaDescriptor{Storage: mapping.StorageS3, Path: path, Data: []byte(`{"bucket":"calls"}`)}
		if strings.HasPrefix(path, "http") {
			d = mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
		}
		r.MediaFiles = append(r.MediaFiles, mapping.MediaFile{Descriptor: d, CallUUID: "c", Size: size})
	}
	if _, err := b.index.Put(b.t.Context(), contactCenter, r); err != nil {
		b.t.Fatal(err)
	}
}

// old puts objects that are older than a day.
func old(s *blobtest.Server, paths ...string) {
	for _, path := range paths {
		s.Put(path, []byte("12345"))
		s.Age(path, time.Now().Add(-48*time.Hour))
	}
}

// reconcile compares, and returns how it ended and the lines of what was found, in order.
func (b *bench) reconcile(q reconcile.Request) (reconcile.Reconciliation, []string) {
	b.t.Helper()
	one, err := b.Begin(b.t.Context(), "cc", "ops", q)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.await(one.Number)
}

func (b *bench) await(number int) (one reconcile.Reconciliation, found []string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); !one.Phase.Ended() || one.Ended == 0; {
		if time.Now().After(deadline) {
			b.t.Fatalf("it does not end: %+v", one)
		}
		time.Sleep(5 * time.Millisecond)
		var err error
		if one, err = b.Get(b.t.Context(), "cc", number); err != nil {
			b.t.Fatal(err)
		}
	}

	lines, _, err := b.Results(b.t.Context(), "cc", number)
	if err != nil {
		b.t.Fatal(err)
	}
	for s := bufio.NewScanner(lines); s.Scan(); {
		var f reconcile.Finding
		if err := json.Unmarshal(s.Bytes(), &f); err != nil {
			b.t.Fatal(err)
		}
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Kind, f.ID, f.Object.Key)))
	}
	slices.Sort(found)
	return one, found
}

// TestReconcile finds what is missing, of another length, and unnamed, in a bucket and below an origin,
// and nothing else.
func TestReconcile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old(b.s3, "/calls/a/right.mp3", "/calls/a/longer.mp3", "/calls/a/unnamed.mp3", "/calls/others.mp3")
	b.s3.Put("/calls/a/late.mp3", []byte("its recorder is late"))
	old(b.dav, "/rec/x/right.wav", "/rec/x/deep/er/ünnamed é.wav", "/elsewhere.wav")
	b.post("cc", "right", "5", "a/right.mp3", b.dav.URL+"/rec/x/right.wav")
	b.post("cc", "unsized", "", "a/right.mp3")
	b.post("cc", "longer", "6", "a/longer.mp3")
	b.post("cc", "missing", "5", "a/missing.mp3", b.dav.URL+"/rec/x/missing.wav")
	b.post("cc", "elsewhere", "5", "http://not.configured.example/a.wav")
	b.post("other", "theirs", "9", "others.mp3", "a/theirs-missing.mp3")

	one, found := b.reconcile(reconcile.Request{})
	want := []string{
		"missing missing /rec/x/missing.wav", "missing missing a/missing.mp3", "notAsked elsewhere",
		"otherSize longer a/longer.mp3", "unnamed  /rec/x/deep/er/ünnamed é.wav", "unnamed  a/unnamed.mp3",
	}
	if one.Phase != jobs.Done || !slices.Equal(found, want) {
		t.Fatalf("%+v\n got %q\nwant %q", one, found, want)
	}
	if one.Media != 7 || one.Objects != 7 || one.Missing != 2 || one.OtherSize != 1 || one.NotAsked != 1 ||
		one.Unnamed != 2 {
		t.Errorf("the numbers are %+v", one)
	}
	if kinds := slices.Sorted(maps.Values(b.States("cc"))); !slices.Equal(kinds, []reconcile.Kind{
		reconcile.Missing, reconcile.Missing, reconcile.OtherSize,
	}) {
		t.Errorf("remembered are %v", kinds)
	}

	// What was found is known after a restart, too.
	b.Close()
	b.open()
	if len(b.States("cc")) != 3 || len(b.States("other")) != 0 {
		t.Errorf("opened again, %v", b.States("cc"))
	}
}

// TestDeleteUnnamed deletes what is not named, if the number is right, and what is named by then never.
func TestDeleteUnnamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old(b.s3, "/calls/named.mp3", "/calls/1.mp3", "/calls/2.mp3")
	old(b.dav, "/rec/3.wav")
	b.s3.Put("/calls/young.mp3", []byte("x"))
	b.post("other", "r", "5", "named.mp3")
	one, found := b.reconcile(reconcile.Request{DeleteUnnamed: true, Expected: 2})
	if one.Phase != jobs.Failed || !strings.Contains(one.Verdict, "3 objects") || one.Deleted != 0 || len(found) != 3 {
		t.Fatalf("another number: %+v, %q", one, found)
	}
	if !b.s3.Has("/calls/1.mp3") {
		t.Fatal("something was deleted")
	}

	one, found = b.reconcile(reconcile.Request{DeleteUnnamed: true, Expected: 3})
	if one.Phase != jobs.Done || one.Deleted != 3 || one.Kept != 0 {
		t.Fatalf("%+v, %q", one, found)
	}
	for _, path := range []string{"/calls/named.mp3", "/calls/young.mp3"} {
		if !b.s3.Has(path) {
			t.Errorf("%s was deleted", path)
		}
	}
	if b.s3.Has("/calls/1.mp3") || b.s3.Has("/calls/2.mp3") || b.dav.Has("/rec/3.wav") {
		t.Error("something was not deleted")
	}
}

// TestOwn: who asks for the media of one contact center alone learns nothing of anybody else's.
func TestOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old(b.s3, "/calls/there.mp3", "/calls/theirs.mp3", "/calls/unnamed.mp3")
	b.post("other", "r", "5", "theirs.mp3")
	b.post("cc", "r", "5", "there.mp3")
	one, found := b.reconcile(reconcile.Request{Own: true, DeleteUnnamed: true, Expected: 1})
	if one.Objects != 0 || one.Verdict != "all 1 media files are there" || len(found) != 0 ||
		!b.s3.Has("/calls/unnamed.mp3") {
		t.Errorf("%+v, %q", one, found)
	}

	b.post("cc", "s", "5", "missing.mp3")
	const verdict = "2 media files: 1 missing, 0 of another size, 0 that could not be asked for"
	one, found = b.reconcile(reconcile.Request{Own: true})
	if one.Verdict != verdict || !slices.Equal(found, []string{"missing s missing.mp3"}) {
		t.Errorf("%+v, %q", one, found)
	}
}

// brokenAuditor writes nothing down.
type brokenAuditor struct {
	erase.Unaudited
	asked atomic.Int32
}

// Record implements [erase.Auditor].
func (a *brokenAuditor) Record(context.Context, []erase.Entry) error {
	a.asked.Add(1)
	return errors.New("the audit log is broken")
}

// TestWaits: what cannot go on now is not tried all the time, and can be cancelled meanwhile.
func TestWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Close()
	a := &brokenAuditor{}
	b.audit = a
	b.open()
	old(b.s3, "/calls/unnamed.mp3")
	one, err := b.Begin(t.Context(), "cc", "ops", reconcile.Request{DeleteUnnamed: true, Expected: 1})
	if err != nil {
		t.Fatal(err)
	}
	for a.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Second) // on a slow machine it is asked less often still
	if n := a.asked.Load(); n > 10 {
		t.Errorf("within a second the audit log was asked %d times", n)
	}
	if _, err := b.Control(t.Context(), "cc", one.Number, jobs.Cancel); err != nil {
		t.Error(err)
	}
	if one, _ := b.await(one.Number); one.Phase != jobs.Cancelled || !b.s3.Has("/calls/unnamed.mp3") {
		t.Errorf("%+v", one)
	}
}

// TestStorageAway: a storage that cannot be listed makes nothing missing that is there, and the others
// are compared.
func TestStorageAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old(b.dav, "/rec/a.wav", "/rec/unnamed.wav")
	b.post("cc", "r", "5", b.dav.URL+"/rec/a.wav", "b.mp3")
	b.s3.RequireUser("somebody else")
	one, found := b.reconcile(reconcile.Request{})
	want := []string{"notAsked r b.mp3", "unnamed  /rec/unnamed.wav"}
	if one.Phase != jobs.Done || !slices.Equal(found, want) {
		t.Errorf("%+v\n got %q\nwant %q", one, found, want)
	}
}

// TestGoesOn: closed at any moment, a reconciliation goes on where it was, and finds the same.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 60 {
		id := fmt.Sprint(i)
		b.post("cc", id, "5", "m/"+id+".mp3")
		if i%3 > 0 {
			old(b.s3, "/calls/m/"+id+".mp3")
		}
		if i%5 == 0 {
			old(b.s3, "/calls/unnamed/"+id+".mp3")
		}
	}
	_, want := b.reconcile(reconcile.Request{})
	if len(want) != 32 {
		t.Fatalf("found %q", want)
	}

	one, err := b.Begin(t.Context(), "cc", "ops", reconcile.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		time.Sleep(time.Duration(i) * 2 * time.Millisecond)
		b.Close()
		b.open()
	}
	if last, found := b.await(one.Number); last.Phase != jobs.Done || !slices.Equal(found, want) {
		t.Errorf("%+v\n got %q\nwant %q", last, found, want)
	}
}

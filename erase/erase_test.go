package erase_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/blob/blobtest"
	"recordings/erase"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/mapping"
)

// bench is an index, a storage whose deletions can be held up, and an eraser of both.
type bench struct {
	*erase.Eraser
	t       *testing.T
	index   *embedded.Index
	storage *blobtest.Server
	url     string
	stuck   chan struct{} // deletions wait until it is closed; nil: they do not
	mu      sync.Mutex    // guards stuck
	asked   chan struct{} // has an element for each deletion that waits
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, storage: blobtest.NewServer(t, blobtest.WebDAV), asked: make(chan struct{}, 100)}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		stuck := b.stuck
		b.mu.Unlock()
		if r.Method == http.MethodDelete && stuck != nil {
			b.asked <- struct{}{}
			<-stuck
		}
		b.storage.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	b.url = front.URL

	var err error
	b.index, err = embedded.Open(context.Background(), embedded.Options{Dir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.index.Close(); err != nil {
			t.Error(err)
		}
	})
	media, err := blob.New(context.Background(), blob.Options{
		WebDAV: blob.WebDAV{Default: b.url + "/rec/", Origins: []blob.Origin{{URL: b.url + "/"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(media.Close)
	b.Eraser = erase.New(b.index, media)
	return b
}

// stick has deletions wait until what it returns is called.
func (b *bench) stick() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stuck = make(chan struct{})
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		close(b.stuck)
		b.stuck = nil
	}
}

// recording names media by the paths.
func recording(id string, paths ...string) *mapping.Recording {
	r := &mapping.Recording{ID: id, CallerPhoneNumber: "1", DialedPhoneNumber: "2", Region: "us"}
	for _, path := range paths {
		r.MediaFiles = append(r.MediaFiles, mapping.MediaFile{
			Descriptor: mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}, CallUUID: "c",
		})
	}
	return r
}

func (b *bench) post(contactCenter, id string, paths ...string) {
	b.t.Helper()
	if _, err := b.index.Put(b.t.Context(), contactCenter, recording(id, paths...)); err != nil {
		b.t.Fatal(err)
	}
}

// spellings are how a file below the default origin may be named.
func (b *bench) spellings(name string) []string {
	return []string{
		name, strings.ReplaceAll(name, " ", "%20"), "/rec/" + name, b.url + "/rec/" + name,
		"HTTP" + strings.TrimPrefix(b.url, "http") + "/rec/" + fmt.Sprintf("%%%x", name[0]) + name[1:],
	}
}

// TestSharedMedia: media that two recordings name, however each of them spells it, is deleted with the
// last of them alone, also where both are deleted at the same time.
func TestSharedMedia(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const name = "a call ü.wav"
	for i, one := range b.spellings(name) {
		for k, other := range b.spellings(name) {
			b.storage.Put("/rec/"+name, []byte("audio"))
			first, second := fmt.Sprint("first ", i, k), fmt.Sprint("second ", i, k)
			b.post("cc", first, one)
			b.post("other", second, other)
			v, err := b.Recording(t.Context(), "cc", first, true)
			if err != nil || len(v.Kept) != 1 || len(v.Orphaned) != 0 || !b.storage.Has("/rec/"+name) {
				t.Fatalf("%q and %q: %+v, %v", one, other, v, err)
			}
			v, err = b.Recording(t.Context(), "other", second, true)
			if err != nil || len(v.Kept) != 0 || len(v.Orphaned) != 0 || b.storage.Has("/rec/"+name) {
				t.Fatalf("%q, the last: %+v, %v", other, v, err)
			}
		}
	}

	for i := range 30 {
		b.storage.Put("/rec/both.wav", []byte("audio"))
		var both sync.WaitGroup
		for k, path := range []string{"both.wav", b.url + "/rec/both.wav"} {
			id := fmt.Sprint(i, k)
			b.post("cc", id, path)
			both.Go(func() {
				if _, err := b.Recording(t.Context(), "cc", id, true); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if b.storage.Has("/rec/both.wav") {
			_, first := b.index.Get(t.Context(), index.Scope{ContactCenter: "cc", Region: "us"}, fmt.Sprint(i, 0))
			t.Fatalf("nobody names it any more, and it is there; %v", first)
		}
	}
}

// TestNamedMeanwhile: a recording that comes to name media which is just being deleted, in whichever way,
// is stored when that is done, and not before.
func TestNamedMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	orphan := func() error {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: "a.wav"}
		_, err := b.Retry(t.Context(), "cc", []index.OrphanedMedia{{ID: "o", RecordingID: "r", Descriptor: d}})
		return err
	}
	whole := func() error {
		_, err := b.Recording(t.Context(), "cc", "r", true)
		return err
	}
	unnamed := func() error {
		_, err := b.Unnamed(t.Context(), blob.ObjectID{Place: b.url + "/", Key: "/rec/a.wav"}, func() error {
			b.asked <- struct{}{}
			b.mu.Lock()
			stuck := b.stuck
			b.mu.Unlock()
			<-stuck
			return nil
		})
		return err
	}
	ways := map[string]func() error{"with its recording": whole, "orphaned": orphan, "unnamed": unnamed}
	for name, remove := range ways {
		b.storage.Put("/rec/a.wav", []byte("audio"))
		if name == "with its recording" {
			b.post("cc", "r", "a.wav")
		}
		release := b.stick()
		done := make(chan error, 1)
		go func() { done <- remove() }()
		<-b.asked

		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := b.index.Put(ctx, "other", recording("s", b.url+"/rec/a.wav"))
		cancel()
		if !errors.Is(err, index.ErrUnavailable) {
			t.Errorf("%s: it was named meanwhile: %v", name, err)
		}
		b.post("other", "t", "b.wav") // who names something else does not wait
		release()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}

		b.post("other", "s", b.url+"/rec/a.wav")
		if err := b.index.Delete(t.Context(), "other", "s"); err != nil {
			t.Error(err)
		}
	}
}

// TestRetry: orphaned media that a recording names again is kept, and taken off the list.
func TestRetry(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var all []index.OrphanedMedia
	for _, name := range []string{"gone.wav", "named.wav", "stuck.wav"} {
		b.storage.Put("/rec/"+name, []byte("audio"))
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: name}
		all = append(all, index.OrphanedMedia{ID: name, RecordingID: "r", Descriptor: d, Refused: name == "stuck.wav"})
	}
	if err := b.index.SettleOrphaned(t.Context(), "cc", nil, all); err != nil {
		t.Fatal(err)
	}
	b.post("other", "s", b.url+"/rec/named.wav")

	again, err := b.Retry(t.Context(), "cc", all)
	if err != nil || fmt.Sprint(again.Deleted, again.Kept, len(again.Failed)) != "[gone.wav] [named.wav] 1" {
		t.Errorf("%+v, %v", again, err)
	}
	if b.storage.Has("/rec/gone.wav") || !b.storage.Has("/rec/named.wav") || !b.storage.Has("/rec/stuck.wav") {
		t.Error("other media is gone than was told")
	}
	left, err := b.index.Orphaned(t.Context(), "cc", "", 10)
	if err != nil || len(left) != 1 || left[0].ID != "stuck.wav" || left[0].Tried == 0 {
		t.Errorf("left are %+v, %v", left, err)
	}
}

// Package blobtest is the conformance suite of media storage: [Run] asks of a real server, seen
// through blob.Store, what package blob promises, and [RunFaults] asks it of a server that does
// everything wrong that a server can do.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"recordings/blob"
	"recordings/mapping"
)

// Storage is a server under test, with one place that is configured and empty.
type Storage struct {
	Options    blob.Options // with the place and its credentials
	Descriptor func(name string) mapping.MediaDescriptor
	Put        func(t testing.TB, name string, data []byte)
	Has        func(t testing.TB, name string) bool
	// WrongCredentials are the options with credentials that the server does not accept.
	WrongCredentials blob.Options
}

// Run runs the suite.
func Run(t *testing.T, s Storage) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"Read", testRead},
		{"ReadSeek", testReadSeek},
		{"ServeContent", testServeContent},
		{"Requests", testRequests},
		{"Empty", testEmpty},
		{"Missing", testMissing},
		{"Delete", testDelete},
		{"Collection", testCollection},
		{"Names", testNames},
		{"LargeObject", testLargeObject},
		{"Changed", testChanged},
		{"Canceled", testCanceled},
		{"Concurrent", testConcurrent},
		{"WrongCredentials", testWrongCredentials},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newFixture(t, s, s.Options)) })
	}
}

// fixture is a store on the storage, whose bodies must all be closed when the test ends.
type fixture struct {
	Storage
	store *blob.Store
	wire  *Observer
}

func newFixture(t *testing.T, s Storage, o blob.Options) *fixture {
	f := &fixture{Storage: s, wire: new(Observer)}
	f.store = NewStore(t, o, f.wire)
	return f
}

// NewStore opens a store whose wire is observed; when the test ends no body may be open.
func NewStore(t testing.TB, o blob.Options, wire *Observer) *blob.Store {
	o.Observe = wire.Wrap
	store, err := blob.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		store.Close()
		if n := wire.OpenBodies(); n != 0 {
			t.Errorf("%d bodies were not closed", n)
		}
	})
	return store
}

// Data is n bytes that look like nothing, always the same.
func Data(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(data)
	return data
}

func (f *fixture) open(t *testing.T, name string, want blob.Want) *blob.Reader {
	t.Helper()
	r, err := f.store.Open(t.Context(), f.Descriptor(name), want)
	if err != nil {
		t.Fatalf("opening %s: %v", name, err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func testRead(t *testing.T, f *fixture) {
	data := Data(300_001)
	f.Put(t, "read.wav", data)
	r := f.open(t, "read.wav", blob.Want{})
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("read %d bytes, error %v; want %d bytes", len(got), err, len(data))
	}
	if r.Size() != int64(len(data)) || r.ETag() == "" || time.Since(r.ModTime()).Abs() > time.Hour {
		t.Errorf("size %d, ETag %s, modified %v", r.Size(), r.ETag(), r.ModTime())
	}

	if r.Close(); r.Err() != nil {
		t.Error(r.Err())
	}

	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed reader reads")
	}
}

func testReadSeek(t *testing.T, f *fixture) {
	data := Data(70_000)
	f.Put(t, "seek.wav", data)
	for _, want := range []blob.Want{{}, {Stat: true}, {Range: "bytes=100-2000"}} {
		r := f.open(t, "seek.wav", want)
		if want.Range != "" {
			r.Seek(0, io.SeekStart)
		}
		if err := iotest.TestReader(r, data); err != nil {
			t.Errorf("%+v: %v", want, err)
		}
	}
}

// testServeContent compares what http.ServeContent makes of a Reader with what it makes of the
// bytes.
func testServeContent(t *testing.T, f *fixture) {
	data := Data(100_000)
	f.Put(t, "serve.wav", data)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, header := range []string{
			"", "bytes=0-", "bytes=0-0", "bytes=99999-", "bytes=99999-200000", "bytes=-1", "bytes=-70000",
			"bytes=-200000",
			"bytes=40000-79999", "bytes=100000-", "bytes=200000-300000", "bytes=5-4", "bytes=abc", "lines=1-2",
			"bytes=0-9,90000-90009,-5",
			"bytes=50000-50099, 0-99", "bytes=-5,0-3", "bytes=0-99999,0-99999", "bytes=",
		} {
			t.Run(method+" "+header, func(t *testing.T) {
				req := httptest.NewRequest(method, "/", nil)
				if header != "" {
					req.Header.Set("Range", header)
				}

				r := f.open(t, "serve.wav", blob.Want{Stat: method == http.MethodHead, Range: header})
				got, want := serve(req, r, r), serve(req, r, bytes.NewReader(data))
				if r.Err() != nil {
					t.Fatal(r.Err())
				}
				if got != want {
					t.Errorf("got %.300q, want %.300q", got, want)
				}
			})
		}
	}
}

// serve returns status, headers and body as text; boundaries of multiparts are random and are
// replaced.
func serve(req *http.Request, r *blob.Reader, content io.ReadSeeker) string {
	w := httptest.NewRecorder()
	w.Header().Set("ETag", r.ETag())
	w.Header().Set("Content-Type", "audio/wav")
	http.ServeContent(w, req, "", r.ModTime(), content)
	var b bytes.Buffer
	w.Result().Write(&b)
	s := b.String()
	if _, boundary, ok := strings.Cut(w.Header().Get("Content-Type"), "boundary="); ok {
		s = strings.ReplaceAll(s, boundary, "BOUNDARY")
	}
	return s
}

// testRequests: reading anything takes one request, and no more bytes than were asked for.
func testRequests(t *testing.T, f *fixture) {
	data := Data(200_000)
	f.Put(t, "requests.wav", data)
	for _, test := range []struct {
		want  blob.Want
		from  int64
		n     int
		bytes int64
	}{
		{blob.Want{}, 0, 200_000, 200_000},
		{blob.Want{Range: "bytes=1000-1999"}, 1000, 1000, 1000},
		{blob.Want{Range: "bytes=-10"}, 199_990, 10, 10},
		{blob.Want{Stat: true}, 0, 0, 0},
	} {
		requests, read := f.wire.Requests(), f.wire.Bytes()
		r := f.open(t, "requests.wav", test.want)
		r.Seek(0, io.SeekEnd)
		r.Seek(test.from, io.SeekStart)
		got := make([]byte, test.n)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[test.from:test.from+int64(test.n)]) {
			t.Errorf("%+v: wrong bytes, error %v", test.want, err)
		}
		r.Close()

		requests, read = f.wire.Requests()-requests, f.wire.Bytes()-read
		if requests != 1 || read != test.bytes {
			t.Errorf("%+v took %d requests and %d bytes, want 1 and %d", test.want, requests, read, test.bytes)
		}
	}
}

func testEmpty(t *testing.T, f *fixture) {
	f.Put(t, "empty.wav", nil)
	for _, want := range []blob.Want{{}, {Stat: true}, {Range: "bytes=0-99"}, {Range: "bytes=-5"}} {
		r := f.open(t, "empty.wav", want)
		if got, err := io.ReadAll(r); err != nil || len(got) != 0 || r.Size() != 0 {
			t.Errorf("%+v: read %d bytes of %d, error %v", want, len(got), r.Size(), err)
		}
	}
}

func testMissing(t *testing.T, f *fixture) {
	for _, want := range []blob.Want{{}, {Stat: true}, {Range: "bytes=5-9"}} {
		if _, err := f.store.Open(t.Context(), f.Descriptor("missing.wav"), want); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%+v: error %v, want ErrNotFound", want, err)
		}
	}
	if err := f.store.Delete(t.Context(), f.Descriptor("missing.wav")); err != nil {
		t.Errorf("what is gone already does not count as deleted: %v", err)
	}
}

func testDelete(t *testing.T, f *fixture) {
	near := []string{"del/a.wav.bak", "del/a.wa", "del/A.wav", "del/b.wav"}
	for _, name := range append(near, "del/a.wav") {
		f.Put(t, name, Data(10))
	}

	for range 2 { // the second time it is gone
		if err := f.store.Delete(t.Context(), f.Descriptor("del/a.wav")); err != nil {
			t.Fatal(err)
		}
		if f.Has(t, "del/a.wav") {
			t.Fatal("it is still there")
		}
	}

	if _, err := f.store.Open(t.Context(), f.Descriptor("del/a.wav"), blob.Want{}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("opening what was deleted: %v", err)
	}

	f.store.Delete(t.Context(), f.Descriptor("del"))
	f.store.Delete(t.Context(), f.Descriptor("del/"))
	for _, name := range near {
		if !f.Has(t, name) {
			t.Errorf("%s was deleted, too", name)
		}
	}
}

// testCollection: what holds objects is none, whatever a server shows of it.
func testCollection(t *testing.T, f *fixture) {
	f.Put(t, "folder/a.wav", Data(10))
	for _, name := range []string{"folder", "folder/"} {
		for _, want := range []blob.Want{{}, {Range: "bytes=0-1"}, {Stat: true}} {
			r, err := f.store.Open(t.Context(), f.Descriptor(name), want)
			if err == nil {
				t.Errorf("%s was opened as an object of %d bytes", name, r.Size())
				r.Close()
			}
		}
		if err := f.store.Delete(t.Context(), f.Descriptor(name)); err != nil && !errors.As(err, new(*blob.Error)) {
			t.Errorf("deleting %s: %v", name, err)
		}
	}
	if !f.Has(t, "folder/a.wav") {
		t.Error("what is in a folder was deleted with it")
	}
}

// OddNames are object names that are easily got wrong.
func OddNames() []string {
	segment := strings.Repeat("0123456789", 24)
	return []string{
		"with space.wav", " leading.wav", "two  spaces .wav", "a+b.wav", "100%.wav", "50%25.wav", "%41.wav",
		"a%20b.wav", "%.wav",
		"a#b.wav", "#.wav", "a?b.wav", "a?b=c&d.wav", "a&b=c;d,e.wav", "~'()!*$@:.wav", "[x]{y}|z^`.wav",
		`quo"te<>.wav`, "a=b.wav",
		"grüße.wav", "日本語/録音.wav", "мир.wav", "👋🏽.wav", "e\u0301.wav", "\u00e9.wav", "a\u00a0b.wav", "dots...wav",
		"...wav", "..a/b.wav", ".hidden",
		"CON.wav", "http:/x.wav", "a:b.wav", "-.wav",
		strings.Join([]string{segment, segment, segment, segment}, "/") + "/" + strings.Repeat("x", 32) + ".wav",
	}
}

func testNames(t *testing.T, f *fixture) {
	names := OddNames()
	for i, name := range names {
		f.Put(t, name, Data(100+i))
	}

	for i, name := range names {
		r := f.open(t, name, blob.Want{})
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, Data(100+i)) {
			t.Errorf("%q: read %d bytes of another object or an error: %v", name, len(got), err)
		}
		r.Close()
	}

	for i, name := range names {
		if err := f.store.Delete(t.Context(), f.Descriptor(name)); err != nil {
			t.Errorf("deleting %q: %v", name, err)
		}

		if f.Has(t, name) {
			t.Errorf("%q is still there", name)
		}

		for _, other := range names[i+1:] {
			if !f.Has(t, other) {
				t.Fatalf("deleting %q deleted %q", name, other)
			}
		}
	}
}

// testLargeObject: what lies before the wanted bytes, and behind them, is not read.
func testLargeObject(t *testing.T, f *fixture) {
	data := Data(20 << 20)
	f.Put(t, "large.wav", data)
	r := f.open(t, "large.wav", blob.Want{Stat: true})
	for _, at := range []int64{20<<20 - 1000, 10 << 20, 0} {
		before := f.wire.Bytes()
		r.Seek(at, io.SeekStart)
		got := make([]byte, 1000)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[at:at+1000]) {
			t.Errorf("at %d: wrong bytes, error %v", at, err)
		}

		if n := f.wire.Bytes() - before; n > 1000 {
			t.Errorf("at %d: %d bytes were read for 1000", at, n)
		}
	}
}

func testChanged(t *testing.T, f *fixture) {
	f.Put(t, "changed.wav", Data(5<<20))
	r := f.open(t, "changed.wav", blob.Want{Stat: true})
	f.Put(t, "changed.wav", Data(5<<20 + 1)[1:])
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrChanged) || !errors.Is(r.Err(), blob.ErrChanged) {
		t.Errorf("error %v, Err %v, want ErrChanged", err, r.Err())
	}

	r = f.open(t, "changed.wav", blob.Want{Stat: true})
	if err := f.store.Delete(t.Context(), f.Descriptor("changed.wav")); err != nil {
		t.Fatal(err)
	}

	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrChanged) {
		t.Errorf("error %v, want ErrChanged", err)
	}
}

func testCanceled(t *testing.T, f *fixture) {
	f.Put(t, "canceled.wav", Data(20<<20))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := f.store.Open(ctx, f.Descriptor("canceled.wav"), blob.Want{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v, want Canceled", err)
	}

	if _, err := f.store.Open(ctx, f.Descriptor("canceled.wav"), blob.Want{}); !errors.Is(err, context.Canceled) {
		t.Errorf("opening: %v, want Canceled", err)
	}

	if err := f.store.Delete(ctx, f.Descriptor("canceled.wav")); !errors.Is(err, context.Canceled) {
		t.Errorf("deleting: %v, want Canceled", err)
	}
}

func testConcurrent(t *testing.T, f *fixture) {
	data := Data(1 << 20)
	f.Put(t, "concurrent.wav", data)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			r, err := f.store.Open(t.Context(), f.Descriptor("concurrent.wav"), blob.Want{})
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()

			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}

	wg.Wait()
}

func testWrongCredentials(t *testing.T, f *fixture) {
	f.Put(t, "secret.wav", Data(10))
	wrong := newFixture(t, f.Storage, f.Storage.WrongCredentials)
	for _, want := range []blob.Want{{}, {Stat: true}} {
		if _, err := wrong.store.Open(t.Context(), f.Descriptor("secret.wav"), want); !errors.Is(err, blob.ErrRefused) {
			t.Errorf("opening: %v, want ErrRefused", err)
		}
	}

	if err := wrong.store.Delete(t.Context(), f.Descriptor("secret.wav")); !errors.Is(err, blob.ErrRefused) {
		t.Errorf("deleting: %v, want ErrRefused", err)
	}

	if !f.Has(t, "secret.wav") {
		t.Error("it was deleted")
	}
}

package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"recordings/blob"
	"recordings/mapping"
)

// FaultTarget is how a driver is pointed at a [Server] in memory.
type FaultTarget struct {
	Dialect    Dialect
	Options    func(url string) blob.Options
	Descriptor func(url, name string) mapping.MediaDescriptor
	Path       func(name string) string // of the object on the server
}

// Patience are timeouts short enough for tests of servers that never answer.
var Patience = blob.Timeouts{Answer: time.Second, Stall: time.Second}

// RunFaults asks of a server with each of [Faults]: the right bytes or the right error, never a
// false "deleted", and nothing sent to anybody else.
func RunFaults(t *testing.T, target FaultTarget) {
	canary := NewCanary(t)
	for _, f := range Faults(target.Dialect, canary.URL) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			f.testRead(t, target, blob.Want{}, 0, 200_000, f.get)
			f.testRead(t, target, blob.Want{Range: wanted}, 1000, 1000, f.ranged)
			f.testRead(t, target, blob.Want{Stat: true}, 0, 0, f.head)
			f.testDelete(t, target, "", f.del)
			f.testDelete(t, target, "DELETE", f.delOnly)
		})
	}
}

// setUp makes a server with one object, and a store that looks at it.
func (f *Fault) setUp(t *testing.T, target FaultTarget, only string) (*Server, *blob.Store, mapping.MediaDescriptor) {
	server := NewServer(t, target.Dialect)
	server.Put(target.Path("a.wav"), Data(200_000))
	server.Misbehave(f, only)
	o := target.Options(server.URL)
	if f.silent {
		o.Timeouts = Patience
	}
	return server, NewStore(t, o, new(Observer)), target.Descriptor(server.URL, "a.wav")
}

func (f *Fault) testRead(t *testing.T, target FaultTarget, want blob.Want, from int64, n int, kind error) {
	t.Helper()
	server, store, d := f.setUp(t, target, "")
	got, err := read(t.Context(), store, d, want, from, n)
	check(t, err, kind)
	if data := Data(200_000)[from : from+int64(n)]; err == nil && !bytes.Equal(got, data) ||
		!bytes.HasPrefix(data, got) {
		t.Errorf("%+v: %d wrong bytes", want, len(got))
	}

	if server.Unsigned() > 0 {
		t.Errorf("%d requests without credentials", server.Unsigned())
	}
}

func read(ctx context.Context, store *blob.Store, d mapping.MediaDescriptor, want blob.Want, from int64, n int) ([]byte,
	error) {
	r, err := store.Open(ctx, d, want)
	if err != nil {
		return nil, err
	}
	defer r.Close()

	if _, err := r.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}

	got, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(got) < n {
		err = io.ErrUnexpectedEOF
	}
	return got, err
}

func (f *Fault) testDelete(t *testing.T, target FaultTarget, only string, kind error) {
	t.Helper()
	server, store, d := f.setUp(t, target, only)
	err := store.Delete(t.Context(), d)
	check(t, err, kind)
	if err == nil && server.Has(target.Path("a.wav")) && !f.gone {
		t.Error("a delete that did not happen was called one")
	}
}

// check compares an error with the kind that is expected. Whatever its kind, it must tell nothing
// that is not for everybody.
func check(t *testing.T, err, kind error) {
	t.Helper()
	switch {
	case kind == errEither:
	case kind == nil && err != nil:
		t.Errorf("error: %v", err)
	case kind == errAny && err != nil:
	case !errors.Is(err, kind):
		t.Errorf("error %v, want %v", err, kind)
	}

	if err != nil && bytes.Contains([]byte(err.Error()), []byte("a.wav")) {
		t.Errorf("the error tells the path: %v", err)
	}
}

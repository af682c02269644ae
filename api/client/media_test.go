package client_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"recordings/api/client"
)

// posted is the media file of a recording whose media has this content.
func posted(t *testing.T, s *service, id string, content []byte) client.MediaFile {
	t.Helper()
	if content != nil {
		if err := os.WriteFile(filepath.Join(s.media, id+".wav"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	ops := as(t, s.url, "ops").Center("cc")
	if _, err := ops.Post(t.Context(), call(id, 0)); err != nil {
		t.Fatal(err)
	}
	r, err := as(t, s.url, "admin").Own().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r.MediaFiles[0]
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// TestMedia: a media file reads as any other file does, by whatever steps.
func TestMedia(t *testing.T) {
	s := running(t)
	content := noise(10_000)
	file := posted(t, s, "r1", content)
	own := as(t, s.url, "admin").Own()

	m, err := own.Play(t.Context(), file.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Size != 10_000 || m.Type != "audio/wav" || m.Name != "r1-1.wav" {
		t.Errorf("it is %+v", m)
	}
	if err := iotest.TestReader(m, content); err != nil {
		t.Error(err)
	}

	for offset, whence := range map[int64]int{-1: io.SeekStart, -10_001: io.SeekEnd, 0: 7} {
		if _, err := m.Seek(offset, whence); err == nil {
			t.Errorf("it goes to %d of %d", offset, whence)
		}
	}

	d, err := own.Download(t.Context(), file.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if want := "2023-11-14T22-13-20Z +16505550101 Alice Smith.wav"; d.Name != want {
		t.Errorf("it is called %q", d.Name)
	}
}

// TestMediaResumed: where the connection breaks, reading goes on where it was.
func TestMediaResumed(t *testing.T) {
	s := running(t)
	content := noise(100_000)
	file := posted(t, s, "r1", content)
	f := newFlaky(t, s, 5, 7_777)
	m, err := as(t, f.URL, "admin").Own().Play(t.Context(), file.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got, err := io.ReadAll(m); err != nil || !bytes.Equal(got, content) || f.cuts.Load() >= 0 {
		t.Errorf("read %d bytes, %v, with %d cuts left", len(got), err, f.cuts.Load())
	}

	// Where nothing more comes, it ends.
	stuck, err := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}).Own().Play(t.Context(), file.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	if got, err := io.ReadAll(stuck); !is[*client.InterruptedError](err) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// TestMediaChanged: what was put in place of the media meanwhile is never mixed with it.
func TestMediaChanged(t *testing.T) {
	s := running(t)
	file := posted(t, s, "r1", noise(100_000))
	m, err := as(t, s.url, "admin").Own().Play(t.Context(), file.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()

	other := append(noise(50_000), noise(49_999)...)
	if err := os.WriteFile(filepath.Join(s.media, "r1.wav"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{60_000, 0} {
		if _, err := m.Seek(1, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "not the same any more") {
			t.Errorf("from %d on: %v", offset, err)
		}
	}
}

// TestMediaMissing: it is the service that says so.
func TestMediaMissing(t *testing.T) {
	s := running(t)
	file := posted(t, s, "gone", nil)
	_, err := as(t, s.url, "admin").Own().Play(t.Context(), file.URI)
	if refused, ok := errors.AsType[*client.RefusedError](err); !ok || refused.Code != client.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

// TestMediaOfUnknownSize is read to its end, and cannot be sought from there.
func TestMediaOfUnknownSize(t *testing.T) {
	own := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, " and half")
	}).Own()
	m, err := own.Play(t.Context(), "http://x/api/v2/recordings/a/play/b.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Seek(0, io.SeekEnd); err == nil {
		t.Error("its end is known")
	}
	if text, err := io.ReadAll(m); string(text) != "half and half" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
}

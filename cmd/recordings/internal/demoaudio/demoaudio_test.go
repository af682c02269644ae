package demoaudio_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"testing/iotest"
	"time"

	"github.com/studio-b12/gowebdav"
	"go.uber.org/goleak"

	"recordings/cmd/recordings/internal/demo"
	"recordings/cmd/recordings/internal/demoaudio"
	"recordings/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, recordings ...*mapping.Recording) *httptest.Server {
	t.Helper()
	s := demoaudio.New()
	for _, r := range recordings {
		s.Add(r)
	}

	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return server
}

func do(t *testing.T, method, url, byteRange string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		r.Header.Set("Range", byteRange)
	}

	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	return resp.StatusCode, b
}

// masked is a recording of the demonstration with masks.
func masked(t *testing.T) *mapping.Recording {
	t.Helper()
	for _, r := range demo.Recordings("", time.UnixMilli(1_790_000_000_000)) {
		if len(r.MediaFiles) > 1 && r.MediaFiles[0].Masks != nil {
			return r
		}
	}
	t.Fatal("no recording of the demonstration has two media files and masks")
	return nil
}

func TestFilesAreWhatTheRecordingSays(t *testing.T) {
	r := masked(t)
	s := serve(t, r)
	for _, m := range r.MediaFiles {
		status, wav := do(t, "GET", s.URL+m.Descriptor.Path, "")
		if want := m.Size; status != 200 || strconv.Itoa(len(wav)) != want {
			t.Fatalf("status %d, %d bytes, want %s", status, len(wav), want)
		}

		if string(wav[:4]) != "RIFF" || string(wav[8:16]) != "WAVEfmt " ||
			int(binary.LittleEndian.Uint32(wav[40:])) != len(wav)-44 {
			t.Errorf("no WAV header: %q", wav[:44])
		}

		_, again := do(t, "GET", s.URL+m.Descriptor.Path, "")
		if !bytes.Equal(wav, again) {
			t.Error("the same file sounds different the second time")
		}

		if _, part := do(t, "GET", s.URL+m.Descriptor.Path, "bytes=31-1032"); !bytes.Equal(part, wav[31:1033]) {
			t.Error("a range is not that part of the whole")
		}

		if loudest(wav[44:]) < 1000 {
			t.Error("nothing can be heard")
		}
	}
}

func loudest(samples []byte) (most int16) {
	for i := 0; i+1 < len(samples); i += 2 {
		most = max(most, int16(binary.LittleEndian.Uint16(samples[i:])))
	}
	return most
}

func TestMasksAreSilent(t *testing.T) {
	r := masked(t)
	s := serve(t, r)
	_, wav := do(t, "GET", s.URL+r.MediaFiles[0].Descriptor.Path, "")
	second := func(n int) []byte { return wav[44+n*16000 : 44+(n+1)*16000] }
	if loudest(second(7)) != 0 { // they begin with the seventh second and last for four at least
		t.Error("the recorder was paused, but something can be heard")
	}
	if loudest(second(2)) == 0 && loudest(second(3)) == 0 {
		t.Error("nothing can be heard before the pause")
	}
}

func TestReadingInPieces(t *testing.T) {
	r := masked(t)
	s := serve(t, r)
	m := r.MediaFiles[1]
	_, want := do(t, "GET", s.URL+m.Descriptor.Path, "")
	f, err := demoaudio.Open(demoaudioServer(r), m.Descriptor.Path)
	if err != nil {
		t.Fatal(err)
	}

	if err := iotest.TestReader(f, want); err != nil {
		t.Error(err)
	}
}

func demoaudioServer(r *mapping.Recording) *demoaudio.Server {
	s := demoaudio.New()
	s.Add(r)
	return s
}

func TestDeletedIsGone(t *testing.T) {
	r := masked(t)
	s := serve(t, r)
	uri := s.URL + r.MediaFiles[0].Descriptor.Path
	if status, _ := do(t, "DELETE", uri, ""); status != 204 {
		t.Errorf("DELETE: %d", status)
	}

	if status, _ := do(t, "GET", uri, ""); status != 404 {
		t.Errorf("GET of what is deleted: %d", status)
	}

	if status, _ := do(t, "GET", s.URL+r.MediaFiles[1].Descriptor.Path, ""); status != 200 {
		t.Errorf("GET of the other: %d", status)
	}

	for _, method := range []string{"PUT", "MKCOL"} {
		if status, _ := do(t, method, s.URL+"/calls/new.wav", ""); status < 400 {
			t.Errorf("%s: %d", method, status)
		}
	}
}

// TestListed: a storage is asked what it has by whoever looks for what is missing.
func TestListed(t *testing.T) {
	media := func(path string) mapping.MediaFile {
		d := mapping.MediaDescriptor{Storage: mapping.StorageWebDAV, Path: path}
		return mapping.MediaFile{Descriptor: d, StopTime: 1000}
	}
	server := serve(t, &mapping.Recording{MediaFiles: []mapping.MediaFile{
		media("http://x/rec/a.wav"), media("http://x/rec/b.wav"), media("http://x/rec/deep/c.wav"),
	}})
	client := gowebdav.NewClient(server.URL, "", "")
	members, err := client.ReadDir("/rec/")
	var got []string
	for _, m := range members {
		got = append(got, fmt.Sprint(m.Name(), " ", m.IsDir(), " ", m.Size() > 0))
	}
	want := []string{"a.wav false true", "b.wav false true", "deep true false"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

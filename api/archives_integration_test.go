//go:build integration

package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recordings/api"
	"recordings/blob"
	"recordings/blob/blobtest"
)

// readByPython reads an archive by another library, and compares each entry with the manifest.
const readByPython = `
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    names = z.namelist()
    assert len(set(names)) == len(names) and names[-1] == "manifest.json", names
    manifest = json.loads(z.read("manifest.json"))
    files = 0
    for r in manifest["recordings"]:
        for f in r.get("files", []) + ([r["metadata"]] if "metadata" in r else []):
            if "name" in f:
                files += 1
                data = z.read(f["name"])
                assert len(data) == f["size"] and hashlib.sha256(data).hexdigest() == f["sha256"], f
    for info in z.infolist():
        assert info.compress_type == zipfile.ZIP_STORED and info.date_time[0] >= 1980, info
    print(files, manifest["complete"], *sorted(names), sep="\n")
`

// TestArchiveByOthers: what Python and Info-ZIP read is what was stored, whatever the names, and what the
// storage has left out is told.
func TestArchiveByOthers(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	dav.write(t, "a.wav", noise(1_500_000))
	dav.write(t, "empty.wav", nil)
	postCall(t, s, "r1", "+49 30 1", "Zoë", nil, "a.wav", "empty.wav")
	postCall(t, s, "r2", "+49 30 1", "Zoë", nil, "a.wav", "gone.wav")
	postCall(t, s, "長い/名前", "٠٣٠", "山田\u202e太郎", map[string]any{
		"mediaFiles[0].startTime": "1970-01-01T00:00:01Z", "mediaFiles[0].stopTime": "2300-01-01T00:00:00Z",
	}, "a.wav")
	a := s.do(t, "POST", archivePath, "alice", nil, namedBody(t, "r1", "r2", "none", "長い/名前"))
	x := readArchive(t, a)

	path := filepath.Join(t.TempDir(), "case.zip")
	if err := os.WriteFile(path, []byte(a.body), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", readByPython, path).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != 2+len(x.names) || lines[0] != "7" || lines[1] != "False" {
		t.Fatalf("Python: %v\n%s", err, out)
	}
	for _, name := range x.names {
		if !strings.Contains(string(out), "\n"+name) {
			t.Errorf("Python does not see %q", name)
		}
	}
	if out, err := exec.Command("unzip", "-t", "-qq", path).CombinedOutput(); err != nil {
		t.Errorf("unzip: %v\n%s", err, out)
	}
}

// BenchmarkArchive is the media of 100 calls as one archive, beside the same objects read from the storage
// one after the other, in turn, so that what else the machine does slows both.
func BenchmarkArchive(b *testing.B) {
	for _, size := range []int{200_000, 4_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) { benchmarkArchive(b, size) })
	}
}

func benchmarkArchive(b *testing.B, size int) {
	apache := blobtest.StartApache(b)
	data := noise(size)
	for i := range archivedCalls {
		apache.Put(b, archivedName(i), data)
	}
	compareArchive(b, apache.URL, size)
}

// BenchmarkArchiveOfSlow is the same of a storage elsewhere: it begins to answer after 10 ms, and sends
// 100 MB/s.
func BenchmarkArchiveOfSlow(b *testing.B) {
	const size, rate, piece = 4_000_000, 100e6, 100_000
	data := noise(size)
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(10 * time.Millisecond)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		began := time.Now()
		for at := 0; at < size; at += piece {
			time.Sleep(time.Duration(float64(at)/rate*1e9) - time.Since(began))
			if _, err := w.Write(data[at : at+piece]); err != nil {
				return
			}
		}
	}))
	b.Cleanup(storage.Close)
	compareArchive(b, storage.URL+"/", size)
}

// archivedCalls is how many calls the archives of the benchmarks have.
const archivedCalls = 100

func archivedName(i int) string { return fmt.Sprintf("call-%d.wav", i) }

// compareArchive measures an archive of objects of a storage, and the same objects without it.
func compareArchive(b *testing.B, origin string, size int) {
	s := newServer(b, api.Options{Media: newMedia(b, blob.Options{
		WebDAV: blob.WebDAV{
			Origins: []blob.Origin{{URL: origin, Username: blobtest.User, Password: blobtest.Password}},
		},
	})})
	var ids, objects []string
	for i := range archivedCalls {
		name := archivedName(i)
		postMedia(b, s, name, "audio/wav", origin+name)
		ids, objects = append(ids, name), append(objects, origin+name)
	}

	fetch := func(method, url, user, pass, body string) (n int64) {
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.SetBasicAuth(user, pass)
		resp, err := s.client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		n, err = io.Copy(io.Discard, resp.Body)
		if err != nil || resp.StatusCode != 200 {
			b.Fatalf("%s: %v", resp.Status, err)
		}
		return n
	}
	var through, direct time.Duration
	for b.Loop() {
		began := time.Now()
		n := fetch("POST", s.URL+archivePath, "alice", password, namedBody(b, ids...))
		if n < int64(archivedCalls*size) {
			b.Fatalf("%d bytes", n)
		}
		through += time.Since(began)
		began = time.Now()
		for _, object := range objects {
			if n := fetch("GET", object, blobtest.User, blobtest.Password, ""); n != int64(size) {
				b.Fatalf("%d bytes", n)
			}
		}
		direct += time.Since(began)
	}
	all := float64(archivedCalls*size) * float64(b.N) / 1e6
	b.ReportMetric(all/through.Seconds(), "archive-MB/s")
	b.ReportMetric(all/direct.Seconds(), "direct-MB/s")
	b.ReportMetric(100*direct.Seconds()/through.Seconds(), "%-of-storage")
}

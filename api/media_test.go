package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"recordings/api"
	"recordings/blob"
)

func newMedia(t testing.TB, o blob.Options) *blob.Store {
	t.Helper()
	s, err := blob.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// davServer is a WebDAV server with a directory of its own. Faults, if set, answer before it does.
type davServer struct {
	*httptest.Server
	dir      string
	faults   atomic.Pointer[http.HandlerFunc]
	requests atomic.Int64
}

// storage is the configuration by which the service knows it.
func (d *davServer) storage() blob.WebDAV {
	return blob.WebDAV{Origins: []blob.Origin{{URL: d.URL + "/"}}, Default: d.URL + "/"}
}

func newDAV(t testing.TB) *davServer {
	t.Helper()
	d := &davServer{dir: t.TempDir()}
	dav := &webdav.Handler{FileSystem: webdav.Dir(d.dir), LockSystem: webdav.NewMemLS()}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.requests.Add(1)
		if faults := d.faults.Load(); faults != nil {
			(*faults)(w, r)
			return
		}
		dav.ServeHTTP(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *davServer) fail(h http.HandlerFunc) { d.faults.Store(&h) }

func (d *davServer) write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *davServer) has(name string) bool {
	_, err := os.Stat(filepath.Join(d.dir, name))
	return err == nil
}

// mediaServer is the API in front of a WebDAV server.
func mediaServer(t testing.TB) (*testServer, *davServer) {
	t.Helper()
	dav := newDAV(t)
	short := blob.Timeouts{Connect: time.Second, Answer: 300 * time.Millisecond, Stall: 300 * time.Millisecond}
	media := newMedia(t, blob.Options{WebDAV: dav.storage(), Timeouts: short})
	return newServer(t, api.Options{Media: media}), dav
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

const opsRecordings = "/api/v2/ops/contact-centers/cc/recordings"

// mediaBody is a recording whose media lie at the paths of a WebDAV server.
func mediaBody(t testing.TB, id, mediaType string, paths ...string) string {
	t.Helper()
	rec := exampleRecording(t).(map[string]any)
	rec["id"] = id
	var files []any
	for _, p := range paths {
		files = append(
			files,
			map[string]any{
				"callUUID":        "c",
				"startTime":       "2013-05-17T00:00:00Z",
				"stopTime":        "2013-05-17T00:00:01Z",
				"type":            mediaType,
				"mediaDescriptor": map[string]any{"storage": "webDAV", "path": p},
			},
		)
	}
	rec["mediaFiles"] = files
	return string(encode(t, rec))
}

// postMedia posts a recording whose media lie at the paths of a WebDAV server.
func postMedia(t testing.TB, s *testServer, id, mediaType string, paths ...string) {
	t.Helper()
	if a := s.do(t, "POST", opsRecordings, "ops", nil, mediaBody(t, id, mediaType, paths...)); a.status != 200 {
		t.Fatalf("POST: %d %s", a.status, a.body)
	}
}

// mediaURIs are those of a recording, as the user sees them, without scheme and host.
func mediaURIs(t testing.TB, s *testServer, user, id string) (uris []string) {
	t.Helper()
	collection := "/api/v2/recordings"
	if user == "ops" {
		collection = opsRecordings
	}
	a := s.do(t, "GET", collection+"/"+url.PathEscape(id), user, nil, "")
	for _, f := range at(decode(t, a.body), "recording.mediaFiles").([]any) {
		uris = append(uris, strings.TrimPrefix(at(f, "mediaUri").(string), s.URL))
	}
	return uris
}

func TestPlay(t *testing.T) {
	s, dav := mediaServer(t)
	data := noise(100_000)
	dav.write(t, "a.wav", data)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	ops, admin := mediaURIs(t, s, "ops", "r1")[0], mediaURIs(t, s, "alice", "r1")[0]
	whole := s.do(t, "GET", ops, "ops", nil, "")
	tag, modified := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
	if tag == "" || modified == "" {
		t.Fatalf("no ETag or Last-Modified in %v", whole.header)
	}
	n := len(data)
	for _, c := range []struct {
		name, method string
		header       map[string]string
		status       int
		body         []byte
		contentRange string
	}{
		{"whole", "GET", nil, 200, data, ""},
		{"first bytes", "GET", map[string]string{"Range": "bytes=0-99"}, 206, data[:100],
			fmt.Sprintf("bytes 0-99/%d", n)},
		{"middle", "GET", map[string]string{"Range": "bytes=50000-50009"}, 206, data[50000:50010],
			fmt.Sprintf("bytes 50000-50009/%d", n)},
		{"from", "GET", map[string]string{"Range": "bytes=99990-"}, 206, data[99990:],
			fmt.Sprintf("bytes 99990-99999/%d", n)},
		{"last bytes", "GET", map[string]string{"Range": "bytes=-10"}, 206, data[n-10:],
			fmt.Sprintf("bytes 99990-99999/%d", n)},
		{"beyond the end", "GET", map[string]string{"Range": "bytes=99990-200000"}, 206, data[99990:],
			fmt.Sprintf("bytes 99990-99999/%d", n)},
		{"If-Range holds", "GET", map[string]string{"Range": "bytes=0-9", "If-Range": modified}, 206, data[:10],
			fmt.Sprintf("bytes 0-9/%d", n)},
		{"If-Range does not hold", "GET", map[string]string{"Range": "bytes=10-19", "If-Range": `"other"`}, 200, data,
			""},
		{"If-None-Match holds", "GET", map[string]string{"If-None-Match": tag}, 304, nil, ""},
		{"If-None-Match does not hold", "GET", map[string]string{"If-None-Match": `"other"`}, 200, data, ""},
		{"If-Modified-Since", "GET", map[string]string{"If-Modified-Since": modified}, 304, nil, ""},
		{"another unit", "GET", map[string]string{"Range": "lines=1-2"}, 200, data, ""},
		{"HEAD", "HEAD", nil, 200, nil, ""},
		{"HEAD of a range", "HEAD", map[string]string{"Range": "bytes=0-9"}, 206, nil, fmt.Sprintf("bytes 0-9/%d", n)},
		{"not satisfiable", "GET", map[string]string{"Range": "bytes=100000-"}, 416, nil, fmt.Sprintf("bytes */%d", n)},
		{"If-Match does not hold", "GET", map[string]string{"If-Match": `"other"`}, 412, nil, ""},
	} {
		for user, uri := range map[string]string{"ops": ops, "alice": admin} {
			t.Run(c.name+" by "+user, func(t *testing.T) {
				a := s.do(t, c.method, uri, user, c.header, "")
				if a.status != c.status || a.header.Get("Content-Range") != c.contentRange {
					t.Fatalf(
						"status %d, Content-Range %q, want %d, %q",
						a.status,
						a.header.Get("Content-Range"),
						c.status,
						c.contentRange,
					)
				}
				if c.status >= 400 {
					checkEnvelope(t, c.method, a)
					return
				}
				if a.body != string(c.body) {
					t.Errorf("got %d bytes, want %d, or other ones", len(a.body), len(c.body))
				}
				if c.status == 304 {
					return
				}
				for name, want := range map[string]string{"Content-Type": "audio/wav",
					"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
					"Content-Disposition": "inline; filename=r1-1.wav", "ETag": tag,
					"Cache-Control": "private, no-cache"} {
					if got := a.header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if c.method == "HEAD" && c.status == 200 && a.header.Get("Content-Length") != fmt.Sprint(n) {
					t.Errorf("Content-Length %q", a.header.Get("Content-Length"))
				}
			})
		}
	}
}

func TestPlaySeveralRanges(t *testing.T) {
	s, dav := mediaServer(t)
	data := noise(100_000)
	dav.write(t, "a.wav", data)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	a := s.do(
		t,
		"GET",
		mediaURIs(t, s, "ops", "r1")[0],
		"ops",
		map[string]string{"Range": "bytes=90000-90009,5-6,-3"},
		"",
	)
	mediaType, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if a.status != 206 || err != nil || mediaType != "multipart/byteranges" {
		t.Fatalf("status %d, Content-Type %q", a.status, a.header.Get("Content-Type"))
	}
	parts := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	for _, want := range [][]byte{data[90000:90010], data[5:7], data[len(data)-3:]} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(p); err != nil || !bytes.Equal(got, want) ||
			p.Header.Get("Content-Type") != "audio/wav" {
			t.Errorf("part %q (%s), %v; want %q", got, p.Header.Get("Content-Type"), err, want)
		}
	}
}

func TestPlayFindsNothing(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	postMedia(t, s, "r2", "audio/wav", dav.URL+"/missing.wav")
	foreign := exampleRecording(t).(map[string]any)
	foreign["id"], foreign["region"] = "far", "elsewhere"
	s.do(t, "POST", opsRecordings, "ops", nil, string(encode(t, foreign)))
	uri := mediaURIs(t, s, "alice", "r1")[0]
	unknown := s.do(t, "GET", "/api/v2/recordings/none/play/x.wav", "alice", nil, "")
	for name, target := range map[string]string{
		"another name":      "/api/v2/recordings/r1/play/x.wav",
		"another extension": strings.TrimSuffix(uri, ".wav") + ".mp3",
		"another recording": strings.Replace(uri, "r1", "r2", 1),
		"another region":    "/api/v2/recordings/far/play/x.wav",
	} {
		if a := s.do(t, "GET", target, "alice", nil, ""); a.status != 404 || a.body != unknown.body {
			t.Errorf(
				"%s: %d %s, want what a recording that is not there gets: %s",
				name,
				a.status,
				a.body,
				unknown.body,
			)
		}
	}
	if a := s.do(t, "GET", uri+"?x=1", "alice", nil, ""); a.status != 400 {
		t.Errorf("with a parameter: %d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", strings.Replace(mediaURIs(t, s, "ops", "r1")[0], "/cc/", "/other/", 1), "ops", nil,
		""); a.status != 404 {
		t.Errorf("of another contact center: %d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", mediaURIs(t, s, "ops", "r2")[0], "ops", nil, ""); a.status != 404 ||
		!strings.Contains(a.body, `"statusCode":6`) {
		t.Errorf("media that the storage does not have: %d %s", a.status, a.body)
	}
	if a := s.do(t, "POST", uri, "alice", nil, ""); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}

func TestPlayOfWhatIsNotConfigured(t *testing.T) {
	s, dav := mediaServer(t)
	canary := httptest.NewServer(
		http.HandlerFunc(
			func(http.ResponseWriter, *http.Request) { t.Error("a server that is not configured was contacted") },
		),
	)
	defer canary.Close()
	postMedia(t, s, "r1", "", canary.URL+"/a.wav")
	for _, method := range []string{"GET", "HEAD"} {
		if a := s.do(t, method, mediaURIs(t, s, "ops", "r1")[0], "ops", nil, ""); a.status != 502 ||
			method == "GET" && !strings.Contains(a.body, canary.URL) {
			t.Errorf("%s by operations: %d %s", method, a.status, a.body)
		}
		if a := s.do(t, method, mediaURIs(t, s, "alice", "r1")[0], "alice", nil, ""); a.status != 502 ||
			strings.Contains(a.body, "127.0.0.1") {
			t.Errorf("%s by an administrator: %d %s", method, a.status, a.body)
		}
	}
	if dav.requests.Load() != 0 {
		t.Error("the configured server was contacted instead")
	}
}

func TestPlayWhenTheStorageIsInTrouble(t *testing.T) {
	s, dav := mediaServer(t)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "alice", "r1")[0]
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, c := range []struct {
		name   string
		faults http.HandlerFunc
		status int
	}{
		{"refuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 502},
		{"redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b.wav", http.StatusFound) },
			502},
		{"breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
		{"says nothing", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}, 504},
		{"does not have it", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			dav.fail(c.faults)
			a := s.do(t, "GET", uri, "alice", nil, "")
			if a.status != c.status || strings.Contains(a.body, "127.0.0.1") {
				t.Errorf("%d %s, want %d and nothing of the place", a.status, a.body, c.status)
			}
			checkEnvelope(t, "GET", a)
		})
	}
}

// What the storage does not complete must not look complete.
func TestPlayBreaksOffWhenTheStorageDoes(t *testing.T) {
	s, dav := mediaServer(t)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" { // what was broken off cannot be resumed
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(noise(50_000))
		panic(http.ErrAbortHandler)
	})
	r, err := http.NewRequest("GET", s.URL+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ops", password)
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes of 100000 arrived, and the answer ended as if it were complete", n)
	}
}

func TestPlayResumes(t *testing.T) {
	s, dav := mediaServer(t)
	data := noise(100_000)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("Range") == "" {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(data[:50_000])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	if a := s.do(t, "GET", uri, "ops", nil, ""); a.body != string(data) {
		t.Errorf("got %d bytes, or other ones", len(a.body))
	}
}

func TestPlayEndsWithItsClient(t *testing.T) {
	s, dav := mediaServer(t)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	ended := make(chan struct{})
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000000")
		buf := noise(64 << 10)
		for {
			if _, err := w.Write(buf); err != nil {
				close(ended)
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+mediaURIs(t, s, "ops", "r1")[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ops", password)
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the storage goes on sending to nobody")
	}
}

func TestDeleteWithMedia(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	dav.write(t, "b.wav", noise(10))
	dav.write(t, "other.wav", noise(10))
	postMedia(t, s, "r1", "", dav.URL+"/a.wav", dav.URL+"/b.wav", dav.URL+"/gone.wav")
	if a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, ""); a.status != 200 ||
		a.body != "{\"statusCode\":0}\n" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if dav.has("a.wav") || dav.has("b.wav") || !dav.has("other.wav") {
		t.Error("what is not there now is not what was deleted")
	}
	if a := s.do(t, "GET", opsRecordings+"/r1", "ops", nil, ""); a.status != 404 {
		t.Errorf("the metadata is still there: %d", a.status)
	}
	if a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, ""); a.status != 404 {
		t.Errorf("deleting again: %d %s", a.status, a.body)
	}
}

// TestDeleteReadsAddressesAsPlayDoes: an address with a user in it is refused, and nothing is deleted at
// the address without: neither by a DELETE, nor by a retry, which knows only what is shown of it.
func TestDeleteReadsAddressesAsPlayDoes(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	postMedia(t, s, "r1", "", strings.Replace(dav.URL, "://", "://user@", 1)+"/a.wav")

	uri := mediaURIs(t, s, "ops", "r1")[0]
	if a := s.do(t, "GET", strings.TrimPrefix(uri, s.URL), "ops", nil, ""); a.status != 502 {
		t.Fatalf("it is played: %d", a.status)
	}
	a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, "")
	if failed := at(decode(t, a.body), "failed").([]any); a.status != 200 || len(failed) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}

	for range 2 {
		a := s.do(t, "POST", mediaLeftBehind, "ops", nil, "")
		failed := at(decode(t, a.body), "failed").([]any)
		if len(failed) != 1 || at(failed[0], "statusMessage") == "" {
			t.Errorf("trying again: %s", a.body)
		}
	}
	if !dav.has("a.wav") || dav.requests.Load() != 0 {
		t.Errorf("the media is there: %t, after %d requests to its storage", dav.has("a.wav"), dav.requests.Load())
	}
}

func TestDeleteOfMetadataOnlyLeavesTheMedia(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	postMedia(t, s, "r1", "", dav.URL+"/a.wav")
	if a := s.do(t, "DELETE", opsRecordings+"/r1", "ops", nil, ""); a.status != 200 || !dav.has("a.wav") ||
		dav.requests.Load() != 0 {
		t.Errorf("%d %s, %d requests to the storage", a.status, a.body, dav.requests.Load())
	}
}

// TestForgetUnknown: what is not on the list cannot be taken off it.
func TestForgetUnknown(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	for _, id := range []string{"unknown", "%20", "a%2Fb", "%00", "x%FF"} {
		checkAnswer(t, s.do(t, "DELETE", mediaLeftBehind+"/"+id, "ops", nil, ""), 404, 6, "")
	}
}

const mediaLeftBehind = "/api/v2/ops/contact-centers/cc/media-left-behind"

func TestMediaLeftBehind(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	dav.write(t, "locked.wav", noise(10))
	dav.write(t, "again.wav", noise(10))
	postMedia(
		t,
		s,
		"r1",
		"",
		dav.URL+"/a.wav",
		dav.URL+"/locked.wav",
		"http://elsewhere.example/x.wav",
		dav.URL+"/again.wav",
	)
	uris := mediaURIs(t, s, "ops", "r1")
	id := func(n int) string {
		_, name, _ := strings.Cut(uris[n], "/play/")
		return strings.TrimSuffix(name, ".wav")
	}
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "DELETE" {
			w.WriteHeader(423)
			return
		}
		(&webdav.Handler{FileSystem: webdav.Dir(dav.dir), LockSystem: webdav.NewMemLS()}).ServeHTTP(w, r)
	})
	if err := os.Remove(filepath.Join(dav.dir, "a.wav")); err != nil {
		t.Fatal(err)
	}

	a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, "")
	answer := decode(t, a.body)
	failed := at(answer, "failed").([]any)
	if a.status != 200 || !strings.HasPrefix(a.body, `{"statusCode":7,`) || len(failed) != 3 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for i, n := range []int{1, 2, 3} {
		f := failed[i].(map[string]any)
		path := at(f, "mediaDescriptor.path").(string)
		if f["id"] != id(n) || fmt.Sprint(f["statusCode"]) != "4" ||
			!strings.HasPrefix(f["statusMessage"].(string), "Fail to send request deleting "+path+": ") ||
			at(f, "mediaDescriptor.storage") != "webDAV" {
			t.Errorf("failed[%d] is %v", i, f)
		}
	}
	if a := s.do(t, "GET", opsRecordings+"/r1", "ops", nil, ""); a.status != 404 {
		t.Errorf("the metadata is still there: %d", a.status)
	}

	a = s.do(t, "GET", mediaLeftBehind+"?limit=2", "ops", nil, "")
	if media := at(decode(t, a.body), "media").([]any); a.status != 200 || len(media) != 2 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	next, ok := at(decode(t, a.body), "nextUri").(string)
	if !ok {
		t.Fatalf("no nextUri in %s", a.body)
	}
	a = s.do(t, "GET", strings.TrimPrefix(next, s.URL), "ops", nil, "")
	if media := at(decode(t, a.body), "media").([]any); len(media) != 1 || strings.Contains(a.body, "nextUri") ||
		at(media[0], "recordingId") != "r1" {
		t.Fatalf("the last page: %s", a.body)
	}

	// The storage lets go, and one of the files is posted again.
	dav.faults.Store(nil)
	postMedia(t, s, "r1", "", dav.URL+"/again.wav")
	a = s.do(t, "POST", mediaLeftBehind, "ops", nil, "")
	want := map[string]string{"deleted": id(1), "kept": id(3)}
	for list, id := range want {
		if got := at(decode(t, a.body), list).([]any); len(got) != 1 || got[0] != id {
			t.Errorf("%s is %v, want %s: %s", list, got, id, a.body)
		}
	}
	if got := at(decode(t, a.body), "failed").([]any); len(got) != 1 || at(got[0], "id") != id(2) ||
		!strings.HasPrefix(a.body, `{"statusCode":7,`) {
		t.Errorf("failed is %v: %s", got, a.body)
	}
	if dav.has("locked.wav") || !dav.has("again.wav") {
		t.Error("the retry deleted what it should not, or not what it should")
	}
	if a := s.do(t, "GET", mediaLeftBehind, "ops", nil, ""); len(at(decode(t, a.body), "media").([]any)) != 1 {
		t.Errorf("after the retry: %s", a.body)
	}
	if a := s.do(t, "GET", strings.Replace(mediaLeftBehind, "/cc/", "/other/", 1), "ops", nil,
		""); a.body != "{\"statusCode\":0,\"media\":[]}\n" {
		t.Errorf("of another contact center: %s", a.body)
	}
	if a := s.do(t, "GET", mediaLeftBehind, "alice", nil, ""); a.status != 403 {
		t.Errorf("by an administrator: %d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", mediaLeftBehind+"?offset=1", "ops", nil, ""); a.status != 400 {
		t.Errorf("with a parameter that it does not have: %d %s", a.status, a.body)
	}
}

func TestOddObjectNames(t *testing.T) {
	s, dav := mediaServer(t)
	for i, name := range []string{"with space.wav", "100%.wav", "a+b.wav", "nön-äscii ☎.wav",
		strings.Repeat("x", 200) + ".wav", "semi;colon,comma.wav", "quote'\".wav", "plain"} {
		t.Run(name, func(t *testing.T) {
			id := fmt.Sprintf("odd %d/%%2F", i)
			data := []byte(name)
			dav.write(t, name, data)
			postMedia(t, s, id, "", dav.URL+"/"+url.PathEscape(name))
			uri := mediaURIs(t, s, "alice", id)[0]
			if a := s.do(t, "GET", uri, "alice", nil, ""); a.status != 200 || a.body != name {
				t.Fatalf("GET %s: %d %s", uri, a.status, a.body)
			}
			if a := s.do(t, "DELETE", opsRecordings+"/"+url.PathEscape(id)+"?subresources=*", "ops", nil,
				""); a.body != "{\"statusCode\":0}\n" ||
				dav.has(name) {
				t.Errorf("DELETE: %s", a.body)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	s, dav := mediaServer(t)
	for i, c := range []struct{ mediaType, path, want string }{
		{"audio/wav", "a.mp3", "audio/wav"}, {"audio/wav; codecs=1", "b.mp3", "audio/wav; codecs=1"},
		{"video/mp4", "c.wav", "video/mp4"},
		{"", "d.wav", "audio/wav"}, {"text/html", "e.mp3", "audio/mpeg"}, {"audio", "f.ogg", "audio/ogg"},
		{"application/pdf", "g.html", "application/octet-stream"},
		{"", "h", "audio/mpeg"}, {"AUDIO/X-Wav", "i.bin", "audio/x-wav"},
		{"audio/\nx: y", "j.bin", "application/octet-stream"},
	} {
		dav.write(t, c.path, []byte("x"))
		id := fmt.Sprint("r", i)
		postMedia(t, s, id, c.mediaType, dav.URL+"/"+c.path)
		if a := s.do(t, "GET", mediaURIs(t, s, "ops", id)[0], "ops", nil, ""); a.status != 200 ||
			a.header.Get("Content-Type") != c.want {
			t.Errorf("%q at %s: %d, %q, want %q", c.mediaType, c.path, a.status, a.header.Get("Content-Type"), c.want)
		}
	}
}

// A recording that changes while its media is deleted is deleted with what came to it.
func TestDeleteWithMediaOfARecordingThatChanges(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	dav.write(t, "late.wav", noise(10))
	postMedia(t, s, "r1", "", dav.URL+"/a.wav")
	var posted atomic.Bool
	files := &webdav.Handler{FileSystem: webdav.Dir(dav.dir), LockSystem: webdav.NewMemLS()}
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "DELETE" && posted.CompareAndSwap(false, true) {
			postMedia(t, s, "r1", "", dav.URL+"/late.wav")
		}
		files.ServeHTTP(w, r)
	})
	if a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, ""); a.body != "{\"statusCode\":0}\n" {
		t.Fatal(a.body)
	}
	if dav.has("a.wav") || dav.has("late.wav") {
		t.Error("media stayed behind without a word")
	}
	if a := s.do(t, "GET", opsRecordings+"/r1", "ops", nil, ""); a.status != 404 {
		t.Errorf("the metadata is still there: %d", a.status)
	}
	if !errors.Is(os.Remove(filepath.Join(dav.dir, "late.wav")), os.ErrNotExist) {
		t.Error("the file is there")
	}
}

// A client that hangs up must not leave a recording that names media which is gone.
func TestDeleteWithMediaIsFinishedWithoutItsClient(t *testing.T) {
	s, dav := mediaServer(t)
	dav.write(t, "a.wav", noise(10))
	postMedia(t, s, "r1", "", dav.URL+"/a.wav")
	began, finish := make(chan struct{}), make(chan struct{})
	files := &webdav.Handler{FileSystem: webdav.Dir(dav.dir), LockSystem: webdav.NewMemLS()}
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "DELETE" {
			close(began)
			<-finish
		}
		files.ServeHTTP(w, r)
	})
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "DELETE", s.URL+opsRecordings+"/r1?subresources=*", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ops", password)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := s.client.Do(r); err == nil {
			resp.Body.Close()
			t.Error("the request was answered although its client hung up")
		}
	}()
	<-began
	hangUp()
	<-gone
	close(finish)
	deadline := time.After(30 * time.Second)
	for s.do(t, "GET", opsRecordings+"/r1", "ops", nil, "").status != 404 {
		select {
		case <-deadline:
			t.Fatal("the metadata stayed although the media is gone")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if dav.has("a.wav") {
		t.Error("the media is still there")
	}
}

func TestPlayOfTooManyRangesIsTheWhole(t *testing.T) {
	s, dav := mediaServer(t)
	data := noise(1000)
	dav.write(t, "a.wav", data)
	postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
	uri := mediaURIs(t, s, "ops", "r1")[0]
	before := dav.requests.Load()
	a := s.do(t, "GET", uri, "ops", map[string]string{"Range": "bytes=0-0" + strings.Repeat(",9-9", 50)}, "")
	if a.status != 200 || a.body != string(data) || dav.requests.Load() != before+1 {
		t.Errorf("status %d, %d bytes, %d requests to the storage", a.status, len(a.body), dav.requests.Load()-before)
	}
}

func TestForgetMediaLeftBehind(t *testing.T) {
	s, _ := mediaServer(t)
	postMedia(t, s, "r1", "", "ftp://nowhere/a.wav")
	a := s.do(t, "DELETE", opsRecordings+"/r1?subresources=*", "ops", nil, "")
	id := at(decode(t, a.body), "failed[0].id").(string)
	if a := s.do(t, "DELETE", mediaLeftBehind+"/"+id, "alice", nil, ""); a.status != 403 {
		t.Errorf("by an administrator: %d %s", a.status, a.body)
	}
	if a := s.do(t, "DELETE", mediaLeftBehind+"/"+id, "ops", nil, ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", mediaLeftBehind, "ops", nil, ""); a.body != "{\"statusCode\":0,\"media\":[]}\n" {
		t.Errorf("it is still on the list: %s", a.body)
	}
}

// A client that is still sending must get to read why its body is refused.
func TestBodyThatIsMuchTooLargeIsAnswered(t *testing.T) {
	s := newServer(t, api.Options{})
	for _, size := range []int{2 << 20, 32 << 20} {
		a := s.do(t, "POST", opsRecordings, "ops", nil, strings.Repeat(" ", size))
		if a.status != 413 {
			t.Errorf("%d bytes: %d %s", size, a.status, a.body)
		}
	}
}

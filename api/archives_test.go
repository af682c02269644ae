package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/api/archive"
	"recordings/api/auth"
	"recordings/blob"
	"recordings/index"
	"recordings/index/indextest"
	"recordings/mapping"
)

const archivePath = "/api/v2/media.zip"

// archived is an archive that was read.
type archived struct {
	manifest *archive.Manifest
	text     string            // of the manifest
	names    []string          // of the entries, in their order
	content  map[string]string // by the names
}

// readArchive reads an archive with the library, and checks it against its manifest.
func readArchive(t testing.TB, a reply) *archived {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %s %.200s", a.status, a.header.Get("Content-Type"), a.body)
	}
	read := bytes.NewReader([]byte(a.body))
	manifest, err := archive.Check(read, read.Size())
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(read, read.Size())
	if err != nil {
		t.Fatal(err)
	}

	x := &archived{manifest: manifest, content: map[string]string{}}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if f.Method != zip.Store {
			t.Errorf("%s is compressed", f.Name)
		}
		x.names = append(x.names, f.Name)
		x.content[f.Name] = string(text)
	}
	x.text = x.content[archive.ManifestName]
	if len(x.content) != len(x.names) || x.names[len(x.names)-1] != archive.ManifestName {
		t.Errorf("the entries are %q", x.names)
	}
	return x
}

// archiveServer is the API in front of a WebDAV server, of which it waits for as long as it usually does.
func archiveServer(t testing.TB) (*testServer, *davServer) {
	t.Helper()
	dav := newDAV(t)
	return newServer(t, api.Options{Media: newMedia(t, blob.Options{WebDAV: dav.storage()})}), dav
}

// postCall posts a recording whose media files lie at the paths of a WebDAV server, with a caller and an
// agent, and some changes.
func postCall(t testing.TB, s *testServer, id, caller, agent string, changes map[string]any, paths ...string) {
	t.Helper()
	var rec any
	if err := json.Unmarshal([]byte(mediaBody(t, id, "audio/wav", paths...)), &rec); err != nil {
		t.Fatal(err)
	}
	rec = setPath(t, rec, "callerPhoneNumber", caller)
	rec = setPath(t, rec, "eventHistory", []any{map[string]any{
		"occurredAt": "2013-05-17T00:00:00Z", "event": "Joined", "contact": map[string]any{
			"type": "User", "phoneNumber": "1", "userName": "u", "firstName": agent, "lastName": "x",
		},
	}})
	for path, value := range changes {
		rec = setPath(t, rec, path, value)
	}
	checkAnswer(t, s.do(t, "POST", opsRecordings, "ops", nil, string(encode(t, rec))), 200, 0, "")
}

// namedBody is a body that names recordings.
func namedBody(t testing.TB, ids ...string) string {
	t.Helper()
	return string(encode(t, map[string]any{"recordings": ids}))
}

// TestArchive: media of many calls, some of which have the same name, are of other scripts, or are not there.
func TestArchive(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	media := map[string][]byte{"a.wav": noise(3_000_000), "b.wav": noise(10), "c.wav": {}, "d.wav": noise(524_288)}
	for name, data := range media {
		dav.write(t, name, data)
	}
	postCall(t, s, "twins/1", "+49 30 1", "Zoë", nil, "a.wav", "b.wav")
	postCall(t, s, "twins/2", "+49 30 1", "ZOË", nil, "b.wav", "gone.wav")
	postCall(t, s, "長い", "../../etc/passwd", "山田\u202e太郎", nil, "c.wav")
	postCall(t, s, "شركة", "٠٣٠", "فاطمة", map[string]any{"mediaFiles[0].pkcs7": "abc"}, "d.wav")
	postCall(t, s, "elsewhere", "1", "Bob", nil, "https://elsewhere.example.com/x.wav")

	ids := []string{"twins/1", "none", "twins/2", "長い", "شركة", "elsewhere"}
	x := readArchive(t, s.do(t, "POST", archivePath, "alice", nil, namedBody(t, ids...)))
	const when = "2013-05-17T00-00-00Z"
	want := []string{
		"0001 " + when + " +49 30 1 Zoë x (1).wav", "0001 " + when + " +49 30 1 Zoë x (2).wav",
		"0001 " + when + " +49 30 1 Zoë x.recording.json",
		"0003 " + when + " +49 30 1 ZOË x (1).wav", "0003 " + when + " +49 30 1 ZOË x (2).wav.txt",
		"0003 " + when + " +49 30 1 ZOË x.recording.json",
		"0004 " + when + " _.._etc_passwd 山田太郎 x.wav", "0004 " + when + " _.._etc_passwd 山田太郎 x.recording.json",
		"0005 " + when + " ٠٣٠ فاطمة x.wav", "0005 " + when + " ٠٣٠ فاطمة x.recording.json",
		"0006 " + when + " 1 Bob x.wav.txt", "0006 " + when + " 1 Bob x.recording.json",
		"manifest.json",
	}
	if !slices.Equal(x.names, want) {
		t.Errorf("the entries are\n%s\nwant\n%s", strings.Join(x.names, "\n"), strings.Join(want, "\n"))
	}

	// What is in it is what was stored, and what the API shows.
	for i, name := range map[int]string{0: "a.wav", 1: "b.wav", 3: "b.wav", 6: "c.wav", 8: "d.wav"} {
		if x.content[want[i]] != string(media[name]) {
			t.Errorf("%s is not %s", want[i], name)
		}
	}
	shown := decode(t, s.do(t, "GET", "/api/v2/recordings/twins%2F1", "alice", nil, "").body)
	if got, want := x.content[want[2]], string(encode(t, at(shown, "recording"))); !sameJSON(t, got, want) {
		t.Errorf("the metadata is\n%s\nwant\n%s", got, want)
	}
	if note := x.content[want[4]]; !strings.HasPrefix(note, "This media file is not here: ") || len(note) < 40 {
		t.Errorf("the note is %q", note)
	}

	// The manifest tells all of it.
	m := x.manifest
	if m.Complete || m.ContactCenter != "cc" || m.User != "alice" || len(m.Recordings) != len(ids) {
		t.Errorf("the manifest is %s", x.text)
	}
	for i, id := range ids {
		if m.Recordings[i].ID != id {
			t.Errorf("recording %d is %q, want %q", i, m.Recordings[i].ID, id)
		}
	}
	if r := m.Recordings[1]; r.StatusCode != 6 || r.StatusMessage != "no such recording" || r.Metadata != nil {
		t.Errorf("the missing recording is %+v", r)
	}
	file := m.Recordings[0].Files[0]
	if sum := sha256.Sum256(media["a.wav"]); file.SHA256 != hex.EncodeToString(sum[:]) || file.Size != 3_000_000 ||
		!file.Complete || file.ContentType != "audio/wav" || file.StatusCode != 0 ||
		!strings.HasSuffix(mediaURIs(t, s, "alice", "twins/1")[0], "/play/"+file.Media) {
		t.Errorf("a file is %+v", file)
	}
	if f := m.Recordings[2].Files[1]; f.Complete || f.Name != "" || f.StatusCode != 6 || f.StatusMessage == "" {
		t.Errorf("the missing file is %+v", f)
	}
	if f := m.Recordings[4].Files[0]; !f.Complete || !f.Encrypted {
		t.Errorf("the encrypted file is %+v", f)
	}
	if f := m.Recordings[5].Files[0]; f.Complete || f.StatusCode != 4 || strings.Contains(x.text, "elsewhere.example") {
		t.Errorf("the file elsewhere is %+v", f)
	}
	if recordings, files := m.Lacking(); recordings != 1 || files != 2 {
		t.Errorf("%d recordings and %d files are lacking", recordings, files)
	}
	theirs := s.do(t, "POST", strings.TrimSuffix(opsRecordings, "recordings")+"media.zip", "ops", nil,
		namedBody(t, "elsewhere"))
	if y := readArchive(t, theirs); !strings.Contains(y.text, "elsewhere.example.com") { // operations see which origin
		t.Errorf("to operations the manifest says %s", y.text)
	}
}

func sameJSON(t testing.TB, a, b string) bool {
	t.Helper()
	return string(encode(t, decode(t, a))) == string(encode(t, decode(t, b)))
}

// TestArchiveFound: recordings may be found, in the order of the search, or be named in the URL; and how
// much it is can be asked for beforehand.
func TestArchiveFound(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	dav.write(t, "a.wav", []byte("0123456789"))
	for i := range 3 {
		postCall(t, s, fmt.Sprintf("r%d", i), "5", "Bob", map[string]any{
			"mediaFiles[0].startTime": fmt.Sprintf("2013-05-1%dT00:00:00Z", i), "mediaFiles[0].size": 10 + i,
		}, "a.wav")
	}
	postCall(t, s, "r9", "6", "Bob", map[string]any{"mediaFiles[1].pkcs7": "x", "mediaFiles[0].size": "?"},
		"a.wav", "b.wav")

	for query, want := range map[string]string{
		"callerPhoneNumber=5": "r2 r1 r0", "callerPhoneNumber=5&sort=startTime": "r0 r1 r2", "callerPhoneNumber=7": "",
		"recording=r1&recording=r0": "r1 r0", "callerPhoneNumber=5&startTime=2013-05-11T00:00:00Z": "r2 r1",
	} {
		x := readArchive(t, s.do(t, "GET", archivePath+"?"+query, "alice", nil, ""))
		var ids []string
		for _, r := range x.manifest.Recordings {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != want || !x.manifest.Complete {
			t.Errorf("%s: %s, want %s: %s", query, got, want, x.text)
		}
	}

	for query, want := range map[string]string{
		"callerPhoneNumber=5": `{"recordings":3,"missing":0,"files":3,"encrypted":0,"bytes":33,"unsized":0}`,
		"recording=r9&recording=none": `{"recordings":1,"missing":1,"files":2,"encrypted":1,"bytes":0,` +
			`"unsized":2}`,
	} {
		asked := dav.requests.Load()
		a := s.do(t, "GET", archivePath+"?dryRun=true&"+query, "alice", nil, "")
		if want := `{"statusCode":0,"archive":` + want + "}\n"; a.status != 200 || a.body != want {
			t.Errorf("%s would be %d %s, want %s", query, a.status, a.body, want)
		}
		if dav.requests.Load() != asked {
			t.Errorf("%s: the storage was asked", query)
		}
	}
	if a := s.do(t, "POST", archivePath+"?dryRun=true", "alice", nil, namedBody(t, "r1")); !strings.Contains(a.body,
		`"recordings":1,`) {
		t.Errorf("one would be %d %s", a.status, a.body)
	}
	a := s.do(t, "HEAD", archivePath+"?callerPhoneNumber=5", "alice", nil, "")
	if name := a.header.Get("Content-Disposition"); a.status != 200 ||
		!strings.HasPrefix(name, `attachment; filename="recordings-2`) || !strings.HasSuffix(name, `Z.zip"`) {
		t.Errorf("HEAD: %d %s", a.status, name)
	}
}

// TestArchiveAtMost: more recordings than an archive has are refused, and nothing is sent of them.
func TestArchiveAtMost(t *testing.T) {
	t.Parallel()
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x})
	var all []*mapping.Recording
	var ids []string
	for i := range 1001 {
		all = append(all, indextest.New(fmt.Sprintf("r%04d", i), "test", mapping.Time(1_700_000_000_000+i)))
		ids = append(ids, all[i].ID)
	}
	for _, result := range x.PutAll(t.Context(), "cc", all, index.PutOptions{}) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}

	checkAnswer(t, s.do(t, "GET", archivePath+"?startTime=0", "alice", nil, ""), 400, 2, "1000")
	checkAnswer(t, s.do(t, "POST", archivePath, "alice", nil, namedBody(t, ids...)), 400, 2, "1000")
	a := s.do(t, "GET", archivePath+"?startTime=0&startedBefore=1700000001000&dryRun=true", "alice", nil, "")
	if !strings.Contains(a.body, `{"recordings":1000,`) {
		t.Errorf("a thousand are %d %s", a.status, a.body)
	}
	most := readArchive(t, s.do(t, "POST", archivePath, "alice", nil, namedBody(t, ids[1:]...)))
	if n := len(most.manifest.Recordings); n != 1000 {
		t.Errorf("the archive has %d", n)
	}
}

// TestArchiveInterrupted: a storage that breaks off in the middle of a file ends that file, which is told
// beside it and in the manifest, and not the archive.
func TestArchiveInterrupted(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	const size, sent = 2_000_000, 700_000
	data := noise(size)
	for _, name := range []string{"a.wav", "broken.wav", "c.wav"} {
		postCall(t, s, name, "1", "Bob", nil, name)
	}
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.Contains(r.URL.Path, "broken"):
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		case r.Header.Get("Range") != "":
			w.WriteHeader(http.StatusForbidden) // it does not go on
		default:
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = w.Write(data[:sent])
			panic(http.ErrAbortHandler)
		}
	})

	x := readArchive(t, s.do(t, "POST", archivePath, "alice", nil, namedBody(t, "a.wav", "broken.wav", "c.wav")))
	for i, whole := range []bool{true, false, true} {
		f := x.manifest.Recordings[i].Files[0]
		content := x.content[f.Name]
		if f.Complete != whole || whole != (content == string(data)) || !strings.HasPrefix(string(data), content) ||
			whole != (f.StatusMessage == "") || len(content) != int(f.Size) {
			t.Errorf("file %d is %+v", i, f)
		}
		note := x.content[f.Name+".txt"]
		if want := fmt.Sprintf("This media file is not whole. After %d bytes: ", f.Size); whole != (note == "") ||
			!whole && !strings.HasPrefix(note, want) {
			t.Errorf("the note of file %d is %q", i, note)
		}
	}
	if x.manifest.Complete {
		t.Error("it says that it is complete")
	}
	wantEntries(t, entries(t, s, "/api/v2/audit?action=download&recording=broken.wav", "alice")[1:],
		fmt.Sprintf(`alice download partly cc broken.wav {"archive":"%s","begun":7,"bytes":%d}`,
			archiveName(t, s, "broken.wav"), x.manifest.Recordings[1].Files[0].Size))
}

// archiveName is what the audit log calls the archive that a recording is in.
func archiveName(t testing.TB, s *testServer, id string) string {
	t.Helper()
	first := entries(t, s, "/api/v2/audit?action=download&recording="+url.QueryEscape(id), "alice")[0]
	_, rest, _ := strings.Cut(first, `"archive":"`)
	name, _, ok := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(name, "recordings-") {
		t.Fatalf("the entry is %s", first)
	}
	return name
}

// TestArchiveAudit: each recording has its entries, and its first one is there before its bytes.
func TestArchiveAudit(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	dav.write(t, "a.wav", []byte("0123456789"))
	postCall(t, s, "r1", "1", "Bob", nil, "a.wav", "a.wav?2")
	postCall(t, s, "r2", "1", "Bob", nil, "a.wav")
	s.do(t, "GET", archivePath+"?recording=r2&dryRun=true", "alice", nil, "")
	s.do(t, "HEAD", archivePath+"?recording=r2", "alice", nil, "")
	s.do(t, "GET", archivePath+"?recording=r2&recording=none", "alice", nil, "")
	s.do(t, "GET", archivePath+"?callerPhoneNumber=1", "alice", nil, "")

	first, second := archiveName(t, s, "none"), archiveName(t, s, "r1")
	wantEntries(t, entries(t, s, "/api/v2/audit?user=alice", "alice"),
		`alice count done cc {"found":1}`,
		`alice download begun cc r2 {"archive":"`+first+`"}`,
		`alice download begun cc none {"archive":"`+first+`"}`,
		`alice download done cc r2 {"archive":"`+first+`","begun":6,"bytes":10}`,
		`alice download notFound cc none {"archive":"`+first+`","begun":7,"bytes":0}`,
		`alice download begun cc r1 {"archive":"`+second+`"} {"callerPhoneNumber":"1"}`,
		`alice download begun cc r2 {"archive":"`+second+`"} {"callerPhoneNumber":"1"}`,
		`alice download partly cc r1 {"archive":"`+second+`","begun":10,"bytes":10}`,
		`alice download done cc r2 {"archive":"`+second+`","begun":11,"bytes":10}`,
	)
}

// TestArchiveTeams: what is another team's, or of another region, looks like what is not there.
func TestArchiveTeams(t *testing.T) {
	t.Parallel()
	dav := newDAV(t)
	dav.write(t, "a.wav", []byte("0123456789"))
	sales := auth.User{Name: "sales", PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
		AccessGroups: []string{"/Sales"}}
	s := newServer(t, api.Options{
		Users: []auth.User{opsUser, adminUser, sales}, Media: newMedia(t, blob.Options{WebDAV: dav.storage()}),
	})
	groups := func(all ...any) map[string]any { return map[string]any{"mediaFiles[0].accessgroups": all} }
	postCall(t, s, "ours", "1", "Bob", groups("/Sales/Team1"), "a.wav")
	postCall(t, s, "theirs", "1", "Bob", groups("/Support"), "a.wav")
	postCall(t, s, "nobodys", "1", "Bob", nil, "a.wav")
	abroad := groups("/Sales")
	abroad["region"] = "elsewhere"
	postCall(t, s, "abroad", "1", "Bob", abroad, "a.wav")

	ids := []string{"ours", "theirs", "nobodys", "abroad", "none"}
	x := readArchive(t, s.do(t, "POST", archivePath, "sales", nil, namedBody(t, ids...)))
	for i, r := range x.manifest.Recordings {
		if sees := i == 0; sees != (len(r.Files) == 1) || sees != (r.StatusCode == 0) ||
			!sees && (r.StatusMessage != "no such recording" || r.Metadata != nil) {
			t.Errorf("%s is %+v", ids[i], r)
		}
	}
	a := s.do(t, "POST", archivePath+"?dryRun=true", "sales", nil, namedBody(t, ids...))
	if !strings.Contains(a.body, `{"recordings":1,"missing":4,`) {
		t.Errorf("it would be %s", a.body)
	}
	found := readArchive(t, s.do(t, "GET", archivePath+"?startTime=0", "sales", nil, ""))
	if m := found.manifest; len(m.Recordings) != 1 || m.Recordings[0].ID != "ours" {
		t.Errorf("found are %s", found.text)
	}
}

// unending makes a storage one whose media never ends, and which says when nobody wants it any more.
func unending(dav *davServer) (ended chan struct{}) {
	ended = make(chan struct{}, 100)
	piece := noise(64 << 10)
	dav.fail(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
		for r.Context().Err() == nil {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	return ended
}

// TestArchiveLeft: a client that goes ends the request to the storage, and gives its place free. Not more
// archives are sent at a time than one user may have.
func TestArchiveLeft(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	ended := unending(dav)
	postCall(t, s, "r1", "1", "Bob", nil, "a.wav")
	postCall(t, s, "r2", "1", "Bob", nil, "b.wav")
	target := strings.TrimSuffix(opsRecordings, "recordings") + "media.zip?recording=r1&recording=r2"
	var readers []*slowReader
	for range 4 {
		r := s.slow(t, target)
		if _, err := io.CopyN(io.Discard, r.answer.Body, 1<<20); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	a := s.do(t, "GET", target, "ops", nil, "")
	checkAnswer(t, a, 503, 4, "archives")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	checkAnswer(t, s.do(t, "GET", target+"&dryRun=true", "ops", nil, ""), 503, 4, "archives")

	for _, r := range readers {
		r.Close()
	}
	for range 4 {
		<-ended
	}
	waitFor(t, "the archives to be given up", func() bool {
		return len(entries(t, s, "/api/v2/ops/audit?action=download&recording=r2", "ops")) >= 8
	})
	for _, e := range entries(t, s, "/api/v2/ops/audit?action=download&recording=r2", "ops")[4:] {
		if !strings.HasPrefix(e, "ops download partly cc r2 ") || !strings.Contains(e, `"bytes":0`) {
			t.Errorf("the end of what nobody got is %s", e)
		}
	}
	waitFor(t, "a place to be free", func() bool {
		return s.do(t, "GET", target+"&dryRun=true", "ops", nil, "").status == 200
	})
}

// TestArchiveBreaks: an archive that breaks off has no end.
func TestArchiveBreaks(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	unending(dav)
	postCall(t, s, "r1", "1", "Bob", nil, "a.wav")
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+archivePath+"?recording=r1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", password)
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	part, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := archive.Check(bytes.NewReader(part), int64(len(part))); err == nil {
		t.Error("a part can be taken for the whole")
	}
}

// TestCheckArchive: whatever is not as the manifest says is told.
func TestCheckArchive(t *testing.T) {
	t.Parallel()
	s, dav := archiveServer(t)
	dav.write(t, "a.wav", []byte("0123456789"))
	postCall(t, s, "r1", "1", "Bob", nil, "a.wav")
	whole := readArchive(t, s.do(t, "GET", archivePath+"?recording=r1", "alice", nil, ""))
	media, metadata := whole.names[0], whole.names[1]
	for what, change := range map[string]func(map[string]string){
		"another byte":       func(c map[string]string) { c[media] = "0123456780" },
		"a byte more":        func(c map[string]string) { c[media] += "0" },
		"no media":           func(c map[string]string) { delete(c, media) },
		"other metadata":     func(c map[string]string) { c[metadata] += " " },
		"no manifest":        func(c map[string]string) { delete(c, archive.ManifestName) },
		"a manifest of less": func(c map[string]string) { c[archive.ManifestName] = "{" },
	} {
		content := maps.Clone(whole.content)
		change(content)
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range whole.names {
			if text, ok := content[name]; ok {
				w, err := z.Create(name)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.WriteString(w, text)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Check(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
			t.Errorf("%s: it is not told", what)
		}
	}
}

// crashing is an index whose last Get panics.
type crashing struct {
	index.Index
	left atomic.Int64
}

func (x *crashing) Get(ctx context.Context, of index.Scope, id string) (*mapping.Recording, error) {
	if x.left.Add(-1) < 0 {
		panic("injected")
	}
	return x.Index.Get(ctx, of, id)
}

// TestArchiveCrash: what goes wrong while the next recording is looked for ends the archive, not the service.
func TestArchiveCrash(t *testing.T) {
	t.Parallel()
	dav := newDAV(t)
	dav.write(t, "a.wav", noise(1_000_000))
	x := &crashing{Index: openIndex(t)}
	x.left.Store(1)
	s := newServer(t, api.Options{Index: x, Media: newMedia(t, blob.Options{WebDAV: dav.storage()})})
	postCall(t, s, "r1", "1", "Bob", nil, "a.wav")
	postCall(t, s, "r2", "1", "Bob", nil, "a.wav")
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+archivePath+"?recording=r1&recording=r2", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("alice", password)
	resp, err := s.client.Do(r)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("it looks like a whole one")
	}
	x.left.Store(10)
	readArchive(t, s.do(t, "GET", archivePath+"?recording=r1&recording=r2", "alice", nil, ""))
}

package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/api/access"
	"recordings/api/auth"
	"recordings/audit"
	auditstore "recordings/audit/store"
	"recordings/blob"
)

// entries are what the audit log of a server has, as a user sees it, without hashes and times.
func entries(t testing.TB, s *testServer, target, user string) (all []string) {
	t.Helper()
	a := s.do(t, "GET", target, user, nil, "")
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", target, a.status, a.body)
	}
	lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
	for _, text := range lines[:len(lines)-1] {
		var l audit.Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		e := fmt.Sprintf("%s %s %s", l.User, l.Action, l.Outcome)
		if l.Hidden() {
			e = "hidden"
		}
		for _, part := range []string{l.ContactCenter, l.Recording, string(l.Facts), string(l.Detail)} {
			if part != "" {
				e += " " + part
			}
		}
		all = append(all, e)
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, fmt.Sprintf(`{"count":%d,`, len(all))) {
		t.Errorf("the last line is %s", last)
	}
	return all
}

// wantEntries compares them, line by line.
func wantEntries(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAuditPreview: who draws media did not listen to it, and got it all the same; both have their
// entries, each before the first byte.
func TestAuditPreview(t *testing.T) {
	dav := newDAV(t)
	log := openAudit(t, auditstore.Options{ListeningIdle: 20 * time.Millisecond})
	s := newServer(t, api.Options{
		Audit: log, Users: []auth.User{opsUser, adminUser}, Media: newMedia(t, blob.Options{WebDAV: dav.storage()}),
	})
	dav.write(t, "a.wav", []byte("0123456789"))
	postMedia(t, s, "r1", "audio/wav", "a.wav")
	uri := mediaURIs(t, s, "alice", "r1")[0]
	media := uri[strings.LastIndexByte(uri, '/')+1:]

	for query, want := range map[string]int{
		"?preview=2": 400, "?preview=": 400, "?preview=1&download=1": 400, "?preview=1&preview=1": 400,
	} {
		if a := s.do(t, "GET", uri+query, "alice", nil, ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", query, a.status, a.body, want)
		}
	}
	if a := s.do(t, "GET", uri+"?preview=1", "alice", nil, ""); a.status != 200 || a.body != "0123456789" {
		t.Errorf("to be drawn: %d %q", a.status, a.body)
	}
	s.do(t, "HEAD", uri+"?preview=1", "alice", nil, "") // gives nothing out
	s.do(t, "GET", uri, "alice", map[string]string{"Range": "bytes=3-4"}, "")

	of := func(action string) []string { return entries(t, s, "/api/v2/audit?user=alice&action="+action, "alice") }
	for deadline := time.Now().Add(10 * time.Second); len(of("play")) < 6 || len(of("preview")) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("there are %q and %q", of("play"), of("preview"))
		}
		time.Sleep(time.Millisecond)
	}
	one := func(action string, begun int, bytes int, ranges string) []string {
		return []string{
			fmt.Sprintf(`alice %s begun cc r1 {"media":"%s"}`, action, media),
			fmt.Sprintf(`alice %s done cc r1 {"begun":%d,"bytes":%d,"media":"%s","ranges":"%s"}`,
				action, begun, bytes, media, ranges),
		}
	}
	wantEntries(t, of("preview"), one("preview", 9, 10, "0-9")...)
	wantEntries(t, of("play")[4:], one("play", 10, 2, "3-4")...)
}

// TestAuditEntries does one thing after the other, and looks what the log says.
func TestAuditEntries(t *testing.T) {
	dav := newDAV(t)
	log := openAudit(t, auditstore.Options{ListeningIdle: 20 * time.Millisecond})
	recorder := auth.User{Name: "rec", PasswordHash: cheapHash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}}
	auditor := auth.User{Name: "aud", PasswordHash: cheapHash, Role: auth.RoleAuditor, ContactCenters: []string{"cc"}}
	other := auth.User{Name: "eve", PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"other"}}
	s := newServer(t, api.Options{
		Audit: log, Users: []auth.User{opsUser, adminUser, recorder, auditor, other},
		Media: newMedia(t, blob.Options{WebDAV: dav.storage()}),
	})
	dav.write(t, "a.wav", []byte("0123456789"))
	body := mediaBody(t, "r1", "audio/wav", dav.URL+"/a.wav")
	status := func(method, target, user string, header map[string]string, body string, want int) reply {
		t.Helper()
		a := s.do(t, method, target, user, header, body)
		if a.status != want {
			t.Errorf("%s %s by %s: %d %s, want %d", method, target, user, a.status, a.body, want)
		}
		return a
	}
	sent := map[string]string{"Content-Type": "application/json"}

	status("POST", opsPath, "rec", sent, body, 200)
	status("POST", opsPath, "ops", sent, body, 200)
	status("GET", "/api/v2/recordings?startTime=0&userName=nobody", "alice", nil, "", 200)
	status("GET", "/api/v2/recordings/r1", "alice", nil, "", 200)
	status("GET", "/api/v2/recordings/none", "alice", nil, "", 404)
	status("GET", "/api/v2/recordings?nonsense=1", "alice", nil, "", 400)
	status("GET", opsPath+"/r1", "alice", nil, "", 403)
	uri := mediaURIs(t, s, "alice", "r1")[0] // looks at the recording
	for _, r := range []string{"bytes=0-3", "bytes=2-5", "bytes=9-9"} {
		status("GET", uri, "alice", map[string]string{"Range": r}, "", 206)
	}
	media := uri[strings.LastIndexByte(uri, '/')+1:]
	wait := func(n int) {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for ; log.Status().Sequence < uint64(n); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("there are %d entries, want %d", log.Status().Sequence, n)
			}
		}
	}
	wait(12)
	status("GET", uri+"?download=1", "alice", nil, "", 200)
	status("HEAD", uri, "alice", nil, "", 200)
	status("GET", "/api/v2/export?startTime=0", "alice", nil, "", 200)
	status("POST", "/api/v2/ops/reindex", "ops", sent, "", 200)
	status("DELETE", opsPath+"/r1?subresources=*", "ops", nil, "", 200)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	status("POST", "/api/v2/session", "", form, "user=alice&password=correct+horse", 200)
	status("POST", "/api/v2/session", "", form, "user=alice&password=wrong", 401)
	status("POST", "/api/v2/session", "", form, "user=correct+horse&password=alice", 401)
	status("DELETE", "/api/v2/session", "", withCookie(signedIn(t, s, "ops")), "", 200)
	status("DELETE", "/api/v2/session", "", nil, "", 200) // nobody's

	mine := []string{
		"alice search done cc " + `{"found":0} {"startTime":"0","userName":"nobody"}`,
		"alice view done cc r1",
		"alice view notFound cc none",
		"alice search invalid cc",
		"alice view done cc r1",
		"alice play begun cc r1 " + `{"media":"` + media + `"}`,
		"alice play done cc r1 " + `{"begun":11,"bytes":9,"media":"` + media + `","ranges":"0-5,9-9"}`,
		"alice download begun cc r1 " + `{"media":"` + media + `"}`,
		"alice download done cc r1 " + `{"begun":13,"media":"` + media + `"}`,
		"alice export begun cc " + `{"startTime":"0"}`,
		"alice export done cc " + `{"begun":15,"recordings":1}`,
	}
	all := entries(t, s, "/api/v2/ops/audit", "ops")
	wantEntries(t, all[len(all)-5:], "alice signIn done", "alice signIn refused", " signIn refused", "ops signIn done",
		"ops signOut done")
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?user=alice&contactCenter=cc", "ops"), mine...)
	wantEntries(t, entries(t, s, "/api/v2/audit?user=alice", "aud"), mine...)
	wantEntries(t, entries(t, s, "/api/v2/audit?action=delete", "aud"),
		"ops delete begun cc r1", `ops delete done cc r1 {"begun":19}`)
	wantEntries(t, entries(t, s, "/api/v2/audit?recording=r1&newest=2", "aud"),
		"ops delete begun cc r1", `ops delete done cc r1 {"begun":19}`)
	wantEntries(t, entries(t, s, "/api/v2/audit", "eve"))
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?action=reindex", "ops"),
		"ops reindex begun", `ops reindex done {"begun":17}`)
	if got := entries(t, s, "/api/v2/ops/audit?action=post", "ops"); len(got) != 1 || got[0] != "ops post done cc r1" {
		t.Errorf("posts: %q", got)
	}

	// Whole or in part, what is exported proves the chain; and no secret is in it.
	for target, user := range map[string]string{"/api/v2/ops/audit": "ops", "/api/v2/audit": "eve"} {
		text := s.do(t, "GET", target+"?chain=true", user, nil, "").body
		if _, err := audit.VerifyExport(strings.NewReader(text), nil); err != nil {
			t.Errorf("%s: %v", user, err)
		}
		secret := strings.Contains(text, "horse") || strings.Contains(text, "argon2")
		if secret || user == "eve" && strings.Contains(text, "alice") {
			t.Errorf("%s sees too much: %s", user, text)
		}
	}

	shown := s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "").body
	head := log.Status().Head
	if !strings.Contains(shown, fmt.Sprintf(`"sequence":%d,"hash":"%s"`, head.Sequence, head.Hash)) {
		t.Errorf("the status is %s", shown)
	}
}

// TestAuditCounts: a histogram is told apart from the search that it is drawn for, and none is left out: with
// criteria that are narrow, it is a search by itself.
func TestAuditCounts(t *testing.T) {
	t.Parallel()
	team := adminUser
	team.Name, team.AccessGroups = "tess", []string{"/Sales"}
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser, team}})
	const path = "/api/v2/recordings"
	postMedia(t, s, "r1", "audio/wav", "a.wav")
	for _, x := range []struct {
		target, user string
		status       int
	}{
		{path + "?userName=nobody", "alice", 200},
		{path + "/histogram?userName=nobody&interval=month", "alice", 200},
		{path + "/histogram?userName=nobody&interval=day", "alice", 200},
		{path + "/histogram?userName=nobody&interval=second", "alice", 400},
		{path + "/histogram?callerPhoneNumber=*0199&interval=hour&zone=Europe/Berlin", "tess", 200},
		{opsPath + "/histogram?startTime=0&interval=day", "alice", 403},
		{opsPath + "/histogram?startTime=0&interval=day", "ops", 200},
		{"/api/v2/ops/contact-centers/other/recordings/histogram?startTime=0&interval=day", "ops", 200},
	} {
		if a := s.do(t, "GET", x.target, x.user, nil, ""); a.status != x.status {
			t.Errorf("%s by %s: %d %s", x.target, x.user, a.status, a.body)
		}
	}

	wantEntries(t, entries(t, s, "/api/v2/audit?action=search", "alice"),
		`alice search done cc {"found":0} {"userName":"nobody"}`)
	wantEntries(t, entries(t, s, "/api/v2/audit?action=count", "alice"),
		`alice count done cc {"found":0,"interval":"month"} {"userName":"nobody"}`,
		`alice count done cc {"found":0,"interval":"day"} {"userName":"nobody"}`,
		`alice count invalid cc`,
		`tess count done cc {"found":0,"interval":"hour"} {"callerPhoneNumber":"*0199"}`,
		`ops count done cc {"found":1,"interval":"day"} {"startTime":"0"}`)
	wantEntries(t, entries(t, s, "/api/v2/audit?action=count", "tess"),
		`tess count done cc {"found":0,"interval":"hour"} {"callerPhoneNumber":"*0199"}`)
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?user=alice&newest=1", "ops"), "alice count refused")
}

// TestAuditSuggestions: what completes a text tells of recordings, and so each has its entry, apart from
// searches.
func TestAuditSuggestions(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser}})
	const path = "/api/v2/recordings/suggestions?"
	postMedia(t, s, "r1", "audio/wav", "a.wav")
	for query, status := range map[string]int{
		"field=userName&text=no&startTime=0&limit=7": 200, "field=agent&text=no": 400,
	} {
		if a := s.do(t, "GET", path+query, "alice", nil, ""); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
		s.do(t, "GET", path+query, "ops", nil, "")
	}
	got := entries(t, s, "/api/v2/audit?action=suggest&user=alice", "alice")
	slices.Sort(got)
	wantEntries(t, got,
		`alice suggest done cc {"found":0} {"field":"userName","startTime":"0","text":"no"}`,
		`alice suggest invalid cc`)
	wantEntries(t, entries(t, s, "/api/v2/audit?action=search", "alice"))
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?user=ops&newest=1&action=suggest", "ops"), "ops suggest refused")
}

// TestAuditStrangers: anybody can be refused as often as they like, in whatever way, and leaves a bounded number
// of entries.
func TestAuditStrangers(t *testing.T) {
	log := openAudit(t, auditstore.Options{})
	s := newServer(t, api.Options{Audit: log, SignOn: signOnSettings("http://127.0.0.1:1")})
	token, _ := auth.NewToken()
	wrong := "Basic " + basic("alice", "wrong")
	json := map[string]string{"Content-Type": "application/json"}
	for range 100 {
		s.do(t, "GET", "/api/v2/me", "", bearer(token), "")
		s.do(t, "GET", "/api/v2/me", "", map[string]string{"Authorization": wrong}, "")
		s.do(t, "POST", "/api/v2/session", "", json, `{"user":"nobody","password":"x"}`)
		s.do(t, "POST", "/api/v2/session", "", json, `{`)
		s.do(t, "DELETE", "/api/v2/session", "", nil, "")
		s.do(t, "GET", "/api/v2/session/sign-on/callback?code=x&state=y", "", nil, "")
	}
	if n := log.Status().Sequence; n < 40 || n > 60 {
		newest := entries(t, s, "/api/v2/ops/audit?newest=100", "ops")
		t.Errorf("600 requests of strangers left %d entries: %q", n, newest)
	}
	s.do(t, "GET", "/api/v2/recordings/none", "alice", nil, "")
	all := entries(t, s, "/api/v2/ops/audit?action=view", "ops")
	wantEntries(t, all, "alice view notFound cc none")
}

// TestAuditSignOn: whom the identity provider, or what it says, does not let in has not signed in.
func TestAuditSignOn(t *testing.T) {
	t.Parallel()
	p := newIssuer(t)
	settings := signOnSettings(p.URL) // by which operations have no role
	s := newServer(t, api.Options{SignOn: settings})
	const callback = "/api/v2/session/sign-on/callback?code=x&state=y"
	if a := s.do(t, "GET", callback, "", nil, ""); a.status != 303 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	header := bearer(p.token(t, time.Now().Add(time.Hour)))
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", header, ""), 403, 5, "groups")

	settings.Roles.Ops = []string{"operations"}
	named := opsUser
	named.Name = "olga"
	if err := s.api.Reload(access.Settings{Users: []auth.User{opsUser, named}, SignOn: settings}); err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", header, ""), 403, 5, "preferred_username")
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?action=signIn", "ops"), " signIn refused",
		`olga signIn refused {"by":"bearer"}`, `olga signIn refused {"by":"bearer"}`,
		`ops signIn done {"by":"password"}`)
}

// TestAuditGuessing: passwords that were not looked at, after too many wrong ones, were refused, too. The user
// sees it.
func TestAuditGuessing(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	var want []string
	for i, status := 0, 0; status != 429; i++ {
		a := s.do(t, "POST", "/api/v2/session", "", form, fmt.Sprintf("user=alice&password=guess%d", i))
		status = a.status
		want = append(want, "alice signIn refused")
	}
	want = append(want, `ops signIn done {"by":"password"}`) // who reads the log
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?action=signIn", "ops"), want...)

	for i, status := 0, 0; status != 429; i++ { // the wait may pass in between
		wrong := map[string]string{"Authorization": "Basic " + basic("alice", fmt.Sprint("another", i))}
		status = s.do(t, "GET", "/api/v2/me", "", wrong, "").status
	}
	after := entries(t, s, "/api/v2/ops/audit?action=signIn", "ops")
	if n := len(after); n <= len(want) || after[n-1] != `alice signIn refused {"by":"password"}` {
		t.Errorf("after the next one, the log has %q", after)
	}
}

// TestAuditTeams shows who is restricted to some teams what is about their recordings, and their own.
func TestAuditTeams(t *testing.T) {
	of := func(name string, groups ...string) auth.User {
		return auth.User{
			Name: name, PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc"},
			AccessGroups: groups,
		}
	}
	users := []auth.User{opsUser, adminUser, of("sally", "/Sales"), of("steve", "/Support")}
	s := newServer(t, api.Options{Users: users})
	in := func(id, group string) string {
		return strings.Replace(mediaBody(t, id, "audio/wav", "http://dav.example/"+id+".wav"), `"callUUID"`,
			`"accessgroups":["`+group+`"],"callUUID"`, 1)
	}
	header := map[string]string{"Content-Type": "application/json"}
	for id, group := range map[string]string{"r1": "/Sales/Team1", "r2": "/SalesEast"} {
		if a := s.do(t, "POST", opsPath, "ops", header, in(id, group)); a.status != 200 {
			t.Fatal(a.body)
		}
		s.do(t, "GET", "/api/v2/recordings/"+id, "alice", nil, "")
	}
	s.do(t, "GET", "/api/v2/recordings?startTime=0", "alice", nil, "")
	wantEntries(t, entries(t, s, "/api/v2/audit?action=view", "sally"), "alice view done cc r1")
	wantEntries(t, entries(t, s, "/api/v2/audit", "steve"))
	text := s.do(t, "GET", "/api/v2/audit?chain=true", "steve", nil, "").body
	if r, err := audit.VerifyExport(strings.NewReader(text), nil); err != nil || r.Hidden != r.Last {
		t.Errorf("steve: %+v, %v", r, err)
	}
}

// TestAuditRefused asks wrongly for entries.
func TestAuditRefused(t *testing.T) {
	some := opsUser
	some.Name, some.ContactCenters = "some", []string{"cc"}
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser, some}})
	for target, want := range map[string]int{
		"/api/v2/audit?after=x":                           400,
		"/api/v2/audit?after=-1":                          400,
		"/api/v2/audit?from=yesterday":                    400,
		"/api/v2/audit?action=dance":                      400,
		"/api/v2/audit?newest=0":                          400,
		"/api/v2/audit?chain=true&user=alice":             400,
		"/api/v2/audit?chain=true&newest=3":               400,
		"/api/v2/audit?contactCenter=cc":                  400,
		"/api/v2/audit?from=0&to=2026-05-17T00:00:00Z":    200,
		"/api/v2/audit?from=2026-05-17T00:00:00Z&after=1": 200,
	} {
		if a := s.do(t, "GET", target, "alice", nil, ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", target, a.status, a.body, want)
		}
	}
	for target, want := range map[string]int{
		"/api/v2/ops/audit?contactCenter=other": 403,
		"/api/v2/ops/audit?contactCenter=cc":    200,
		"/api/v2/ops/audit":                     200,
		"/api/v2/audit":                         403,
	} {
		if a := s.do(t, "GET", target, "some", nil, ""); a.status != want {
			t.Errorf("%s: %d %s, want %d", target, a.status, a.body, want)
		}
	}
}

// fullDisk is a file system whose disk is full when it is told so.
type fullDisk struct {
	vfs.FS
	full *atomic.Bool
}

func (f fullDisk) GetDiskUsage(dir string) (vfs.DiskUsage, error) {
	if f.full.Load() {
		return vfs.DiskUsage{}, nil
	}
	return vfs.DiskUsage{AvailBytes: 1 << 40}, nil
}

// TestNothingWithoutItsEntry refuses what must be written down where that is impossible, and does
// not do it.
func TestNothingWithoutItsEntry(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		breaks func() (vfs.FS, func())
	}{
		{"broken", 503, func() (vfs.FS, func()) {
			var failing atomic.Bool
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if failing.Load() && op.Kind == errorfs.OpFileSyncData {
					return errors.New("injected")
				}
				return nil
			}))
			return fs, func() { failing.Store(true) }
		}},
		{"full", 507, func() (vfs.FS, func()) {
			full := &atomic.Bool{}
			return fullDisk{vfs.NewMem(), full}, func() { full.Store(true) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs, breakDown := c.breaks()
			now := &atomic.Int64{}
			now.Store(time.Now().UnixMilli())
			log := openAudit(t, auditstore.Options{
				Dir: "audit", FS: fs, MinFree: 1, Now: func() time.Time { return time.UnixMilli(now.Load()) },
			})
			dav := newDAV(t)
			s := newServer(t, api.Options{Audit: log, Media: newMedia(t, blob.Options{WebDAV: dav.storage()})})
			dav.write(t, "a.wav", []byte("0123456789"))
			postMedia(t, s, "r1", "audio/wav", dav.URL+"/a.wav")
			uri := mediaURIs(t, s, "alice", "r1")[0]
			breakDown()
			now.Add(10_000) // for the disk to be looked at

			refused := [][3]string{
				{"DELETE", opsPath + "/r1?subresources=*", "ops"},
				{"GET", uri, "alice"},
				{"GET", uri + "?download=1", "alice"},
				{"GET", "/api/v2/media.zip?recording=r1", "alice"},
				{"GET", "/api/v2/export?startTime=0", "alice"},
				{"POST", "/api/v2/ops/reindex", "ops"},
			}
			for _, r := range refused {
				a := s.do(t, r[0], r[1], r[2], nil, "")
				ours := strings.HasPrefix(a.body, `{"statusCode":4,`) && !strings.Contains(a.body, "injected")
				if a.status != c.status || !ours {
					t.Errorf("%s %s: %d %s", r[0], r[1], a.status, a.body)
				}
				if h := a.header; h.Get("ETag") != "" || h.Get("Accept-Ranges") != "" {
					t.Errorf("%s %s: it still says what the media is: %v", r[0], r[1], h)
				}
			}
			for _, target := range []string{"/api/v2/recordings?startTime=0", "/api/v2/recordings/r1"} {
				if a := s.do(t, "GET", target, "alice", nil, ""); a.status != http.StatusOK {
					t.Errorf("reading goes on: %d %s", a.status, a.body)
				}
			}
			if _, err := os.Stat(dav.dir + "/a.wav"); err != nil {
				t.Errorf("the media is gone: %v", err)
			}
			status := s.do(t, "GET", "/api/v2/ops/status", "ops", nil, "")
			if !bytes.Contains([]byte(status.body), []byte(`"reason":"the `)) {
				t.Errorf("the status is %s", status.body)
			}
		})
	}
}

// TestAuditMany: what is done with many recordings is found by each of them, and what is personal in it goes with
// the recording.
func TestAuditMany(t *testing.T) {
	log := openAudit(t, auditstore.Options{})
	s := newServer(t, api.Options{Audit: log})
	header := map[string]string{"Content-Type": "application/json"}
	for _, id := range []string{"r1", "r2"} {
		s.do(t, "POST", opsPath, "ops", header, mediaBody(t, id, "audio/wav", "http://dav.example/"+id+".wav"))
	}
	mark := func(body string) {
		t.Helper()
		if a := s.do(t, "POST", "/api/v2/recordings", "alice", header, body); a.status != 200 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	mark(`{"operationName":"applyNonDelete","reason":"Müller","recordings":["r1","none","r2"]}`)
	mark(`{"operationName":"unapplyNonDelete","reason":"settled","recordings":["r1"]}`)

	const of = "/api/v2/audit?user=alice&recording="
	wantEntries(t, entries(t, s, of+"r1", "alice"), `alice hold begun cc r1 {"reason":"Müller"}`,
		`alice hold done cc r1 {"begun":5}`, `alice release begun cc r1 {"reason":"settled"}`,
		`alice release done cc r1 {"begun":11}`)
	wantEntries(t, entries(t, s, of+"none", "alice"), `alice hold begun cc none {"reason":"Müller"}`,
		`alice hold notFound cc none {"begun":6}`)
	if a := s.do(t, "DELETE", opsPath+"/r1", "ops", nil, ""); a.status != 200 {
		t.Fatal(a.body)
	}
	wantEntries(t, entries(t, s, of+"r1", "alice"), "alice hold begun cc r1",
		`alice hold done cc r1 {"begun":5}`, "alice release begun cc r1", `alice release done cc r1 {"begun":11}`)
	wantEntries(t, entries(t, s, of+"r2", "alice"), `alice hold begun cc r2 {"reason":"Müller"}`,
		`alice hold done cc r2 {"begun":7}`)
	verified := s.do(t, "GET", "/api/v2/audit?chain=true", "alice", nil, "").body
	if r, err := audit.VerifyExport(strings.NewReader(verified), nil); err != nil || r.Erased != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAuditWhat: entries of what is done in the background, or to what is no recording, say to what.
func TestAuditWhat(t *testing.T) {
	log := openAudit(t, auditstore.Options{})
	s := newServer(t, api.Options{Audit: log})
	const one = `{"criteria":{"callerPhoneNumber":"*","nonDelete":"true"},`
	for _, body := range []string{`"dryRun":true}`, `"expected":7}`, `"expected":0,"subresources":true}`} {
		postDeletion(t, s, one+body)
	}
	s.do(t, "POST", deletionsPath+"/7/cancel", "ops", nil, "")
	s.do(t, "DELETE", strings.TrimSuffix(opsPath, "/recordings")+"/media-left-behind/m1", "ops", nil, "")
	s.do(t, "POST", "/api/v2/ops/reindex/pause", "ops", nil, "")

	const criteria = `"criteria":["callerPhoneNumber=(not kept)","nonDelete=true"]`
	wantEntries(t, entries(t, s, "/api/v2/ops/audit?user=ops", "ops"),
		`ops signIn done {"by":"password"}`,
		`ops deletion begun cc {`+criteria+`,"dryRun":true}`,
		`ops deletion done cc {"begun":2,`+criteria+`,"dryRun":true}`,
		`ops deletion begun cc {`+criteria+`,"expected":7}`,
		`ops deletion refused cc {"begun":4,`+criteria+`,"expected":7}`,
		`ops deletion begun cc {`+criteria+`,"expected":0,"subresources":true}`,
		`ops deletion done cc {"begun":6,`+criteria+`,"expected":0,"number":"1","subresources":true}`,
		`ops deletion begun cc {"control":"cancel","number":"7"}`,
		`ops deletion notFound cc {"begun":8,"control":"cancel","number":"7"}`,
		`ops forget begun cc {"media":"m1"}`, `ops forget notFound cc {"begun":10,"media":"m1"}`,
		`ops reindex begun {"control":"pause"}`, `ops reindex refused {"begun":12,"control":"pause"}`)
}

// slowLog is an audit log through which nobody gets until it is told so.
type slowLog struct {
	audit.Log
	begun chan struct{} // gets an element when somebody begins
	goOn  chan struct{} // is closed when they may go on
}

// Walk implements [audit.Log].
func (l *slowLog) Walk(ctx context.Context, q audit.Query, yield func([]byte) error) (audit.Head, error) {
	if q.Recording == "" {
		l.begun <- struct{}{}
		<-l.goOn
	}
	return l.Log.Walk(ctx, q, yield)
}

// TestAuditReads: some read all of the log at a time, of one user fewer than of all; what is about one recording
// needs no place.
func TestAuditReads(t *testing.T) {
	t.Parallel()
	log := &slowLog{openAudit(t, auditstore.Options{}), make(chan struct{}, 8), make(chan struct{})}
	s := newServer(t, api.Options{Audit: log})
	const path = "/api/v2/audit"
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			if got := s.do(t, "GET", path, "alice", nil, ""); got.status != 200 {
				t.Errorf("reading all: %d %s", got.status, got.body)
			}
		})
		<-log.begun
	}
	a := s.do(t, "GET", path+"?chain=true", "alice", nil, "")
	checkAnswer(t, a, 503, 4, "reading the audit log")
	if a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	if got := s.do(t, "GET", path+"?recording=r1", "alice", nil, ""); got.status != 200 {
		t.Errorf("about a recording: %d %s", got.status, got.body)
	}
	reading.Go(func() {
		if got := s.do(t, "GET", "/api/v2/ops/audit", "ops", nil, ""); got.status != 200 {
			t.Errorf("another user: %d %s", got.status, got.body)
		}
	})
	<-log.begun
	close(log.goOn)
	reading.Wait()
	if got := s.do(t, "GET", path, "alice", nil, ""); got.status != 200 {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

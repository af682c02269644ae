package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"recordings/api"
	"recordings/api/access"
	"recordings/api/auth"
)

// basic is what Basic authentication sends.
func basic(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
}

// elsewhere are the recordings of another contact center.
const elsewhere = "/api/v2/ops/contact-centers/dd/recordings"

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// TestMachines: a recorder posts in its contact center, by Bearer or as the password of Basic, and does
// nothing else.
func TestMachines(t *testing.T) {
	t.Parallel()
	token, hash := auth.NewToken()
	s := newServer(t, api.Options{Tokens: []auth.Token{
		{Name: "recorder-7", Hash: hash, Role: auth.RoleRecorder, ContactCenters: []string{"cc"}},
	}})
	byName := func(name string) map[string]string {
		return map[string]string{"Authorization": "Basic " + basic(name, token)}
	}
	for name, h := range map[string]map[string]string{
		"Bearer": bearer(token), "bearer": {"Authorization": "bearer  " + token}, "Basic": byName("recorder-7"),
	} {
		me := s.do(t, "GET", "/api/v2/me", "", h, "")
		want := `{"statusCode":0,"user":{"userName":"recorder-7","role":"recorder","contactCenter":"cc",` +
			`"region":"test"}}`
		if me.body != want+"\n" {
			t.Errorf("%s: %s", name, me.body)
		}
		checkAnswer(t, s.do(t, "POST", opsPath, "", h, "{}"), 400, 1, "")
		checkAnswer(t, s.do(t, "POST", "/internal-api/contact-centers/cc/recordings", "", h, "{}"), 400, 1, "")
		checkAnswer(t, s.do(t, "POST", elsewhere, "", h, "{}"), 403, 5, "none of yours")
		for _, path := range []string{opsPath + "?startTime=0", opsPath + "/r1", "/api/v2/recordings/r1", "/metrics"} {
			checkAnswer(t, s.do(t, "GET", path, "", h, ""), 403, 5, "role")
		}
		checkAnswer(t, s.do(t, "DELETE", opsPath+"/r1", "", h, ""), 403, 5, "role")
	}

	other, _ := auth.NewToken()
	for name, h := range map[string]map[string]string{
		"of another name": byName("ops"), "of nobody": bearer(other), "none": bearer("x"), "empty": bearer(""),
	} {
		a := s.do(t, "GET", "/api/v2/me", "", h, "")
		checkAnswer(t, a, 401, 20, "a valid token is required")
		if a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: nothing is asked for", name)
		}
	}
}

// TestSeveralContactCenters: an administrator of several chooses one.
func TestSeveralContactCenters(t *testing.T) {
	t.Parallel()
	both := adminUser
	both.Name, both.ContactCenters = "both", []string{"cc", "dd"}
	bound := opsUser
	bound.Name, bound.ContactCenters = "bound", []string{"dd"}
	s := newServer(t, api.Options{Users: []auth.User{opsUser, adminUser, both, bound}})
	checkAnswer(t, s.do(t, "POST", elsewhere, "bound", nil, bodyFor(t, "POST")), 200, 0, "")

	choose := func(id string) map[string]string { return map[string]string{"ContactCenterId": id} }
	for _, x := range []struct {
		user, path   string
		header       map[string]string
		status, code int
		message      string
	}{
		{"both", "/api/v2/recordings/r1", nil, 400, 1,
			"ContactCenterId is missing: choose one of your contact centers, cc, dd"},
		{"both", "/api/v2/recordings/r1", choose("dd"), 200, 0, ""},
		{"both", "/api/v2/recordings/r1?contactCenterId=dd", nil, 200, 0, ""},
		{"both", "/api/v2/recordings?startTime=0&contactCenterId=dd", nil, 200, 0, ""},
		{"both", "/api/v2/recordings/r1", choose("cc"), 404, 6, ""},
		{"both", "/api/v2/recordings/r1", choose("ee"), 403, 5, "none of yours"},
		{"both", "/api/v2/recordings/r1?contactCenterId=ee", nil, 403, 5, "none of yours"},
		{"both", "/api/v2/recordings/r1?contactCenterId=dd", choose("dd"), 200, 0, ""},
		{"both", "/api/v2/recordings/r1?contactCenterId=cc", choose("dd"), 400, 2, "contactCenterId is another one"},
		{"both", "/api/v2/recordings/r1?contactCenterId=ee", choose("dd"), 403, 5, "none of yours"},
		{"both", "/api/v2/recordings/r1?contactCenterId=", choose("dd"), 400, 2, "contactCenterId is empty"},
		{"both", "/api/v2/recordings/r1?contactCenterId=dd&contactCenterId=dd", nil, 400, 1, "missing"},
		{"alice", "/api/v2/recordings/r1", choose("dd"), 403, 5, "none of yours"},
		{"alice", "/api/v2/recordings?startTime=0", choose("cc"), 200, 0, ""},
		{"bound", "/api/v2/ops/contact-centers/dd/recordings/r1", nil, 200, 0, ""},
		{"bound", "/api/v2/ops/contact-centers/cc/recordings/r1", nil, 403, 5, "none of yours"},
		{"bound", "/api/v2/ops/status", nil, 403, 5, "bound to some contact centers"},
		{"bound", "/metrics", nil, 403, 5, "bound to some contact centers"},
	} {
		checkAnswer(t, s.do(t, "GET", x.path, x.user, x.header, ""), x.status, x.code, x.message)
	}

	// Whoever stands in between may look at one of two headers, and the service at the other.
	for _, names := range [][]string{{"ContactCenterId", "ContactCenterId"}, {"ContactCenterId", "contactcenterid"}} {
		a := s.doTwice(t, "/api/v2/recordings/r1", "both", names, "dd")
		checkAnswer(t, a, 400, 2, "ContactCenterId: is there twice")
	}

	a := s.do(t, "GET", "/api/v2/ops/contact-centers", "bound", nil, "")
	if want := `{"statusCode":0,"contactCenters":[{"id":"dd","recordings":1}]}` + "\n"; a.body != want {
		t.Errorf("the contact centers are %s", a.body)
	}
}

// doTwice sends a value in two headers, with the letter case of their names as it is.
func (s *testServer) doTwice(t *testing.T, target, user string, names []string, value string) reply {
	t.Helper()
	r, err := http.NewRequest("GET", s.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, password)
	for _, name := range names {
		r.Header[name] = append(r.Header[name], value)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// TestReload: sessions of users who are gone or changed end, others go on, and no request is lost
// meanwhile.
func TestReload(t *testing.T) {
	t.Parallel()
	token, hash := auth.NewToken()
	gone := adminUser
	gone.Name = "gone"
	users := []auth.User{opsUser, adminUser, gone}
	s := newServer(t, api.Options{Users: users})
	kept, ended, changed := signedIn(t, s, "ops"), signedIn(t, s, "gone"), signedIn(t, s, "alice")

	var wg sync.WaitGroup
	var stop atomic.Bool
	var asked atomic.Int64
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if a := s.do(t, "GET", opsPath+"?startTime=0", "ops", nil, ""); a.status != 200 {
					t.Errorf("a request meanwhile: %d %s", a.status, a.body)
				}
				asked.Add(1)
			}
		})
	}

	other := adminUser
	other.ContactCenters = []string{"dd"}
	after := access.Settings{
		Users:  []auth.User{opsUser, other},
		Tokens: []auth.Token{{Name: "m", Hash: hash, Role: auth.RoleOps}},
	}
	for range 50 {
		for _, settings := range []access.Settings{{Users: users}, after} {
			if err := s.api.Reload(settings); err != nil {
				t.Error(err)
			}
		}
	}
	before := asked.Load()
	for asked.Load() < before+20 && !t.Failed() {
		s.do(t, "GET", "/healthz", "", nil, "")
	}
	stop.Store(true)
	wg.Wait()

	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(kept), ""), 200, 0, "")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(ended), ""), 401, 20, "")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(changed), ""), 401, 20, "")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "gone", nil, ""), 401, 20, "")
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", bearer(token), ""), 200, 0, "")

	bad := after
	bad.Users = []auth.User{{Name: "x"}}
	if err := s.api.Reload(bad); err == nil {
		t.Error("users that are wrong are taken")
	}
	checkAnswer(t, s.do(t, "GET", "/api/v2/me", "", withCookie(kept), ""), 200, 0, "")
}

// TestReloadRoute: operations see what is wrong, and what needs a restart.
func TestReloadRoute(t *testing.T) {
	t.Parallel()
	const path = "/api/v2/ops/reload"
	var wrong error
	s := newServer(t, api.Options{Reread: func(context.Context) ([]string, error) {
		if wrong != nil {
			return nil, &api.ConfigurationError{Err: wrong}
		}
		return []string{"listen", "region"}, nil
	}})
	a := s.do(t, "POST", path, "ops", nil, "")
	want := `{"statusCode":0,"notice":["changed, but only a restart puts it into force: listen, region"]}` + "\n"
	if a.body != want {
		t.Errorf("got %s", a.body)
	}
	wrong = errors.New("recordings.yaml:7: regoin: is not known")
	checkAnswer(t, s.do(t, "POST", path, "ops", nil, ""), 409, 3, "stays in force: recordings.yaml:7: regoin")
	checkAnswer(t, s.do(t, "POST", path, "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, newServer(t, api.Options{}).do(t, "POST", path, "ops", nil, ""), 409, 3, "no configuration")
}

package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"recordings/api"
	"recordings/api/auth"
	"recordings/index"
)

func TestContactCenters(t *testing.T) {
	t.Parallel()
	const path = "/api/v2/ops/contact-centers"
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x, ContactCenters: []string{"empty", adminUser.ContactCenters[0]}})
	put := func(contactCenter, region, id string) {
		t.Helper()
		r := exampleRecording(t).(map[string]any)
		r["region"], r["id"] = region, id
		target := "/api/v2/ops/contact-centers/" + contactCenter + "/recordings"
		other := newServer(t, api.Options{Index: x}) // of which any contact center exists
		if a := other.do(t, "POST", target, "ops", nil, string(encode(t, r))); a.status != 200 {
			t.Fatal(a.body)
		}
	}
	put(adminUser.ContactCenters[0], "test", "1")
	put(adminUser.ContactCenters[0], "test", "2")
	put(adminUser.ContactCenters[0], "elsewhere", "3")
	put("of-before", "test", "1")
	put("elsewhere-only", "elsewhere", "1")

	a := s.do(t, "GET", path, "ops", nil, "")
	checkEnvelope(t, "GET", a)
	want := `{"statusCode":0,"contactCenters":[{"id":"` + adminUser.ContactCenters[0] + `","recordings":2},` +
		`{"id":"empty","recordings":0},{"id":"of-before","recordings":1}]}` + "\n"
	if a.status != 200 || string(a.body) != want {
		t.Errorf("got %s\nwant %s", a.body, want)
	}

	// Where any contact center exists, a search that finds nothing tells an unknown one from an empty
	// one, whatever it asks for; what is only in another region is as unknown as what is nowhere.
	emptyUser := adminUser
	emptyUser.Name, emptyUser.ContactCenters = "eve", []string{"empty"}
	s = newServer(t, api.Options{Index: x, Users: []auth.User{opsUser, adminUser, emptyUser}})
	const says = `"notice":["the contact center `
	for contactCenter, unknown := range map[string]bool{
		adminUser.ContactCenters[0]: false, "empty": false, "of-before": false, "elsewhere-only": true, "nowhere": true,
	} {
		for _, query := range []string{"startTime=0", "userName=no-such", "total=true&explain=true&phoneNumber=no-such",
			"startTime=0&offset=5"} {
			target := path + "/" + contactCenter + "/recordings?" + query
			a := s.do(t, "GET", target, "ops", nil, "")
			checkAnswer(t, a, 200, 0, "")
			if told := strings.Contains(a.body, says+`\"`+contactCenter+`\" is unknown`); told != unknown {
				t.Errorf("%s: unknown contact center told: %t, want %t\n%s", target, told, unknown, a.body)
			}
		}
	}
	if a := s.do(t, "GET", "/api/v2/recordings?userName=no-such", "alice", nil, ""); strings.Contains(a.body, says) {
		t.Errorf("an administrator is told of an unknown contact center: %s", a.body)
	}

	checkAnswer(t, s.do(t, "GET", path, "alice", nil, ""), 403, 5, "role")
	checkAnswer(t, s.do(t, "GET", path, "", nil, ""), 401, 20, "")
	checkAnswer(t, s.do(t, "GET", path+"?region=x", "ops", nil, ""), 400, 2, "region")
	checkAnswer(t, s.do(t, "POST", path, "ops", nil, ""), 405, 3, "")
}

// unreadyCenters cannot count yet.
type unreadyCenters struct{ index.Index }

func (unreadyCenters) ContactCenters(context.Context) ([]string, error) { return []string{"a"}, nil }

func (unreadyCenters) Count(context.Context, index.Query) (int, error) {
	return 0, &index.NotReadyError{Done: 1, Total: 2}
}

// brokenCenters cannot be listed.
type brokenCenters struct{ unreadyCenters }

func (brokenCenters) ContactCenters(context.Context) ([]string, error) {
	return nil, errors.New("secret")
}

func TestContactCentersUnknown(t *testing.T) {
	t.Parallel()
	const path = "/api/v2/ops/contact-centers"
	s := newServer(t, api.Options{Index: unreadyCenters{openIndex(t)}})
	checkAnswer(t, s.do(t, "GET", path, "ops", nil, ""), 503, 4, "rebuilt")
	if a := s.do(t, "GET", path+"/a/recordings?startTime=0", "ops", nil, ""); a.status != 200 ||
		strings.Contains(a.body, "notice") {
		t.Errorf("what cannot be found out is told nevertheless, or fails a search: %d %s", a.status, a.body)
	}
	s = newServer(t, api.Options{Index: brokenCenters{unreadyCenters{openIndex(t)}}})
	checkAnswer(t, s.do(t, "GET", path, "ops", nil, ""), 500, 4, "")
}

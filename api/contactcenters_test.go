package api_test

import (
	"context"
	"errors"
	"testing"

	"recordings/api"
	"recordings/index"
)

func TestContactCenters(t *testing.T) {
	t.Parallel()
	const path = "/api/v2/ops/contact-centers"
	x := openIndex(t)
	s := newServer(t, api.Options{Index: x, ContactCenters: []string{"empty", adminUser.ContactCenter}})
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
	put(adminUser.ContactCenter, "test", "1")
	put(adminUser.ContactCenter, "test", "2")
	put(adminUser.ContactCenter, "elsewhere", "3")
	put("of-before", "test", "1")
	put("elsewhere-only", "elsewhere", "1")

	a := s.do(t, "GET", path, "ops", nil, "")
	checkEnvelope(t, "GET", a)
	want := `{"statusCode":0,"contactCenters":[{"id":"` + adminUser.ContactCenter + `","recordings":2},` +
		`{"id":"empty","recordings":0},{"id":"of-before","recordings":1}]}` + "\n"
	if a.status != 200 || string(a.body) != want {
		t.Errorf("got %s\nwant %s", a.body, want)
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
	s = newServer(t, api.Options{Index: brokenCenters{unreadyCenters{openIndex(t)}}})
	checkAnswer(t, s.do(t, "GET", path, "ops", nil, ""), 500, 4, "")
}

package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"recordings/api"
	"recordings/api/auth"
	"recordings/index"
)

// TestWhoseSavedSearches: each user has their own in each contact center; a token of a person's name, and
// operations, are somebody else.
func TestWhoseSavedSearches(t *testing.T) {
	t.Parallel()
	token, hash := auth.NewToken()
	both := auth.User{
		Name: "both", PasswordHash: cheapHash, Role: auth.RoleAdmin, ContactCenters: []string{"cc", "dd"},
	}
	s := newServer(t, api.Options{
		Users: []auth.User{opsUser, both}, ContactCenters: []string{"cc", "dd"},
		Tokens: []auth.Token{{Name: "machine", Hash: hash, Role: auth.RoleOps}},
	})
	const ops = "/api/v2/ops/contact-centers/cc/saved-searches"
	in := func(center string) map[string]string { return map[string]string{"ContactCenterId": center} }
	bearer := map[string]string{"Authorization": "Bearer " + token}

	a := s.do(t, "PUT", "/api/v2/saved-searches/mine", "both", in("cc"), `{"period":"today"}`)
	checkAnswer(t, a, 200, 0, "")
	checkAnswer(t, s.do(t, "PUT", ops+"/machine's", "", bearer, `{"period":"today"}`), 200, 0, "")
	for _, c := range []struct {
		path, user string
		header     map[string]string
		has        string
	}{
		{"/api/v2/saved-searches", "both", in("cc"), "mine"}, {"/api/v2/saved-searches", "both", in("dd"), ""},
		{ops, "ops", nil, ""}, {ops, "", bearer, "machine's"},
	} {
		a := s.do(t, "GET", c.path, c.user, c.header, "")
		want := `{"statusCode":0,"savedSearches":[]}`
		if c.has != "" {
			want = `"name":"` + c.has + `"`
		}
		if a.status != http.StatusOK || strings.Count(a.body, `"name"`) > 1 || !strings.Contains(a.body, want) {
			t.Errorf("%s as %q%v: %d %s, want %s", c.path, c.user, c.header, a.status, a.body, want)
		}
	}
}

// TestTooManySavedSearches: there are at most so many, of a bounded size, and what is there can be changed.
func TestTooManySavedSearches(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	save := func(name, body string) reply {
		t.Helper()
		return s.do(t, "PUT", "/api/v2/ops/contact-centers/cc/saved-searches/"+name, "ops", nil, body)
	}
	for i := range index.MaxSavedSearches {
		checkAnswer(t, save(fmt.Sprint("n", i), `{"period":"today"}`), 200, 0, "")
	}
	checkAnswer(t, save("more", `{"period":"today"}`), 409, 3, "100 saved searches")
	checkAnswer(t, save("N7", `{"period":"month"}`), 200, 0, "")
	checkAnswer(t, save(strings.Repeat("n", 65), `{"period":"month"}`), 400, 2, "the name of the path")

	var large []string
	for i := range 16 {
		large = append(large, fmt.Sprintf(`"userDataKey.%d":%q`, i, strings.Repeat("x", 1020)))
	}
	checkAnswer(t, save("n1", `{"criteria":{`+strings.Join(large[:15], ",")+`}}`), 200, 0, "")
	checkAnswer(t, save("n1", `{"criteria":{`+strings.Join(large, ",")+`,"userName":"`+strings.Repeat("y", 1000)+`"}}`),
		400, 2, "criteria")
}

package api_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json"

	"recordings/api"
	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/front"
	auditstore "recordings/audit/store"
)

// lastSignIns are the last sign-ins of a caller, the newest first, as address, outcome and by what.
func lastSignIns(t *testing.T, s *testServer, user string, header map[string]string) string {
	t.Helper()
	a := s.do(t, "GET", "/api/v2/sessions", user, header, "")
	checkAnswer(t, a, 200, 0, "")
	var answer struct {
		SignIns []struct{ Time, Address, Outcome, By string } `json:"signIns"`
	}
	if err := json.Unmarshal([]byte(a.body), &answer, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(answer.SignIns))
	for i, x := range answer.SignIns {
		all[i] = x.Address + " " + x.Outcome + " " + x.By
		if i > 0 && x.Time > answer.SignIns[i-1].Time {
			t.Errorf("the newest is not first: %s", a.body)
		}
	}
	return strings.Join(all, ", ")
}

// TestLastSignIns: whoever uses the API by a password or a token sees that, once from each network, beside the
// sign-ins on the page, and after a restart; and nobody sees those of others, be it of a token of their name.
func TestLastSignIns(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "audit")
	p := newIssuer(t)
	settings := signOnSettings(p.URL)
	settings.Roles.Ops = []string{"operations"}
	token, hash := auth.NewToken()
	trusted := front.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
	machine := auth.Token{Name: "machine", Hash: hash, Role: auth.RoleOps}
	start := func() (*testServer, *auditstore.Log) {
		log := openAudit(t, auditstore.Options{Dir: dir, FS: vfs.Default})
		return newServer(t, api.Options{
			Audit: log, SignOn: settings, Tokens: []auth.Token{machine}, TrustedProxies: trusted,
		}), log
	}
	s, log := start()
	from := func(address string, header map[string]string) map[string]string {
		all := map[string]string{"X-Forwarded-For": address}
		for name, value := range header {
			all[name] = value
		}
		return all
	}
	basicOf := func(name, password string) map[string]string {
		return map[string]string{"Authorization": "Basic " + basic(name, password)}
	}
	form := map[string]string{"Content-Type": "application/json"}
	const signIn = `{"user":"alice","password":"` + password + `"}`

	for range 3 {
		for _, address := range []string{"192.0.2.1", "2001:db8::1", "2001:db8::2"} {
			s.do(t, "GET", "/api/v2/recordings?startTime=0", "alice", from(address, nil), "")
		}
		s.do(t, "GET", "/api/v2/me", "", from("192.0.2.2", bearer(token)), "")
		s.do(t, "GET", "/api/v2/me", "", from("192.0.2.3", basicOf("machine", token)), "")
		s.do(t, "GET", "/api/v2/me", "", from("192.0.2.4", bearer(p.token(t, time.Now().Add(time.Hour)))), "")
	}
	s.do(t, "GET", "/api/v2/me", "", from("192.0.2.9", basicOf("alice", "guessed")), "")
	s.do(t, "GET", "/api/v2/me", "", from("192.0.2.9", basicOf("nobody", "guessed")), "")
	s.do(t, "GET", "/api/v2/me", "", from("192.0.2.9", basicOf("alice", token)), "")
	checkAnswer(t, s.do(t, "POST", "/api/v2/session", "", from("192.0.2.5", form), signIn), 200, 0, "")

	want := func() {
		t.Helper()
		for _, x := range []struct {
			user, want string
			header     map[string]string
		}{
			{"alice", "192.0.2.5 done page, 192.0.2.9 refused password, 2001:db8::1 done password, " +
				"192.0.2.1 done password", nil},
			{"", "192.0.2.9 refused token, 192.0.2.3 done token, 192.0.2.2 done token", bearer(token)},
			{"", "192.0.2.4 done bearer", bearer(p.token(t, time.Now().Add(time.Hour)))},
		} {
			where := from("192.0.2.77", x.header)
			got, own := strings.CutPrefix(lastSignIns(t, s, x.user, where), "192.0.2.77 done ")
			if _, rest, _ := strings.Cut(got, ", "); rest != x.want || !own {
				t.Errorf("of %s %v they are %s, want %s", x.user, x.header, got, x.want)
			}
		}
	}
	want()

	// The next service knows of them; and that it was asked before is one more.
	s.Close()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = start()
	users := s.do(t, "GET", "/api/v2/ops/users", "ops", from("192.0.2.77", nil), "").body
	for _, name := range []string{"alice", "machine"} { // who have not called it yet
		_, rest, _ := strings.Cut(users, `"userName":"`+name+`"`)
		if of, _, _ := strings.Cut(rest, "}"); !strings.Contains(of, `"lastSeen":"`) {
			t.Errorf("when %s was last seen is not known: %s", name, users)
		}
	}
	got := lastSignIns(t, s, "alice", from("192.0.2.77", nil))
	if !strings.HasPrefix(got, "192.0.2.77 done password, 192.0.2.77 done password, 192.0.2.5 done page, ") {
		t.Errorf("after a restart they are %s", got)
	}

	// A person who gets the name of a token that is gone sees nothing of it, nor the other way round.
	person := auth.User{Name: "machine", PasswordHash: cheapHash, Role: auth.RoleOps}
	if err := s.api.Reload(access.Settings{Users: []auth.User{person}}); err != nil {
		t.Fatal(err)
	}
	if got := lastSignIns(t, s, "machine", from("192.0.2.8", nil)); got != "192.0.2.8 done password" {
		t.Errorf("of a person with the name of a token they are %s", got)
	}
	if err := s.api.Reload(access.Settings{Tokens: []auth.Token{machine}}); err != nil {
		t.Fatal(err)
	}
	if got := lastSignIns(t, s, "", from("192.0.2.3", bearer(token))); strings.Contains(got, "password") {
		t.Errorf("of a token with the name of a person they are %s", got)
	}
}

// TestLastSignInsAreBounded: ten of each kind are shown; whoever guesses does not push out who knows.
func TestLastSignInsAreBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, api.Options{})
	form := map[string]string{"Content-Type": "application/json"}
	cookie := withCookie(signedIn(t, s, "alice"))
	for range 12 {
		s.do(t, "POST", "/api/v2/session", "", form, `{"user":"alice","password":"guess"}`)
	}
	got := lastSignIns(t, s, "", cookie)
	if n := strings.Count(got, "refused"); n != 10 || !strings.HasSuffix(got, "127.0.0.1 done page") {
		t.Errorf("they are %s", got)
	}
	for range 12 {
		cookie = withCookie(signedIn(t, s, "alice"))
	}
	got = lastSignIns(t, s, "", cookie)
	if strings.Count(got, "refused") != 10 || strings.Count(got, "done page") != 10 {
		t.Errorf("they are %s", got)
	}
}

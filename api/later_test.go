package api_test

import (
	"net/http"
	"testing"

	"recordings/api"
)

// TestVersionCookie: one client of later services waits for a cookie. Who did not ask for their ways
// is sent none.
func TestVersionCookie(t *testing.T) {
	t.Parallel()
	for _, later := range []bool{false, true} {
		s := newServer(t, api.Options{Later: later})
		answer := http.Response{Header: s.do(t, "GET", "/api/v2/diagnostics/version", "", nil, "").header}
		cookies := answer.Cookies()
		if (len(cookies) > 0) != later {
			t.Fatalf("later: %v, but the cookies are %v", later, cookies)
		}
		if later && (cookies[0].Value == "" || cookies[0].MaxAge != 0 || !cookies[0].Expires.IsZero()) {
			t.Errorf("the cookie is %v, which is none of a session", cookies[0])
		}
	}
}

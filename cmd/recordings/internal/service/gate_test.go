package service

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestGate answers by itself until it is open: alive, and not ready.
func TestGate(t *testing.T) {
	var g gate
	answer := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("X-Request-Id", "request-of-the-test")
		g.ServeHTTP(w, r)
		return w
	}

	for path, want := range map[string]int{
		"/healthz":           http.StatusOK,
		"/readyz":            http.StatusServiceUnavailable,
		"/api/v2/recordings": http.StatusServiceUnavailable,
	} {
		if w := answer(path); w.Code != want || !strings.HasPrefix(w.Body.String(), `{"statusCode":`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}

	g.wait("the disk is full: 0 MB are free, 288 MB must be")
	const want = `{"statusCode":4,"statusMessage":"not ready: the index is being opened; it waits for space: ` +
		`the disk is full: 0 MB are free, 288 MB must be","requestId":"request-of-the-test"}` + "\n"
	if w := answer("/readyz"); w.Body.String() != want {
		t.Errorf("waiting for space, it says %s", w.Body)
	}

	g.open(http.NotFoundHandler())
	if w := answer("/healthz"); w.Code != http.StatusNotFound {
		t.Errorf("the open gate answers by itself: %d", w.Code)
	}
}

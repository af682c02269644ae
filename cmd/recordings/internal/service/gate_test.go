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
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
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

	g.open(http.NotFoundHandler())
	if w := answer("/healthz"); w.Code != http.StatusNotFound {
		t.Errorf("the open gate answers by itself: %d", w.Code)
	}
}

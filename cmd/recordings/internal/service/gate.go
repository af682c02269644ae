package service

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"recordings/api/front"
)

// gate answers for the service until it is open: it is alive but not ready. Opening a large index
// takes time, and whoever watches the service should not take that for its death.
type gate struct {
	inner atomic.Pointer[http.Handler]
	waits atomic.Pointer[string] // what opening it waits for; nil: for nothing but itself
	below string                 // the path of the public URL, which a proxy may leave in front
}

// wait notes what opening the service waits for.
func (g *gate) wait(reason string) { g.waits.Store(&reason) }

// open lets requests through to h from now on.
func (g *gate) open(h http.Handler) { g.inner.Store(&h) }

// ServeHTTP implements [http.Handler].
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := g.inner.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	front.CloseUnread(http.HandlerFunc(g.answerNotReady)).ServeHTTP(w, r) // which reads no bodies
}

// answerNotReady answers in the form of the API. Liveness is all that there is before the index is
// open.
func (g *gate) answerNotReady(w http.ResponseWriter, r *http.Request) {
	id := front.RequestID(r.Header)
	w.Header().Set(front.RequestIDHeader, id)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == "/healthz" || r.URL.Path == g.below+"/healthz" {
		fmt.Fprintln(w, `{"statusCode":0}`)
		return
	}

	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	reason := "not ready: the index is being opened"
	if waits := g.waits.Load(); waits != nil {
		reason += "; it waits for space: " + *waits
	}
	// No character of these needs more.
	fmt.Fprintf(w, "{\"statusCode\":4,\"statusMessage\":%q,\"requestId\":%q}\n", reason, id)
}

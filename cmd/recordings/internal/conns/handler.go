package conns

import (
	"context"
	"io"
	"net/http"
)

// Handler returns a handler that serves requests by next as their connections have it: whether they
// came by TLS, whether their client is still there, and how the end of their body was announced.
func (l *Listener) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*Conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}

		f := c.requests.begin(r.ContentLength)
		if f.coding && (f.length || !r.ProtoAtLeast(1, 1)) {
			// Who sends both may mean the body to end elsewhere (RFC 9112 6.1): nothing behind it is
			// taken for a request.
			w.Header().Set("Connection", "close")
		}
		if f.folded {
			refuseFolded(w)
			return
		}

		ctx, cancel := c.context(r)
		defer cancel()
		r = r.WithContext(ctx)
		if c.tls != nil {
			state := c.tls.ConnectionState()
			r.TLS = &state
		}
		next.ServeHTTP(w, r)
	})
}

// context is that of a request. A browser never shuts down its sending side alone: where it sends
// no more, nobody waits for the answer.
func (c *Conn) context(r *http.Request) (context.Context, context.CancelFunc) {
	if r.Header.Get("Sec-Fetch-Mode") != "" {
		return context.WithCancel(r.Context())
	}
	return context.WithCancel(requestContext{c.alive, r.Context()})
}

// requestContext ends with one context and has the values of another one, too.
type requestContext struct {
	context.Context
	values context.Context
}

// Value implements [context.Context].
func (c requestContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil { // also what package context asks for itself
		return v
	}
	return c.values.Value(key)
}

// refuseFolded refuses a header with a line that goes on in the next one: not everybody in front
// reads it so, and they may disagree about where the request ends.
func refuseFolded(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"statusCode":2,"statusMessage":"a line of the header goes on in the next one, `+
		`which is not accepted; write each field on one line"}`+"\n")
}

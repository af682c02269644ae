package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"recordings/api/auth"
	"recordings/mapping"
)

// resource is what one path leads to. Whoever may GET it may also HEAD it.
type resource struct {
	path    string
	roles   []auth.Role // who may call; none: everybody, without credentials
	methods map[string]http.HandlerFunc
}

// endpoint is the pipeline of every route: decode and validate the request, do what it asks for, encode the answer.
func endpoint[In, Out any](s *Server, decode func(*http.Request) (In, error), do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, err := decode(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.send(w, r, http.StatusOK, out)
	}
}

// resources are all paths of the API.
func (s *Server) resources() []resource {
	type methods = map[string]http.HandlerFunc
	var (
		read    = endpoint(s, s.decodeRead, s.read)
		post    = s.batchOr(endpoint(s, s.decodePost, s.post))
		remove  = endpoint(s, s.decodeDelete, s.delete)
		left    = endpoint(s, s.decodeLeft, s.listLeft)
		retry   = endpoint(s, s.decodeLeft, s.retryLeft)
		forget  = endpoint(s, s.decodeForget, s.forgetLeft)
		backup  = endpoint(s, s.decodeNothing, s.backup)
		backUp  = endpoint(s, s.decodeBackup, s.startBackup)
		me      = endpoint(s, caller, s.me)
		version = endpoint(s, caller, s.version)
		alive   = endpoint(s, caller, s.alive)
		ready   = endpoint(s, caller, s.ready)
		session = endpoint(s, s.decodeSession, s.session)
	)
	admin, ops := []auth.Role{auth.RoleAdmin}, []auth.Role{auth.RoleOps}
	all := []resource{
		{"/api/v2/recordings/{id}", admin, methods{"GET": read}},
		{"/api/v2/recordings/{id}/play/{media}", admin, methods{"GET": s.play}},
		{"/api/v2/ops/contact-centers/{ccid}/recordings/{id}", ops, methods{"GET": read, "DELETE": remove}},
		{"/api/v2/ops/contact-centers/{ccid}/recordings/{id}/play/{media}", ops, methods{"GET": s.play}},
		{"/api/v2/ops/contact-centers/{ccid}/media-left-behind", ops, methods{"GET": left, "POST": retry}},
		{"/api/v2/ops/contact-centers/{ccid}/media-left-behind/{id}", ops, methods{"DELETE": forget}},
		{"/api/v2/ops/backup", ops, methods{"GET": backup, "POST": backUp}},
		{"/api/v2/ops/status", ops, methods{"GET": endpoint(s, s.decodeNothing, s.status)}},
		{"/api/v2/export", admin, methods{"GET": s.export}},
		{"/api/v2/ops/contact-centers/{ccid}/export", ops, methods{"GET": s.export}},
		{"/api/v2/me", []auth.Role{auth.RoleAdmin, auth.RoleOps}, methods{"GET": me}},
		{"/api/v2/diagnostics/version", nil, methods{"GET": version}},
		{"/metrics", ops, methods{"GET": s.metricsPage}},
		{"/healthz", nil, methods{"GET": alive}},
		{"/readyz", nil, methods{"GET": ready}},
		{"/api/v2/session", nil, methods{"GET": session, "POST": s.signIn, "DELETE": s.signOut}},
		{"/", nil, methods{"GET": s.console.ServePage}},
		{"/assets/{version}/{name}", nil, methods{"GET": s.asset}},
	}
	all = append(all, s.upkeepResources()...)
	all = append(all, collection("/api/v2", admin, methods{"GET": s.search})...)
	all = append(all, collection("/api/v2/ops/contact-centers/{ccid}", ops, methods{"GET": s.search, "POST": post})...)
	return append(all, collection("/internal-api/contact-centers/{ccid}", ops, methods{"POST": post})...)
}

// collection is the recordings below a path, under each of their names. The alias is why "recordings" cannot be an id.
func collection(below string, roles []auth.Role, methods map[string]http.HandlerFunc) []resource {
	var all []resource
	for _, name := range []string{"/recordings", "/recordings/", "/recordings/" + mapping.ReservedID, "/recordings/" + mapping.ReservedID + "/"} {
		all = append(all, resource{below + name, roles, methods})
	}
	return all
}

func (s *Server) newRouter() *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	all := s.resources()
	slices.SortStableFunc(all, func(a, b resource) int { // the alias before the ids
		return strings.Count(a.path, "{") - strings.Count(b.path, "{")
	})
	for _, rs := range all {
		router.Path(rs.path).Handler(s.handler(rs))
	}
	router.NotFoundHandler = http.HandlerFunc(s.notFound)
	return router
}

// handler admits a request to a resource, or refuses it: first for want of credentials, then of a role, then of a method.
func (s *Server) handler(rs resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).route = rs.path
		if len(rs.roles) > 0 {
			if err := s.authenticate(r); err != nil {
				s.fail(w, r, err)
				return
			}
			if !slices.Contains(rs.roles, exchangeOf(r).user.Role) {
				s.fail(w, r, errRole)
				return
			}
		}
		do, ok := rs.method(r.Method)
		if !ok {
			s.fail(w, r, &methodError{allow: rs.allow()})
			return
		}
		if s.crossOrigin.Check(r) != nil {
			s.fail(w, r, errCrossOrigin)
			return
		}
		do(w, r)
	}
}

func (rs *resource) method(name string) (http.HandlerFunc, bool) {
	if name == http.MethodHead {
		name = http.MethodGet
	}
	do, ok := rs.methods[name]
	return do, ok
}

// allow lists the methods of a resource, for the header of that name.
func (rs *resource) allow() string {
	var names []string
	for _, name := range []string{"GET", "HEAD", "POST", "DELETE"} {
		if _, ok := rs.method(name); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// notFound answers paths that lead nowhere. Below the API's own paths, who has no credentials does not learn that.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	err := errNoPath
	if p := r.URL.Path; strings.HasPrefix(p, "/api") || strings.HasPrefix(p, "/internal-api") {
		if denied := s.authenticate(r); denied != nil {
			err = denied
		}
	}
	s.fail(w, r, err)
}

// asset answers with a file of the page.
func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	if v := mux.Vars(r); !s.console.ServeAsset(w, r, v["version"], v["name"]) {
		s.fail(w, r, errNoPath)
	}
}

// authenticate finds out who calls: by name and password, as API clients do, or by the session of the page.
func (s *Server) authenticate(r *http.Request) (err error) {
	x := exchangeOf(r)
	if name, password, ok := r.BasicAuth(); ok {
		x.user, err = s.logins.Check(r.Context(), auth.AddressOf(r.RemoteAddr), name, password)
		s.metrics.login(err)
		return err
	}
	if r.Header.Get("Authorization") == "" {
		x.user = s.sessions.User(s.sessionToken(r))
	}
	if x.user == nil {
		return auth.ErrUnauthenticated
	}
	return nil
}

// pathValue returns the value of a variable of the path.
func pathValue(r *http.Request, name string) (string, error) {
	v, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil {
		return "", errNoPath
	}
	return v, nil
}

// withRoutablePath returns a request whose escaped path is what the client sent. Where a client leaves characters
// unescaped that should be (non-ASCII, |, "), net/url forgets which of the others were escaped, and a %2F within an id
// would become a slash.
func withRoutablePath(r *http.Request) *http.Request {
	raw := r.URL.RawPath
	if raw == "" || raw == r.URL.EscapedPath() {
		return r
	}
	var b strings.Builder
	for i := range len(raw) {
		if c := raw[i]; c == '/' || c == '%' {
			b.WriteByte(c)
		} else {
			b.WriteString(url.PathEscape(raw[i : i+1]))
		}
	}
	u := *r.URL
	u.RawPath = b.String()
	r2 := *r // shallow: only the URL differs
	r2.URL = &u
	return &r2
}

package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"recordings/api/auth"
	"recordings/api/console"
	"recordings/api/front"
	"recordings/index"
	"recordings/mapping"
)

// handlers are those of all routes.
type handlers struct {
	*pipeline
	crossOrigin *http.CrossOriginProtection
	console     *console.Console
	proxies     front.Proxies
	clients     *front.Clients

	recordings     *recordings
	batches        *batches
	exports        *exports
	playback       *playback
	contactCenters *contactCenters
	orphans        *orphans
	operations     *operations
	system         *system
	sessions       *sessions
}

// resource is what one path leads to. Whoever may GET it may also HEAD it.
type resource struct {
	path    string
	roles   []auth.Role // who may call; none: everybody, without credentials
	methods map[string]http.HandlerFunc
}

type methods = map[string]http.HandlerFunc

// Who may call.
var (
	anybody  []auth.Role
	admin    = []auth.Role{auth.RoleAdmin}
	ops      = []auth.Role{auth.RoleOps}
	everyone = []auth.Role{auth.RoleAdmin, auth.RoleOps} // who has credentials
)

// resources are all paths of the API.
func (h *handlers) resources() []resource {
	return slices.Concat(h.recordingResources(), h.mediaResources(), h.operationResources(), h.pageResources())
}

// recordingResources are the paths of what the service is about.
func (h *handlers) recordingResources() []resource {
	const center = "/ops/contact-centers/{ccid}"
	var (
		read   = endpoint(h.pipeline, h.recordings.decodeRead, h.recordings.read)
		post   = h.batches.or(endpoint(h.pipeline, h.recordings.decodePost, h.recordings.post))
		remove = endpoint(h.pipeline, h.recordings.decodeDelete, h.recordings.delete)
		search = h.recordings.search
		export = h.exports.export
	)
	all := []resource{
		{"/api/v2/recordings/{id}", admin, methods{"GET": read}},
		{"/api/v2" + center + "/recordings/{id}", ops, methods{"GET": read, "DELETE": remove}},
		{"/api/v2/export", admin, methods{"GET": export}},
		{"/api/v2" + center + "/export", ops, methods{"GET": export}},
	}
	return slices.Concat(all,
		collection("/api/v2", admin, methods{"GET": search}),
		collection("/api/v2"+center, ops, methods{"GET": search, "POST": post}),
		collection("/internal-api/contact-centers/{ccid}", ops, methods{"POST": post}),
	)
}

// collection is the recordings below a path, under each of their names. The alias is why
// "recordings" cannot be an id.
func collection(below string, roles []auth.Role, m methods) []resource {
	const alias = "/recordings/" + mapping.ReservedID
	var all []resource
	for _, name := range []string{"/recordings", "/recordings/", alias, alias + "/"} {
		all = append(all, resource{below + name, roles, m})
	}
	return all
}

// mediaResources are the paths of the sound, and of sound whose recording is gone.
func (h *handlers) mediaResources() []resource {
	const center = "/api/v2/ops/contact-centers/{ccid}"
	var (
		play   = h.playback.play
		list   = endpoint(h.pipeline, h.orphans.decodePage, h.orphans.read)
		retry  = endpoint(h.pipeline, h.orphans.decodePage, h.orphans.retry)
		forget = endpoint(h.pipeline, h.orphans.decodeForget, h.orphans.forget)
	)
	return []resource{
		{"/api/v2/recordings/{id}/play/{media}", admin, methods{"GET": play}},
		{center + "/recordings/{id}/play/{media}", ops, methods{"GET": play}},
		{center + "/media-left-behind", ops, methods{"GET": list, "POST": retry}},
		{center + "/media-left-behind/{id}", ops, methods{"DELETE": forget}},
	}
}

// operationResources are the paths of running the service.
func (h *handlers) operationResources() []resource {
	const reindex, verify = "/api/v2/ops/reindex", "/api/v2/ops/verify"
	o := h.operations
	control := func(a index.Action) methods {
		return methods{"POST": endpoint(h.pipeline, noParameters, o.controlReindex(a))}
	}
	return []resource{
		{"/api/v2/ops/contact-centers", ops, methods{"GET": endpoint(h.pipeline, noParameters, h.contactCenters.read)}},
		{"/api/v2/ops/status", ops, methods{"GET": endpoint(h.pipeline, noParameters, h.system.status)}},
		{"/api/v2/ops/backup", ops, methods{
			"GET":  endpoint(h.pipeline, noParameters, o.backupStatus),
			"POST": endpoint(h.pipeline, o.decodeBackup, o.startBackup),
		}},
		{reindex, ops, methods{
			"GET":  endpoint(h.pipeline, noParameters, o.reindexStatus),
			"POST": endpoint(h.pipeline, noParameters, o.controlReindex(index.Start)),
		}},
		{reindex + "/pause", ops, control(index.Pause)},
		{reindex + "/resume", ops, control(index.Resume)},
		{reindex + "/cancel", ops, control(index.Cancel)},
		{verify, ops, methods{
			"GET":  endpoint(h.pipeline, noParameters, o.verifyStatus),
			"POST": endpoint(h.pipeline, decodeVerify, o.startVerify),
		}},
		{verify + "/cancel", ops, methods{"POST": endpoint(h.pipeline, noParameters, o.cancelVerify)}},
		{"/metrics", ops, methods{"GET": h.system.metricsPage}},
		{"/healthz", anybody, methods{"GET": endpoint(h.pipeline, caller, h.system.alive)}},
		{"/readyz", anybody, methods{"GET": endpoint(h.pipeline, caller, h.system.ready)}},
		{"/api/v2/diagnostics/version", anybody, methods{"GET": h.sessions.withCookie(
			endpoint(h.pipeline, caller, h.system.showVersion))}},
	}
}

// pageResources are the paths of the web page, and of who is signed in there.
func (h *handlers) pageResources() []resource {
	return []resource{
		{"/api/v2/me", everyone, methods{"GET": endpoint(h.pipeline, caller, h.sessions.me)}},
		{"/api/v2/session", anybody, methods{
			"GET":    endpoint(h.pipeline, h.sessions.decode, h.sessions.read),
			"POST":   h.sessions.signIn,
			"DELETE": h.sessions.signOut,
		}},
		{"/", anybody, methods{"GET": h.console.ServePage}},
		{"/assets/{version}/{name}", anybody, methods{"GET": h.asset}},
	}
}

// newRouter returns the router of all resources. It sees escaped paths as they were sent.
func (h *handlers) newRouter() *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	all := h.resources()
	slices.SortStableFunc(all, func(a, b resource) int { // the alias before the ids
		return strings.Count(a.path, "{") - strings.Count(b.path, "{")
	})

	for _, rs := range all {
		router.Path(rs.path).Handler(h.admitting(rs))
	}

	router.NotFoundHandler = http.HandlerFunc(h.notFound)
	return router
}

// receiving returns a handler that finds out who sends a request, and lets it through to the router.
func (h *handlers) receiving(router http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sender, err := h.proxies.Sender(r)
		if err != nil {
			h.fail(w, r, err)
			return
		}

		infoOf(r).sender = sender
		if h.sessions.overTLS(r) && !front.Loopback(sender.Host) { // there, other programs may speak plain HTTP
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		if sender.Forwarded {
			leave, ok := h.clients.Enter(auth.NetworkOf(sender.Addr))
			if !ok {
				h.fail(w, r, errTooManyRequests)
				return
			}
			defer leave()
		}

		addressed := *r // shallow: only the host and the URL differ
		addressed.Host = sender.Host
		h.recordings.address(&addressed)
		router.ServeHTTP(w, &addressed)
	}
}

// admitting returns a handler that lets a request through to a resource, or refuses it: first for
// want of credentials, then of a role, then of a method.
func (h *handlers) admitting(rs resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		infoOf(r).route = rs.path
		if len(rs.roles) > 0 {
			if err := h.sessions.authenticate(r); err != nil {
				h.fail(w, r, err)
				return
			}
			if !slices.Contains(rs.roles, infoOf(r).user.Role) {
				h.fail(w, r, errRole)
				return
			}
		}

		do, ok := rs.method(r.Method)
		if !ok {
			h.fail(w, r, &methodError{allow: rs.allow()})
			return
		}
		if h.crossOrigin.Check(r) != nil {
			h.fail(w, r, errCrossOrigin)
			return
		}
		do(w, r)
	}
}

// method returns the handler of a method.
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

// notFound answers paths that lead nowhere. Below the API's own paths, who has no credentials does
// not learn that.
func (h *handlers) notFound(w http.ResponseWriter, r *http.Request) {
	err := errNoPath
	if p := r.URL.Path; strings.HasPrefix(p, "/api") || strings.HasPrefix(p, "/internal-api") {
		if denied := h.sessions.authenticate(r); denied != nil {
			err = denied
		}
	}
	h.fail(w, r, err)
}

// asset answers with a file of the page.
func (h *handlers) asset(w http.ResponseWriter, r *http.Request) {
	if v := mux.Vars(r); !h.console.ServeAsset(w, r, v["version"], v["name"]) {
		h.fail(w, r, errNoPath)
	}
}

// pathValue returns the value of a variable of the path.
func pathValue(r *http.Request, name string) (string, error) {
	v, err := url.PathUnescape(mux.Vars(r)[name])
	if err != nil {
		return "", errNoPath
	}
	return v, nil
}

// withRoutablePath returns a request whose escaped path is what the client sent. Where a client
// leaves characters unescaped that should be (non-ASCII, |, "), net/url forgets which of the others
// were escaped, and a %2F within an id would become a slash.
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
	routable := *r // shallow: only the URL differs
	routable.URL = &u
	return &routable
}

package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/console"
	"recordings/api/docs"
	"recordings/api/front"
	"recordings/api/openapi"
	"recordings/api/trail"
	"recordings/api/users"
	"recordings/audit"
	"recordings/index"
	"recordings/mapping"
)

// handlers are those of all routes.
type handlers struct {
	*pipeline
	access      *atomic.Pointer[access.Access] // who may call, as the configuration says now
	seen        *users.Seen
	crossOrigin *http.CrossOriginProtection
	console     *console.Console
	proxies     front.Proxies
	clients     *front.Clients

	recordings      *recordings
	batches         *batches
	exports         *exports
	playback        *playback
	archives        *archives
	contactCenters  *contactCenters
	orphans         *orphans
	deletions       *deletions
	marks           *marks
	saved           *savedSearches
	reconciliations *reconciliations
	operations      *operations
	system          *system
	sessions        *sessions
	audits          *audits
	description     *description
	docs            *docs.Docs
}

// route is one line of the table of who may what. The router, the answers to who may not, the audit
// log, the description of the API and the test of all its cells are made of these lines.
type route struct {
	name    string // in the description, and so in clients that are generated from it
	method  string // GET stands for HEAD, too
	path    string
	roles   []auth.Role // who may call; none: everybody, without credentials
	reach   reach
	action  audit.Action // what the audit log calls it; empty: it is not of its business
	summary string       // one line for who reads about the API
	handling

	subject string // what the description has it under
	alias   string // the path that this is another name of; empty: it is none
}

// reach is whose things a route is about.
type reach int

// The reaches of routes.
const (
	nobodys reach = iota // what belongs to no contact center, such as who is signed in
	callers              // one contact center of the caller: the only one, or the one that they choose
	named                // the contact center in the path, which has to be one of the caller's
	several              // all contact centers of the caller, and nothing of the others
	service              // the service as a whole: for who is bound to no contact center
)

// Who may call.
var (
	anybody  []auth.Role
	admin    = []auth.Role{auth.RoleAdmin}
	ops      = []auth.Role{auth.RoleOps}
	posting  = []auth.Role{auth.RoleOps, auth.RoleRecorder}
	auditing = []auth.Role{auth.RoleAdmin, auth.RoleAuditor}
	everyone = auth.Roles // who has credentials
)

// What paths begin with that are about the contact center that they name.
const (
	opsRoot    = apiRoot + "/ops"
	centerRoot = opsRoot + "/contact-centers/{ccid}"
)

// routes are all lines of the table. A path that has several names stands there with each.
func (h *handlers) routes() []route {
	return slices.Concat(
		about("recordings", h.recordingRoutes()), about("holds and labels", h.markRoutes()),
		about("saved searches", h.savedRoutes()),
		about("media", h.mediaRoutes()), about("deletions", h.deletionRoutes()),
		about("reconciliations", h.reconciliationRoutes()), about("operations", h.operationRoutes()),
		about("audit log", h.auditRoutes()), about("sign-in", h.signInRoutes()),
		about("page and description", h.pageRoutes()))
}

// about says what lines are about.
func about(subject string, lines []route) []route {
	for i := range lines {
		lines[i].subject = subject
	}
	return lines
}

// recordingRoutes are those of what the service is about.
func (h *handlers) recordingRoutes() []route {
	const (
		own, center = apiRoot + "/recordings", centerRoot + "/recordings"
		later       = "/internal-api/contact-centers/{ccid}/recordings"
	)
	var (
		read = endpoint(h.pipeline, h.recordings.decodeRead, h.recordings.read).
			answering(http.StatusOK, content{}, "ETag").cached()
		many   = endpoint(h.pipeline, h.marks.decodeMany, h.marks.many).reading(body[operationBody]())
		single = h.batches.or(endpoint(h.pipeline, h.recordings.decodePost, h.recordings.post).
			reading(body[mapping.Recording]()).failing(http.StatusInsufficientStorage))
		post   = h.marks.or(many, single)
		remove = endpoint(h.pipeline, h.recordings.decodeDelete, h.recordings.delete).taking(subresourcesParam)
		search = handle(h.recordings.search).taking(searchParams()...).answering(http.StatusOK, body[listAnswer]())
		export = h.exports.handling()
		count  = endpoint(h.pipeline, h.recordings.decodeHistogram, h.recordings.histogram).taking(histogramParams()...)
		typing = endpoint(h.pipeline, h.recordings.decodeSuggest, h.recordings.suggest).taking(suggestParams()...)
	)
	const (
		doCount            = "how many recordings match, by hour, day, week or month"
		doSuggest          = "which names, numbers, keys and values complete a text"
		doExport, doSearch = "all recordings that match", "search"
		doView, doViewAll  = "one recording", "one recording, with where its media lie"
		doPost             = "create recordings, merge into or mark them"
		doRemove           = "delete a recording, and its media if asked"
		doMark             = "hold, release or label many recordings"
		doPostLater        = "the same, where later recorders send it"
	)
	return slices.Concat(
		collection(line("searchRecordings", "GET", own, admin, callers, "search", doSearch, search)),
		collection(line("markRecordings", "POST", own, admin, callers, "label", doMark, many)),
		[]route{
			line("countRecordings", "GET", own+"/histogram", admin, callers, "count", doCount, count),
			line("suggestValues", "GET", own+"/suggestions", admin, callers, "suggest", doSuggest, typing),
			line("readRecording", "GET", own+"/{id}", admin, callers, "view", doView, read),
			line("exportRecordings", "GET", apiRoot+"/export", admin, callers, "export", doExport, export),
		},
		collection(line("searchRecordingsAsOps", "GET", center, ops, named, "search", doSearch, search)),
		collection(line("postRecordings", "POST", center, posting, named, "post", doPost, post)),
		[]route{
			line("countRecordingsAsOps", "GET", center+"/histogram", ops, named, "count", doCount, count),
			line("suggestValuesAsOps", "GET", center+"/suggestions", ops, named, "suggest", doSuggest, typing),
			line("readRecordingAsOps", "GET", center+"/{id}", ops, named, "view", doViewAll, read),
			line("deleteRecording", "DELETE", center+"/{id}", ops, named, "delete", doRemove, remove),
			line("exportRecordingsAsOps", "GET", centerRoot+"/export", ops, named, "export", doExport, export),
		},
		collection(line("postRecordingsLater", "POST", later, posting, named, "post", doPostLater, single)),
	)
}

// line makes a line of the table.
func line(
	name, method, path string, roles []auth.Role, reach reach, action audit.Action, summary string, does handling,
) route {
	return route{
		name: name, method: method, path: path, roles: roles, reach: reach, action: action, summary: summary,
		handling: does,
	}
}

// markRoutes are those of what the service notes of recordings: for administrators of their own
// contact centers, and for operations of that in the path.
func (h *handlers) markRoutes() (all []route) {
	var (
		m          = h.marks
		hold       = body[holdBody]()
		label      = body[labelBody]()
		definition = body[mapping.LabelDefinition]()
		one        = endpoint(h.pipeline, m.decodeOne, m.one).reading(hold)
		list       = endpoint(h.pipeline, m.decodeLabel, m.readAll)
		add        = endpoint(h.pipeline, m.decodeAdd, m.one).reading(label.requiring("name"))
		read       = endpoint(h.pipeline, m.decodeLabel, m.readOne)
		change     = endpoint(h.pipeline, m.decodeChange, m.one).reading(label)
		remove     = endpoint(h.pipeline, m.decodeRemove, m.one)
		written    = body[commentBody]()
		comments   = endpoint(h.pipeline, m.decodeLabel, m.readComments)
		comment    = endpoint(h.pipeline, m.decodeComment, m.comment).reading(written)
		rewrite    = endpoint(h.pipeline, m.decodeRewrite, m.comment).reading(written)
		uncomment  = endpoint(h.pipeline, m.decodeUncomment, m.one)
		defined    = endpoint(h.pipeline, m.decodeDefinitions, m.definitions)
		define     = endpoint(h.pipeline, m.decodeDefinition, m.define).reading(definition.requiring("name")).
				creating().failing(http.StatusConflict)
		what     = endpoint(h.pipeline, m.decodeDefinitions, m.definition)
		redefine = endpoint(h.pipeline, m.decodeDefinition, m.redefine).reading(definition).failing(http.StatusConflict)
		drop     = endpoint(h.pipeline, m.decodeDrop, m.drop).taking(forceParam).failing(http.StatusConflict)
	)
	for _, of := range []struct {
		root, as string
		roles    []auth.Role
		reach    reach
	}{{apiRoot, "", admin, callers}, {centerRoot, "AsOps", ops, named}} {
		put := func(name, method, path string, action audit.Action, summary string, does handling) {
			all = append(all, line(name+of.as, method, path, of.roles, of.reach, action, summary, does))
		}
		id, definitions := of.root+"/recordings/{id}", of.root+"/recording-label-definitions"
		put("markRecording", "POST", id, "hold", "protect a recording from deletion, or no longer", one)
		put("listLabels", "GET", id+"/labels", "view", "the labels of a recording", list)
		put("addLabel", "POST", id+"/labels", "label", "put a label on a recording", add)
		put("readLabel", "GET", id+"/labels/{name}", "view", "one of its labels", read)
		put("changeLabel", "PUT", id+"/labels/{name}", "label", "change the value of a label", change)
		put("removeLabel", "DELETE", id+"/labels/{name}", "label", "take a label off a recording", remove)
		put("listComments", "GET", id+"/comments", "view", "the comments of a recording", comments)
		put("addComment", "POST", id+"/comments", "comment", "comment on a recording, or on a moment of it", comment)
		put("changeComment", "PUT", id+"/comments/{comment}", "comment", "change a comment of one's own", rewrite)
		put("deleteComment", "DELETE", id+"/comments/{comment}", "comment", "delete a comment", uncomment)

		for _, path := range []string{definitions, definitions + "/"} {
			put("listLabelDefinitions", "GET", path, "", "the labels that recordings may bear", defined)
			put("defineLabel", "POST", path, "label", "define a label", define)
		}
		for i := range all[len(all)-2:] {
			all[len(all)-2+i].alias = definitions
		}
		put("readLabelDefinition", "GET", definitions+"/{name}", "", "one of them", what)
		put("changeLabelDefinition", "PUT", definitions+"/{name}", "label", "change how it is shown", redefine)
		put("deleteLabelDefinition", "DELETE", definitions+"/{name}", "label", "remove a label", drop)
	}
	return all
}

// savedRoutes are those of the searches that the caller has saved.
func (h *handlers) savedRoutes() (all []route) {
	const (
		doList, doRead = "the searches that the caller has saved", "one of them"
		doSave, doDrop = "save a search under a name", "remove a saved search"
	)
	var (
		s    = h.saved
		list = endpoint(h.pipeline, s.decode, s.list)
		read = endpoint(h.pipeline, s.decode, s.one)
		save = endpoint(h.pipeline, s.decodeSave, s.save).reading(body[searchBody]()).failing(http.StatusConflict)
		drop = endpoint(h.pipeline, s.decodeDrop, s.drop)
	)
	for _, of := range []struct {
		root, as string
		roles    []auth.Role
		reach    reach
	}{{apiRoot, "", admin, callers}, {centerRoot, "AsOps", ops, named}} {
		path := of.root + "/saved-searches"
		all = append(all,
			line("listSavedSearches"+of.as, "GET", path, of.roles, of.reach, "", doList, list),
			line("readSavedSearch"+of.as, "GET", path+"/{search}", of.roles, of.reach, "", doRead, read),
			line("saveSearch"+of.as, "PUT", path+"/{search}", of.roles, of.reach, audit.Save, doSave, save),
			line("deleteSavedSearch"+of.as, "DELETE", path+"/{search}", of.roles, of.reach, audit.Save, doDrop, drop),
		)
	}
	return all
}

// collection is a route of the recordings at a path, under each of its names. The alias is why
// "recordings" cannot be an id.
func collection(r route) []route {
	var all []route
	for _, name := range []string{"", "/", "/" + mapping.ReservedID, "/" + mapping.ReservedID + "/"} {
		other := r
		if other.path += name; name != "" {
			other.alias = r.path
		}
		all = append(all, other)
	}
	return all
}

// mediaRoutes are those of the sound, and of sound whose recording is gone.
func (h *handlers) mediaRoutes() []route {
	const (
		orphans      = centerRoot + "/media-left-behind"
		own, center  = apiRoot + "/recordings/{id}/play/{media}", centerRoot + "/recordings/{id}/play/{media}"
		doPlay       = "the bytes of a media file"
		doList       = "orphaned media"
		doRetry      = "try again to delete orphaned media"
		doForget     = "take a media file off the list of orphaned media"
		insufficient = http.StatusInsufficientStorage
		listName     = "listMediaLeftBehind"
		retryName    = "retryMediaLeftBehind"
		forgetName   = "forgetMediaLeftBehind"
		mine, theirs = apiRoot + "/media.zip", centerRoot + "/media.zip"
		doArchive    = "the media of many recordings, as one ZIP with a manifest"
		doName       = "the same, of recordings that the body names"
	)
	var (
		play   = h.playback.handling()
		whole  = h.archives.handling()
		found  = whole.taking(archiveParams()...)
		chosen = whole.taking(forecastParam).reading(body[archiveBody]())
		list   = endpoint(h.pipeline, h.orphans.decodePage, h.orphans.read).taking(orphanParams...)
		retry  = endpoint(h.pipeline, h.orphans.decodePage, h.orphans.retry).taking(orphanParams...)
		forget = endpoint(h.pipeline, h.orphans.decodeForget, h.orphans.forget)
	)
	return []route{
		line("playMedia", "GET", own, admin, callers, "play", doPlay, play),
		line("playMediaAsOps", "GET", center, ops, named, "play", doPlay, play),
		line("archiveMedia", "GET", mine, admin, callers, "download", doArchive, found),
		line("archiveNamedMedia", "POST", mine, admin, callers, "download", doName, chosen),
		line("archiveMediaAsOps", "GET", theirs, ops, named, "download", doArchive, found),
		line("archiveNamedMediaAsOps", "POST", theirs, ops, named, "download", doName, chosen),
		line(listName, "GET", orphans, ops, named, "", doList, list),
		line(retryName, "POST", orphans, ops, named, audit.Retry, doRetry, retry),
		line(forgetName, "DELETE", orphans+"/{id}", ops, named, "forget", doForget, forget),
	}
}

// operationRoutes are those of running the service.
func (h *handlers) operationRoutes() []route {
	const (
		reindex, verify = opsRoot + "/reindex", opsRoot + "/verify"
		backup          = opsRoot + "/backup"
	)
	var (
		o       = h.operations
		centers = endpoint(h.pipeline, decodeUser, h.contactCenters.read)
		status  = endpoint(h.pipeline, noParameters, h.system.status)
		callers = endpoint(h.pipeline, noParameters, h.system.users)
		alive   = endpoint(h.pipeline, caller, h.system.alive)
		ready   = endpoint(h.pipeline, caller, h.system.ready)
		version = h.sessions.withCookie(endpoint(h.pipeline, caller, h.system.showVersion))
		begin   = endpoint(h.pipeline, o.decodeBackup, o.startBackup).reading(body[backupBody]().optional())
		compare = endpoint(h.pipeline, decodeVerify, o.startVerify).taking(repairParam)
		reload  = endpoint(h.pipeline, noParameters, o.reload).failing(http.StatusConflict)
		metrics = handle(h.system.metricsPage).answering(http.StatusOK, textBody("text/plain"))
	)
	plain := func(do func(context.Context, struct{}) (reindexAnswer, error)) handling {
		return endpoint(h.pipeline, noParameters, do)
	}
	backups := endpoint(h.pipeline, noParameters, o.backupStatus)
	verification := endpoint(h.pipeline, noParameters, o.verifyStatus)
	stopVerify := endpoint(h.pipeline, noParameters, o.cancelVerify)
	start, pause := plain(o.controlReindex(index.Start)), plain(o.controlReindex(index.Pause))
	resume, cancel := plain(o.controlReindex(index.Resume)), plain(o.controlReindex(index.Cancel))

	all := []route{
		line("listContactCenters", "GET", opsRoot+"/contact-centers", ops, several, "",
			"which contact centers there are", centers),
		line("readStatus", "GET", opsRoot+"/status", ops, service, "", "how the service is doing", status),
	}
	put := func(name, method, path string, action audit.Action, summary string, does handling) {
		all = append(all, line(name, method, path, ops, service, action, summary, does))
	}
	put("listUsers", "GET", opsRoot+"/users", "", "who may call, and when each was last seen", callers)
	put("readBackups", "GET", backup, "", "the backups there are, and how one is doing", backups)
	put("startBackup", "POST", backup, "backup", "make a backup", begin)
	put("readReindex", "GET", reindex, "", "how building the search index anew is doing", plain(o.reindexStatus))
	put("startReindex", "POST", reindex, "reindex", "build the search index anew", start)
	put("pauseReindex", "POST", reindex+"/pause", "reindex", "pause that", pause)
	put("resumeReindex", "POST", reindex+"/resume", "reindex", "go on with it", resume)
	put("cancelReindex", "POST", reindex+"/cancel", "reindex", "give it up", cancel)
	put("readVerify", "GET", verify, "", "how verifying is doing, and what it found", verification)
	put("startVerify", "POST", verify, "verify", "compare all that is stored", compare)
	put("cancelVerify", "POST", verify+"/cancel", "verify", "give that up", stopVerify)
	put("reloadConfiguration", "POST", opsRoot+"/reload", "reload", "read the configuration again", reload)
	put("readMetrics", "GET", "/metrics", "", "metrics for Prometheus", metrics)
	return append(all,
		line("isAlive", "GET", "/healthz", anybody, nobodys, "", "is it alive", alive),
		line("isReady", "GET", "/readyz", anybody, nobodys, "", "does it answer searches", ready),
		line("readVersion", "GET", apiRoot+"/diagnostics/version", anybody, nobodys, "", "the version", version),
	)
}

// auditRoutes are those of the audit log.
func (h *handlers) auditRoutes() []route {
	entries := handle(h.audits.read).answering(http.StatusOK, lines[audit.Line]().or(lines[audit.Trailer]()))
	all, one := entries.taking(append(auditParams(), centerParam)...), entries.taking(auditParams()...)
	return []route{
		line("readAuditAsOps", "GET", opsRoot+"/audit", ops, several, "",
			"who did what, wherever the caller may look", all),
		line("readAudit", "GET", apiRoot+"/audit", auditing, callers, "", "who did what in the contact center", one),
	}
}

// signInRoutes are those of who is signed in.
func (h *handlers) signInRoutes() []route {
	const session, sessions = apiRoot + "/session", apiRoot + "/sessions"
	var (
		list   = endpoint(h.pipeline, decodeUser, h.sessions.list)
		endAll = handle(h.sessions.signOutEverywhere).answering(http.StatusOK, body[endedAnswer]())
		me     = endpoint(h.pipeline, caller, h.sessions.me)
		who    = handle(h.sessions.read).answering(http.StatusOK, body[sessionView]()).alsoAuthenticating()
		signIn = handle(h.sessions.signIn).reading(body[credentials]()).reading(form[credentials]()).
			answering(http.StatusOK, body[sessionView](), "Set-Cookie").
			failing(http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests)
		signOut = handle(h.sessions.signOut).answering(http.StatusOK, body[signedOutAnswer](), "Set-Cookie")
		away    = handle(h.sessions.beginSignOn).taking(returnParam).elsewhere().failing(http.StatusNotFound)
		back    = handle(h.sessions.finishSignOn).taking(callbackParams...).elsewhere().failing(http.StatusNotFound)
	)
	return []route{
		line("whoAmI", "GET", apiRoot+"/me", everyone, nobodys, "", "who am I", me),
		line("readSession", "GET", session, anybody, nobodys, "", "who is signed in", who),
		line("signIn", "POST", session, anybody, nobodys, audit.SignIn, "sign in for a session cookie", signIn),
		line("beginSignOn", "GET", signOnPath, anybody, nobodys, "", "sign in at the identity provider", away),
		line("finishSignOn", "GET", callbackPath, anybody, nobodys, audit.SignIn, "where it sends the browser", back),
		line("signOut", "DELETE", session, anybody, nobodys, audit.SignOut, "sign out", signOut),
		line("listSessions", "GET", sessions, everyone, nobodys, "", "the caller's sessions, and last sign-ins", list),
		line("endSessions", "DELETE", sessions, everyone, nobodys, audit.SignOut, "sign out everywhere", endAll),
	}
}

// pageRoutes are those of the web page, and of the description of the API.
func (h *handlers) pageRoutes() []route {
	const docs = apiRoot + "/docs"
	var (
		page  = handle(h.console.ServePage).answering(http.StatusOK, textBody("text/html"), "ETag").cached()
		asset = handle(h.asset).answering(http.StatusOK, anyBody(), "ETag").cached()
		text  = handle(h.description.serve).answering(http.StatusOK, anyJSON(), "ETag").cached()
		shown = handle(h.docs.ServePage).answering(http.StatusOK, textBody("text/html"), "ETag").cached()
		file  = handle(h.docsAsset).answering(http.StatusOK, anyBody(), "ETag").cached()
	)
	return []route{
		line("readPage", "GET", "/", anybody, nobodys, "", "the page", page),
		line("readPageFile", "GET", "/assets/{version}/{file}", anybody, nobodys, "", "a file of the page", asset),
		line("readDescription", "GET", apiRoot+"/openapi.json", anybody, nobodys, "",
			"this description: OpenAPI "+openapi.Version, text),
		line("readDocs", "GET", docs, anybody, nobodys, "", "a page that shows the description", shown),
		line("readDocsFile", "GET", docs+"/{version}/{file}", anybody, nobodys, "", "a file of that", file),
	}
}

// resource is what one path leads to: its lines of the table.
type resource struct {
	path   string
	routes []*route
}

// resourcesOf are the lines of the table by their paths, those with the fewest variables first: the
// alias comes before the ids.
func resourcesOf(table []route) []*resource {
	var all []*resource
	byPath := make(map[string]*resource)
	for i := range table {
		r := &table[i]
		rs := byPath[r.path]
		if rs == nil {
			rs = &resource{path: r.path}
			byPath[r.path] = rs
			all = append(all, rs)
		}
		rs.routes = append(rs.routes, r)
	}

	slices.SortStableFunc(all, func(a, b *resource) int {
		return strings.Count(a.path, "{") - strings.Count(b.path, "{")
	})
	return all
}

// newRouter returns the router of the table. It sees escaped paths as they were sent.
func (h *handlers) newRouter() *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	for _, rs := range resourcesOf(h.routes()) {
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

		info := infoOf(r)
		info.sender, info.access = sender, h.access.Load()
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

// admitting returns a handler that lets a request through to a line of the table, or refuses it:
// first for want of credentials, then of any role here, of the method, of a role for that, and at
// last because what it is about is not the caller's.
func (h *handlers) admitting(rs *resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		info := infoOf(r)
		info.route = rs.path
		if rs.closed() {
			if err := h.sessions.authenticate(r); err != nil {
				h.fail(w, r, err)
				return
			}
			h.seen.Note(info.user, time.Now())
		}

		x := rs.line(r.Method)
		if x != nil {
			info.trail = h.trailOf(info, x.action)
		}
		switch {
		case rs.closed() && !slices.ContainsFunc(rs.routes, func(x *route) bool { return x.admits(info.user) }):
			h.fail(w, r, errRole)
			return
		case x == nil:
			h.fail(w, r, &methodError{allow: rs.allow()})
			return
		case !x.admits(info.user):
			h.fail(w, r, errRole)
			return
		case h.crossOrigin.Check(r) != nil:
			h.fail(w, r, errCrossOrigin)
			return
		}

		if err := h.recordings.within(r, x.reach); err != nil {
			h.fail(w, r, err)
			return
		}
		if err := info.trail.Ready(); err != nil {
			h.fail(w, r, err)
			return
		}
		x.leaveOn(info.trail, r)
		x.do(w, r)
	}
}

// leaveOn notes on a trail what the path of a request says: which recording, media file, or job, and what is
// done with that.
func (x *route) leaveOn(t *trail.Trail, r *http.Request) {
	t.Center(infoOf(r).contactCenter)
	if id, err := pathValue(r, "id"); err == nil && strings.Contains(x.path, "/recordings/{id}") {
		t.Recording(id)
	} else if err == nil && id != "" {
		t.Fact("media", id)
	}
	if n, err := pathValue(r, "n"); err == nil && n != "" {
		t.Fact("number", n)
	}
	for _, control := range []string{"pause", "resume", "cancel"} {
		if strings.HasSuffix(x.path, "/"+control) {
			t.Fact("control", control)
		}
	}
}

// admits reports whether a user has a role that may call.
func (x *route) admits(u *auth.User) bool {
	return len(x.roles) == 0 || u != nil && slices.Contains(x.roles, u.Role)
}

// closed reports whether credentials are needed, whatever the method.
func (rs *resource) closed() bool {
	return !slices.ContainsFunc(rs.routes, func(x *route) bool { return len(x.roles) == 0 })
}

// line is that of a method; nil if there is none.
func (rs *resource) line(method string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, x := range rs.routes {
		if x.method == method {
			return x
		}
	}
	return nil
}

// allow lists the methods of a resource, for the header of that name.
func (rs *resource) allow() string {
	var names []string
	for _, name := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		if rs.line(name) != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// notFound answers paths that lead nowhere. Below the API's own paths, who has no credentials does
// not learn that; elsewhere a browser gets a page.
func (h *handlers) notFound(w http.ResponseWriter, r *http.Request) {
	err := errNoPath
	if p := r.URL.Path; strings.HasPrefix(p, "/api") || strings.HasPrefix(p, "/internal-api") {
		if denied := h.sessions.authenticate(r); denied != nil {
			err = denied
		}
	} else if looks := r.Method == http.MethodGet || r.Method == http.MethodHead; looks && wantsPage(r) {
		h.console.ServeMissing(w, r)
		return
	}
	h.fail(w, r, err)
}

// wantsPage reports whether a request comes from somebody who opens an address in a browser: nobody else
// names HTML among what they accept.
func wantsPage(r *http.Request) bool {
	return slices.ContainsFunc(r.Header.Values("Accept"), func(accept string) bool {
		return strings.Contains(strings.ToLower(accept), "text/html")
	})
}

// asset answers with a file of the page.
func (h *handlers) asset(w http.ResponseWriter, r *http.Request) {
	if v := mux.Vars(r); !h.console.ServeAsset(w, r, v["version"], v["file"]) {
		h.fail(w, r, errNoPath)
	}
}

// docsAsset answers with a file of the page that shows the description.
func (h *handlers) docsAsset(w http.ResponseWriter, r *http.Request) {
	if v := mux.Vars(r); !h.docs.ServeAsset(w, r, v["version"], v["file"]) {
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

// Package api is the HTTP API of the 2013 page: recordings are posted, searched, read and deleted
// as JSON.
//
// Every route is one pipeline (see [endpoint]): decode, validate, call, encode. Whatever goes wrong
// on the way is an error, and one table (see classify) says which HTTP status, statusCode and
// message the client gets for it. The text of internal errors is logged and never sent.
//
// Each group of routes has a type of its own ([recordings], [batches], [exports], …) that holds
// what its handlers need and no more. What they share is how a request is answered ([pipeline]) and
// whose recordings it is about ([scope]). All paths stand in one table (see route).
//
// Paths are routed in their escaped form and are never cleaned, since an id may hold any character.
package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"recordings/api/access"
	"recordings/api/auth"
	"recordings/api/console"
	"recordings/api/docs"
	"recordings/api/front"
	"recordings/api/share"
	"recordings/api/signon"
	"recordings/api/trail"
	"recordings/api/users"
	"recordings/audit"
	"recordings/blob"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
	"recordings/index"
	"recordings/index/batch"
)

// Options are the settings of a Server.
type Options struct {
	// What the server works with. All but Audit and Metrics are required.
	Index           index.Index
	Histograms      index.Histograms
	Centers         index.ContactCenters
	Orphans         index.Orphans
	Marks           index.Marks
	Labels          index.Labels
	Searches        index.SavedSearches
	Health          index.Health
	Operations      index.Operations
	Backups         index.Backups
	Media           *blob.Store
	Audit           audit.Log           // nil: nothing is written there
	Eraser          *erase.Eraser       // what deletes recordings
	Deletions       *deletion.Deletions // of many recordings, in the background
	Retention       *retention.Retention
	Reconciliations *reconcile.Reconciliations
	Metrics         *prometheus.Registry // what /metrics shows, to which the server adds its own; nil: only these
	Log             zerolog.Logger

	// Who may call, and what for.
	Users          []auth.User
	Tokens         []auth.Token    // of machines
	SignOn         signon.Settings // the identity provider
	Region         string          // required: the region of this server
	ContactCenters []string        // those that exist; empty: any
	PublicURL      *url.URL        // prefix of mediaUri, prevUri and nextUri; nil: taken from the request
	TrustedProxies front.Proxies   // whose forwarding headers are believed
	Origins        []string        // whose browser applications may call, with a user's credentials

	AcceptEmptyHistory bool   // take a recording without events
	Later              bool   // behave as the services that came after the one of 2013: see [scope]
	Demonstration      bool   // the page says that all is made up
	Version            string // shown by /api/v2/diagnostics/version

	// Limits. Where one is 0, the default stands.
	MaxPerClient  int           // requests at a time of one client behind a trusted proxy; 256
	MaxBody       int64         // bytes of a posted body; 1 MiB
	AnswerMemory  int64         // bytes that all answers hold together; see newAnswerMemory
	BatchMemory   int64         // bytes that all batches hold together; see [batch.NewBudget]
	SearchTimeout time.Duration // a search that takes longer is given up; 10 s
	LineTimeout   time.Duration // for the next line of a batch to arrive; 30 s
	SessionIdle   time.Duration // a session ends when it was not used for so long; 1 h
	SessionMax    time.Duration // and so long after it began in any case; 12 h

	// Reread reads the configuration again and puts into force what can be changed while the service
	// runs, see [Server.Reload]. It returns what needs a restart. An error that the configuration is
	// to blame for is a [*ConfigurationError]. nil: the service has no configuration to read.
	Reread func(context.Context) (needRestart []string, err error)

	// Stopping ends when the service is asked to stop: batches end then. nil: never.
	Stopping context.Context
}

const (
	defaultMaxPerClient  = 256
	defaultMaxBody       = 1 << 20
	defaultSearchTimeout = 10 * time.Second
	defaultLineTimeout   = 30 * time.Second
	defaultSessionIdle   = time.Hour
	defaultSessionMax    = 12 * time.Hour
)

// Server answers the HTTP API. It is an [http.Handler] and owns nothing that needs to be closed.
type Server struct {
	access   *atomic.Pointer[access.Access] // who may call, as the configuration says now
	router   *mux.Router
	memory   *answerMemory
	sessions *auth.Sessions
	handler  http.Handler // the router, and what stands in front of it
}

// New returns the server of an index.
func New(o Options) (*Server, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}

	metrics, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	h, err := newHandlers(&o, &pipeline{
		logger:  o.Log,
		metrics: metrics,
		audit:   o.Audit,

		strangers: trail.NewStrangers(),
		memory:    newAnswerMemory(o.AnswerMemory, 2*o.MaxBody), // merged, a recording has no more bytes than that
	})
	if err != nil {
		return nil, err
	}

	s := &Server{access: h.access, router: h.newRouter(), memory: h.memory, sessions: h.sessions.open}
	answering := front.Sharing(o.Origins, s.router)
	s.handler = front.CloseUnread(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.observe(w, withRoutablePath(r), h.receiving(answering))
	}))
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Reload has other users, tokens and contact centers take the place of those that the server has, at one
// moment. Requests that are running go on as who they are. Sessions of users who are gone, or who have
// another password or other rights now, end. An error leaves everything as it was.
func (s *Server) Reload(settings access.Settings) error {
	before := s.access.Load()
	after, err := access.New(settings, before)
	if err != nil {
		return err
	}
	if !s.access.CompareAndSwap(before, after) {
		return errors.New("the users were read again by somebody else at the same time")
	}

	s.sessions.EndAll(func(u *auth.User) bool { return after.Still(u) == nil })
	return nil
}

// trust makes the rule by which other origins cannot change anything, but for these.
func (o *Options) trust() (*http.CrossOriginProtection, error) {
	origins := slices.Clone(o.Origins)
	if o.PublicURL != nil { // behind a proxy, the Host header may not be what the browser sees
		origins = append(origins, o.PublicURL.Scheme+"://"+o.PublicURL.Host)
	}

	rule := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := rule.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusting an origin: %w", err)
		}
	}
	return rule, nil
}

// newHandlers makes the handlers of all routes.
func newHandlers(o *Options, p *pipeline) (*handlers, error) {
	first, err := access.New(o.access(), nil)
	if err != nil {
		return nil, err
	}
	current := new(atomic.Pointer[access.Access])
	current.Store(first)

	page, err := console.New()
	if err != nil {
		return nil, err
	}
	shown, err := docs.New()
	if err != nil {
		return nil, err
	}

	crossOrigin, err := o.trust()
	if err != nil {
		return nil, err
	}

	sc := &scope{region: o.Region, publicURL: o.PublicURL, media: o.Reconciliations, later: o.Later}
	bodies := &bodies{
		limit:              o.MaxBody,
		acceptEmptyHistory: o.AcceptEmptyHistory || o.Later,
		decoding:           make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	o.Eraser.Observe(p.metrics.deleted)
	poster := poster{o.Media}
	callers := &sessions{
		pipeline: p, scope: sc, open: auth.NewSessions(o.SessionIdle, o.SessionMax),
		longest: o.SessionMax, version: o.Version, demonstration: o.Demonstration,
	}
	playback := &playback{pipeline: p, scope: sc, index: o.Index, media: o.Media}
	exports := &exports{pipeline: p, scope: sc, index: o.Index, running: share.New(maxExports, maxExportsEach)}

	seen := new(users.Seen)

	all := &handlers{
		pipeline:    p,
		seen:        seen,
		access:      current,
		crossOrigin: crossOrigin,
		proxies:     o.TrustedProxies,
		clients:     front.NewClients(o.MaxPerClient),
		console:     page,
		recordings: &recordings{
			pipeline: p, scope: sc, bodies: bodies, index: o.Index, eraser: o.Eraser, poster: poster,
			timeout: o.SearchTimeout, histograms: o.Histograms,
		},
		batches: &batches{
			pipeline: p, scope: sc, bodies: bodies, index: o.Index, poster: poster, health: o.Health,
			budget: batch.NewBudget(o.BatchMemory, int(o.MaxBody)), running: make(chan struct{}, maxBatches),
			lineTimeout: o.LineTimeout, stopping: o.Stopping, access: current, sessions: callers,
		},
		exports:  exports,
		playback: playback,
		archives: &archives{
			playback: playback, bodies: bodies, running: share.New(maxArchives, maxArchivesEach),
			timeout: o.SearchTimeout,
		},
		contactCenters: &contactCenters{
			scope: sc, index: o.Index, list: o.Centers,
			timeout: o.SearchTimeout,
		},
		marks: &marks{
			pipeline: p, scope: sc, bodies: bodies, index: o.Index, marks: o.Marks, labels: o.Labels,
		},
		saved:           &savedSearches{pipeline: p, scope: sc, bodies: bodies, searches: o.Searches},
		orphans:         &orphans{scope: sc, list: o.Orphans, eraser: o.Eraser},
		reconciliations: &reconciliations{pipeline: p, scope: sc, bodies: bodies, jobs: o.Reconciliations},
		deletions: &deletions{
			pipeline: p, scope: sc, bodies: bodies, jobs: o.Deletions, retention: o.Retention,
			timeout: o.SearchTimeout,
		},
		operations: &operations{bodies: bodies, operations: o.Operations, backups: o.Backups, reread: o.Reread},
		system: &system{
			pipeline: p, health: o.Health, operations: o.Operations, backups: o.Backups, exports: exports,
			region: o.Region, version: o.Version, began: time.Now(), seen: seen, earlier: callers.earlier,
			deletions: o.Deletions, reconciliations: o.Reconciliations,
		},
		audits: &audits{
			pipeline: p, scope: sc, index: o.Index, running: share.New(maxAuditReads, maxAuditReadsEach),
		},
		sessions: callers,
		docs:     shown,
	}
	all.description = newDescription(o, p, all.routes)
	return all, nil
}

// setDefaults fills in what stands where a limit is 0.
func (o *Options) setDefaults() {
	if o.MaxPerClient == 0 {
		o.MaxPerClient = defaultMaxPerClient
	}
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.SearchTimeout == 0 {
		o.SearchTimeout = defaultSearchTimeout
	}
	if o.LineTimeout == 0 {
		o.LineTimeout = defaultLineTimeout
	}
	if o.SessionIdle == 0 {
		o.SessionIdle = defaultSessionIdle
	}
	if o.SessionMax == 0 {
		o.SessionMax = defaultSessionMax
	}
}

// validate returns everything that is wrong with the options.
func (o *Options) validate() error {
	var errs []error
	refuse := func(wrong bool, message string) {
		if wrong {
			errs = append(errs, errors.New(message))
		}
	}
	refuse(o.Index == nil, "an index is required")
	refuse(o.Centers == nil || o.Orphans == nil || o.Health == nil || o.Operations == nil || o.Backups == nil,
		"the contact centers, the orphaned media, the health, the operations and the backups of the index are required")
	refuse(o.Marks == nil || o.Labels == nil || o.Searches == nil,
		"the marks, the labels and the saved searches of the index are required")
	refuse(o.Media == nil, "a store of media is required")
	refuse(o.Eraser == nil || o.Deletions == nil || o.Retention == nil || o.Reconciliations == nil,
		"what deletes recordings, and compares them with the storages, is required")
	refuse(o.Region == "", "the region of the server is required")
	shortest := min(o.SearchTimeout, o.LineTimeout, o.SessionIdle, o.SessionMax)
	refuse(o.MaxPerClient < 0 || o.MaxBody < 0 || o.AnswerMemory < 0 || o.BatchMemory < 0 || shortest < 0,
		"the limits of clients, bodies, searches and sessions cannot be negative")
	refuse(o.PublicURL != nil && !isOrigin(o.PublicURL),
		"the public URL is not of the form http(s)://host[:port][/path]")

	for _, origin := range o.Origins {
		if err := front.CheckOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("origin %q: %w", origin, err))
		}
	}

	settings := o.access()
	return errors.Join(append(errs, settings.Validate())...)
}

// access are the settings of who may call.
func (o *Options) access() access.Settings {
	return access.Settings{Users: o.Users, Tokens: o.Tokens, ContactCenters: o.ContactCenters, SignOn: o.SignOn}
}

// isOrigin reports whether a URL has nothing but a scheme of HTTP, a host and a path.
func isOrigin(u *url.URL) bool {
	isHTTP := u.Scheme == "http" || u.Scheme == "https"
	return isHTTP && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

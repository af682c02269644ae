// Package api is the HTTP API of the 2013 page: recordings are posted, searched, read and deleted
// as JSON.
//
// Every route is one pipeline (see [endpoint]): decode, validate, call, encode. Whatever goes wrong
// on the way is an error, and one table (see classify) says which HTTP status, statusCode and
// message the client gets for it. The text of internal errors is logged and never sent.
//
// Each group of routes has a type of its own ([recordings], [batches], [exports], …) that holds
// what its handlers need and no more. What they share is how a request is answered ([pipeline]) and
// whose recordings it is about ([scope]). All paths stand in one table (see resources).
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
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"recordings/api/auth"
	"recordings/api/console"
	"recordings/api/front"
	"recordings/api/share"
	"recordings/blob"
	"recordings/index"
	"recordings/index/batch"
)

// Options are the settings of a Server.
type Options struct {
	// What the server works with. All but Metrics are required.
	Index      index.Index
	Centers    index.ContactCenters
	Orphans    index.Orphans
	Health     index.Health
	Operations index.Operations
	Backups    index.Backups
	Media      *blob.Store
	Metrics    *prometheus.Registry // what /metrics shows, to which the server adds its own; nil: only these
	Log        zerolog.Logger

	// Who may call, and what for.
	Users          []auth.User
	Region         string        // required: the region of this server
	ContactCenters []string      // those that exist; empty: any
	PublicURL      *url.URL      // prefix of mediaUri, prevUri and nextUri; nil: taken from the request
	TrustedProxies front.Proxies // whose forwarding headers are believed
	Origins        []string      // whose browser applications may call, with a user's credentials

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
	router  *mux.Router
	memory  *answerMemory
	handler http.Handler // the router, and what stands in front of it
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
		memory:  newAnswerMemory(o.AnswerMemory, 2*o.MaxBody), // merged, a recording has no more bytes than that
	})
	if err != nil {
		return nil, err
	}

	s := &Server{router: h.newRouter(), memory: h.memory}
	answering := sharing(o.Origins, s.router)
	s.handler = CloseUnread(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.observe(w, withRoutablePath(r), h.receiving(answering))
	}))
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// newHandlers makes the handlers of all routes.
func newHandlers(o *Options, p *pipeline) (*handlers, error) {
	users, err := auth.New(o.Users)
	if err != nil {
		return nil, err
	}

	page, err := console.New()
	if err != nil {
		return nil, err
	}

	crossOrigin, err := o.trust()
	if err != nil {
		return nil, err
	}

	sc := &scope{
		region: o.Region, contactCenters: o.ContactCenters, named: namedContactCenters(o), publicURL: o.PublicURL,
		later: o.Later,
	}
	bodies := &bodies{
		limit:              o.MaxBody,
		acceptEmptyHistory: o.AcceptEmptyHistory || o.Later,
		decoding:           make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	media := &mediaStore{store: o.Media, index: o.Index, orphans: o.Orphans, metrics: p.metrics}
	exports := &exports{pipeline: p, scope: sc, index: o.Index, running: share.New(maxExports, maxExportsEach)}

	return &handlers{
		pipeline:    p,
		crossOrigin: crossOrigin,
		proxies:     o.TrustedProxies,
		clients:     front.NewClients(o.MaxPerClient),
		console:     page,
		recordings: &recordings{
			pipeline: p, scope: sc, bodies: bodies, index: o.Index, media: media, timeout: o.SearchTimeout,
		},
		batches: &batches{
			pipeline: p, scope: sc, bodies: bodies, index: o.Index, media: media, health: o.Health,
			budget: batch.NewBudget(o.BatchMemory, int(o.MaxBody)), running: make(chan struct{}, maxBatches),
			lineTimeout: o.LineTimeout, stopping: o.Stopping,
		},
		exports:  exports,
		playback: &playback{pipeline: p, scope: sc, index: o.Index, media: o.Media},
		contactCenters: &contactCenters{
			index: o.Index, list: o.Centers, named: sc.named, region: o.Region,
			timeout: o.SearchTimeout,
		},
		orphans:    &orphans{scope: sc, list: o.Orphans, media: media},
		operations: &operations{bodies: bodies, operations: o.Operations, backups: o.Backups},
		system: &system{
			pipeline: p, health: o.Health, operations: o.Operations, backups: o.Backups, exports: exports,
			region: o.Region, version: o.Version, began: time.Now(),
		},
		sessions: &sessions{
			pipeline: p, scope: sc, users: users, open: auth.NewSessions(o.SessionIdle, o.SessionMax),
			longest: o.SessionMax, version: o.Version, demonstration: o.Demonstration,
		},
	}, nil
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
	refuse(o.Media == nil, "a store of media is required")
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

	for i, u := range o.Users {
		if err := u.Problems().Err(); err != nil {
			errs = append(errs, fmt.Errorf("user %q: %w", u.Name, err))
		}
		same := func(v auth.User) bool { return auth.Normal(v.Name) == auth.Normal(u.Name) }
		if slices.ContainsFunc(o.Users[:i], same) {
			errs = append(errs, fmt.Errorf("user %q is configured twice", u.Name))
		}
		known := len(o.ContactCenters) == 0 || slices.Contains(o.ContactCenters, u.ContactCenter)
		if u.Role == auth.RoleAdmin && !known {
			errs = append(errs, fmt.Errorf("user %q: there is no contact center %q", u.Name, u.ContactCenter))
		}
	}
	return errors.Join(errs...)
}

// isOrigin reports whether a URL has nothing but a scheme of HTTP, a host and a path.
func isOrigin(u *url.URL) bool {
	isHTTP := u.Scheme == "http" || u.Scheme == "https"
	return isHTTP && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

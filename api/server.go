// Package api is the HTTP API of the 2013 page: recordings are posted, searched, read and deleted as JSON.
//
// Every route is one pipeline (see endpoint): decode, validate, call, encode. Whatever goes wrong on the way is an
// error, and one table (see classify) says which HTTP status, statusCode and message the client gets for it. The
// text of internal errors is logged and never sent.
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
	"recordings/blob"
	"recordings/index"
)

// Options are the settings of a Server.
type Options struct {
	Index              index.Index      // required
	Orphans            index.Orphans    // required: media files whose recording is gone
	Health             index.Health     // required: of the index
	Operations         index.Operations // required: running the index
	Backups            index.Backups    // required: of the index
	Media              *blob.Store      // required
	Users              []auth.User
	Region             string               // required: the region of this server
	PublicURL          *url.URL             // prefix of mediaUri, prevUri and nextUri; nil: taken from the request
	ContactCenters     []string             // those that exist; empty: any
	AcceptEmptyHistory bool                 // take a recording without events
	MaxBody            int64                // bytes of a posted body; 0: 1 MiB
	AnswerMemory       int64                // bytes that all answers hold together; 0: 128 MiB or, if that is more, what four exports and for each processor four pages need
	SearchTimeout      time.Duration        // a search that takes longer is given up; 0: 10 s
	SessionIdle        time.Duration        // a sign-in on the page ends when it was not used for so long; 0: 1 h
	SessionMax         time.Duration        // and so long after it began in any case; 0: 12 h
	Demonstration      bool                 // the page says that all is made up
	LineTimeout        time.Duration        // for the next line of a batch to arrive; 0: 30 s
	Stopping           context.Context      // ends when the service is asked to stop: batches end then; nil: never
	Metrics            *prometheus.Registry // what /metrics tells, to which the server adds its own; nil: only these
	Version            string               // told by /api/v2/diagnostics/version
	Log                zerolog.Logger
}

const (
	defaultMaxBody       = 1 << 20
	defaultSearchTimeout = 10 * time.Second
	defaultSessionIdle   = time.Hour
	defaultSessionMax    = 12 * time.Hour
	defaultLineTimeout   = 30 * time.Second
)

// Server answers the HTTP API. It is an [http.Handler] and owns nothing that needs to be closed.
type Server struct {
	o           Options
	logins      *auth.Authenticator
	sessions    *auth.Sessions
	console     *console.Console
	crossOrigin *http.CrossOriginProtection
	decoding    chan struct{} // bounds how many bodies are decoded at a time
	chunks      chan struct{} // bounds what batches hold in memory
	exports     chan struct{} // has an element for each export that is running
	memory      *answerMemory
	metrics     *metrics
	began       time.Time
	router      *mux.Router
	root        http.Handler // the router, and what stands in front of it
}

// New returns the server of an index.
func New(o Options) (*Server, error) {
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.SearchTimeout == 0 {
		o.SearchTimeout = defaultSearchTimeout
	}
	if o.SessionIdle == 0 {
		o.SessionIdle = defaultSessionIdle
	}
	if o.SessionMax == 0 {
		o.SessionMax = defaultSessionMax
	}
	if o.LineTimeout == 0 {
		o.LineTimeout = defaultLineTimeout
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Server{o: o, crossOrigin: http.NewCrossOriginProtection(), decoding: make(chan struct{}, runtime.GOMAXPROCS(0)),
		chunks: make(chan struct{}, maxChunks), exports: make(chan struct{}, maxExports), sessions: auth.NewSessions(o.SessionIdle, o.SessionMax)}
	s.began = time.Now()
	s.memory = newAnswerMemory(o.AnswerMemory, 2*o.MaxBody) // an index merges into a recording no more than that
	var err error
	if s.metrics, err = newMetrics(o.Metrics); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	if s.logins, err = auth.New(o.Users); err != nil {
		return nil, err
	}
	if s.console, err = console.New(); err != nil {
		return nil, err
	}
	if o.PublicURL != nil { // behind a proxy, the Host header may not be what the browser sees
		if err := s.crossOrigin.AddTrustedOrigin(o.PublicURL.Scheme + "://" + o.PublicURL.Host); err != nil {
			return nil, fmt.Errorf("public URL: %w", err)
		}
	}
	s.router = s.newRouter()
	s.root = CloseUnread(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.observe(w, withRoutablePath(r), s.router.ServeHTTP)
	}))
	return s, nil
}

func (o *Options) validate() error {
	var errs []error
	if o.Index == nil {
		errs = append(errs, errors.New("an index is required"))
	}
	if o.Orphans == nil || o.Health == nil || o.Operations == nil || o.Backups == nil {
		errs = append(errs, errors.New("the orphaned media, the health, the operations and the backups of the index are required"))
	}
	if o.Media == nil {
		errs = append(errs, errors.New("a store of media is required"))
	}
	if o.Region == "" {
		errs = append(errs, errors.New("the region of the server is required"))
	}
	if o.MaxBody < 0 || o.AnswerMemory < 0 || o.SearchTimeout < 0 || o.SessionIdle < 0 || o.SessionMax < 0 || o.LineTimeout < 0 {
		errs = append(errs, errors.New("the limits of bodies, searches and sessions cannot be negative"))
	}
	if u := o.PublicURL; u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		errs = append(errs, errors.New("the public URL is not of the form http(s)://host[:port][/path]"))
	}
	for i, u := range o.Users {
		if err := u.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("user %q: %w", u.Name, err))
		}
		if slices.ContainsFunc(o.Users[:i], func(v auth.User) bool { return v.Name == u.Name }) {
			errs = append(errs, fmt.Errorf("user %q is configured twice", u.Name))
		}
		if u.Role == auth.RoleAdmin && !o.hasContactCenter(u.ContactCenter) {
			errs = append(errs, fmt.Errorf("user %q: there is no contact center %q", u.Name, u.ContactCenter))
		}
	}
	return errors.Join(errs...)
}

func (o *Options) hasContactCenter(name string) bool {
	return len(o.ContactCenters) == 0 || slices.Contains(o.ContactCenters, name)
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.root.ServeHTTP(w, r) }

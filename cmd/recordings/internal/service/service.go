// Package service is one running server: the listener, the index, the storages of media, and the
// API in front of them.
//
// Starting takes three steps, so that whoever watches the service never takes a long start for its
// death: it listens and answers that it is not ready; it opens the index, which may take time; it
// lets requests through to the API. Stopping goes back the same way: requests that are running may
// end, then the index is closed. What was acknowledged is durable before either.
package service

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/api/front"
	auditstore "recordings/audit/store"
	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/conns"
	"recordings/cmd/recordings/internal/supervisor"
	"recordings/erase"
	"recordings/erase/deletion"
	"recordings/erase/reconcile"
	"recordings/erase/retention"
)

// Limits against clients that are slow, dead or hostile. Answers are bounded by package conns.
const (
	// HeaderTimeout is how long the header of a request may take.
	HeaderTimeout = 10 * time.Second

	// BodyTimeout is how long a whole request may take, from its first byte to the last of its
	// body.
	BodyTimeout = 30 * time.Second

	// maxHeader is in bytes: the longest search has 6 criteria of 1,024 bytes, each escaped as
	// three.
	maxHeader = 32 << 10

	// idleTimeout is the time between two requests of one connection. Connections are limited, and
	// an idle one is cheaply replaced.
	idleTimeout = 20 * time.Second
)

// Grace is how long running requests may take to end once the service is asked to stop.
const Grace = 20 * time.Second

// Options are what a service is made of.
type Options struct {
	Config  *config.Config
	Log     zerolog.Logger
	Version string // of the program

	// Read reads the configuration again. nil: there is none to read.
	Read func() (*config.Config, error)

	// Supervisor is told how the service is doing.
	Supervisor supervisor.Supervisor

	// Hangups asks for that, each time that it gives something. nil: nobody asks so.
	Hangups <-chan os.Signal

	// Demonstration has every page say that the recordings are made up.
	Demonstration bool

	// Prepare, if it is not nil, runs when the index is open, before the first request is let
	// through.
	Prepare func(context.Context, *Service) error
}

// Run runs a service until ctx ends, which is no error.
func Run(ctx context.Context, o Options) (err error) {
	s, err := start(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	s.tell(s.Supervisor.Starting("opening the index"))
	if err := s.open(ctx); err != nil {
		return unlessStopped(ctx, err)
	}

	if o.Prepare != nil {
		if err := o.Prepare(ctx, s); err != nil {
			return unlessStopped(ctx, err)
		}
	}

	if err := s.answer(); err != nil {
		return err
	}

	s.supervise()
	return s.wait(ctx)
}

// unlessStopped is err, or nil where err only says that the service was asked to stop.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Service is one running server with its index.
type Service struct {
	Options

	listener *conns.Listener
	proxies  front.Proxies
	scheme   string // http or https
	gate     gate
	server   *http.Server
	served   chan error // what the server returned, once

	abort    context.CancelFunc // ends the requests that are running
	unwatch  func()             // ends the signs of life to the supervisor; nil: there are none
	stopping context.Context    // ends when the service is asked to stop

	certificate *certificate // nil: plain HTTP
	api         *api.Server  // nil until it answers

	reloading sync.Mutex     // held while the configuration is read again
	inForce   *config.Config // the one that was read last; guarded by reloading

	audit           *auditstore.Log     // nil until it is open
	index           Index               // nil until it is open
	media           *blob.Store         // nil until the index is open
	eraser          *erase.Eraser       // likewise
	deletions       *deletion.Deletions // nil until all of these are there
	reconciliations *reconcile.Reconciliations
	retention       *retention.Retention
}

// start listens, and answers that the service is not ready. The caller must close it.
func start(o Options) (*Service, error) {
	running, abort := context.WithCancel(context.Background())
	stopping, stop := context.WithCancel(running)
	s := &Service{Options: o, scheme: "http", served: make(chan error, 1), abort: abort, stopping: stopping}

	if u := publicURL(o.Config.PublicURL); u != nil {
		s.gate.below = u.Path
	}
	s.server = &http.Server{
		DisableGeneralOptionsHandler: true, // the API answers OPTIONS * as it does everything else

		Protocols:         http1(),
		ReadHeaderTimeout: HeaderTimeout,
		ReadTimeout:       BodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(warnings{o.Log}, "", 0),
		BaseContext:       func(net.Listener) context.Context { return running },
	}

	s.server.RegisterOnShutdown(stop)

	if err := s.listen(); err != nil {
		abort()
		return nil, err
	}

	address := s.listener.Addr()
	s.Log.Info().Str("address", address.String()).Str("scheme", s.scheme).Str("version", o.Version).Msg("listening")
	if s.scheme == "http" && !isLoopback(address) {
		s.Log.Warn().Msg("passwords and recordings cross the network in the clear" +
			" unless a proxy in front of this service speaks TLS; set tls")
	}

	return s, nil
}

// http1 leaves HTTP/2 out: a client of it can stop reading one answer without stopping the
// connection, which no limit of ours would notice. A proxy in front may speak it.
func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// listen opens the listener, and serves it in a goroutine that ends with the server.
func (s *Service) listen() (err error) {
	if s.proxies, err = front.ParseProxies(s.Config.TrustedProxies); err != nil {
		return fmt.Errorf("trusted proxies: %w", err)
	}
	o := conns.Options{Max: s.Config.MaxConnections, MaxPerAddress: s.maxPerAddress(), Trusted: s.proxies, Log: s.Log}
	if t := s.Config.TLS; t.Certificate != "" {
		cert, err := newCertificate(t.Certificate, t.Key, s.Log)
		if err != nil {
			return err
		}
		s.scheme, s.certificate, o.TLS = "https", cert, cert.config()
	}

	if s.listener, err = conns.Listen(s.Config.Listen, o); err != nil {
		return err
	}
	s.server.ConnState, s.server.ConnContext = s.listener.State, s.listener.Context
	s.server.Handler = s.listener.Handler(&s.gate)
	go func() { s.served <- s.server.Serve(s.listener) }()
	return nil
}

// maxPerAddress is how many connections one address may have.
func (s *Service) maxPerAddress() int {
	if n := s.Config.MaxPerAddress; n > 0 {
		return n
	}
	return max(1, s.Config.MaxConnections/4)
}

// open opens the index, and makes the store of media. Until answer is called, nobody else sees it.
func (s *Service) open(ctx context.Context) (err error) {
	began := time.Now()
	beside := func(_ context.Context, dir string) error { return s.audit.Checkpoint(dir) }
	if s.Config.Index == config.IndexOpenSearch {
		o := clusterOptions(s.Config, s.Version, s.Log)
		o.ScrubInterval = s.Config.ScrubInterval
		s.index, err = openCluster(ctx, o)
	} else {
		s.index, err = openEmbedded(ctx, s.Config, s.Version, s.Log, beside, s.waits)
	}
	if err != nil {
		return err
	}
	if err := s.openAudit(ctx); err != nil {
		return err
	}

	if s.media, err = openMedia(ctx, s.Config.Storage); err != nil {
		return err
	}

	if err := s.openErasing(ctx); err != nil {
		return err
	}

	s.Log.Info().Str("data", s.Config.Data).Dur("durationMs", time.Since(began)).Msg("the index is open")
	return nil
}

// answer lets requests through to the API.
func (s *Service) answer() error {
	server, err := api.New(api.Options{
		Index:           s.index,
		Histograms:      s.index,
		Centers:         s.index,
		Orphans:         s.index,
		Marks:           s.index,
		Labels:          s.index,
		Searches:        s.index,
		Health:          s.index,
		Operations:      s.index,
		Backups:         s.index,
		Media:           s.media,
		Audit:           s.audit,
		Eraser:          s.eraser,
		Deletions:       s.deletions,
		Reconciliations: s.reconciliations,
		Retention:       s.retention,

		Users:              s.Config.Users,
		Tokens:             s.Config.Tokens,
		SignOn:             s.Config.OIDC,
		Region:             s.Config.Region,
		PublicURL:          publicURL(s.Config.PublicURL),
		TrustedProxies:     s.proxies,
		Origins:            s.Config.CORS.Origins,
		MaxPerClient:       s.maxPerAddress(),
		ContactCenters:     s.Config.ContactCenters,
		AcceptEmptyHistory: s.Config.TakesEmptyHistory(),
		Later:              s.Config.Compatibility == config.Compatibility85,
		MaxBody:            s.Config.MaxBody,
		AnswerMemory:       s.Config.AnswerMemory,
		BatchMemory:        s.Config.BatchMemory,
		SearchTimeout:      s.Config.SearchTimeout,

		Demonstration: s.Demonstration,
		Stopping:      s.stopping,
		Reread:        s.rereading(),
		Metrics:       s.metrics(),
		Version:       s.Version,
		Log:           s.Log,
	})

	if err != nil {
		return fmt.Errorf("setting up the API: %w", err)
	}

	s.api, s.inForce = server, s.Config
	s.gate.open(server)
	s.Log.Info().Str("url", s.URL()).Str("region", s.Config.Region).Int("users", len(s.Config.Users)).Msg("answering")
	return nil
}

// rereading is Reload, or nil where there is nothing to read.
func (s *Service) rereading() func(context.Context) ([]string, error) {
	if s.Read == nil {
		return nil
	}
	return s.Reload
}

// publicURL parses what the configuration has checked already.
func publicURL(text string) *url.URL {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil
	}
	return u
}

// wait returns when ctx ends, or with what ended the server before. Meanwhile it reads the
// configuration again when somebody asks for that.
func (s *Service) wait(ctx context.Context) error {
	for {
		select {
		case <-s.Hangups:
			_, _ = s.Reload(ctx) // which logs what is wrong
		case <-ctx.Done():
			s.Log.Info().Msg("stopping: requests that are running may end")
			s.tell(s.Supervisor.Stopping())
			return nil
		case err := <-s.served:
			s.served <- err // stopServer waits for it, too
			return fmt.Errorf("serving: %w", err)
		}
	}
}

// close stops accepting, lets running requests end within [Grace], and closes the index. What was
// acknowledged is durable before that already.
func (s *Service) close() error {
	err := errors.Join(s.stopServer(), s.closeIndex())
	if s.unwatch != nil {
		s.unwatch()
	}
	return err
}

// stopServer returns when no request is running any more.
func (s *Service) stopServer() error {
	ctx, cancel := context.WithTimeout(context.Background(), Grace)
	defer cancel()
	defer s.abort()

	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn().Dur("after", Grace).Msg("requests were still running, and are cut off")
		s.abort()
		err = s.server.Close()
	}
	if err != nil {
		err = fmt.Errorf("stopping the server: %w", err)
	}

	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}

	return err
}

// closeIndex closes what open has opened, as far as it came.
func (s *Service) closeIndex() error {
	s.closeErasing()
	if s.media != nil {
		s.media.Close()
	}
	var errs []error
	if s.index != nil {
		if err := s.index.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the index: %w", err))
		}
	}
	if s.audit != nil { // after the index, whose backups read it
		errs = append(errs, s.audit.Close())
	}
	if err := errors.Join(errs...); err != nil || s.index == nil {
		return err
	}

	s.Log.Info().Msg("stopped")
	return nil
}

// Index is the open index. It must not be used before [Options.Prepare] is called.
func (s *Service) Index() Index { return s.index }

// URL is where clients on this machine reach the service.
func (s *Service) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return s.scheme + "://" + net.JoinHostPort(host, port)
}

// isLoopback reports whether only this machine reaches an address.
func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

// warnings takes the lines that the HTTP server writes on its own, such as failed TLS handshakes.
type warnings struct{ log zerolog.Logger }

// Write implements [io.Writer].
func (w warnings) Write(line []byte) (int, error) {
	text := line
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	w.log.Warn().Str("detail", string(text)).Msg("http server")
	return len(line), nil
}

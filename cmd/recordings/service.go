package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/rs/zerolog"

	"recordings/api"
	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
	"recordings/index/embedded"
)

// Limits against clients that are slow, dead or hostile. Answers are bounded by [progressListener].
const (
	headerTimeout = 10 * time.Second // for the header of a request
	bodyTimeout   = 30 * time.Second // for a whole request, from its first byte to the last of its body
	idleTimeout   = 20 * time.Second // between two requests of one connection: connections are limited, and an idle one is cheaply replaced
	maxHeader     = 32 << 10         // bytes; the longest search has 6 criteria of 1,024 bytes, each byte escaped as three
)

// grace is how long running requests may take to end once the service is asked to stop.
const grace = 20 * time.Second

// service is one running server with its index. Opening it takes three steps: it listens, it opens the index, it answers.
type service struct {
	config   *config.Config
	log      zerolog.Logger
	listener net.Listener
	scheme   string // http or https
	gate     gate
	server   *http.Server
	abort    context.CancelFunc // ends the requests that are running
	stopping context.Context    // ends when the service is asked to stop
	served   chan error         // what the server returned, once
	index    *embedded.Index    // nil until it is open
	media    *blob.Store        // nil until the index is open

	demonstration bool
}

// startService listens, and answers that it is not ready. The caller must close it.
func startService(c *config.Config, logger zerolog.Logger) (*service, error) {
	s := &service{config: c, log: logger, scheme: "http", served: make(chan error, 1)}
	running, abort := context.WithCancel(context.Background())
	s.abort = abort
	stopping, stop := context.WithCancel(running)
	s.stopping = stopping
	s.server = &http.Server{
		Handler: &s.gate,

		DisableGeneralOptionsHandler: true, // the API answers OPTIONS * as it does everything else

		Protocols:         http1(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(warnings{logger}, "", 0),
		BaseContext:       func(net.Listener) context.Context { return running },
	}
	s.server.RegisterOnShutdown(stop)
	if err := s.listen(); err != nil {
		abort()
		return nil, err
	}
	s.log.Info().Str("address", s.listener.Addr().String()).Str("scheme", s.scheme).Str("version", version).Msg("listening")
	if s.scheme == "http" && !isLoopback(s.listener.Addr()) {
		s.log.Warn().Msg("passwords and recordings cross the network in the clear unless a proxy in front of this service speaks TLS; set tls")
	}
	return s, nil
}

// http1 leaves HTTP/2 out: a client of it can stop reading one answer without stopping the connection, which no limit of ours
// would notice. A proxy in front may speak it.
func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

func (s *service) listen() (err error) {
	serve := func() error { return s.server.Serve(s.listener) }
	if t := s.config.TLS; t.Certificate != "" {
		cert, err := newCertificate(t.Certificate, t.Key, s.log)
		if err != nil {
			return err
		}
		s.scheme, s.server.TLSConfig = "https", cert.config()
		serve = func() error { return s.server.ServeTLS(s.listener, "", "") }
	}
	s.listener, err = listen(s.config.Listen, s.config.MaxConnections)
	if err != nil {
		return err
	}
	go func() { s.served <- serve() }()
	return nil
}

// open opens the index, and makes the store of media. Until answer is called, nobody else sees it.
func (s *service) open(ctx context.Context) error {
	began := time.Now()
	ix, err := openIndex(ctx, s.config, s.log)
	if err != nil {
		return err
	}
	s.index = ix
	if s.media, err = openMedia(ctx, s.config.Storage); err != nil {
		return err
	}
	s.log.Info().Str("data", s.config.Data).Dur("duration", time.Since(began)).Msg("the index is open")
	return nil
}

// answer lets requests through to the API.
func (s *service) answer() error {
	handler, err := api.New(api.Options{
		Index:              s.index,
		Orphans:            s.index,
		Health:             s.index,
		Operations:         s.index,
		Backups:            s.index,
		Media:              s.media,
		Users:              s.config.Users,
		Region:             s.config.Region,
		PublicURL:          publicURL(s.config.PublicURL),
		ContactCenters:     s.config.ContactCenters,
		AcceptEmptyHistory: s.config.AcceptEmptyHistory,
		MaxBody:            s.config.MaxBody,
		SearchTimeout:      s.config.SearchTimeout,
		Demonstration:      s.demonstration,
		Stopping:           s.stopping,
		Metrics:            s.metrics(),
		Version:            version,
		Log:                s.log,
	})
	if err != nil {
		return fmt.Errorf("setting up the API: %w", err)
	}
	s.gate.open(handler)
	s.log.Info().Str("url", s.url()).Str("region", s.config.Region).Int("users", len(s.config.Users)).Msg("answering")
	return nil
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

// wait returns when ctx ends, or with what ended the server before.
func (s *service) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		s.log.Info().Msg("stopping: requests that are running may end")
		return nil
	case err := <-s.served:
		s.served <- err
		return fmt.Errorf("serving: %w", err)
	}
}

// close stops accepting, lets running requests end within the grace, and closes the index. What was acknowledged is durable
// before that already.
func (s *service) close() error {
	return errors.Join(s.stopServer(), s.closeIndex())
}

func (s *service) stopServer() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	defer s.abort()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn().Dur("after", grace).Msg("requests were still running, and are cut off")
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

func (s *service) closeIndex() error {
	if s.media != nil {
		s.media.Close()
	}
	if s.index == nil {
		return nil
	}
	if err := s.index.Close(); err != nil {
		return fmt.Errorf("closing the index: %w", err)
	}
	s.log.Info().Msg("stopped")
	return nil
}

// url is where clients on this machine reach the service.
func (s *service) url() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return s.scheme + "://" + net.JoinHostPort(host, port)
}

func isLoopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

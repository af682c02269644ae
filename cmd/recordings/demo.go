package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"recordings/api/auth"
	"recordings/cmd/recordings/internal/config"
	"recordings/cmd/recordings/internal/demo"
	"recordings/cmd/recordings/internal/service"
	"recordings/index"
)

// serveDemo serves made-up recordings to this machine alone.
func (p *program) serveDemo(ctx context.Context, o *serveOptions) (err error) {
	if o.config != "" {
		return usage("--demo and --config exclude each other: the demonstration has its own configuration")
	}

	// The media server comes first, since the configuration names its address, and ends last.
	audio, err := startAudio()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, audio.close()) }()

	c, err := demoConfig(o.given, audio.url, o.cluster)
	if err != nil {
		return err
	}

	if o.given["data"] == "" {
		if c.Data, err = os.MkdirTemp("", "recordings-demo-"); err != nil {
			return fmt.Errorf("making a directory for the demonstration: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	}

	log := newLogIn(c.LogFormat, p.stderr, c.LogLevel).With().Bool("demo", true).Logger()
	log.Warn().Msg("this is the demonstration: made-up recordings, and passwords that everybody knows")

	return service.Run(ctx, service.Options{
		Config: c, Log: log, Version: version, Demonstration: true, Supervisor: p.supervisor,
		Prepare: func(ctx context.Context, s *service.Service) error {
			if err := loadDemo(ctx, s, time.Now()); err != nil {
				return err
			}

			if err := audio.load(ctx, s.Index()); err != nil {
				return err
			}

			if err := s.Index().WaitReady(ctx); err != nil {
				return err
			}
			return welcome(p.stdout, s, o.given["data"] != "")
		},
	})
}

// demoConfig is the configuration of the demonstration. Nothing but flags changes it: neither its
// users nor its recordings may get into a service that somebody relies on.
func demoConfig(given map[string]string, audio, cluster string) (*config.Config, error) {
	yaml := fmt.Sprintf("region: %s\nstorage: {webDAV: {default: %q, origins: [{url: %q}]}}\n",
		demo.Region, audio, audio)
	if cluster != "" {
		yaml += "index: opensearch\nopensearch:\n  index: recordings-demo\n  addresses:\n"
		for address := range strings.SplitSeq(cluster, ",") {
			yaml += fmt.Sprintf("  - %q\n", address)
		}
	}
	yaml += "users:\n"
	for _, u := range []auth.User{
		{Name: "ops", Role: auth.RoleOps},
		{Name: "admin", Role: auth.RoleAdmin, ContactCenters: []string{demo.ContactCenter}},
	} {
		hash, err := auth.HashPassword(u.Name)
		if err != nil {
			return nil, fmt.Errorf("hashing the password of the demonstration: %w", err)
		}
		yaml += fmt.Sprintf("- {name: %s, role: %s, password_hash: %q, contact_centers: [%s]}\n",
			u.Name, u.Role, hash, strings.Join(u.ContactCenters, ","))
	}

	c, err := config.Parse([]byte(yaml), config.Sources{File: "demonstration", Flags: given})
	if err != nil {
		return nil, err
	}

	// Only a name or an address that surely is this machine's own: others may resolve to anything.
	host, _, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usage("the demonstration listens on a loopback address only, such as 127.0.0.1:8080: " +
			"everybody knows its passwords")
	}

	return c, nil
}

// demoLoaded is the file that says that the data directory holds the recordings already. Those that
// were deleted since then stay so.
const demoLoaded = "demonstration-loaded"

// loadDemo stores the recordings, unless a run before this one has.
func loadDemo(ctx context.Context, s *service.Service, now time.Time) error {
	if s.Config.Index == config.IndexOpenSearch {
		all, err := s.Index().ContactCenters(ctx)
		if err != nil || slices.Contains(all, demo.ContactCenter) {
			return err // another service has stored them
		}
	}
	marker := filepath.Join(s.Config.Data, demoLoaded)
	if _, err := os.Stat(marker); !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	for some := range slices.Chunk(demo.Recordings("", now), 200) {
		for _, result := range s.Index().PutAll(ctx, demo.ContactCenter, some, index.PutOptions{}) {
			if err := errors.Join(result.Err, ctx.Err()); err != nil {
				return fmt.Errorf("storing the recordings of the demonstration: %w", err)
			}
		}
	}

	s.Log.Info().Int("recordings", demo.Count).Msg("the recordings of the demonstration are stored")
	return os.WriteFile(marker, nil, 0o600)
}

// welcome says where the demonstration is, and what to try. It is for people: nothing reads it.
func welcome(w io.Writer, s *service.Service, kept bool) error {
	fate := "They are gone when you stop it (Ctrl-C)."
	if kept {
		fate = "They stay in " + s.Config.Data + "."
	}

	_, err := fmt.Fprintf(w, `
The demonstration answers at %[1]s: a made-up contact center with %[2]d recordings. %[3]s
  admin / admin   finds, reads and plays the recordings of its contact center
  ops / ops       posts and deletes recordings, in any contact center

Try:
  curl -u admin:admin '%[1]s/api/v2/recordings?startTime=0&limit=3'
  curl -u admin:admin -G '%[1]s/api/v2/recordings' -d limit=3 --data-urlencode 'userName=zoë AND müller'
  curl -u admin:admin -G '%[1]s/api/v2/recordings' -d limit=3 -d 'callerPhoneNumber=*5550142' -d 'userData=Gold'

`, s.URL(), demo.Count, fate)

	return err
}

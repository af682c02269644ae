package service

import (
	"context"
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
)

// OpenIndex opens the index of a configuration. Commands that work on the data directory of a
// stopped service open it so, too.
//
// By merging, a recording may become twice as large as what is posted may be.
func OpenIndex(ctx context.Context, c *config.Config, version string, log zerolog.Logger) (*embedded.Index, error) {
	return openIndex(ctx, c, version, log, nil)
}

// openIndex is OpenIndex. The function waits is told what it waits for.
func openIndex(
	ctx context.Context, c *config.Config, version string, log zerolog.Logger, waits func(reason string),
) (*embedded.Index, error) {
	ix, err := embedded.Open(ctx, embedded.Options{
		Dir:           c.Data,
		ScrubInterval: c.ScrubInterval,
		MaxRecording:  int(2 * c.MaxBody),
		SearchMemory:  c.SearchMemory,
		CacheBytes:    c.CacheMemory,
		BackupDir:     c.BackupDirectory,
		Version:       version,
		Log:           log,
		Opening:       waits,
	})

	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s: %w", c.Data, err)
	}

	return ix, nil
}

// Check reports what would keep a service with this configuration from starting, as far as that can be
// known without opening its data directory: that must be no backup, and the storages of media have rules of their own.
func Check(ctx context.Context, c *config.Config) error {
	if err := backup.Refuse(c.Data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	media, err := openMedia(ctx, c.Storage)
	if err != nil {
		return err
	}
	media.Close()
	return nil
}

// openMedia makes the store of media of the configured storages. It contacts none of them yet.
func openMedia(ctx context.Context, c config.Storage) (*blob.Store, error) {
	s, err := blob.New(ctx, blob.Options{S3: c.S3, WebDAV: c.WebDAV})
	if err != nil {
		return nil, fmt.Errorf("setting up the storages of media: %w", err)
	}

	return s, nil
}

// metrics are those of the process and of the index. The API adds its own.
func (s *Service) metrics() *prometheus.Registry {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "recordings_build_info", Help: "1, and what was built.",
		ConstLabels: prometheus.Labels{"version": s.Version, "goversion": runtime.Version()},
	})

	build.Set(1)

	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	r := prometheus.NewRegistry()
	r.MustRegister(build, s.index.Collector(), collectors.NewGoCollector(), process)
	return r
}

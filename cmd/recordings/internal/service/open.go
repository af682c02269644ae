package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	auditstore "recordings/audit/store"
	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
	"recordings/index"
	"recordings/index/embedded"
	"recordings/index/embedded/backup"
	"recordings/index/opensearch"
	"recordings/index/opensearch/client"
)

// Index is what the service needs of an index: everything that one offers.
type Index interface {
	index.Index
	index.Histograms
	index.ContactCenters
	index.Orphans
	index.Marks
	index.Labels
	index.SavedSearches
	index.MediaNames
	index.Health
	index.Operations
	index.Backups
	io.Closer

	// Collector returns its metrics.
	Collector() prometheus.Collector
	// Release makes space on a full disk for what else must be written to the data directory, if it can.
	Release()
	// WaitReady returns when searches are answered.
	WaitReady(ctx context.Context) error
}

// openCluster opens an index in a cluster.
func openCluster(ctx context.Context, o opensearch.Options) (Index, error) {
	x, err := opensearch.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening the index in the cluster: %w", err)
	}
	return x, nil
}

// clusterOptions are the settings of the index of a configuration that names a cluster. It is verified only when
// somebody asks for that.
func clusterOptions(c *config.Config, version string, log zerolog.Logger) opensearch.Options {
	o := opensearch.Options{
		Cluster:            reach(&c.OpenSearch, log),
		Index:              c.OpenSearch.Index,
		Shards:             c.OpenSearch.Shards,
		Replicas:           c.OpenSearch.Replicas,
		MaxRecording:       int(2 * c.MaxBody),
		SnapshotRepository: c.OpenSearch.SnapshotRepository,
		Version:            version,
		Log:                log,
	}
	if o.Replicas == 0 {
		o.Replicas = opensearch.NoReplicas
	}
	return o
}

// RestoreCluster restores a backup to the cluster that a configuration names; see [opensearch.Restore].
func RestoreCluster(
	ctx context.Context, c *config.Config, version string, log zerolog.Logger, name, of string,
	tell func(phase index.Phase, done, total int64),
) (*opensearch.Restored, error) {
	return opensearch.Restore(ctx, clusterOptions(c, version, log), name, of, tell)
}

// DeleteBackup deletes a backup of the cluster that a configuration names; see [opensearch.DeleteBackup].
func DeleteBackup(ctx context.Context, c *config.Config, version string, log zerolog.Logger, name string) error {
	return opensearch.DeleteBackup(ctx, clusterOptions(c, version, log), name)
}

// reach says how a cluster is reached.
func reach(o *config.OpenSearch, log zerolog.Logger) client.Options {
	return client.Options{
		Addresses: o.Addresses, Username: o.Username, Password: o.Password,
		CA: o.CA, Certificate: o.Certificate, Key: o.Key, Log: log,
	}
}

// OpenIndex opens the index of a configuration. Commands that work on the data directory of a
// stopped service open it so, too.
//
// By merging, a recording may become twice as large as what is posted may be.
func OpenIndex(ctx context.Context, c *config.Config, version string, log zerolog.Logger) (*embedded.Index, error) {
	if c.Index != config.IndexEmbedded {
		return nil, errors.New("the configuration names a cluster, and the command works on a data directory")
	}
	return openEmbeddedIndex(ctx, c, version, log, nil, nil)
}

// OpenAny opens the index of a configuration of either kind, for a command that works without a service. One that
// is not there is only made with create.
func OpenAny(
	ctx context.Context, c *config.Config, version string, log zerolog.Logger, create bool,
) (Index, error) {
	if c.Index == config.IndexOpenSearch {
		o := clusterOptions(c, version, log)
		o.Existing = !create
		return openCluster(ctx, o)
	}
	if !create {
		if err := embedded.IsData(c.Data); err != nil {
			return nil, err
		}
	}
	return openEmbedded(ctx, c, version, log, nil, nil)
}

// openEmbedded opens the index on this machine for a service.
func openEmbedded(
	ctx context.Context, c *config.Config, version string, log zerolog.Logger,
	beside func(ctx context.Context, dir string) error, waits func(reason string),
) (Index, error) {
	x, err := openEmbeddedIndex(ctx, c, version, log, beside, waits)
	if err != nil {
		return nil, err // rather than no index of a type
	}
	return x, nil
}

// openEmbeddedIndex is OpenIndex. The function beside copies the audit log for its backups, and waits is told
// what it waits for.
func openEmbeddedIndex(
	ctx context.Context, c *config.Config, version string, log zerolog.Logger,
	beside func(ctx context.Context, dir string) error, waits func(reason string),
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
		Beside:        beside,
		BesideDir:     auditstore.Dir,
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
	if c.Index == config.IndexOpenSearch {
		nodes, err := client.New(reach(&c.OpenSearch, zerolog.Nop())) // which reads the certificates
		if err != nil {
			return fmt.Errorf("opensearch: %w", err)
		}
		nodes.Close()
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
	r.MustRegister(s.ownMetrics()...)
	return r
}

// ownMetrics are of what only the service as a whole knows.
func (s *Service) ownMetrics() []prometheus.Collector {
	all := []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "recordings_audit_unavailable",
			Help: "1 if the audit log cannot be written, and what must be written there is refused.",
		}, func() float64 {
			if s.audit.Err() != nil {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "recordings_audit_entries",
			Help: "The number of the newest entry of the audit log.",
		}, func() float64 { return float64(s.audit.Head().Sequence) }),
	}
	if s.certificate != nil {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "recordings_tls_certificate_expires_timestamp_seconds",
			Help: "When the TLS certificate that is shown, or the first of its chain, ends.",
		}, s.certificate.expires))
	}
	return all
}

package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"recordings/cmd/recordings/internal/config"
	"recordings/index/embedded"
)

// openIndex opens the index of a configuration. A recording may become twice as large by merging as what is posted may be.
func openIndex(ctx context.Context, c *config.Config, log zerolog.Logger) (*embedded.Index, error) {
	ix, err := embedded.Open(ctx, embedded.Options{
		Dir:           c.Data,
		ScrubInterval: c.ScrubInterval,
		MaxRecording:  int(2 * c.MaxBody),
		SearchMemory:  c.SearchMemory,
		CacheBytes:    c.CacheMemory,
		BackupDir:     c.BackupDirectory,
		Version:       version,
		Log:           log,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s: %w", c.Data, err)
	}
	return ix, nil
}

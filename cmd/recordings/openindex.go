package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"recordings/index/embedded"
)

// openIndex opens the index of a data directory. A recording may become twice as large by merging as what is posted may be.
func openIndex(ctx context.Context, dir string, maxBody int64, log zerolog.Logger) (*embedded.Index, error) {
	ix, err := embedded.Open(ctx, embedded.Options{Dir: dir, MaxRecording: int(2 * maxBody), Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s: %w", dir, err)
	}
	return ix, nil
}

package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"recordings/index/embedded"
)

// openIndex opens the index of a data directory.
func openIndex(ctx context.Context, dir string, log zerolog.Logger) (*embedded.Index, error) {
	ix, err := embedded.Open(ctx, embedded.Options{Dir: dir, Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening the data directory %s: %w", dir, err)
	}
	return ix, nil
}

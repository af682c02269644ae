package main

import (
	"context"
	"fmt"

	"recordings/blob"
	"recordings/cmd/recordings/internal/config"
)

// openMedia makes the store of media of the configured storages. It contacts none of them yet.
func openMedia(ctx context.Context, c config.Storage) (*blob.Store, error) {
	o := blob.Options{
		S3: blob.S3{
			Buckets: c.S3.Buckets, Region: c.S3.Region, Endpoint: c.S3.Endpoint, PathStyle: c.S3.PathStyle, Checksums: c.S3.Checksums,
			AccessKey: c.S3.AccessKey, SecretKey: c.S3.SecretKey,
		},
		WebDAV: blob.WebDAV{Default: c.WebDAV.Default},
	}
	for _, origin := range c.WebDAV.Origins {
		o.WebDAV.Origins = append(o.WebDAV.Origins, blob.Origin{URL: origin.URL, Username: origin.Username, Password: origin.Password})
	}
	s, err := blob.New(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("setting up the storages of media: %w", err)
	}
	return s, nil
}

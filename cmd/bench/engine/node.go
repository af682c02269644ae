package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/go-json-experiment/json"

	"recordings/internal/opensearchtest"
)

// startNode starts an OpenSearch of one node with its files in a directory, as the tests of the product do,
// but with the collector and the compiler that Java chooses itself, and with more memory: an eighth of
// the machine's for the heap, and what is left for the files that the system keeps in memory. It is fetched
// by Maven where it is missing.
func startNode(ctx context.Context, dir string) (*opensearchtest.Cluster, error) {
	if err := os.Chmod(dir, 0o711); err != nil { // it runs as another user, who has to get through
		return nil, err
	}
	heap := min(max(totalMemory()>>20/8, 1024), 30*1024) // MiB
	c, err := opensearchtest.Start(ctx, opensearchtest.Options{
		Dir: dir, Heap: fmt.Sprintf("%dm", heap), Java: []string{},
	})
	if err != nil {
		return nil, fmt.Errorf("starting OpenSearch: %w", err)
	}
	return c, nil
}

// nodeFacts are the facts of a node, with the bytes of all indexes that it has, without their logs.
func nodeFacts(ctx context.Context, c *opensearchtest.Cluster) (f Facts, err error) {
	const path = "/_all/_stats/store?expand_wildcards=all&filter_path=_all.primaries.store"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Addresses()[0]+path, nil)
	if err != nil {
		return f, err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return f, fmt.Errorf("asking OpenSearch how much it stores: %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()

	var stats struct {
		All struct {
			Primaries struct {
				Store struct {
					Bytes int64 `json:"size_in_bytes"`
				} `json:"store"`
			} `json:"primaries"`
		} `json:"_all"`
	}
	if err := json.UnmarshalRead(resp.Body, &stats); err != nil {
		return f, fmt.Errorf("reading how much OpenSearch stores: %w", err)
	}
	return Facts{
		Version: "OpenSearch " + opensearchtest.Version, DiskBytes: stats.All.Primaries.Store.Bytes,
		Process: c.Nodes[0].Process(),
	}, nil
}

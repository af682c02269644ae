package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"recordings/index/opensearch"
	"recordings/index/opensearch/client"
	"recordings/internal/opensearchtest"
)

// Clustered is the index that the product has in an OpenSearch cluster, which here is one node: the same
// engine, with the same settings, as [OpenSearch]. The product itself is in this process.
type Clustered struct {
	product
	node  *opensearchtest.Cluster
	index *opensearch.Index
}

// OpenClustered starts a node, and opens the index in it.
func OpenClustered(ctx context.Context, o Options) (*Clustered, error) {
	node, err := startNode(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	x, err := opensearch.Open(ctx, opensearch.Options{
		Cluster: client.Options{Addresses: node.Addresses(), Log: zerolog.Nop()},
		Shards:  1, Replicas: opensearch.NoReplicas, Log: zerolog.Nop(),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the index in the cluster: %w", err), node.Close())
	}

	e := &Clustered{product{o: o, index: x, resends: true}, node, x}
	if err := x.WaitReady(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Facts implements [Engine].
func (e *Clustered) Facts(ctx context.Context) (Facts, error) { return nodeFacts(ctx, e.node) }

// Close implements [Engine].
func (e *Clustered) Close() error { return errors.Join(e.index.Close(), e.node.Close()) }

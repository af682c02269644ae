package opensearch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"recordings/index"
	"recordings/index/opensearch/client"
)

// health looks at the cluster from time to time, so that nobody has to wait for that.
type health struct {
	x         *engine
	reindexer *reindexer

	mu    sync.Mutex
	now   index.Status
	usage index.Usage
}

// How often the cluster is asked how it is, and how often how much there is.
const (
	healthEvery = time.Second
	usageEvery  = 10 * time.Second
)

// Status reports whether searches are answered and writes accepted; see [index.Health].
func (x *Index) Status() index.Status { return x.health.status() }

// Usage returns how much there is of everything, as it was a few seconds ago; see [index.Operations].
func (x *Index) Usage() index.Usage {
	x.health.mu.Lock()
	defer x.health.mu.Unlock()
	return x.health.usage
}

func (h *health) status() index.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// WaitReady returns when searches are answered, or with the cause of the end of the context.
func (x *Index) WaitReady(ctx context.Context) error {
	tick := time.NewTicker(healthEvery / 10)
	defer tick.Stop()
	for !x.Status().Ready {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the cluster: %w", context.Cause(ctx))
		}
	}
	return nil
}

// Release has nothing to release: what the cluster stores is not on the disk of the data directory.
func (x *Index) Release() {}

// run looks at the cluster until the index is closed.
func (h *health) run(ctx context.Context) {
	tick, seldom := time.NewTicker(healthEvery), time.NewTicker(usageEvery)
	defer tick.Stop()
	defer seldom.Stop()
	h.measure(ctx)
	for {
		select {
		case <-tick.C:
			h.look(ctx)
		case <-seldom.C:
			h.measure(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look looks at the cluster once.
func (h *health) look(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*healthEvery, client.ErrPatience)
	defer cancel()
	now, err := h.ask(ctx)
	if err != nil {
		if ctx.Err() != nil && h.x.closing.Err() != nil {
			return
		}
		now = index.Status{Reason: "the cluster does not answer"}
	}

	if at := h.x.at(); now.Ready && at.schema != Schema {
		j := h.reindexer.Now().Reindex
		now.Ready, now.Reason, now.Done, now.Total = false, unusable(at), j.Done, j.Total
	}

	h.mu.Lock()
	before := h.now
	h.now = now
	h.mu.Unlock()
	if before.Reason != now.Reason || before.DiskFull != now.DiskFull {
		h.x.log.Info().Bool("ready", now.Ready).Bool("diskFull", now.DiskFull).Str("reason", now.Reason).
			Msg("the state of the cluster")
	}
}

// ask asks the cluster how it is.
func (h *health) ask(ctx context.Context) (s index.Status, err error) {
	var cluster struct {
		Status     string `json:"status"`
		Unassigned int    `json:"unassigned_shards"`
		Nodes      int    `json:"number_of_nodes"`
		Active     int    `json:"active_shards"`
		Relocating int    `json:"relocating_shards"`
		Initial    int    `json:"initializing_shards"`
	}
	at := h.x.at()
	path := fmt.Sprintf("/_cluster/health/%s,%s", at.index, h.x.state)
	if err := h.x.ask(ctx, client.Get, path, nil, &cluster); err != nil {
		return s, err
	}
	s.Cluster = &index.Cluster{
		Health: cluster.Status, Nodes: cluster.Nodes, Shards: cluster.Active, Moving: cluster.Relocating,
		Starting: cluster.Initial, Unassigned: cluster.Unassigned,
	}
	switch cluster.Status {
	case "green":
		s.Ready = true
	case "yellow":
		s.Ready = true
		s.Reason = fmt.Sprintf("the cluster, of %d nodes, lacks %d copies of shards", cluster.Nodes, cluster.Unassigned)
	default:
		s.Reason = fmt.Sprintf("the cluster, of %d nodes, is %s: shards are missing", cluster.Nodes, cluster.Status)
	}

	var settings map[string]struct {
		Settings map[string]string `json:"settings"`
	}
	path = fmt.Sprintf("/%s,%s/_settings/index.blocks*?flat_settings=true", at.index, h.x.state)
	if err := h.x.ask(ctx, client.Get, path, nil, &settings); err != nil {
		return s, err
	}
	for _, of := range settings {
		if of.Settings["index.blocks.read_only_allow_delete"] == "true" {
			s.DiskFull, s.Reason = true, "the disks of the cluster are full: it takes no writes"
		}
	}
	return s, nil
}

// measure asks how much there is. Where that is not known, what was known before stands.
func (h *health) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, usageEvery, client.ErrPatience)
	defer cancel()
	var stats struct {
		All struct {
			Primaries struct {
				Docs struct {
					Count uint64 `json:"count"`
				} `json:"docs"`
			} `json:"primaries"`
			Total struct {
				Store struct {
					Bytes uint64 `json:"size_in_bytes"`
				} `json:"store"`
			} `json:"total"`
		} `json:"_all"`
	}
	if err := h.x.ask(ctx, client.Get, "/"+h.x.at().index+"/_stats/docs,store", nil, &stats); err != nil {
		return
	}
	var nodes struct {
		Nodes map[string]struct {
			FS struct {
				Total struct {
					Available uint64 `json:"available_in_bytes"`
				} `json:"total"`
			} `json:"fs"`
		} `json:"nodes"`
	}
	_ = h.x.ask(ctx, client.Get, "/_nodes/stats/fs", nil, &nodes) // it may be forbidden; then it is not known

	usage := index.Usage{Recordings: stats.All.Primaries.Docs.Count, DiskUsed: stats.All.Total.Store.Bytes}
	for _, n := range nodes.Nodes {
		usage.DiskFree += n.FS.Total.Available
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usage = usage
}

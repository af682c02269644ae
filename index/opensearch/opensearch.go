// Package opensearch keeps and finds recordings in an OpenSearch cluster: the same service, as nodes
// without a state of their own, of which there may be any number.
//
// A reader lacks these facts. A recording is one document, whose stored form is a string in it. A change
// reads the document, changes it here, and writes it on the condition that nobody has changed it meanwhile,
// else all over again; those of one node go to the cluster in groups (see lane). A write is acknowledged when
// all copies that there should be have it on disk, or when the cluster manager says that the copy which
// has it is the primary one still. Nothing is refreshed for it: a search asks for that, together with all
// searches that wait at that time (see refresher). Whatever the engine leaves undone is done again here:
// a refresh that did not reach all shards, or part of an answer, is no answer.
//
// What must not happen at the same time on two nodes is kept apart by leases (see leases), and who asks
// for what has changed since a time by a fence (see fence).
package opensearch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"recordings/index"
	"recordings/index/gate"
	"recordings/index/opensearch/client"
)

// Options are the settings of an Index. Of all but Cluster.Addresses the zero value stands for a sane
// default.
type Options struct {
	Cluster client.Options

	Index    string // the name of its indexes, and what the names of others begin with; recordings
	Shards   int    // of a new index; 3
	Replicas int    // of a new index, beside each shard; 1; NoReplicas: none

	MaxRecording int // bytes of a merged recording as stored; 2 MiB

	// Existing refuses, by a [*ForeignError], to make an index where there is none of the name.
	Existing bool

	// KeepOld is how long an index stays after another has taken its place; 10 minutes.
	KeepOld time.Duration

	// ScrubInterval is how long after the last verification, or the opening, everything is verified, by one of
	// the nodes; 0: never.
	ScrubInterval time.Duration

	// SnapshotRepository is the snapshot repository of the cluster that backups go to; empty: none are made.
	SnapshotRepository string

	// Version is that of the program, for backups.
	Version string

	// Patience is how long Open tries to reach the cluster; 60 s.
	Patience time.Duration

	Log zerolog.Logger // says what goes on, never what is in a recording
}

// NoReplicas as the number of replicas is for a cluster of one node: nothing is stored twice.
const NoReplicas = -1

func (o Options) withDefaults() Options {
	if o.Index == "" {
		o.Index = "recordings"
	}
	if o.Shards <= 0 {
		o.Shards = 3
	}
	switch {
	case o.Replicas == 0:
		o.Replicas = 1
	case o.Replicas < 0:
		o.Replicas = 0
	}
	if o.MaxRecording <= 0 {
		o.MaxRecording = 2 << 20
	}
	if o.KeepOld <= 0 {
		o.KeepOld = 10 * time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	return o
}

// Index is the [index.Index] in a cluster.
type Index struct {
	*records
	marks     *marker
	health    *health
	reindexer *reindexer
	verifier  *verifier
	backuper  *backuper
	gate      *gate.Gate
	workers   sync.WaitGroup
}

// engine is the cluster, with the indexes in it that are this program's.
type engine struct {
	o       Options
	log     zerolog.Logger
	client  *client.Client
	metrics *metrics
	closing context.Context // ends when the index is closed

	place atomic.Pointer[place] // the index of recordings that is in use
	state string                // the index of what is noted beside them, by the name that it has itself
}

// records are the recordings, and how they are read, searched and changed.
type records struct {
	*engine
	clock   clock
	fence   *fence
	refresh *refresher
	lanes   []*lane
}

var (
	_ index.Index          = (*Index)(nil)
	_ index.ContactCenters = (*Index)(nil)
	_ index.Orphans        = (*Index)(nil)
	_ index.Marks          = (*Index)(nil)
	_ index.Labels         = (*Index)(nil)
	_ index.SavedSearches  = (*Index)(nil)
	_ index.MediaNames     = (*Index)(nil)
	_ index.Health         = (*Index)(nil)
)

// lanes is how many groups of changes are on their way to the cluster at a time.
const lanes = 2

// Open reaches the cluster, for which it tries for a while, and finds or creates the indexes. The error of
// an index that cannot be used is a [*ForeignError].
func Open(ctx context.Context, o Options) (*Index, error) {
	o = o.withDefaults()
	c, err := client.New(o.Cluster)
	if err != nil {
		return nil, fmt.Errorf("the cluster: %w", err)
	}
	x := &Index{gate: gate.New()}
	e := &engine{o: o, log: o.Log, client: c, metrics: newMetrics(), closing: x.gate.Closing()}
	r := &records{engine: e}
	r.refresh, r.fence = &refresher{do: r.refreshOnce}, &fence{x: r}
	x.records, x.marks, x.reindexer = r, &marker{r, &leases{e}}, newReindexer(r)
	x.verifier, x.backuper = newVerifier(r, x.reindexer), newBackuper(r)
	x.health = &health{x: e, reindexer: x.reindexer}

	reaching, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	err = x.reach(reaching)
	if err == nil {
		err = x.prepare(reaching)
	}
	if err == nil {
		err = x.reindexer.look(reaching)
	}
	if err == nil {
		err = errors.Join(x.verifier.Look(reaching), x.backuper.Look(reaching))
	}
	if err != nil {
		x.gate.Close()
		c.Close()
		return nil, err
	}

	for range lanes {
		r.lanes = append(r.lanes, newLane(r))
	}
	for _, l := range x.lanes {
		x.workers.Go(l.run)
	}
	x.health.look(ctx)
	x.workers.Go(func() { x.health.run(e.closing) })
	x.workers.Go(func() { x.reindexer.run(e.closing) })
	x.workers.Go(func() { x.verifier.run(e.closing) })
	x.workers.Go(func() { x.backuper.run(e.closing) })
	return x, nil
}

// reach asks for the version of the cluster until there is an answer.
func (x *engine) reach(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, client.Patience)
		_, err := x.client.Do(try, client.Request{Method: client.Get, Path: "/_cluster/health", Safe: true})
		cancel()
		var status *client.StatusError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &status) && !status.Temporary():
			return fmt.Errorf("reaching the cluster: %w", err)
		case ctx.Err() != nil:
			return fmt.Errorf("reaching the cluster: %w", x.client.Problem())
		}
	}
}

// Close ends what is running. Everything that was answered is durable already.
func (x *Index) Close() error {
	if !x.gate.Close() {
		return nil
	}
	x.workers.Wait()
	x.client.Close()
	return nil
}

// failed says what could not be done, and turns the error of the client into one of package index.
func (x *engine) failed(what string, err error) error {
	var status *client.StatusError
	var lost *client.LostError
	var unreachable *client.UnreachableError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if errors.Is(err, gate.ErrClosed) {
			return fmt.Errorf("%w: %s: %w", index.ErrUnavailable, what, err)
		}
		return fmt.Errorf("%s: %w", what, err)
	case errors.As(err, &status) && status.DiskFull():
		return fmt.Errorf("%w: %s: %w", index.ErrDiskFull, what, err)
	case errors.As(err, &status) && status.Temporary(), errors.As(err, &lost), errors.As(err, &unreachable),
		errors.Is(err, gate.ErrClosed), errors.Is(err, client.ErrPatience):
		return fmt.Errorf("%w: %s: %w", index.ErrUnavailable, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// refresher has many wait for one refresh: whoever comes while one runs waits for the next, together with
// all others who do.
type refresher struct {
	do func(context.Context) error

	mu      sync.Mutex
	running bool
	waiting *refreshing // that begins when the running one has ended; nil: nobody waits
}

// refreshing is a refresh that some wait for.
type refreshing struct {
	done chan struct{}
	err  error
}

// wait returns when a refresh that began after the call has ended.
func (r *refresher) wait(ctx, working context.Context) error {
	r.mu.Lock()
	if r.waiting == nil {
		r.waiting = &refreshing{done: make(chan struct{})}
	}
	mine := r.waiting
	if !r.running {
		r.running = true
		go r.run(working)
	}
	r.mu.Unlock()

	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run refreshes as long as somebody waits.
func (r *refresher) run(ctx context.Context) {
	for {
		r.mu.Lock()
		now := r.waiting
		r.waiting = nil
		r.running = now != nil
		r.mu.Unlock()
		if now == nil {
			return
		}
		now.err = r.do(ctx)
		close(now.done)
	}
}

// refreshOnce refreshes the index of recordings, on all copies of all shards.
func (x *records) refreshOnce(ctx context.Context) error {
	x.metrics.refreshes.Inc()
	return x.following(ctx, func(p *place) error { return x.refreshIndex(ctx, p.alias) })
}

// refreshIndex refreshes an index. It is made again until it has reached all shards.
func (x *engine) refreshIndex(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, client.Patience, client.ErrPatience)
	defer cancel()
	for {
		var answer struct {
			Shards shards `json:"_shards"`
		}
		err := x.ask(ctx, client.Post, "/"+name+"/_refresh", nil, &answer)
		if err == nil && answer.Shards.Failed == 0 {
			return nil
		}
		if err == nil {
			err = errPartial
		}
		if !x.again(ctx, err) {
			return x.failed("refreshing", err)
		}
	}
}

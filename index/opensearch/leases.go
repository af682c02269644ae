package opensearch

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"recordings/index"
	"recordings/index/opensearch/client"
)

// leases keep apart what must not happen at the same time on two nodes. Each is a document of the state
// index, which is there while somebody has it. Who has it renews it; a lease that nobody has renewed for as
// long as it lasts was that of a node that is gone, and is taken over. Its age is measured by the clock of
// who waits for it, so that clocks need not agree.
type leases struct{ x *engine }

const (
	// leaseTime is how long a lease lasts after it was renewed.
	leaseTime = 30 * time.Second
	// renewAfter is when it is renewed.
	renewAfter = leaseTime / 4

	// A lease that somebody else has is asked for again after a while, at first and at most.
	minLeasePause = 5 * time.Millisecond
	maxLeasePause = 100 * time.Millisecond
)

// lease is a number of leases that are had together.
type lease struct {
	x     *engine
	owner string

	mu   sync.Mutex
	docs map[string]version // by the id of the document, nil once they are released
	stop *time.Timer
}

// leaseDoc is the id of the document of a lease.
func leaseDoc(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "lease-" + base64.RawURLEncoding.EncodeToString(sum[:15])
}

// lock waits until it has all leases, and returns what releases them. It never has some of them while it
// waits for others, so nobody waits for ever.
func (l *leases) lock(ctx context.Context, names []string) (release func(), err error) {
	if len(names) == 0 {
		return func() {}, nil
	}
	docs := make([]string, len(names))
	for i, name := range names {
		docs[i] = leaseDoc(name)
	}
	slices.Sort(docs)
	docs = slices.Compact(docs)

	owner := cryptorand.Text()
	seen := make(map[string]observed)
	for pause := minLeasePause; ; pause = min(2*pause, maxLeasePause) {
		mine, err := l.try(ctx, docs, owner, seen)
		if err == nil && len(mine.docs) == len(docs) {
			mine.keep()
			return mine.release, nil
		}
		mine.release()
		if err != nil {
			return nil, err
		}

		wait := pause/2 + rand.N(pause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, l.x.failed("waiting for a recording that is being deleted", context.Cause(ctx))
		}
	}
}

// outlast waits until whoever has one of the leases has released it. Where nobody has any, it asks once.
func (l *leases) outlast(ctx context.Context, names []string) error {
	byDoc := make(map[string]string, len(names))
	for _, name := range names {
		byDoc[leaseDoc(name)] = name
	}
	if len(byDoc) == 0 {
		return nil
	}
	var answer struct {
		Docs []kept[note] `json:"docs"`
	}
	ids := object{"ids": slices.Sorted(maps.Keys(byDoc))}
	if err := l.x.ask(ctx, client.Post, "/"+l.x.state+"/_mget?preference=_primary", ids, &answer); err != nil {
		return l.x.failed("looking at leases", err)
	}

	var had []string
	for _, d := range answer.Docs {
		if d.Found {
			had = append(had, byDoc[d.ID])
		}
	}
	if len(had) == 0 {
		return nil
	}
	release, err := l.lock(ctx, had) // which takes over what a node has that is gone
	if err == nil {
		release()
	}
	return err
}

// observed is a lease of somebody else, and since when it was not renewed.
type observed struct {
	at    version
	since time.Time
}

// try gets those of the leases that nobody has. What it got must be released.
func (l *leases) try(ctx context.Context, docs []string, owner string, seen map[string]observed) (*lease, error) {
	mine := &lease{x: l.x, owner: owner, docs: make(map[string]version)}
	writes := make([]write, len(docs))
	for i, doc := range docs {
		writes[i] = write{index: l.x.state, doc: doc, body: &note{Kind: "lease", Body: owner}}
		if o, ok := seen[doc]; ok && time.Since(o.since) > leaseTime {
			writes[i].on = &o.at
		}
	}
	results, _, err := l.x.bulk(context.WithoutCancel(ctx), writes, "")
	if err != nil {
		return mine, err
	}

	var others []string
	for i, r := range results {
		switch r.verdict {
		case written:
			mine.docs[docs[i]] = r.version
		case conflict:
			others = append(others, docs[i])
		case lost, busy:
			others = append(others, docs[i]) // perhaps it is there by now, and its own
		case full:
			err = index.ErrDiskFull
		default:
			err = r.err
		}
	}
	if err != nil || len(others) == 0 {
		return mine, err
	}
	return mine, l.observe(ctx, others, mine, seen)
}

// observe looks at leases that somebody else has.
func (l *leases) observe(ctx context.Context, docs []string, mine *lease, seen map[string]observed) error {
	var answer struct {
		Docs []kept[note] `json:"docs"`
	}
	err := l.x.ask(ctx, client.Post, "/"+l.x.state+"/_mget?preference=_primary", object{"ids": docs}, &answer)
	if err != nil {
		return l.x.failed("looking at leases", err)
	}
	for _, d := range answer.Docs {
		switch at := *d.version(); {
		case !d.Found:
			delete(seen, d.ID)
		case d.Source.Body == mine.owner:
			mine.docs[d.ID] = at
		case seen[d.ID].at != at:
			seen[d.ID] = observed{at, time.Now()}
		}
	}
	return nil
}

// keep renews the leases until they are released.
func (l *lease) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = time.AfterFunc(renewAfter, l.renew)
}

// renew renews the leases. One that was taken over by somebody else is not had any more.
func (l *lease) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.docs == nil {
		return
	}
	docs, writes := l.writes(&note{Kind: "lease", Body: l.owner})
	ctx, cancel := context.WithTimeoutCause(context.Background(), renewAfter, client.ErrPatience)
	defer cancel()
	results, _, err := l.x.bulk(ctx, writes, "")
	if err == nil {
		l.renewed(ctx, docs, results)
	}
	l.stop = time.AfterFunc(renewAfter, l.renew)
}

// renewed takes note of what became of renewing. What was not renewed may have been, by an earlier try.
func (l *lease) renewed(ctx context.Context, docs []string, results []result) {
	before := len(l.docs)
	var doubt []string
	for i, r := range results {
		if r.verdict == written {
			l.docs[docs[i]] = r.version
		} else {
			doubt = append(doubt, docs[i])
		}
	}
	if len(doubt) == 0 {
		return
	}

	were := maps.Clone(l.docs)
	for _, doc := range doubt {
		delete(l.docs, doc)
	}
	if err := (&leases{l.x}).observe(ctx, doubt, l, make(map[string]observed)); err != nil {
		l.docs = were // it is tried again
	}
	if len(l.docs) < before {
		l.x.log.Warn().Msg("a lease was taken over by another node of the service")
	}
}

// writes are the same write to all documents of the leases.
func (l *lease) writes(n *note) (docs []string, writes []write) {
	for doc, at := range l.docs {
		w := write{index: l.x.state, doc: doc, on: &at}
		if n != nil {
			w.body = n
		}
		docs, writes = append(docs, doc), append(writes, w)
	}
	return docs, writes
}

// release gives the leases back. It does so whatever has ended meanwhile; what cannot be given back lasts
// until its time is up.
func (l *lease) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		l.stop.Stop()
	}
	if len(l.docs) == 0 {
		return
	}
	_, writes := l.writes(nil)
	l.docs = nil
	ctx, cancel := context.WithTimeoutCause(context.Background(), writeTimeout, client.ErrPatience)
	defer cancel()
	if results, _, err := l.x.bulk(ctx, writes, ""); err != nil || slices.ContainsFunc(results, unsure) {
		l.x.log.Warn().Msg(fmt.Sprintf("leases could not be given back, and last for %v", leaseTime))
	}
}

// unsure reports whether it is not known that a write took effect, or needed none.
func unsure(r result) bool { return r.verdict != written && r.verdict != conflict }

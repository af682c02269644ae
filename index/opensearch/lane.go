package opensearch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"recordings/index"
	"recordings/index/opensearch/client"
	"recordings/mapping"
)

// state is a recording as it is stored, or as it is to be.
type state struct {
	recording *mapping.Recording // nil: there is none
	data      []byte             // its stored form, with the time of the change before
}

// op is a change of one recording that somebody waits for.
type op struct {
	key key

	// apply returns what becomes of the recording, or the state as it was. It is called again for another
	// state where somebody else was faster; what it notes, and its error, count from the last time.
	apply func(before state) (after state, err error)

	// blind says that it may be tried as if there were nothing under the key, which saves reading it.
	blind bool

	size int // bytes, about

	err   error
	done  chan struct{}
	until time.Time // when it is given up
}

// patience is how long a change is tried.
const patience = 30 * time.Second

// lane makes changes, a group of them in a request at a time. All changes of one recording that a node
// makes are in the same lane, one after the other, so that they do not get into each other's way; only
// other nodes do.
type lane struct {
	x *records

	mu    sync.Mutex
	queue []*op
	wake  chan struct{} // has an element when there is something in the queue
}

func newLane(x *records) *lane { return &lane{x: x, wake: make(chan struct{}, 1)} }

// The bounds of a group.
const (
	maxGroup      = 1000
	maxGroupBytes = 8 << 20
)

// change has changes made. Those of one recording are made in their order.
func (x *records) change(ops []*op) {
	until := time.Now().Add(patience)
	for _, o := range ops {
		o.done, o.until = make(chan struct{}), until
	}
	byLane := make([][]*op, len(x.lanes))
	for _, o := range ops {
		h := fnv.New32a()
		_, _ = h.Write([]byte(o.key.doc)) // never fails
		n := int(h.Sum32()) % len(x.lanes)
		byLane[n] = append(byLane[n], o)
	}
	for i, some := range byLane {
		if len(some) > 0 {
			x.lanes[i].add(some)
		}
	}
}

// wait waits for a change, and returns its error. If the context ends before, it may be made all the same.
func (x *records) wait(ctx context.Context, o *op) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return x.failed("writing", context.Cause(ctx))
	}
}

func (l *lane) add(ops []*op) {
	l.mu.Lock()
	l.queue = append(l.queue, ops...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take takes the next group off the queue.
func (l *lane) take() (ops []*op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := 0
	for len(l.queue) > 0 && len(ops) < maxGroup && size < maxGroupBytes {
		size += l.queue[0].size
		ops = append(ops, l.queue[0])
		l.queue = l.queue[1:]
	}
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return ops
}

// work is what is to be done for one recording.
type work struct {
	key key
	ops []*op // in order

	at     *place  // the index that what follows is of
	known  bool    // before and on are what is stored
	before state   // what is stored
	on     version // of that, if there is something

	after  state // what the ops make of it
	stamp  int64 // the time of the change, if it was tried
	doubt  bool  // the change was tried, and nobody knows whether it took effect
	settle bool  // the change was made, and wants another time
}

// group are the works that are under way, in the order in which they came.
type group struct {
	lane  *lane
	works []*work
	byDoc map[string]*work
}

// run makes changes until the index is closed. Those that are left then are given up.
func (l *lane) run() {
	closing := l.x.closing
	g := &group{lane: l, byDoc: make(map[string]*work)}
	except := ""
	for {
		if len(g.works) == 0 {
			select {
			case <-l.wake:
			case <-closing.Done():
			}
		}
		if closing.Err() != nil {
			g.add(l.take())
			g.giveUp(func(*op) error { return fmt.Errorf("%w: %w", index.ErrUnavailable, context.Cause(closing)) })
			if l.empty() {
				return
			}
			continue
		}

		g.add(l.take())
		var slow bool
		slow, except = g.round(closing, except)
		if slow {
			select {
			case <-time.After(retryPause):
			case <-closing.Done():
			}
		}
	}
}

func (l *lane) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) == 0
}

// add adds ops to the works of their recordings. One that has begun to be written takes no more: what it
// was answered must be known first.
func (g *group) add(ops []*op) {
	for _, o := range ops {
		w := g.byDoc[o.key.doc]
		if w == nil || w.doubt || w.settle {
			w = &work{key: o.key}
			g.works = append(g.works, w)
			if g.byDoc[o.key.doc] == nil {
				g.byDoc[o.key.doc] = w
			}
		}
		w.ops = append(w.ops, o)
	}
}

// giveUp ends all works with an error.
func (g *group) giveUp(why func(*op) error) {
	for _, w := range g.works {
		for _, o := range w.ops {
			o.err = why(o)
			close(o.done)
		}
	}
	g.works = nil
	clear(g.byDoc)
}

// end answers a work. With an error, all that waited for it have that.
func (w *work) end(err error) {
	for _, o := range w.ops {
		if err != nil {
			o.err = err
		}
		close(o.done)
	}
	w.ops = nil
}

// round does what can be done in one request of each kind. It reports whether to wait a little before the
// next one, and the node that had better not be asked then.
func (g *group) round(ctx context.Context, except string) (slow bool, avoid string) {
	// A recording has one work at a time; others of it come when that has ended.
	var now []*work
	for _, w := range g.works {
		if g.byDoc[w.key.doc] == w {
			now = append(now, w)
		}
	}
	at := g.lane.x.at()
	if at.schema != Schema {
		err := fmt.Errorf("%w: %s", index.ErrUnavailable, unusable(at))
		for _, w := range now {
			w.end(err)
		}
		g.keep()
		return false, except
	}
	for _, w := range now {
		w.moveTo(at)
	}
	if err := g.read(ctx, at, now); err != nil {
		if isMoved(err) {
			err = errors.Join(index.ErrUnavailable, g.lane.x.follow(ctx, at))
		}
		g.drop(now, err)
		return true, except
	}

	var some []*work
	var writes []write
	for _, w := range now {
		if w.ops == nil {
			continue
		}
		if wr := w.next(g.lane.x); wr != nil {
			some, writes = append(some, w), append(writes, *wr)
		} else {
			w.end(nil)
		}
	}
	if len(writes) > 0 {
		slow, avoid = g.write(ctx, some, writes, except)
	}
	g.keep()
	return slow, avoid
}

// moveTo forgets what was known of a recording in another index than the one that is in use now. What was
// written there, and wants another time, is looked for in this one.
func (w *work) moveTo(at *place) {
	if w.at != nil && w.at != at {
		w.known = false
		w.settle, w.doubt = false, w.doubt || w.settle
	}
	w.at = at
}

// keep keeps the works that have not ended.
func (g *group) keep() {
	var left []*work
	clear(g.byDoc)
	now := time.Now()
	for _, w := range g.works {
		if w.ops != nil && now.After(w.ops[0].until) {
			w.end(fmt.Errorf("%w: the cluster has not taken a change for %v", index.ErrUnavailable, patience))
		}
		if w.ops == nil {
			continue
		}
		left = append(left, w)
		if g.byDoc[w.key.doc] == nil {
			g.byDoc[w.key.doc] = w
		}
	}
	g.works = left
}

// drop ends works that cannot be read, unless that may go well later.
func (g *group) drop(works []*work, err error) {
	later := errors.Is(err, index.ErrUnavailable)
	for _, w := range works {
		if !later && !w.known {
			w.end(err)
		}
	}
	g.keep()
}

// read reads what must be known.
func (g *group) read(ctx context.Context, at *place, works []*work) error {
	var unknown []*work
	for _, w := range works {
		blind := true
		for _, o := range w.ops {
			blind = blind && o.blind
		}
		if !w.known && (w.doubt || !blind || w.stamp > 0) {
			unknown = append(unknown, w)
		}
	}
	if len(unknown) == 0 {
		return nil
	}

	keys := make([]key, len(unknown))
	for i, w := range unknown {
		keys[i] = w.key
	}
	docs, err := g.lane.x.readAllIn(ctx, at, keys)
	if err != nil {
		return err
	}
	for i, w := range unknown {
		w.learn(&docs[i])
	}
	return nil
}

// learn takes note of what is stored.
func (w *work) learn(d *stored) {
	if d.err != nil {
		w.end(d.err)
		return
	}
	w.known, w.before, w.on = true, d.state, d.version
	if !w.doubt {
		return
	}

	// Did the change that was tried take effect?
	w.doubt = false
	switch {
	case w.after.recording == nil:
		if d.recording == nil {
			w.end(nil)
		}
	case d.recording != nil && sameButTime(d.data, w.after.data):
		w.settle = true // its time may have passed meanwhile
	}
}

// sameButTime compares stored forms but for when they were changed.
func sameButTime(a, b []byte) bool {
	return bytes.Equal(mapping.WithChangedTime(nil, a, 0), mapping.WithChangedTime(nil, b, 0))
}

// next is what is to be written for a work, or nil if nothing is.
func (w *work) next(x *records) *write {
	if !w.settle {
		w.after = w.before
		for _, o := range w.ops {
			var after state
			if after, o.err = o.apply(w.after); o.err == nil {
				w.after = after
			}
		}
		if w.before.recording == nil && w.after.recording == nil ||
			w.before.recording != nil && w.after.recording != nil && bytes.Equal(w.before.data, w.after.data) {
			return nil
		}
	}

	wr := &write{index: w.at.alias, alias: true, doc: w.key.doc, routing: w.key.routing}
	if w.before.recording != nil {
		on := w.on
		wr.on = &on
	}
	var atLeast int64
	for _, s := range []state{w.before, w.after} {
		if s.recording != nil {
			atLeast = max(atLeast, int64(s.recording.ChangedTime))
		}
	}
	w.stamp = x.clock.next(max(atLeast, x.fence.known.Load()))
	if w.after.recording == nil {
		return wr
	}

	r := *w.after.recording
	r.ChangedTime = mapping.Time(w.stamp)
	w.after.recording = &r
	w.after.data = mapping.WithChangedTime(nil, w.after.data, r.ChangedTime)
	wr.body = newDocument(w.key.contactCenter, &r, w.after.data)
	return wr
}

// write writes, and answers what is durable.
func (g *group) write(ctx context.Context, works []*work, writes []write, except string) (slow bool, avoid string) {
	x := g.lane.x
	x.metrics.groups.Inc()
	results, node, err := x.bulk(ctx, writes, except)
	if err != nil {
		for _, w := range works {
			w.end(err)
		}
		return false, ""
	}

	var gone *place
	behind, err := x.behind(ctx, works, results)
	for i, w := range works {
		r := results[i]
		switch {
		case r.verdict == elsewhere:
			w.known, w.settle, w.doubt = false, false, w.doubt || w.settle
			gone, slow = w.at, true
			x.metrics.again.WithLabelValues(againMoved).Inc()
		case r.verdict == written && w.after.recording != nil && (err != nil || w.stamp < behind):
			// It is there, but may have been missed by who asks for changes.
			w.known, w.settle, w.before, w.on = true, true, w.after, r.version
			slow = slow || err != nil
			x.metrics.again.WithLabelValues(againFence).Inc()
		case r.verdict == written, r.verdict == conflict && w.settle:
			w.end(nil) // in the latter case, somebody else has changed it since, which gave it another time
		case r.verdict == conflict:
			w.known = false
			x.metrics.again.WithLabelValues(againConflict).Inc()
		case r.verdict == busy:
			slow = true
			x.metrics.again.WithLabelValues(againBusy).Inc()
		case r.verdict == lost:
			w.known, w.doubt, w.settle = false, true, false
			slow, avoid = true, node
			x.metrics.again.WithLabelValues(againLost).Inc()
		case r.verdict == full:
			w.end(index.ErrDiskFull)
		default:
			w.end(r.err)
		}
	}
	if gone != nil {
		if err := x.follow(ctx, gone); err != nil {
			x.log.Warn().Err(err).Msg("looking for the index in use; it is tried again")
		}
	}
	return slow, avoid
}

// behind returns the fence, if one of the works wants to know it.
func (x *records) behind(ctx context.Context, works []*work, results []result) (int64, error) {
	for i, w := range works {
		if results[i].verdict != written || w.after.recording == nil {
			continue
		}
		ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, client.ErrPatience)
		defer cancel()
		at, _, err := x.fence.read(ctx)
		return at, err
	}
	return 0, nil
}

package embedded

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"recordings/mapping"
)

// change is one committed Put or Delete.
type change struct {
	sequence      uint64 // set when it is committed
	key           string
	contactCenter string
	id            string
	region        string
	data          []byte                    // as stored; nil: deleted
	before        []byte                    // what was stored before this step, of which nil is nothing
	searchable    *mapping.Searchable       // nil: deleted
	delta         int                       // by how much it changes the number of recordings
	with          func(*pebble.Batch) error // what else is written in the same step; may be nil

	later atomic.Pointer[change] // the next one of the same key that is held

	held time.Time     // since when it is held; zero: it never was
	done chan struct{} // closed when the outcome is known; shared by the changes of one step
	err  error         // valid after done: why the change may not be durable
}

// wait waits until the change is durable.
func (c *change) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return unavailable("waiting for a change to become durable", context.Cause(ctx))
	}
}

// settled tells whether the outcome is known: then the change and all before it are durable, or err says why they may not be.
func (c *change) settled() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// size is about how many bytes the change occupies in memory.
func (c *change) size() int64 {
	const overhead = 512 // the structs, the channel and the places in pending
	n := overhead + 2*len(c.key) + len(c.data) + len(c.before)
	if s := c.searchable; s != nil {
		n += len(s.CallerPhoneNumber) + len(s.DialedPhoneNumber)
		for _, v := range s.Names {
			n += 16 + len(v)
		}
		for _, v := range s.UserData {
			n += 16 + len(v)
		}
	}
	return int64(n)
}

// pending holds what is committed but cannot be found elsewhere yet: changes that are not durable, and, while a search
// index is followed, changes that are not in it. The latter are bounded; a writer first reserves a place.
type pending struct {
	maxCount int
	maxBytes int64

	mu        sync.Mutex
	newest    *change            // the newest of all changes
	undurable map[string]*change // by key; what failed stays, as nobody knows what became of it
	following bool               // changes are held until the search index has them
	queue     []*change          // in the order of their sequence
	latest    map[string]*change // by key, of those in queue
	// byContactCenter has the same changes as queue. The slices are shared with searches: they are only appended to and
	// cut off at the front.
	byContactCenter map[string][]*change
	bytes           int64         // of queue
	reserved        int           // places for changes that are about to be committed
	room            chan struct{} // closed, and replaced, when there is room again
	wake            chan struct{} // has an element when queue got longer
}

func newPending(maxCount int, maxBytes int64) *pending {
	return &pending{
		maxCount:        maxCount,
		maxBytes:        maxBytes,
		undurable:       make(map[string]*change),
		latest:          make(map[string]*change),
		byContactCenter: make(map[string][]*change),
		room:            make(chan struct{}),
		wake:            make(chan struct{}, 1),
	}
}

// reserve waits for room, and takes n places for changes. Who has them must release them when the changes are added, or will not
// be. The last that fit may take more than there is room for, or many would wait for ever while others take one after another.
func (p *pending) reserve(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		if !p.following || len(p.queue)+p.reserved < p.maxCount && p.bytes < p.maxBytes {
			p.reserved += n
			p.mu.Unlock()
			return nil
		}
		room := p.room
		p.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return unavailable("waiting for the search index to catch up", context.Cause(ctx))
		}
	}
}

// release gives back reserved places.
func (p *pending) release(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reserved -= n
	p.announceRoom()
}

func (p *pending) announceRoom() {
	close(p.room)
	p.room = make(chan struct{})
}

// add takes up changes that have their sequences, before they can be read from the store. The calls are in the order of the
// sequences.
func (p *pending) add(changes []*change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, c := range changes {
		p.newest = c
		p.undurable[c.key] = c
		if p.following {
			c.held = now
			if before := p.latest[c.key]; before != nil {
				before.later.Store(c)
			}
			p.latest[c.key] = c
			p.queue = append(p.queue, c)
			p.byContactCenter[c.contactCenter] = append(p.byContactCenter[c.contactCenter], c)
			p.bytes += c.size()
		}
	}
	if !p.following {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// settle tells what became of the changes of one step.
func (p *pending) settle(changes []*change, err error) {
	if err == nil {
		p.mu.Lock()
		for _, c := range changes {
			delete(p.undurable, c.key)
		}
		p.mu.Unlock()
	}
	for _, c := range changes {
		c.err = err
	}
	close(changes[0].done)
}

// undurableChange returns the change of a key that may not be durable yet, or nil.
func (p *pending) undurableChange(key string) *change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.undurable[key]
}

// newestChange returns the newest of all changes, or nil.
func (p *pending) newestChange() *change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest
}

// follow begins to hold every change from now on until indexed is told of it.
func (p *pending) follow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.following = true
}

// isFollowing tells whether changes are held: writers wait while there are many.
func (p *pending) isFollowing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.following
}

// unfollow lets go of what is held: there is no search index to follow.
func (p *pending) unfollow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.following = false
	p.queue = nil
	clear(p.latest)
	clear(p.byContactCenter)
	p.bytes = 0
	p.announceRoom()
}

// next returns the oldest changes that are held, at most n, in the order of their sequence.
func (p *pending) next(n int) []*change {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, len(p.queue))
	return append([]*change(nil), p.queue[:n]...)
}

// indexedUpTo lets go of the changes up to a sequence: the search index has them.
func (p *pending) indexedUpTo(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, _ := slices.BinarySearchFunc(p.queue, sequence+1, func(c *change, s uint64) int { return cmp.Compare(c.sequence, s) })
	p.indexedLocked(n)
}

// indexed lets go of the n oldest changes: the search index has them.
func (p *pending) indexed(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.indexedLocked(n)
}

func (p *pending) indexedLocked(n int) {
	for _, c := range p.queue[:n] {
		p.bytes -= c.size()
		if p.latest[c.key] == c {
			delete(p.latest, c.key)
		}
		if rest := p.byContactCenter[c.contactCenter][1:]; len(rest) > 0 {
			p.byContactCenter[c.contactCenter] = rest
		} else {
			delete(p.byContactCenter, c.contactCenter)
		}
	}
	clear(p.queue[:n]) // for the garbage collector
	p.queue = p.queue[n:]
	p.announceRoom()
}

// view calls fn and returns the changes of a contact center that are held at that moment, in the order of their
// sequence: those that are durable, and those behind them that are not yet. No change is added or let go of while fn runs. If
// nobody knows what became of a change, that is an error.
func (p *pending) view(contactCenter string, fn func() error) (durable, others []*change, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := p.byContactCenter[contactCenter]
	n := len(changes)
	for n > 0 && !changes[n-1].settled() {
		n--
	}
	if n > 0 && changes[n-1].err != nil {
		return nil, nil, changes[n-1].err
	}
	if err := fn(); err != nil {
		return nil, nil, err
	}
	return changes[:n:n], changes[n:len(changes):len(changes)], nil
}

// viewAll is like view, of all contact centers, and returns the keys of the changes.
func (p *pending) viewAll(fn func() error) (keys map[string]struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := fn(); err != nil {
		return nil, err
	}
	keys = make(map[string]struct{}, len(p.queue))
	for _, c := range p.queue {
		keys[c.key] = struct{}{}
	}
	return keys, nil
}

// held is the memory that the held changes take, and since when the oldest of them is held.
func (p *pending) held() (bytes int64, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		since = p.queue[0].held
	}
	return p.bytes, since
}

// count is how many changes are held.
func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

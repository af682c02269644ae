// Package pending holds the changes that are committed but cannot be found elsewhere yet.
//
// An answer is sent when a change is durable; it does not wait for the search index. So that the
// next search finds it all the same, the change stays in memory until the search index has it, and
// every search looks here, too. That memory is bounded: a writer first reserves a place, and waits
// while all are taken. It also holds what is not durable yet, which readers of the store see, but
// must not show.
package pending

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"recordings/index/embedded/internal/fault"
	"recordings/index/embedded/store"
	"recordings/mapping"
)

// Change is one committed Put or Delete. Nothing of it may be changed once it was added.
type Change struct {
	store.Change
	Region     string
	Before     []byte              // what was stored before this step; nil: nothing
	Searchable *mapping.Searchable // nil: deleted

	later atomic.Pointer[Change] // the next one of the same key that is held
	held  time.Time              // since when it is held; zero: it never was
	done  chan struct{}          // closed when the outcome is known; shared by the changes of one step
	err   error                  // valid after done: why the change may not be durable
}

// Wait waits until the change is durable.
func (c *Change) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fault.Unavailable("waiting for a change to become durable", context.Cause(ctx))
	}
}

// ReplacedBy reports whether a later change of the same key is held, up to a sequence.
func (c *Change) ReplacedBy(sequence uint64) bool {
	later := c.later.Load()
	return later != nil && later.Sequence <= sequence
}

// settled reports whether the outcome is known: then the change and all before it are durable, or
// err says why they may not be.
func (c *Change) settled() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// size is about how many bytes the change occupies in memory.
func (c *Change) size() int64 {
	const overhead = 512 // the structs, the channel and the places in pending
	n := overhead + 2*len(c.Key) + len(c.Data) + len(c.Before)

	if s := c.Searchable; s != nil {
		for _, list := range [][]string{
			s.CallerNumbers, s.DialedNumbers, s.ContactNumbers, s.Names, s.UserData, s.CallUUIDs, s.MediaIDs,
			s.Media, s.Labels, s.Comments, s.CallTypes,
		} {
			for _, v := range list {
				n += 16 + len(v)
			}
		}
	}
	return int64(n)
}

// Set is the pending changes: those that are not durable, and, while a search index is followed,
// those that are not in it. All methods may be called concurrently.
type Set struct {
	maxCount int
	maxBytes int64

	mu        sync.Mutex
	newest    *Change            // the newest of all changes
	undurable map[string]*Change // by key; what failed stays, as nobody knows what became of it
	following bool               // changes are held until the search index has them
	queue     []*Change          // in the order of their sequence
	latest    map[string]*Change // by key, of those in queue
	bytes     int64              // of queue
	reserved  int                // places for changes that are about to be committed
	room      chan struct{}      // closed, and replaced, when there is room again
	wake      chan struct{}      // has an element when queue got longer

	// byContactCenter has the same changes as queue. The slices are shared with searches: they are
	// only appended to and cut off at the front.
	byContactCenter map[string][]*Change
}

// New returns an empty set. It holds so many changes for the search index, and about so many bytes.
func New(maxCount int, maxBytes int64) *Set {
	return &Set{
		maxCount:        maxCount,
		maxBytes:        maxBytes,
		undurable:       make(map[string]*Change),
		latest:          make(map[string]*Change),
		byContactCenter: make(map[string][]*Change),
		room:            make(chan struct{}),
		wake:            make(chan struct{}, 1),
	}
}

// Reserve waits for room, and takes n places for changes. They must be released when the changes
// are added, or when it is clear that they will not be. The last that fit may take more than there
// is room for: else those who want many places would wait for ever, while others take one after
// another.
func (p *Set) Reserve(ctx context.Context, n int) error {
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
			return fault.Unavailable("waiting for the search index to catch up", context.Cause(ctx))
		}
	}
}

// Release gives back reserved places.
func (p *Set) Release(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.reserved -= n
	p.announceRoom()
}

// announceRoom wakes all who wait for room. Whoever is first gets it, and the others wait again.
func (p *Set) announceRoom() {
	close(p.room)
	p.room = make(chan struct{})
}

// Add takes up the changes of one step, which have their sequences, before they can be read from
// the store. The calls are in the order of the sequences.
func (p *Set) Add(changes []*Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, done := time.Now(), make(chan struct{})
	for _, c := range changes {
		if c.done == nil {
			c.done = done
		}
		p.newest = c
		p.undurable[c.Key] = c
		if p.following {
			p.holdLocked(c, now)
		}
	}

	if p.following {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// holdLocked keeps a change until the search index has it.
func (p *Set) holdLocked(c *Change, now time.Time) {
	c.held = now
	if before := p.latest[c.Key]; before != nil {
		before.later.Store(c)
	}

	p.latest[c.Key] = c
	p.queue = append(p.queue, c)
	p.byContactCenter[c.ContactCenter] = append(p.byContactCenter[c.ContactCenter], c)
	p.bytes += c.size()
}

// Wake receives an element when there is more to be indexed.
func (p *Set) Wake() <-chan struct{} { return p.wake }

// Settle says what became of the changes of one step, which were added: they are durable, or err
// says why they may not be.
func (p *Set) Settle(changes []*Change, err error) {
	if err == nil {
		p.mu.Lock()
		for _, c := range changes {
			if p.undurable[c.Key] == c {
				delete(p.undurable, c.Key)
			}
		}
		p.mu.Unlock()
	}

	for _, c := range changes {
		c.err = err
	}
	close(changes[0].done)
}

// Undurable returns the change of a key that may not be durable yet, or nil. Readers of the store
// see it already.
func (p *Set) Undurable(key string) *Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.undurable[key]
}

// Newest returns the newest of all changes, or nil.
func (p *Set) Newest() *Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest
}

// Follow begins to hold every change from now on, until Indexed or IndexedUpTo lets go of it.
func (p *Set) Follow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.following = true
}

// Following reports whether changes are held: writers wait while there are many.
func (p *Set) Following() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.following
}

// Unfollow lets go of what is held: there is no search index to follow.
func (p *Set) Unfollow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.following = false
	p.queue = nil
	clear(p.latest)
	clear(p.byContactCenter)
	p.bytes = 0
	p.announceRoom()
}

// Next returns the oldest changes that are held, at most n, in the order of their sequence.
func (p *Set) Next(n int) []*Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, len(p.queue))
	return append([]*Change(nil), p.queue[:n]...)
}

// IndexedUpTo lets go of the changes up to a sequence: the search index has them.
func (p *Set) IndexedUpTo(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	bySequence := func(c *Change, s uint64) int { return cmp.Compare(c.Sequence, s) }
	n, _ := slices.BinarySearchFunc(p.queue, sequence+1, bySequence)
	p.indexedLocked(n)
}

// Indexed lets go of the n oldest changes: the search index has them.
func (p *Set) Indexed(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.indexedLocked(n)
}

// indexedLocked takes the n oldest changes out of the queue.
func (p *Set) indexedLocked(n int) {
	for _, c := range p.queue[:n] {
		p.bytes -= c.size()
		if p.latest[c.Key] == c {
			delete(p.latest, c.Key)
		}
		if rest := p.byContactCenter[c.ContactCenter][1:]; len(rest) > 0 {
			p.byContactCenter[c.ContactCenter] = rest
		} else {
			delete(p.byContactCenter, c.ContactCenter)
		}
	}

	clear(p.queue[:n]) // for the garbage collector
	p.queue = p.queue[n:]
	p.announceRoom()
}

// View calls fn and returns the changes of a contact center that are held at that moment, in the
// order of their sequence: those that are durable, and those behind them that are not yet. No
// change is added or let go of while fn runs. If nobody knows what became of a change, that is an
// error.
func (p *Set) View(contactCenter string, fn func() error) (durable, others []*Change, err error) {
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

// ViewAll is like View, of all contact centers, and returns the keys of the changes.
func (p *Set) ViewAll(fn func() error) (keys map[string]struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := fn(); err != nil {
		return nil, err
	}
	keys = make(map[string]struct{}, len(p.queue))
	for _, c := range p.queue {
		keys[c.Key] = struct{}{}
	}
	return keys, nil
}

// Matching calls fn and returns the keys of the changes, of all contact centers, that are held at that
// moment and match, durable or not. No change is added or let go of while fn runs.
func (p *Set) Matching(match func(c *Change) bool, fn func() error) (keys []string, err error) {
	p.mu.Lock()
	if err := fn(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	changes := slices.Clone(p.queue)
	p.mu.Unlock()

	for _, c := range changes {
		if c.Searchable != nil && match(c) {
			keys = append(keys, c.Key)
		}
	}
	return keys, nil
}

// Held is the memory that the held changes take, and since when the oldest of them is held.
func (p *Set) Held() (bytes int64, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		since = p.queue[0].held
	}
	return p.bytes, since
}

// Len is how many changes are held.
func (p *Set) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// Package cache keeps values that were costly to get, within bounds of memory.
//
// It has two generations: what is put or found is young, and when the young take half of the memory
// they become old, and what was old until then is forgotten, as nobody asked for it since the last
// time. Unlike a list in the order of use, that lets any number of readers look up values at the
// same time: a reader that lost its processor while it held a lock would keep all others waiting.
//
// It was measured against otter v2.4 on two processors: to find the 100 recordings of a page takes
// 7.5 µs instead of 11.1 where all are kept, and 30 µs instead of 38 where many are missed.
package cache

import (
	"iter"
	"sync"
)

// Cache keeps values by their keys. Values must not change in what they mean; all methods may be
// called concurrently.
type Cache[K comparable, V any] struct {
	limit int64 // bytes
	bytes func(K, V) int64

	mu         sync.RWMutex
	young, old map[K]V
	size       int64 // bytes of young
}

// New returns an empty cache for so many bytes. The function bytes returns about how many of them
// an entry takes; what it returns for one entry may grow (see Grow).
func New[K comparable, V any](limit int64, bytes func(K, V) int64) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, bytes: bytes, young: make(map[K]V)}
}

// Get returns the value of a key, if it is kept.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.RLock()
	value, ok = c.young[key]
	aged := false
	if !ok {
		value, aged = c.old[key]
	}
	c.mu.RUnlock()

	if aged {
		c.Put(key, value)
	}
	return value, ok || aged
}

// Find looks up n keys at once, and calls found with the number and the value of each that is kept.
func (c *Cache[K, V]) Find(n int, key func(i int) K, found func(i int, value V)) {
	aged := c.find(n, key, found)
	if len(aged) == 0 {
		return
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range aged {
		c.putLocked(e.key, e.value)
	}
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// find returns the entries that are old.
func (c *Cache[K, V]) find(n int, key func(i int) K, found func(i int, value V)) (aged []entry[K, V]) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for i := range n {
		k := key(i)
		if value, ok := c.young[k]; ok {
			found(i, value)
		} else if value, ok := c.old[k]; ok {
			found(i, value)
			aged = append(aged, entry[K, V]{k, value})
		}
	}
	return aged
}

// Put keeps a value, unless one with its key is young.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(key, value)
}

// PutAll is a Put of each pair.
func (c *Cache[K, V]) PutAll(pairs iter.Seq2[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, value := range pairs {
		c.putLocked(key, value)
	}
}

func (c *Cache[K, V]) putLocked(key K, value V) {
	if _, ok := c.young[key]; ok {
		return
	}
	c.growLocked(c.bytes(key, value))
	c.young[key] = value
}

// Grow notes that values that are kept take more bytes than they did.
func (c *Cache[K, V]) Grow(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.growLocked(bytes)
}

// growLocked lets the young become old, if more bytes are too many for them.
func (c *Cache[K, V]) growLocked(bytes int64) {
	if c.size += bytes; c.size > c.limit/2 {
		c.old, c.young, c.size = c.young, make(map[K]V), bytes
	}
}

// DeleteFunc forgets the entries whose keys the function reports true for. Their bytes count until
// the young become old.
func (c *Cache[K, V]) DeleteFunc(del func(K) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[K]V{c.young, c.old} {
		for key := range generation {
			if del(key) {
				delete(generation, key)
			}
		}
	}
}

// Size returns how many entries are kept, and about how many bytes the young ones take.
func (c *Cache[K, V]) Size() (entries int, young int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old), c.size
}

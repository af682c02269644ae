package cache_test

import (
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"recordings/index/embedded/internal/cache"
)

const each = 10 // bytes of an entry

func newCache(entries int64) *cache.Cache[int, int] {
	return cache.New(entries*each, func(int, int) int64 { return each })
}

// TestBounds puts many times more than fits: what is kept is bounded, and the newest is among it.
func TestBounds(t *testing.T) {
	const limit = 100
	c := newCache(limit)
	for i := range 20 * limit {
		c.Put(i, -i)
		if entries, young := c.Size(); entries > limit || young > limit*each/2 {
			t.Fatalf("it keeps %d entries, of which the young take %d bytes", entries, young)
		}
		if v, ok := c.Get(i); !ok || v != -i {
			t.Fatalf("the newest is %d, %v, want %d", v, ok, -i)
		}
	}
	if entries, _ := c.Size(); entries < limit/2 {
		t.Errorf("it keeps %d entries only", entries)
	}
}

// TestAskedForStays: what is asked for time and again is not forgotten, by Get as by Find.
func TestAskedForStays(t *testing.T) {
	const limit = 100
	c := newCache(limit)
	c.Put(-1, 1)
	c.Put(-2, 2)
	c.Put(-3, 3)
	for i := range 20 * limit {
		c.Put(i, 0)
		if _, ok := c.Get(-1); !ok {
			t.Fatalf("after %d others, Get does not find it", i+1)
		}
		found := 0
		c.Find(2, func(n int) int { return []int{-2, -4}[n] }, func(n, v int) {
			if found++; n != 0 || v != 2 {
				t.Errorf("number %d is %d", n, v)
			}
		})
		if found != 1 {
			t.Fatalf("after %d others, Find finds %d", i+1, found)
		}
	}
	if _, ok := c.Get(-3); ok {
		t.Error("what nobody asked for is kept for ever")
	}
}

func TestPutAllAndDelete(t *testing.T) {
	c := newCache(100)
	c.PutAll(maps.All(map[int]int{1: 1, 2: 2, 3: 3}))
	c.DeleteFunc(func(key int) bool { return key == 2 })
	for key, want := range map[int]bool{1: true, 2: false, 3: true} {
		if _, ok := c.Get(key); ok != want {
			t.Errorf("%d is kept: %v, want %v", key, ok, want)
		}
	}
}

// TestGrow: entries that grow push others out.
func TestGrow(t *testing.T) {
	c := newCache(100)
	c.Put(1, 1)
	c.Grow(45 * each)
	c.Put(2, 2)
	if _, young := c.Size(); young != 47*each {
		t.Errorf("the young take %d bytes, want %d", young, 47*each)
	}
	c.Grow(45 * each)
	c.Grow(45 * each)
	if entries, _ := c.Size(); entries != 0 {
		t.Errorf("%d entries are kept", entries)
	}
}

// TestConcurrent is for the race detector; and no value is found under another's key.
func TestConcurrent(t *testing.T) {
	c := newCache(50)
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for range 5000 {
				key := rnd.IntN(100)
				if v, ok := c.Get(key); ok && v != -key {
					t.Errorf("%d is %d", key, v)
				}
				c.Put(key, -key)
				c.Find(3, func(n int) int { return key + n }, func(n, v int) {
					if v != -(key + n) {
						t.Errorf("%d is %d", key+n, v)
					}
				})
			}
		})
	}
	workers.Wait()
}

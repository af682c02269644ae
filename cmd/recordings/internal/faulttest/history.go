package faulttest

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"recordings/mapping"
)

// History is what clients did to recordings, and what the service told them. Its rules say which
// states of a recording can have come of that.
//
// Every POST carries a part: a media file and events of its own, so that the parts of a recording
// tell which POSTs it is made of. Times are those of a logical clock.
type History struct {
	mu    sync.Mutex
	clock int64
	ids   map[string]*record
	next  int // the next part
}

// record is what was done to one id.
type record struct {
	posts   map[int][]attempt // by part
	deletes []attempt
}

// attempt is a request that was sent at began, and answered at ended. One that was not answered has
// happened before the service crashed, or never. One that did nothing, as its answer said, has
// ended before anything began.
type attempt struct {
	began, ended int64
	acknowledged bool
}

// NewHistory is that of recordings that nobody has touched yet.
func NewHistory() *History { return &History{ids: map[string]*record{}} }

func (h *History) of(id string) *record {
	r := h.ids[id]
	if r == nil {
		r = &record{posts: map[int][]attempt{}}
		h.ids[id] = r
	}
	return r
}

// NewPart is a part that no POST had before.
func (h *History) NewPart() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	return h.next
}

// Parts is how many parts there were.
func (h *History) Parts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// IDs are all that anything was done to, in no order.
func (h *History) IDs() iter.Seq[string] {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Values(slices.Collect(maps.Keys(h.ids)))
}

// BeginPost notes that a POST is sent, and returns what notes that it was acknowledged.
func (h *History) BeginPost(id string, part int) (acknowledge func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.of(id)
	r.posts[part] = append(r.posts[part], h.begun())
	n := len(r.posts[part]) - 1
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.end(&r.posts[part][n])
	}
}

// BeginDelete notes that a DELETE is sent, and returns what notes the answer: whether it found
// something to delete.
func (h *History) BeginDelete(id string) (answered func(deleted bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.of(id)
	r.deletes = append(r.deletes, h.begun())
	n := len(r.deletes) - 1
	return func(deleted bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if deleted {
			h.end(&r.deletes[n])
		} else {
			r.deletes[n].ended = 0
		}
	}
}

func (h *History) begun() attempt { return attempt{began: h.tick(), ended: math.MaxInt64} }

func (h *History) end(a *attempt) { a.ended, a.acknowledged = h.tick(), true }

func (h *History) tick() int64 {
	h.clock++
	return h.clock
}

// Crashed notes that the service was killed: what was not answered by now will never happen.
func (h *History) Crashed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.tick()
	over := func(attempts []attempt) {
		for i := range attempts {
			attempts[i].ended = min(attempts[i].ended, now)
		}
	}

	for _, r := range h.ids {
		over(r.deletes)
		for _, attempts := range r.posts {
			over(attempts)
		}
	}
}

// Check says what is impossible about the state of an id, which is nil if there is no recording.
// What is possible becomes what is settled: from now on the recording is known to be just that.
func (h *History) Check(id string, r *mapping.Recording) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	rec := h.of(id)
	present, err := partsOf(id, r)
	if err != nil {
		return err
	}

	for part, attempts := range rec.posts {
		if slices.Contains(present, part) {
			if !rec.mayBePresent(attempts) {
				return fmt.Errorf("%s: part %d is back, after a DELETE was acknowledged", id, part)
			}
		} else if !rec.mayBeAbsent(attempts) {
			return fmt.Errorf("%s: part %d was acknowledged and is gone", id, part)
		}
	}

	for _, part := range present {
		if rec.posts[part] == nil {
			return fmt.Errorf("%s: part %d was never posted", id, part)
		}
	}

	if err := rec.checkNewest(r, present); err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}

	rec.settle(present, h.tick())
	return nil
}

// mayBePresent: for at least one attempt there is no acknowledged DELETE that was sent after it was
// over.
func (r *record) mayBePresent(attempts []attempt) bool {
	return slices.ContainsFunc(attempts, func(a attempt) bool {
		return !slices.ContainsFunc(r.deletes, func(d attempt) bool { return d.acknowledged && d.began > a.ended })
	})
}

// mayBeAbsent: behind every acknowledged attempt a DELETE may have taken effect.
func (r *record) mayBeAbsent(attempts []attempt) bool {
	return !slices.ContainsFunc(attempts, func(a attempt) bool {
		return a.acknowledged && !slices.ContainsFunc(r.deletes, func(d attempt) bool { return d.ended > a.began })
	})
}

// checkNewest: the caller's number is that of the newest POST, so it is of a part that is there,
// and no POST of another part was sent after all POSTs of it were over, and acknowledged.
func (r *record) checkNewest(stored *mapping.Recording, present []int) error {
	if stored == nil {
		return nil
	}

	for _, part := range present {
		if RecordingOf("", part).CallerPhoneNumber != stored.CallerPhoneNumber {
			continue
		}

		last := int64(0)
		for _, a := range r.posts[part] {
			last = max(last, a.ended)
		}

		for other, attempts := range r.posts {
			if other != part &&
				slices.ContainsFunc(attempts, func(a attempt) bool { return a.acknowledged && a.began > last }) {
				return fmt.Errorf("the caller's number is of part %d, but part %d was posted after it", part, other)
			}
		}

		return nil
	}

	return fmt.Errorf("the caller's number %s is of none of its parts", stored.CallerPhoneNumber)
}

// settle forgets how the state came to be.
func (r *record) settle(present []int, now int64) {
	posts := r.posts
	r.deletes, r.posts = nil, map[int][]attempt{}
	for _, part := range present {
		newest := attempt{acknowledged: true}
		for _, a := range posts[part] {
			newest.began = max(newest.began, a.began)
		}
		newest.ended = now
		r.posts[part] = []attempt{newest}
	}
}

// partsOf are the parts that a recording is made of. Each must be there as it was posted, as a
// whole, and once.
func partsOf(id string, r *mapping.Recording) ([]int, error) {
	if r == nil {
		return nil, nil
	}
	if r.ID != id {
		return nil, fmt.Errorf("%s: its id is %s", id, r.ID)
	}

	var parts []int
	for i := range r.MediaFiles {
		var part int
		if _, err := fmt.Sscanf(r.MediaFiles[i].Size, "%d", &part); err != nil {
			return nil, fmt.Errorf("%s: a media file of size %q", id, r.MediaFiles[i].Size)
		}
		if slices.Contains(parts, part) {
			return nil, fmt.Errorf("%s: part %d is there twice", id, part)
		}
		parts = append(parts, part)
	}

	var media, events []string
	for _, part := range parts {
		want := RecordingOf(id, part)
		media = append(media, encoded(want.MediaFiles[0]))
		for _, e := range want.EventHistory {
			events = append(events, encoded(e))
		}
	}

	if got := encodedAll(r.MediaFiles); !sameElements(got, media) {
		return nil, fmt.Errorf("%s: its media files are\n%v\nthose posted were\n%v", id, got, media)
	}

	if got := encodedAll(r.EventHistory); !sameElements(got, events) {
		return nil, fmt.Errorf("%s: its events are\n%v\nthose posted were\n%v", id, got, events)
	}

	return parts, nil
}

func encoded(v any) string {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func sameElements(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func encodedAll[T any](values []T) (all []string) {
	for _, v := range values {
		all = append(all, encoded(v))
	}
	return all
}

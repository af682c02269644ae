//go:build integration

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// history is what was done to recordings by clients that did not wait for each other, by the ids. Its time
// counts what begins and ends.
type history struct {
	mu  sync.Mutex
	now int64
	of  map[string][]*operation
}

// operation is something that a client asked for. It took effect at one moment between its start and its
// end; without an answer, at one before its end, or not at all.
type operation struct {
	what       string
	start, end int64 // end 0: there is no answer yet
	status     int   // 0: there was no answer
	model      func(state) answer
}

// answer is what a state becomes of an operation, and the status of the answer.
type answer struct {
	status int
	next   state
}

// What operations are called that delete a recording. One with media deletes that first; where the metadata
// has gone meanwhile, the recording is deleted all the same.
const (
	deleteAlone     = "delete"
	deleteWithMedia = "delete with media"
)

// begin notes that an operation begins.
func (h *history) begin(id, what string, model func(state) answer) *operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	o := &operation{what: what, start: h.now, model: model}
	h.of[id] = append(h.of[id], o)
	return o
}

// answered notes how an operation was answered. What was read may say more than the status: then the model
// is another.
func (h *history) answered(o *operation, status int, model func(state) answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	o.end, o.status, o.model = h.now, status, model
}

// killed notes that what was not answered has taken effect, or will not any more.
func (h *history) killed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now++
	for _, all := range h.of {
		for _, o := range all {
			if o.end == 0 {
				o.end = h.now
			}
		}
	}
}

// overlapping counts the operations that went on together with an earlier one on the same recording.
func (h *history) overlapping() (n int) {
	for _, all := range h.of {
		for i, o := range all {
			if slices.ContainsFunc(all[:i], func(before *operation) bool { return before.end > o.start }) {
				n++
			}
		}
	}
	return n
}

// uncertain reports whether an operation may have taken no effect: it was not answered, or the answer says
// that it could not be done, which leaves open how far it came.
func (o *operation) uncertain() bool {
	return o.status == 0 || o.status == http.StatusServiceUnavailable
}

// story is what a recording may have been like meanwhile.
type story struct {
	states  map[state]bool
	changed bool // something may have changed it, other than a deletion in the background
	last    map[state]bool
}

// moment is one of a story: which operations have taken effect, as bits, and what became of it.
type moment struct {
	done  uint64
	found uint64 // which deletions with media may have found the recording there, and have not taken effect
	state state
}

// tell returns what a recording may have been like, from what it was like at first: of all orders in which
// its operations can have taken effect, those that explain the answers. A deletion in the background may
// have deleted it at any moment if it may then; nil: none goes on.
func tell(first state, all []*operation, background func(state) bool) story {
	s := story{states: map[state]bool{}, last: map[state]bool{}}
	whole := uint64(0)
	for i, o := range all {
		if !o.uncertain() {
			whole |= 1 << i
		}
	}
	seen := map[moment]bool{}
	todo := []moment{{0, 0, first}}
	add := func(m moment) {
		if !seen[m] {
			seen[m] = true
			todo = append(todo, m)
		}
	}
	seen[todo[0]] = true
	for len(todo) > 0 {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		s.states[m.state] = true
		if m.done&whole == whole {
			s.last[m.state] = true
		}

		found := m.found
		for i, o := range all {
			deletes := o.what == deleteWithMedia && o.status == http.StatusOK
			if deletes && m.state.present && !m.state.held && m.done&(1<<i) == 0 && mayBeNext(all, m.done, i) {
				found |= 1 << i
			}
		}
		if background != nil && m.state.present && !m.state.held && background(m.state) {
			add(moment{m.done, found, state{}})
		}
		for i, o := range all {
			if m.done&(1<<i) != 0 || !mayBeNext(all, m.done, i) {
				continue
			}
			a := o.model(m.state)
			late := !m.state.present && found&(1<<i) != 0 // it has deleted the media, and answers 200 all the same
			if o.uncertain() || a.status == o.status || late {
				s.changed = s.changed || a.next != m.state
				add(moment{m.done | 1<<i, found &^ (1 << i), a.next})
			}
		}
	}
	return s
}

// mayBeNext reports whether an operation may take effect when some have: all that had ended before it began
// must have, and none that began after it had ended.
func mayBeNext(all []*operation, done uint64, i int) bool {
	for j, other := range all {
		switch {
		case done&(1<<j) == 0 && !other.uncertain() && other.end < all[i].start:
			return false
		case done&(1<<j) != 0 && all[i].end < other.start:
			return false
		}
	}
	return true
}

// describe writes a history for people.
func describe(all []*operation) string {
	var b strings.Builder
	for _, o := range all {
		fmt.Fprintf(&b, "\n\t%d–%d %s: %d", o.start, o.end, o.what, o.status)
	}
	return b.String()
}

// TestEvidenceOracle: the oracle of the test of evidence accepts what can be, in some order, and nothing else.
func TestEvidenceOracle(t *testing.T) {
	t.Parallel()
	there, held := state{present: true}, state{present: true, held: true}
	hold := func(s state) answer {
		if !s.present {
			return answer{http.StatusNotFound, s}
		}
		s.held = true
		return answer{http.StatusOK, s}
	}
	remove := func(s state) answer {
		switch {
		case !s.present:
			return answer{http.StatusNotFound, s}
		case s.held:
			return answer{http.StatusForbidden, s}
		}
		return answer{http.StatusOK, state{}}
	}
	op := func(start, end int64, model func(state) answer, status int) *operation {
		return &operation{start: start, end: end, model: model, status: status}
	}
	removes := func(start, end int64, what string, status int) *operation {
		return &operation{start: start, end: end, what: what, model: remove, status: status}
	}
	always := func(state) bool { return true }
	for _, x := range []struct {
		name       string
		all        []*operation
		background func(state) bool
		last       []state // what it may be like in the end
	}{
		{"nothing", nil, nil, []state{there}},
		{"one after the other", []*operation{op(1, 2, hold, 200), op(3, 4, remove, 403)}, nil, []state{held}},
		{"a held one is deleted", []*operation{op(1, 2, hold, 200), op(3, 4, remove, 200)}, nil, nil},
		{"at once, the hold wins", []*operation{op(1, 3, hold, 200), op(2, 4, remove, 403)}, nil, []state{held}},
		{"at once, the deletion wins", []*operation{op(1, 3, hold, 404), op(2, 4, remove, 200)}, nil, []state{{}}},
		{"at once, both win", []*operation{op(1, 3, hold, 200), op(2, 4, remove, 200)}, nil, nil},
		{"at once, none wins", []*operation{op(1, 3, hold, 404), op(2, 4, remove, 403)}, nil, nil},
		{"no answer", []*operation{op(1, 2, remove, 0)}, nil, []state{there, {}}},
		{"no answer, and a hold later", []*operation{op(1, 2, remove, 0), op(3, 4, hold, 200)}, nil, []state{held}},
		{"no answer, and too late", []*operation{op(1, 2, hold, 200), op(3, 4, remove, 0)}, nil, []state{held}},
		{"deleted twice", []*operation{op(1, 4, remove, 200), op(2, 3, remove, 200)}, nil, nil},
		{
			"deleted at once, with media and without",
			[]*operation{removes(1, 4, deleteWithMedia, 200), removes(2, 3, deleteAlone, 200)}, nil, []state{{}},
		},
		{
			"deleted without media, and later with it",
			[]*operation{removes(1, 2, deleteAlone, 200), removes(3, 4, deleteWithMedia, 200)}, nil, nil,
		},
		{
			"deleted at once without media",
			[]*operation{removes(1, 4, deleteAlone, 200), removes(2, 3, deleteAlone, 200)}, nil, nil,
		},
		{
			"deleted in the background, and at once with media",
			[]*operation{removes(1, 2, deleteWithMedia, 200)}, always, []state{{}},
		},
		{
			"deleted in the background, or twice with media, one after the other",
			[]*operation{removes(1, 2, deleteWithMedia, 200), removes(3, 4, deleteWithMedia, 200)}, always, nil,
		},
		{"in the background", []*operation{op(1, 2, hold, 404)}, always, []state{{}}},
		{"held in the background", []*operation{op(1, 2, hold, 200)}, always, []state{held}},
	} {
		s := tell(there, x.all, x.background)
		if len(s.last) != len(x.last) {
			t.Errorf("%s: it may be %v, want %v", x.name, s.last, x.last)
		}
		for _, last := range x.last {
			if !s.last[last] {
				t.Errorf("%s: it may not be %v", x.name, last)
			}
		}
	}
}

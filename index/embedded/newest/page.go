package newest

import (
	"cmp"
	"slices"

	"recordings/mapping"
)

// firstOf leaves out hits that cannot get onto the page, as enough others come before them. It does
// nothing to a few.
func (w *walk) firstOf(hits []hit) []hit {
	const many = 1 << 14
	enough := w.skip + w.want + len(w.request.Hidden)
	if len(hits) < many || len(hits) < 2*enough {
		return hits
	}

	// Hits of the same time as the last one that is needed stay: their keys decide, which are not
	// known yet.
	w.sort(hits)
	for enough < len(hits) && hits[enough].start == hits[enough-1].start {
		enough++
	}
	return hits[:enough]
}

// take moves the hits behind those to be left out to the page, in order.
func (w *walk) take(hits []hit) error {
	w.sort(hits)
	for i := 0; i < len(hits) && !w.full(); {
		end := i + 1
		for end < len(hits) && hits[end].start == hits[i].start {
			end++
		}
		if err := w.takeSimultaneous(hits[i:end]); err != nil {
			return err
		}
		i = end
	}

	if w.emit == nil || len(w.page) == 0 {
		return nil
	}

	// A stream has no page: what was collected is given away, and the memory used again.
	page := w.page
	w.page = w.page[:0]
	return w.emit(page)
}

// startKey is what hits are sorted by, and which of them it is.
type startKey struct {
	start mapping.Time // negative where the walk goes from the newest to the oldest
	place int
}

// sort sorts hits by their times, as the walk comes to them. Sorting what is a quarter as long, and then
// moving each hit once, takes half the time.
func (w *walk) sort(hits []hit) {
	sign := mapping.Time(-1)
	if w.oldest {
		sign = 1
	}

	keys, sorted := w.keys[:0], true
	for i := range hits {
		k := startKey{sign * hits[i].start, i}
		sorted = sorted && (i == 0 || keys[i-1].start <= k.start)
		keys = append(keys, k)
	}
	w.keys = keys
	if sorted {
		return
	}

	slices.SortFunc(keys, func(a, b startKey) int { return cmp.Compare(a.start, b.start) })
	for i, first := range hits { // each place takes its hit from another one, in circles
		at := i
		for keys[at].place != i {
			from := keys[at].place
			hits[at], keys[at].place = hits[from], at
			at = from
		}
		hits[at], keys[at].place = first, at
	}
}

// takeSimultaneous takes hits with the same start, or of the same time of change. They are in the
// order of their keys, so these have to be read, unless all of them are left out anyway.
func (w *walk) takeSimultaneous(hits []hit) error {
	if len(hits) <= w.skip && len(w.request.Hidden) == 0 {
		w.skip -= len(hits)
		return nil
	}

	for i := range hits {
		if h := &hits[i]; h.segment != nil {
			var err error
			if h.key, err = h.segment.key(h.doc); err != nil {
				return err
			}
		}
	}

	slices.SortFunc(hits, w.compareHits)

	// Hidden documents were counted as hits until here, since only their keys tell them apart.
	for _, h := range hits {
		if h.segment != nil && w.isHidden(h.key) {
			continue
		}
		switch {
		case w.skip > 0:
			w.skip--
		case !w.full():
			w.page = append(w.page, h)
		}
	}

	return nil
}

// isHidden reports whether a document is out of date.
func (w *walk) isHidden(key string) bool {
	_, ok := w.request.Hidden[key]
	return ok
}

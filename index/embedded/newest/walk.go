package newest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/mapping"
)

// walk goes through the days on which there are documents, the newest first, until the page is full.
type walk struct {
	searcher   *Searcher
	query      *Query
	plan       *plan
	budget     *budget
	work       Work
	hiddenKeys []string // of query.Hidden, once they were needed

	waiting []*segmentSearch // whose newest day has not been reached, the newest first
	active  []*segmentSearch
	divided int // the period that is walked through day by day
	effort  effort
	readers []map[*segmentSearch]*reader // one for each worker

	// ready are hits that were found already: those of the query, and those of segments that have few. They are older than
	// before, the bound of what was walked through.
	ready    []hit
	unsorted bool
	before   mapping.Time

	round round
	skip  int // how many matches still to leave out
	page  []hit
	want  int // length of the page, and one more to see whether there is one

	// emit, if it is not nil, is given the page as it grows, which begins anew then and never is full.
	emit func([]hit) error
}

// hit is a match. One that the caller brought has no segment.
type hit struct {
	start   mapping.Time
	key     string // of a hit in a segment: once it is known
	segment *segmentSearch
	doc     uint32
}

func (h *hit) found() Hit {
	f := Hit{Key: h.key, Start: h.start}
	if h.segment != nil {
		f.Place = Place{h.segment.id, h.doc}
	}
	return f
}

// hitBytes is about how much memory a hit takes.
const hitBytes = 48

// run walks until the page is full or there is nothing more.
func (w *walk) run() error {
	day, ok, err := w.nextDay()
	if w.skip <= farBehind {
		w.divided = periodOf(day) // where recent matches are many, no further segment is reached
	}
	for ; ok && err == nil && !w.full(); day, ok, err = w.nextDay() {
		if p := periodOf(day); p == w.divided || startOf(p*periodDays) < w.plan.from {
			err = w.walkDay(day)
		} else {
			err = w.walkPeriod(p)
		}
		if err != nil {
			return err
		}
	}
	if err != nil || w.full() {
		return err
	}
	return w.takeReady(0)
}

// end ends a walk, whatever came of it: what it has learned is kept, if it took some time to learn.
func (w *walk) end() {
	if w.budget.verified.Load() >= int64(w.searcher.o.KeepFrom) {
		for _, readers := range w.readers {
			for _, r := range readers {
				r.publish(1)
			}
		}
	}
	w.budget.end()
}

func (w *walk) full() bool { return len(w.page) >= w.want }

// nextDay is the newest day that was not walked yet. Segments that have it are active then.
func (w *walk) nextDay() (day int, ok bool, err error) {
	for {
		day, ok = -1, false
		for _, s := range w.active {
			if d, has := s.newestDay(); has && d > day {
				day, ok = d, true
			}
		}
		if err := w.takeReadyBeforeWaiting(day); err != nil || w.full() {
			return day, ok, err
		}
		if active, err := w.activate(max(day, 0)); !active || err != nil {
			return day, ok, err
		}
	}
}

// takeReadyBeforeWaiting spares reaching a further segment if what is newer may be enough.
func (w *walk) takeReadyBeforeWaiting(day int) error {
	if len(w.waiting) == 0 || len(w.ready)+w.round.count < w.skip+w.want-len(w.page) {
		return nil
	}
	if d, _ := w.waiting[0].newestDay(); d > day {
		return w.takeReady(startOf(d + 1))
	}
	return nil
}

// takeReady takes what is ready and starts at low or later. Nothing else does that is not in the round.
func (w *walk) takeReady(low mapping.Time) error {
	if err := w.flush(); err != nil || w.full() {
		return err
	}
	hits := w.readySince(low)
	w.walked(min(low, w.before))
	return w.take(hits)
}

// activate makes the next segment active that is waiting, if its newest day is not before the given.
func (w *walk) activate(day int) (bool, error) {
	if len(w.waiting) == 0 {
		return false, nil
	}
	s := w.waiting[0]
	if d, _ := s.newestDay(); d < day {
		return false, nil
	}
	w.waiting = w.waiting[1:]
	w.active = append(w.active, s)
	w.work.Segments++
	return true, s.narrow(w.effort)
}

// walkPeriod walks through a period at once, unless it has many candidates: then its days are next.
func (w *walk) walkPeriod(period int) error {
	w.work.Days++
	first := period * periodDays
	for {
		if active, err := w.activate(first); err != nil {
			return err
		} else if !active {
			break
		}
	}
	u := unit{low: startOf(first), lastDay: first + periodDays - 1}
	for _, s := range w.active {
		if d, ok := s.newestDay(); !ok || d < first {
			continue
		}
		docs, err := w.searcher.cache.period(s, period)
		if err != nil {
			return err
		}
		u.add(s, docs)
	}
	done, err := w.walkWhole(&u)
	if err != nil {
		return err
	}
	if !done {
		w.divided = period
		return nil
	}
	for _, s := range w.active {
		s.skipDaysAfter(first - 1)
	}
	return w.leave()
}

// walkDay walks through one day; hour by hour, if there are many candidates.
func (w *walk) walkDay(day int) error {
	w.work.Days++
	u := unit{low: startOf(day), lastDay: day}
	for _, s := range w.active {
		if d, ok := s.newestDay(); !ok || d != day {
			continue
		}
		docs, err := w.searcher.cache.day(s, day)
		if err != nil {
			return err
		}
		s.next++
		u.add(s, docs)
	}
	done, err := w.walkWhole(&u)
	if err == nil && !done {
		err = w.walkHours(&u)
	}
	if err != nil {
		return err
	}
	return w.leave()
}

// walkWhole walks through a unit at once, unless it has many candidates that have to be looked at.
func (w *walk) walkWhole(u *unit) (done bool, err error) {
	const many = 512
	if u.count <= max(many, w.round.target/4) { // a large round has several units, so that it can be shared out
		return true, w.walkUnit(u)
	}
	return w.skipUnit(u)
}

// leave lets go of the segments that are done.
func (w *walk) leave() error {
	w.active = slices.DeleteFunc(w.active, func(s *segmentSearch) bool {
		_, ok := s.newestDay()
		return !ok
	})
	return w.budget.spend(1 + len(w.active))
}

func (w *walk) walkHours(day *unit) error {
	for hour := 23; hour >= 0 && !w.full(); hour-- {
		u := unit{low: day.low + mapping.Time(int64(hour)*msPerHour), lastDay: day.lastDay}
		if u.low > w.plan.to {
			continue
		}
		if u.low+mapping.Time(msPerHour) <= w.plan.from {
			break
		}
		for _, p := range day.parts {
			docs, err := p.segment.postings(FieldHour, string([]byte{byte(hour)}))
			if err != nil {
				return err
			}
			if docs != nil {
				u.add(p.segment, roaring.And(p.docs, docs))
			}
		}
		if err := w.walkUnit(&u); err != nil {
			return err
		}
	}
	return nil
}

// walkUnit skips a unit, or adds it to the round, which is flushed when it is large enough.
func (w *walk) walkUnit(u *unit) error {
	if skipped, err := w.skipUnit(u); skipped || err != nil {
		return err
	}
	w.addToRound(u)
	if w.round.count >= w.round.target || w.round.exact && w.round.count >= w.skip+w.want-len(w.page) {
		return w.flush()
	}
	return nil
}

// skipUnit leaves a unit out if all its matches can be counted and are in front of the page.
func (w *walk) skipUnit(u *unit) (bool, error) {
	if w.skip == 0 || !u.exact(w.plan) || w.skip < w.costOfHiding(u) {
		return false, nil
	}
	if err := w.flush(); err != nil || w.skip == 0 {
		return false, err
	}
	if err := w.recount(u); err != nil {
		return false, err
	}
	ready := w.readySince(u.low)
	if u.count+len(ready) > w.skip {
		return false, nil
	}
	w.skip -= u.count + len(ready)
	w.walked(u.low)
	return true, nil
}

// costOfHiding is how many documents could be looked at in the time it takes to look up the hidden ones in the segments of
// a unit, without which nothing can be counted there.
func (w *walk) costOfHiding(u *unit) (cost int) {
	for _, p := range u.parts {
		if !p.segment.hidden {
			cost += 2 * len(w.query.Hidden)
		}
	}
	return cost
}

func (w *walk) collectHidden() {
	if w.hiddenKeys == nil {
		w.hiddenKeys = slices.Collect(maps.Keys(w.query.Hidden))
	}
}

// recount counts the candidates of a unit again, without those that are hidden. It has to be done after a flush as well,
// which may have narrowed them.
func (w *walk) recount(u *unit) error {
	w.collectHidden()
	parts := u.parts
	u.parts, u.count = nil, 0
	for _, p := range parts {
		if err := p.segment.hide(); err != nil {
			return err
		}
		u.add(p.segment, p.docs)
	}
	return nil
}

// readySince returns the ready hits that start at low or later, in order.
func (w *walk) readySince(low mapping.Time) []hit {
	if w.unsorted {
		w.unsorted = false
		slices.SortFunc(w.ready, compareStart)
	}
	n, _ := slices.BinarySearchFunc(w.ready, low, func(h hit, low mapping.Time) int {
		if h.start >= low {
			return -1
		}
		return 1
	})
	return w.ready[:n]
}

// walked notes that everything which starts at low or later is done with.
func (w *walk) walked(low mapping.Time) {
	w.ready = w.ready[len(w.readySince(low)):]
	w.before = low
}

func compareStart(a, b hit) int { return cmp.Compare(b.start, a.start) }

// newestOf leaves out hits that cannot get onto the page, as enough others are newer. It does nothing to a few.
func (w *walk) newestOf(hits []hit) []hit {
	const many = 1 << 14
	enough := w.skip + w.want + len(w.query.Hidden)
	if len(hits) < many || len(hits) < 2*enough {
		return hits
	}
	slices.SortFunc(hits, compareStart)
	for enough < len(hits) && hits[enough].start == hits[enough-1].start {
		enough++
	}
	return hits[:enough]
}

// take moves the hits behind those to be left out to the page, in order.
func (w *walk) take(hits []hit) error {
	slices.SortFunc(hits, compareStart)
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
	page := w.page
	w.page = w.page[:0]
	return w.emit(page)
}

// takeSimultaneous takes hits with the same start. They are in the order of their keys, so these have to be read, unless
// all of them are left out anyway.
func (w *walk) takeSimultaneous(hits []hit) error {
	if len(hits) <= w.skip && len(w.query.Hidden) == 0 {
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
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.key, b.key) })
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

func (w *walk) isHidden(key string) bool {
	_, ok := w.query.Hidden[key]
	return ok
}

// reader returns the reader of a worker for a segment.
func (w *walk) reader(worker int, s *segmentSearch) *reader {
	readers := w.readers[worker]
	r := readers[s]
	if r == nil {
		r = newReader(s)
		readers[s] = r
	}
	return r
}

// narrowAll narrows the candidates of the active segments further.
func (w *walk) narrowAll() error {
	w.effort = termsAndRanges
	for _, s := range w.active {
		if _, ok := s.newestDay(); !ok {
			continue
		}
		if err := s.narrow(w.effort); err != nil {
			return fmt.Errorf("narrowing the candidates: %w", err)
		}
	}
	return nil
}

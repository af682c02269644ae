package newest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// walk goes through the days on which there are documents, the newest first, until the page is
// full.
type walk struct {
	searcher   *Searcher
	request    *Request
	plan       *plan
	budget     *budget
	work       Work
	hiddenKeys []string // of request.Hidden, once they were needed

	waiting []*segmentSearch // whose newest day has not been reached, the newest first
	active  []*segmentSearch
	divided int // the period that is walked through day by day
	level   prefilterLevel
	readers []map[*segmentSearch]*reader // one for each worker

	// ready are hits that were found already: those of the request, and those of segments that have
	// few. They are older than before, the bound of what was walked through.
	ready    []hit
	unsorted bool
	before   mapping.Time

	batch batch
	skip  int // how many matches still to leave out
	page  []hit
	want  int // length of the page, and one more to see whether there is one

	// emit, if it is not nil, is given the page as it grows, which begins anew then and never is
	// full.
	emit func([]hit) error
}

// hit is a match. One that the caller brought has no segment.
type hit struct {
	start   mapping.Time
	changed mapping.Time
	key     string // of a hit in a segment: once it is known
	segment *segmentSearch
	doc     uint32
}

// found is the hit as it is returned.
func (h *hit) found() Hit {
	f := Hit{Key: h.key, Start: h.start, Changed: h.changed}
	if h.segment != nil {
		f.Ref = DocRef{h.segment.id, h.doc}
	}
	return f
}

// hitBytes is about how much memory a hit takes.
const hitBytes = 56

// run walks until the page is full or there is nothing more.
func (w *walk) run() error {
	day, ok, err := w.nextDay()
	if w.skip <= farBehind {
		w.divided = schema.PeriodOf(day) // where recent matches are many, no further segment is reached
	}

	// Periods save time where matches are few. Where a period has many, and where it reaches beyond
	// the bounds of time, its days are walked through one by one.
	for ; ok && err == nil && !w.full(); day, ok, err = w.nextDay() {
		if p := schema.PeriodOf(day); p == w.divided || schema.StartOf(p*schema.PeriodDays) < w.plan.start.min {
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

// full reports whether the page is complete, and it is known whether there is more.
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
	if len(w.waiting) == 0 || len(w.ready)+w.batch.count < w.skip+w.want-len(w.page) {
		return nil
	}
	if d, _ := w.waiting[0].newestDay(); d > day {
		return w.takeReady(schema.StartOf(d + 1))
	}
	return nil
}

// takeReady takes what is ready and starts at low or later. Nothing else does that is not in the
// batch.
func (w *walk) takeReady(low mapping.Time) error {
	if err := w.flush(); err != nil || w.full() {
		return err
	}
	hits := w.readySince(low)
	w.walked(min(low, w.before))
	return w.take(hits)
}

// activate makes the next segment active that is waiting, if its newest day is not before the
// given.
func (w *walk) activate(day int) (bool, error) {
	// Only the newest of the waiting segments can be next.
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
	return true, s.findCandidates(w.level)
}

// walkPeriod walks through a period at once, unless it has many candidates: then its days are next.
func (w *walk) walkPeriod(period int) error {
	w.work.Days++
	first := period * schema.PeriodDays

	// A segment may begin anywhere in the period, so all that do are needed before anything is
	// counted.
	for {
		if active, err := w.activate(first); err != nil {
			return err
		} else if !active {
			break
		}
	}

	b := periodBucket(period)
	for _, s := range w.active {
		if d, ok := s.newestDay(); !ok || d < first {
			continue
		}
		docs, err := s.period(period)
		if err != nil {
			return err
		}
		b.add(s, docs)
	}

	// A period that has too many is not done: the walk comes back for its days.
	done, err := w.walkWhole(&b)
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
	b := dayBucket(day)
	for _, s := range w.active {
		if d, ok := s.newestDay(); !ok || d != day {
			continue
		}
		docs, err := s.day(day)
		if err != nil {
			return err
		}
		s.next++
		b.add(s, docs)
	}

	done, err := w.walkWhole(&b)
	if err == nil && !done {
		err = w.walkHours(&b)
	}
	if err != nil {
		return err
	}
	return w.leave()
}

// walkWhole walks through a bucket at once, unless it has many candidates that have to be looked
// at.
func (w *walk) walkWhole(b *bucket) (done bool, err error) {
	const many = 512
	few := b.count <= max(many, w.batch.target/4) // a large batch has several buckets, so that it can be shared out
	if few && !w.hasTooMany(b) {
		return true, w.walkBucket(b)
	}
	return w.skipBucket(b)
}

// hasTooMany reports whether some days of a period are enough to fill the page.
func (w *walk) hasTooMany(b *bucket) bool {
	const worthIt = 64 // candidates are looked at in the time that it takes to go through some days
	wanted := max(0, w.skip+w.want-len(w.page)-w.batch.count)
	return b.lastDay > schema.DayOf(b.low) && b.count > worthIt+2*wanted && b.exact(w.plan)
}

// leave lets go of the segments that are done.
func (w *walk) leave() error {
	w.active = slices.DeleteFunc(w.active, func(s *segmentSearch) bool {
		_, ok := s.newestDay()
		return !ok
	})
	return w.budget.spend(1 + len(w.active))
}

// walkHours walks through the hours of a day, the last one first. Many calls of a busy day are
// never looked at when the page is full by noon.
func (w *walk) walkHours(day *bucket) error {
	for hour := 23; hour >= 0 && !w.full(); hour-- {
		b := bucket{low: day.low + mapping.Time(int64(hour)*schema.MSPerHour), lastDay: day.lastDay}
		if b.low > w.plan.start.max {
			continue
		}
		if b.low+mapping.Time(schema.MSPerHour) <= w.plan.start.min {
			break
		}

		for _, p := range day.segments {
			if b.low > w.plan.latest() && p.segment.backward == nil {
				continue
			}
			docs, err := p.segment.postings(schema.FieldHour, schema.HourTerm(hour))
			if err != nil {
				return err
			}
			if docs != nil {
				b.add(p.segment, p.segment.stopping(roaring.And(p.docs, docs), b.low, b.lastDay))
			}
		}
		if err := w.walkBucket(&b); err != nil {
			return err
		}
	}

	return nil
}

// walkBucket skips a bucket, or adds it to the batch, which is flushed when it is large enough.
func (w *walk) walkBucket(b *bucket) error {
	if skipped, err := w.skipBucket(b); skipped || err != nil {
		return err
	}
	w.batch.add(b, w.plan)
	if w.batch.count >= w.batch.target || w.batch.exact && w.batch.count >= w.skip+w.want-len(w.page) {
		return w.flush()
	}
	return nil
}

// skipBucket leaves a bucket out if all its matches can be counted and are in front of the page.
func (w *walk) skipBucket(b *bucket) (bool, error) {
	if w.skip == 0 || !b.exact(w.plan) || w.skip < w.costOfHiding(b) {
		return false, nil
	}
	filtered := w.level
	if err := w.flush(); err != nil || w.skip == 0 {
		return false, err
	}
	if err := w.recount(b, w.level != filtered); err != nil {
		return false, err
	}

	// What is ready and as new counts as well: it would have been in front of the page, too.
	ready := w.readySince(b.low)
	if b.count+len(ready) > w.skip {
		return false, nil
	}

	w.skip -= b.count + len(ready)
	w.walked(b.low)
	return true, nil
}

// costOfHiding is how many documents could be looked at in the time it takes to look up the hidden
// ones in the segments of a bucket, without which nothing can be counted there.
func (w *walk) costOfHiding(b *bucket) (cost int) {
	for _, p := range b.segments {
		if !p.segment.hidden {
			cost += 2 * len(w.request.Hidden)
		}
	}
	return cost
}

// collectHidden lists the hidden keys, once, in the form in which segments are asked for them.
func (w *walk) collectHidden() {
	if w.hiddenKeys == nil {
		w.hiddenKeys = slices.Collect(maps.Keys(w.request.Hidden))
	}
}

// recount counts the candidates of a bucket again, if there are others by now: those of segments whose
// hidden documents were not taken off yet, and all if they were filtered further.
func (w *walk) recount(b *bucket, filtered bool) error {
	w.collectHidden()
	hide := func(p bucketSegment) bool { return !p.segment.hidden && len(w.hiddenKeys) > 0 }
	if !filtered && !slices.ContainsFunc(b.segments, hide) {
		return nil
	}

	segments := b.segments
	b.segments, b.count = nil, 0
	for _, p := range segments {
		if err := p.segment.hide(); err != nil {
			return err
		}
		b.add(p.segment, p.docs)
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

// filterFurther filters the candidates of the active segments further.
func (w *walk) filterFurther() error {
	w.level = termsAndRanges
	for _, s := range w.active {
		if _, ok := s.newestDay(); !ok {
			continue
		}
		if err := s.findCandidates(w.level); err != nil {
			return fmt.Errorf("filtering the candidates: %w", err)
		}
	}

	return nil
}

// compareStart orders hits by time, the newest first.
func compareStart(a, b hit) int { return cmp.Compare(b.start, a.start) }

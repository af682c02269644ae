package newest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/index/embedded/schema"
	"recordings/mapping"
)

// walk goes through the days on which there are documents, the newest or the oldest first, until the
// page is full.
type walk struct {
	direction

	searcher   *Searcher
	request    *Request
	plan       *plan
	budget     *budget
	work       Work
	hiddenKeys []string // of request.Hidden, once they were needed

	waiting []*segmentSearch // whose first day has not been reached, in the order of these
	active  []*segmentSearch
	divided int // the period that is walked through day by day
	level   prefilterLevel
	readers []map[*segmentSearch]*reader // one for each worker

	// ready are hits that were found already: those of the request, and those of segments that have
	// few. They start within left, the times that were not walked through yet.
	ready    []hit
	unsorted bool
	left     timeRange

	batch batch
	skip  int // how many matches still to leave out
	page  []hit
	keys  []startKey // that hits were last sorted by
	want  int        // length of the page, and one more to see whether there is one

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
		if p := schema.PeriodOf(day); p == w.divided || w.leads(p, w.plan.start) {
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
	return w.takeReady(timeRange{0, -1})
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

// nextDay is the next day that was not walked yet. Segments that have it are active then.
func (w *walk) nextDay() (day int, ok bool, err error) {
	for {
		day, ok = w.noDay(), false
		for _, s := range w.active {
			if d, has := s.nextDay(); has && w.compareDays(d, day) < 0 {
				day, ok = d, true
			}
		}
		if err := w.takeReadyBeforeWaiting(day); err != nil || w.full() {
			return day, ok, err
		}
		if active, err := w.activate(day); !active || err != nil {
			return day, ok, err
		}
	}
}

// takeReadyBeforeWaiting spares reaching a further segment if what comes before it may be enough.
func (w *walk) takeReadyBeforeWaiting(day int) error {
	if len(w.waiting) == 0 || len(w.ready)+w.batch.count < w.skip+w.want-len(w.page) {
		return nil
	}
	if d, _ := w.waiting[0].nextDay(); w.compareDays(d, day) < 0 {
		return w.takeReady(w.from(d))
	}
	return nil
}

// takeReady takes what is ready and comes before the rest of time. Nothing else does that is not in
// the batch.
func (w *walk) takeReady(rest timeRange) error {
	if err := w.flush(); err != nil || w.full() {
		return err
	}
	hits := w.readyBefore(rest)
	w.walked(w.left.and(rest))
	return w.take(hits)
}

// activate makes the next segment active that is waiting, if its first day is not behind the given.
func (w *walk) activate(day int) (bool, error) {
	// Only the first of the waiting segments can be next.
	if len(w.waiting) == 0 {
		return false, nil
	}

	s := w.waiting[0]
	if d, _ := s.nextDay(); w.compareDays(d, day) > 0 {
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
	b := periodBucket(period)
	end := w.lastDay(&b)

	// A segment may begin anywhere in the period, so all that do are needed before anything is
	// counted.
	for {
		if active, err := w.activate(end); err != nil {
			return err
		} else if !active {
			break
		}
	}

	for _, s := range w.active {
		if d, ok := s.nextDay(); !ok || w.compareDays(d, end) > 0 {
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
		s.skipThrough(end)
	}
	return w.leave()
}

// walkDay walks through one day; hour by hour, if there are many candidates.
func (w *walk) walkDay(day int) error {
	w.work.Days++
	b := dayBucket(day)
	for _, s := range w.active {
		if d, ok := s.nextDay(); !ok || d != day {
			continue
		}
		docs, err := s.day(day)
		if err != nil {
			return err
		}
		s.skipThrough(day)
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
		_, ok := s.nextDay()
		return !ok
	})
	return w.budget.spend(1 + len(w.active))
}

// walkHours walks through the hours of a day one after the other. Many calls of a busy day are never
// looked at when the page is full by noon.
func (w *walk) walkHours(day *bucket) error {
	for i := 0; i < hoursPerDay && !w.full(); i++ {
		hour := w.hour(i)
		low := day.low + mapping.Time(int64(hour)*schema.MSPerHour)
		b := bucket{low: low, end: low + mapping.Time(schema.MSPerHour), lastDay: day.lastDay}
		if b.low > w.plan.start.max || b.end <= w.plan.start.min {
			continue
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
	w.addToBatch(b)
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

	// What is ready and comes no later counts as well: it would have been in front of the page, too.
	ready := w.readyBefore(w.behind(b))
	if b.count+len(ready) > w.skip {
		return false, nil
	}

	w.skip -= b.count + len(ready)
	w.walked(w.behind(b))
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

// readyBefore returns the ready hits that come before the rest of time, in order.
func (w *walk) readyBefore(rest timeRange) []hit {
	if w.unsorted {
		w.unsorted = false
		w.sort(w.ready)
	}

	n, _ := slices.BinarySearchFunc(w.ready, rest, func(h hit, rest timeRange) int {
		if rest.has(h.start) {
			return 1
		}
		return -1
	})

	return w.ready[:n]
}

// walked notes that everything which comes before the rest of time is done with.
func (w *walk) walked(rest timeRange) {
	w.ready = w.ready[len(w.readyBefore(rest)):]
	w.left = rest
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
		if _, ok := s.nextDay(); !ok {
			continue
		}
		if err := s.findCandidates(w.level); err != nil {
			return fmt.Errorf("filtering the candidates: %w", err)
		}
	}

	return nil
}

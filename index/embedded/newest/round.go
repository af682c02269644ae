package newest

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"recordings/mapping"
)

// unit is a span of time with the candidates that start in it: a period, a day or an hour.
type unit struct {
	low     mapping.Time // where it begins
	lastDay int
	parts   []part
	count   int // of candidates
}

// part is what a segment has of a unit: those of docs that are candidates of the segment.
type part struct {
	segment *segmentSearch
	docs    *roaring.Bitmap
	count   int
}

// decided tells whether all candidates of the part are known to satisfy the clauses.
func (p *part) decided() bool {
	s := p.segment
	return s.unsure == 0 || s.accepted != nil && s.decided(roaring.And(p.docs, s.candidates), uint64(p.count))
}

func (u *unit) add(s *segmentSearch, docs *roaring.Bitmap) {
	n := 0
	if s.candidates == nil {
		n = int(docs.GetCardinality())
	} else {
		n = int(docs.AndCardinality(s.candidates))
	}
	if n > 0 {
		u.parts = append(u.parts, part{s, docs, n})
		u.count += n
	}
}

// within tells whether everything in the unit is within the bounds of time, unless it is a long call.
func (u *unit) within(p *plan) bool {
	return u.low >= p.from && (dayOf(p.to) > u.lastDay+1 || p.to == mapping.MaxTime)
}

// exact tells whether every candidate is known to match.
func (u *unit) exact(p *plan) bool {
	if !u.within(p) {
		return false
	}
	for _, part := range u.parts {
		s := part.segment
		if !part.decided() || s.long != nil && s.long.Intersects(part.docs) {
			return false
		}
	}
	return true
}

// A round is a number of units in a row whose candidates are looked at together. The fewer of them turn out to match,
// the larger the rounds become, so that what remains is done with little overhead and by several goroutines.
type round struct {
	parts  []part
	low    mapping.Time
	count  int
	exact  bool
	target int // how many candidates are worth a round
}

const (
	maxTarget = 1 << 16 // bounds what is looked at in vain
	parallel  = 4096    // candidates that are worth a second goroutine
)

func (w *walk) addToRound(u *unit) {
	r := &w.round
	r.exact = (r.exact || r.count == 0) && u.exact(w.plan)
	r.parts = append(r.parts, u.parts...)
	r.count += u.count
	r.low = u.low
}

// flush looks at the candidates of the round, and takes what matches.
func (w *walk) flush() error {
	r := w.round
	if len(r.parts) == 0 {
		return nil
	}
	w.round = round{target: r.target}
	hits, err := w.loadParts(r.parts, r.count)
	if err != nil {
		return err
	}
	found := len(hits)
	hits = append(hits, w.readySince(r.low)...)
	w.walked(r.low)
	defer func() { _ = w.budget.hold(-found * hitBytes) }()
	if err := w.take(hits); err != nil || w.full() {
		return err
	}
	const rarely = 16
	rare := found*rarely < r.count
	if rare || w.skip > r.target {
		w.round.target = min(2*r.target, maxTarget)
	}
	if rare && w.effort == termsOnly && r.count >= r.target/2 {
		return w.narrowAll()
	}
	return nil
}

// loadParts returns what matches of the parts, in no order.
func (w *walk) loadParts(parts []part, count int) ([]hit, error) {
	workers := min(len(w.readers), 1+count/parallel, len(parts))
	if workers <= 1 {
		var hits []hit
		for i := range parts {
			var err error
			if hits, err = w.loadPart(&parts[i], 0, hits); err != nil {
				return nil, err
			}
		}
		return hits, nil
	}
	hits := make([][]hit, workers)
	err := inParallel(workers, len(parts), func(worker, i int) (err error) {
		hits[worker], err = w.loadPart(&parts[i], worker, hits[worker])
		return err
	})
	return slices.Concat(hits...), err
}

func (w *walk) loadPart(p *part, worker int, hits []hit) ([]hit, error) {
	docs := p.docs
	if p.segment.candidates != nil {
		docs = roaring.And(docs, p.segment.candidates)
	}
	return p.segment.load(docs, w.reader(worker, p.segment), w.before, hits)
}

// inParallel shares n pieces of work out among workers. If one of them panics, as it may on a damaged segment, the caller does.
func inParallel(workers, n int, do func(worker, i int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs, panics := make([]error, workers), make([]any, workers)
	for worker := range workers {
		wg.Go(func() {
			defer func() { panics[worker] = recover() }()
			for i := next.Add(1) - 1; i < int64(n) && errs[worker] == nil; i = next.Add(1) - 1 {
				errs[worker] = do(worker, int(i))
			}
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return errors.Join(errs...)
}

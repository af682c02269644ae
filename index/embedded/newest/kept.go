package newest

import (
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/mapping"
)

// candidateFinder finds the candidates of a segment, so far filtered.
type candidateFinder struct {
	*segmentSearch
	level prefilterLevel
}

// find returns the documents of the scope, deleted ones included, that may satisfy everything but the
// bounds of time. What it takes long to find is kept.
func (f candidateFinder) find() (found *candidates, err error) {
	key, keeps := f.key()
	if keeps {
		if kept, ok := f.walk.searcher.cache.candidates.Get(key); ok {
			return f.known(kept), nil
		}
	}

	all, err := f.scopeDocuments()
	if err != nil {
		return nil, err
	}
	if found, err = f.filter(all); err != nil || !keeps || found.docs == all {
		return found, err
	}
	if found.docs.GetCardinality() <= loadAllBelow {
		if err := f.readCalls(found); err != nil {
			return nil, err
		}
	}

	found.docs.CloneCopyOnWriteContainers() // what it has in common with lists lies in the segment's file
	f.walk.searcher.cache.keep(key, found)
	return found, nil
}

// known returns candidates that were kept, without those that were found not to satisfy the clauses since.
func (f candidateFinder) known(kept *keptCandidates) *candidates {
	found := kept.Load()
	if found.calls != nil {
		return found
	}

	without := f.rejected()
	if without == nil || without == found.without { // nil: what was known is forgotten, as others were asked for since
		return found
	}
	less := &candidates{docs: roaring.AndNot(found.docs, without), unverified: found.unverified, without: without}
	kept.Store(less)
	return less
}

// key is under what the candidates are kept, if they are: those of a search for values in all of the scope.
// What is kept of a team alone, and of what only the dictionary tells, is kept by itself.
func (f candidateFinder) key() (key candidateKey, keeps bool) {
	p := f.walk.plan
	if !f.whole() || len(p.clauses) == 0 || len(p.choices) > 0 || len(p.groups) > 1 {
		return candidateKey{}, false
	}
	for i := range p.spans {
		if !p.spans[i].onCall {
			return candidateKey{}, false
		}
	}

	key = candidateKey{segment: f.segment, scope: p.scope, clauses: p.key, level: f.level}
	if len(p.groups) == 1 {
		key.groups = p.groups[0].groups
	}
	return key, true
}

// filter returns those of docs that may satisfy everything but the bounds of time.
func (f candidateFinder) filter(docs *roaring.Bitmap) (found *candidates, err error) {
	if docs, _, err = f.filterBySpans(docs, f.level, false); err != nil {
		return nil, err
	}

	// What earlier searches have found out by looking is left out first, where it is worth the time.
	found = new(candidates)
	if docs.GetCardinality() > loadAllBelow {
		if found.without = f.rejected(); found.without != nil {
			docs = roaring.AndNot(docs, found.without)
		}
	}
	before := docs
	if docs, found.unverified, err = f.filterByClauses(docs); err != nil {
		return nil, err
	}
	p := f.walk.plan
	if f.level == termsAndRanges && p.ranges {
		f.reject(before, docs)
	}

	// Teams come late: what clauses leave is often little, and what is kept of these is for all teams.
	found.docs, err = f.filterByGroups(docs, f.whole() && p.unconditional())
	return found, err
}

// rejected returns what is known not to satisfy the clauses, or nil, and notes what is known to.
func (f candidateFinder) rejected() (rejected *roaring.Bitmap) {
	if len(f.walk.plan.clauses) > 0 {
		f.accepted, rejected = f.walk.searcher.cache.filters.read(filterKey{f.segment, f.walk.plan.key})
	}
	return rejected
}

// reject notes that of some documents only the candidates can satisfy the clauses. Ranges of grams
// are costly to read again.
func (f candidateFinder) reject(docs, candidates *roaring.Bitmap) {
	if docs.GetCardinality()-candidates.GetCardinality() < uint64(f.walk.searcher.o.KeepFrom) {
		return
	}
	rejected := roaring.AndNot(docs, candidates)
	rejected.CloneCopyOnWriteContainers() // what it has in common with docs lies in the segment's file
	f.walk.searcher.cache.filters.add(filterKey{f.segment, f.walk.plan.key}, roaring.New(), rejected)
}

// readCalls reads the calls of the candidates that satisfy the clauses.
func (f candidateFinder) readCalls(found *candidates) error {
	if err := f.looked(int(found.docs.GetCardinality())); err != nil {
		return err
	}

	r := f.walk.reader(0, f.segmentSearch)
	found.calls = make([]foundCall, 0, found.docs.GetCardinality())
	for it := found.docs.Iterator(); it.HasNext(); {
		doc := it.Next()
		ok, err := r.satisfies(doc, found.unverified)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := r.readCall(doc); err != nil {
			return err
		}
		found.calls = append(found.calls, foundCall{doc, r.call.Start, r.call.Stop, r.call.Changed})
	}
	return nil
}

// candidates are the documents of a segment, deleted ones included, that may satisfy everything that a search
// asks for but the bounds of time, and the set of the clauses that they may not satisfy nevertheless. As a segment
// never changes, they are the same for whoever asks the same again: for the next page, for the count, for the
// histogram, or whether there is anything new. They are shared, and so never changed.
type candidates struct {
	docs       *roaring.Bitmap
	unverified uint64
	without    *roaring.Bitmap // that were known not to satisfy the clauses, and are no candidates; nil: none
	calls      []foundCall     // of those that do satisfy the clauses, if the documents are few; nil: they are not
}

// keptCandidates are candidates that are kept. They become fewer.
type keptCandidates struct{ atomic.Pointer[candidates] }

// foundCall is when a call was, and the document that says so.
type foundCall struct {
	doc                  uint32
	start, stop, changed mapping.Time
}

// candidateKey is a search in a segment, without bounds of time.
type candidateKey struct {
	segment                segment.Segment
	scope, clauses, groups string
	level                  prefilterLevel
}

// bytes is about how many bytes candidates take.
func (k candidateKey) bytes(kept *keptCandidates) int64 {
	const overhead, each = 400, 32
	c := kept.Load()
	text := len(k.scope) + len(k.clauses) + len(k.groups)
	return overhead + int64(text+each*len(c.calls)) + int64(c.docs.GetSizeInBytes())
}

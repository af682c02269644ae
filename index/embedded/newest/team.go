package newest

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
)

// team is what some access groups may see of a scope in a segment. All searches of a team ask for the
// same, so it is kept, and so is how much of it there is on the days that were counted: deep pages skip
// days without looking at a document, as they do for who sees everything.
type team struct {
	docs *roaring.Bitmap // deleted ones included

	// How many of them there are on each day, and in each period, of the scope, and one more; 0: it was
	// not counted yet.
	days, periods []atomic.Int32
}

// teamBytes is about how many bytes a team takes.
func (k spanKey) teamBytes(t *team) int64 {
	const each = 4
	return k.bytes(t.docs) + int64(each*(len(t.days)+len(t.periods)))
}

// count counts the documents of the team among those of a bucket of a segment.
func (t *team) count(s *segmentSearch, b *bucket, docs *roaring.Bitmap) int {
	first := schema.DayOf(b.low)
	list, postings, counts, number := s.days.days, s.days.dayPostings, t.days, first
	if b.lastDay > first {
		list, postings, counts, number = s.days.periods, s.days.periodPostings, t.periods, schema.PeriodOf(first)
	}

	// Of an hour, and of what bounds of time have left of a day, it is not kept.
	i := place(list, number)
	if postings[i].Load() != docs {
		return int(docs.AndCardinality(t.docs))
	}
	if n := counts[i].Load(); n > 0 {
		return int(n - 1)
	}
	n := int(docs.AndCardinality(t.docs))
	counts[i].Store(int32(n) + 1)
	return n
}

// filterByGroups leaves those of docs that the caller's access groups may see. whole tells that docs
// are all documents of the scope, in which case these may be those of a team.
func (s *segmentSearch) filterByGroups(docs *roaring.Bitmap, whole bool) (*roaring.Bitmap, error) {
	for i, x := range s.walk.plan.groups {
		if docs.IsEmpty() {
			return docs, nil
		}
		t, err := s.teamOf(x)
		if err != nil {
			return nil, err
		}
		if whole && i == 0 {
			docs = t.docs
			if len(s.walk.plan.groups) == 1 {
				s.team = t
			}
			continue
		}
		docs = roaring.And(docs, t.docs)
	}
	return docs, nil
}

// teamOf returns what some access groups may see.
func (s *segmentSearch) teamOf(x span) (*team, error) {
	x.scope = s.walk.plan.scope
	key := spanKey{s.segment, x}
	if t, ok := s.walk.searcher.cache.teams.Get(key); ok {
		return t, nil
	}

	dict, err := s.dictionary(x.field)
	if err != nil {
		return nil, err
	}

	docs := roaring.New()
	var list segment.PostingsList
	for group := range strings.SplitSeq(x.groups, "\x00") {
		if list, err = dict.PostingsList([]byte(group), nil, list); err == nil {
			_, err = addPostings(list, docs)
		}
		if err != nil {
			return nil, fmt.Errorf("reading a postings list of %s: %w", x.field, err)
		}
	}

	all, err := s.postings(schema.FieldScope, x.scope)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = roaring.New()
	}
	docs.And(all)
	docs.CloneCopyOnWriteContainers() // what it has in common with lists lies in the segment's file

	t := &team{
		docs: docs, days: make([]atomic.Int32, len(s.days.days)), periods: make([]atomic.Int32, len(s.days.periods)),
	}
	s.walk.searcher.cache.teams.Put(key, t)
	return t, nil
}

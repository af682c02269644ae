package newest

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"hash/maphash"
	"math/rand/v2"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"recordings/index/embedded/schema"
)

// A fingerprint is the sum of the hashes of all terms of a document, in its postings and again in
// its doc values. Two documents of different terms have the same fingerprint as good as never. As
// it is a sum, it can be made term by term from a segment's dictionaries, which is the only way to
// learn all terms of a document.
type fingerprint = uint64

// fingerprints makes fingerprints. Those of two of them cannot be compared.
type fingerprints struct {
	seed   maphash.Seed
	fields map[string]uint64 // what the hashes of a field's terms are changed by
}

// newFingerprints makes fingerprints with a seed of their own, so that no data can be made to
// collide.
func newFingerprints() *fingerprints {
	p := &fingerprints{seed: maphash.MakeSeed(), fields: make(map[string]uint64)}
	fields, _ := schema.SegmentFields()
	for _, field := range fields {
		p.fields[field] = maphash.String(p.seed, field)
	}
	return p
}

// of is the fingerprint of a term. Where it comes from is mixed in by multiplication, since sums
// could be exchanged for each other.
func (p *fingerprints) of(field string, value bool, term []byte) fingerprint {
	salt := p.fields[field]
	if value {
		salt = ^salt
	}
	h := (maphash.Bytes(p.seed, term) ^ salt) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}

// ofDocument is the fingerprint of a document as it should be.
func (p *fingerprints) ofDocument(d index.Document) (sum fingerprint) {
	d.VisitFields(func(f index.Field) {
		if f.Name() == schema.FieldID {
			return
		}
		for term := range f.AnalyzedTokenFrequencies() {
			sum += p.of(f.Name(), false, []byte(term))
		}

		if v, ok := f.(schema.DocValued); ok && f.Options().IncludeDocValues() {
			v.EachDocValue(func(value []byte) { sum += p.of(f.Name(), true, value) })
		}
	})

	return sum
}

// Checker goes through the documents of a snapshot in the order of their keys, and compares them
// with what they should be. It takes eight bytes for each document.
type Checker struct {
	fingerprints *fingerprints
	segments     []*checkedSegment
	queue        keyQueue
	keyless      int
}

// checkedSegment is a segment, and where the checker is in its keys.
type checkedSegment struct {
	segment      segment.Segment
	deleted      *roaring.Bitmap // or nil
	fingerprints []fingerprint   // by document
	keys         segment.DictionaryIterator
	dict         segment.TermDictionary
	key          string   // the next one that has documents
	docs         []uint32 // these
}

// NewChecker reads all terms of all segments. It calls rest time and again, so that others get
// their turn; an error of it ends the work.
func NewChecker(snapshot *scorch.IndexSnapshot, rest func() error) (*Checker, error) {
	c := &Checker{fingerprints: newFingerprints()}
	for _, s := range snapshot.Segments() {
		x := &checkedSegment{
			segment:      s.Segment(),
			deleted:      s.Deleted(),
			fingerprints: make([]fingerprint, s.Segment().Count()),
		}
		if err := x.read(c.fingerprints, rest); err != nil {
			return nil, err
		}
		if err := x.next(); err != nil {
			return nil, err
		}
		c.segments = append(c.segments, x)
		if x.key != "" {
			c.queue = append(c.queue, x)
		}
		live := int(s.Segment().Count())
		if x.deleted != nil {
			live -= int(x.deleted.GetCardinality())
		}
		c.keyless += live
	}

	// The segments are gone through in step, by the least key that any of them has next.
	heap.Init(&c.queue)
	return c, nil
}

// read makes the fingerprints of the documents of a segment.
func (s *checkedSegment) read(p *fingerprints, rest func() error) error {
	for _, field := range s.segment.Fields() {
		if field == schema.FieldID {
			continue
		}
		if err := s.readPostings(p, field, rest); err != nil {
			return err
		}
	}

	// Doc values are added by themselves: they lie apart from the postings, and may be damaged
	// alone.
	values, ok := s.segment.(segment.DocValueVisitable)
	if !ok {
		return fmt.Errorf("reading a segment of the search index: %T has no doc values", s.segment)
	}

	_, withValues := schema.SegmentFields()
	for _, field := range withValues {
		var state segment.DocVisitState
		var err error
		for doc := range s.fingerprints {
			if doc%1024 == 0 {
				if err := rest(); err != nil {
					return err
				}
			}
			state, err = values.VisitDocValues(uint64(doc), []string{field}, func(_ string, term []byte) {
				s.fingerprints[doc] += p.of(field, true, term)
			}, state)
			if err != nil {
				return fmt.Errorf("reading doc values of %s: %w", field, err)
			}
		}
	}

	return nil
}

// readPostings adds the terms of a field to the fingerprints of the documents that have them.
func (s *checkedSegment) readPostings(p *fingerprints, field string, rest func() error) error {
	dict, err := s.segment.Dictionary(field)
	if err != nil {
		return fmt.Errorf("reading the dictionary of %s: %w", field, err)
	}

	terms := dict.AutomatonIterator(nil, nil, nil)
	docs := 0
	for {
		entry, err := terms.Next()
		if err != nil {
			return fmt.Errorf("reading the dictionary of %s: %w", field, err)
		}
		if entry == nil {
			return nil
		}
		h := p.of(field, false, []byte(entry.Term))
		n, err := eachPosting(dict, field, entry.Term, func(doc uint32) error {
			if int(doc) >= len(s.fingerprints) {
				return fmt.Errorf("a postings list of %s has a document that is not there", field)
			}
			s.fingerprints[doc] += h
			return nil
		})
		if err != nil {
			return err
		}
		if docs += n + 1; docs > 4096 {
			docs = 0
			if err := rest(); err != nil {
				return err
			}
		}
	}
}

// eachPosting calls fn with the documents of a term, deleted ones included, and returns how many
// there are.
func eachPosting(dict segment.TermDictionary, field, term string, fn func(doc uint32) error) (n int, err error) {
	list, err := dict.PostingsList([]byte(term), nil, nil)
	if err != nil {
		return 0, fmt.Errorf("reading a postings list of %s: %w", field, err)
	}

	it, ok := list.Iterator(false, false, false, nil).(segment.OptimizablePostingsIterator)
	if !ok {
		return 0, fmt.Errorf("reading a postings list of %s: %T has no bitmap", field, list)
	}
	if doc, ok := it.DocNum1Hit(); ok {
		return 1, fn(uint32(doc))
	}

	bitmap := it.ActualBitmap()
	if bitmap == nil {
		return 0, nil
	}

	var buf [256]uint32
	many := bitmap.ManyIterator()
	for k := many.NextMany(buf[:]); k > 0; k = many.NextMany(buf[:]) {
		n += k
		for _, doc := range buf[:k] {
			if err := fn(doc); err != nil {
				return n, err
			}
		}
	}

	return n, nil
}

// next goes to the next key that has documents which are not deleted. At the end the key is empty.
func (s *checkedSegment) next() (err error) {
	if s.keys == nil {
		if s.dict, err = s.segment.Dictionary(schema.FieldID); err != nil {
			return fmt.Errorf("reading the dictionary of %s: %w", schema.FieldID, err)
		}
		s.keys = s.dict.AutomatonIterator(nil, nil, nil)
	}

	for {
		entry, err := s.keys.Next()
		if err != nil {
			return fmt.Errorf("reading the dictionary of %s: %w", schema.FieldID, err)
		}
		if s.key, s.docs = "", s.docs[:0]; entry == nil {
			return nil
		}
		_, err = eachPosting(s.dict, schema.FieldID, entry.Term, func(doc uint32) error {
			if int(doc) >= len(s.fingerprints) {
				return fmt.Errorf("a postings list of %s has a document that is not there", schema.FieldID)
			}
			if s.deleted == nil || !s.deleted.Contains(doc) {
				s.docs = append(s.docs, doc)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(s.docs) > 0 {
			s.key = entry.Term
			return nil
		}
	}
}

// Entry is what a snapshot has under a key.
type Entry struct {
	Key    string
	Copies int // documents of the key; there should be one
	sums   []fingerprint
	stored bool // the key itself is stored as it should be
}

// Next returns the entry of the next key; at the end its key is empty.
func (c *Checker) Next() (e Entry, err error) {
	if len(c.queue) == 0 {
		return e, nil
	}

	e.Key, e.stored = c.queue[0].key, true
	for len(c.queue) > 0 && c.queue[0].key == e.Key {
		s := c.queue[0]
		for _, doc := range s.docs {
			e.sums = append(e.sums, s.fingerprints[doc])
			key, err := s.segment.DocID(uint64(doc))
			e.stored = e.stored && err == nil && bytes.Equal(key, []byte(e.Key))
		}
		if err := s.next(); err != nil {
			return e, err
		}
		if s.key == "" {
			heap.Pop(&c.queue)
		} else {
			heap.Fix(&c.queue, 0)
		}
	}

	// A key may be in several segments, if a deletion was lost. All copies are told of.
	e.Copies = len(e.sums)
	c.keyless -= e.Copies
	return e, nil
}

// Agrees reports whether a document has the terms and doc values that it should have.
func (c *Checker) Agrees(e *Entry, d index.Document) bool {
	// The document is asked for its terms as Bleve would ask it, not by the code that wrote the
	// segment.
	want := c.fingerprints.ofDocument(d)
	for _, sum := range e.sums {
		if sum != want {
			return false
		}
	}
	return e.stored
}

// Keyless is how many documents have no key, once all keys were gone through.
func (c *Checker) Keyless() int { return c.keyless }

// keyQueue has the segments by their next keys.
type keyQueue []*checkedSegment

// Len implements [sort.Interface].
func (q keyQueue) Len() int { return len(q) }

// Less implements [sort.Interface].
func (q keyQueue) Less(i, j int) bool { return q[i].key < q[j].key }

// Swap implements [sort.Interface].
func (q keyQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *keyQueue) Push(x any) { *q = append(*q, x.(*checkedSegment)) }

// Pop implements [heap.Interface].
func (q *keyQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// CountScopes returns how many documents there are for each contact center and region, and for each
// of their days and periods, by the terms of [schema.FieldScope]. Documents with one of the hidden
// keys are left out.
func CountScopes(ctx context.Context, snapshot *scorch.IndexSnapshot, hidden []string) (map[string]uint64, error) {
	counts := make(map[string]uint64)
	for _, part := range snapshot.Segments() {
		s := part.Segment()
		except, err := s.DocNumbers(hidden)
		if err != nil {
			return nil, fmt.Errorf("looking up recordings that have changed since: %w", err)
		}
		if deleted := part.Deleted(); deleted != nil {
			except = roaring.Or(except, deleted)
		}
		dict, err := s.Dictionary(schema.FieldScope)
		if err != nil {
			return nil, fmt.Errorf("reading the dictionary of %s: %w", schema.FieldScope, err)
		}
		terms := dict.AutomatonIterator(nil, nil, nil)
		for entry, err := terms.Next(); entry != nil || err != nil; entry, err = terms.Next() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, fmt.Errorf("counting documents: %w", err)
			}
			list, err := dict.PostingsList([]byte(entry.Term), except, nil)
			if err != nil {
				return nil, fmt.Errorf("reading a postings list of %s: %w", schema.FieldScope, err)
			}
			if n := list.Count(); n > 0 {
				counts[entry.Term] += n
			}
		}
	}

	return counts, nil
}

// Sample returns the keys of some documents of a snapshot, at random.
func Sample(snapshot *scorch.IndexSnapshot, n int) (keys []string, err error) {
	var total uint64
	for _, s := range snapshot.Segments() {
		total += s.Segment().Count()
	}

	for range n {
		if total == 0 {
			break
		}
		// Deleted documents may be picked as well. Who asks finds out that there is no such
		// recording.
		at := rand.Uint64N(total)
		for _, s := range snapshot.Segments() {
			if at >= s.Segment().Count() {
				at -= s.Segment().Count()
				continue
			}
			key, err := s.Segment().DocID(at)
			if err != nil {
				return nil, fmt.Errorf("reading the key of a document: %w", err)
			}
			keys = append(keys, string(key))
			break
		}
	}

	return keys, nil
}

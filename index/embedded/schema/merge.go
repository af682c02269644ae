package schema

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum"
	zap "github.com/blevesearch/zapx/v17"
)

// dropped is the new number of a document that is left out.
const dropped = math.MaxUint64

// merger makes one segment of several, in their order, without the documents that were deleted.
type merger struct {
	sources []*source
	out     *segmentWriter
	closed  <-chan struct{} // ends the work; nil: nothing does

	term   []byte
	docs   []uint32        // of the term
	bitmap *roaring.Bitmap // of one source
	steps  int
}

// source is a segment that is merged.
type source struct {
	*segmentReader
	numbers []uint64 // the new numbers of its documents

	terms vellum.Iterator // of the field; nil: no more
	term  []byte
	at    uint64 // the postings of the term
}

// newMerger reads where things are in segments, and numbers the documents anew. drops has for each
// segment the documents that are left out; nil: none. It returns errForeign if a segment has other
// fields than those of this version. docs is how many documents are left.
func newMerger(
	segments []segment.Segment, drops []*roaring.Bitmap, closed <-chan struct{},
) (m *merger, numbers [][]uint64, docs uint64, err error) {
	m = &merger{closed: closed, bitmap: roaring.New()}
	for i, of := range segments {
		s := new(source)
		err := guard(func() (err error) {
			s.segmentReader, err = newSegmentReader(of)
			return err
		})
		if err != nil {
			return nil, nil, 0, err
		}

		s.numbers = make([]uint64, s.docs)
		for doc := range s.numbers {
			if drops[i] != nil && drops[i].Contains(uint32(doc)) {
				s.numbers[doc] = dropped
				continue
			}
			s.numbers[doc] = docs
			docs++
		}
		m.sources, numbers = append(m.sources, s), append(numbers, s.numbers)
	}

	return m, numbers, docs, nil
}

// merge writes the segment to a file.
func (m *merger) merge() error {
	err := m.eachDocument(func(s *source, doc uint64) error { return m.out.key(s.key(doc)) })
	if err != nil {
		return err
	}
	m.out.endKeys()

	for i := range fieldSpecs {
		if err := m.field(i); err != nil {
			return fmt.Errorf("merging %s: %w", fieldSpecs[i].name, err)
		}
	}

	m.out.endFields()
	return m.out.endFile()
}

// field merges the terms and the doc values of a field.
func (m *merger) field(i int) error {
	m.out.beginField(&fieldSpecs[i])
	for _, s := range m.sources {
		if err := s.begin(i); err != nil {
			return err
		}
	}
	for m.least() {
		if err := m.mergeTerm(fieldSpecs[i].options); err != nil {
			return err
		}
	}
	if err := m.out.endTerms(); err != nil {
		return err
	}

	if fieldSpecs[i].options&index.DocValues != 0 {
		err := m.eachDocument(func(s *source, doc uint64) error { return m.out.value(s.fields[i].value(doc)) })
		if err != nil {
			return err
		}
	}
	return m.out.endField()
}

// eachDocument calls fn with all documents that are not left out.
func (m *merger) eachDocument(fn func(s *source, doc uint64) error) error {
	for _, s := range m.sources {
		for doc, number := range s.numbers {
			if number == dropped {
				continue
			}
			if err := m.rest(); err != nil {
				return err
			}
			if err := fn(s, uint64(doc)); err != nil {
				return err
			}
		}
	}
	return nil
}

// least finds the least term that any source has next, and reports whether there is one.
func (m *merger) least() bool {
	var of *source
	for _, s := range m.sources {
		if s.terms != nil && (of == nil || bytes.Compare(s.term, of.term) < 0) {
			of = s
		}
	}
	if of == nil {
		return false
	}

	m.term = append(m.term[:0], of.term...) // its source goes on
	return true
}

// mergeTerm writes the least term with its documents of all sources. If all of these are left out, so
// is the term.
func (m *merger) mergeTerm(options index.FieldIndexingOptions) error {
	if err := m.rest(); err != nil {
		return err
	}

	m.docs = m.docs[:0]
	for _, s := range m.sources {
		if s.terms == nil || !bytes.Equal(s.term, m.term) {
			continue
		}
		if err := m.add(s); err != nil {
			return err
		}
		if err := s.next(); err != nil {
			return err
		}
	}

	if len(m.docs) == 0 {
		return nil
	}
	return m.out.term(m.term, m.docs, options)
}

// add adds the documents that a source has of its term.
func (m *merger) add(s *source) error {
	if s.at&zap.FSTValEncodingMask == zap.FSTValEncoding1Hit {
		doc, _ := zap.FSTValDecode1Hit(s.at)
		m.addDocument(s, uint32(doc))
		return nil
	}

	if err := s.postings(s.at, m.bitmap); err != nil {
		return err
	}
	var some [256]uint32
	it := m.bitmap.ManyIterator()
	for n := it.NextMany(some[:]); n > 0; n = it.NextMany(some[:]) {
		for _, doc := range some[:n] {
			m.addDocument(s, doc)
		}
	}
	return nil
}

func (m *merger) addDocument(s *source, doc uint32) {
	if number := s.numbers[doc]; number != dropped {
		m.docs = append(m.docs, uint32(number))
	}
}

// rest ends the work where it is not wanted any more.
func (m *merger) rest() error {
	if m.steps++; m.steps%4096 != 0 {
		return nil
	}
	select {
	case <-m.closed:
		return segment.ErrClosed
	default:
		return nil
	}
}

// begin goes to the first term of a field.
func (s *source) begin(field int) error {
	dictionary, err := vellum.Load(s.fields[field].dictionary)
	if err != nil {
		return fmt.Errorf("reading a dictionary: %w", err)
	}

	it, err := dictionary.Iterator(nil, nil)
	if s.terms = it; err == nil {
		s.term, s.at = it.Current()
	}
	return s.ended(err)
}

// next goes to the next term.
func (s *source) next() error {
	err := s.terms.Next()
	if err == nil {
		s.term, s.at = s.terms.Current()
	}
	return s.ended(err)
}

// ended looks whether there are no more terms.
func (s *source) ended(err error) error {
	if errors.Is(err, vellum.ErrIteratorDone) {
		s.terms = nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a dictionary: %w", err)
	}
	return nil
}

// mergeTo writes the segment to a new file, durably.
func (m *merger) mergeTo(path string, docs uint64) (size uint64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("making a segment: %w", err)
	}

	m.out = newSegmentWriter(int(docs), f)
	err = errors.Join(guard(m.merge), f.Sync(), f.Close())
	if err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return m.out.flushed, nil
}

// guard calls fn, and makes an error of its panic: what is read may be damaged.
func guard(fn func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("a segment of the search index is damaged: %v", reason)
		}
	}()
	return fn()
}

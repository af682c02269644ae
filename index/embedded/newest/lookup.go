package newest

import (
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// Term is a whole value of a field.
type Term struct{ Field, Value string }

// Lookup calls each with the key of every document that has all terms, in no order, until each
// returns an error, which it returns. Unlike a search it may be about all contact centers.
func Lookup(ctx context.Context, snapshot *scorch.IndexSnapshot, terms []Term, each func(key string) error) error {
	for _, part := range snapshot.Segments() {
		docs, err := lookup(part, terms)
		if err != nil {
			return err
		}

		for it := docs.Iterator(); it.HasNext(); {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("looking up a term: %w", err)
			}
			key, err := part.Segment().DocID(uint64(it.Next()))
			if err != nil {
				return fmt.Errorf("reading the key of a document: %w", err)
			}
			if err := each(string(key)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookup returns the documents of a segment that have all terms.
func lookup(part *scorch.SegmentSnapshot, terms []Term) (*roaring.Bitmap, error) {
	docs := roaring.New()
	for i, t := range terms {
		found, err := postingsOf(part.Segment(), t)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			docs = found
		} else {
			docs.And(found)
		}
		if docs.IsEmpty() {
			return docs, nil
		}
	}

	if deleted := part.Deleted(); deleted != nil {
		docs.AndNot(deleted)
	}
	return docs, nil
}

// postingsOf returns the documents of a term, deleted ones included, as a set of its own.
func postingsOf(s segment.Segment, t Term) (*roaring.Bitmap, error) {
	docs := roaring.New()
	dict, err := s.Dictionary(t.Field)
	if err != nil {
		return nil, errReading(t.Field, err)
	}
	list, err := dict.PostingsList([]byte(t.Value), nil, nil)
	if err == nil {
		_, err = addPostings(list, docs)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a postings list of %s: %w", t.Field, err)
	}
	return docs, nil
}

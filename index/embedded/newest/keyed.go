package newest

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// keyReader reads the postings of values under their keys, for one goroutine. Doc values tell which
// values a document has; which of them it has under a key, only the postings tell.
type keyReader struct {
	segment segment.Segment
	dict    segment.TermDictionary // of its own, as looking up a term changes it
	kept    map[string]*roaring.Bitmap
}

// postings returns the documents of a term, or nil if there are none. What many documents have is asked
// for many times, so it is kept.
func (k *keyReader) postings(field, term string) (docs *roaring.Bitmap, err error) {
	docs, ok := k.kept[term]
	if ok {
		return docs, nil
	}
	if k.dict == nil {
		if k.dict, err = k.segment.Dictionary(field); err != nil {
			return nil, errReading(field, err)
		}
	}
	if docs, err = postingsIn(k.dict, term); err != nil {
		return nil, fmt.Errorf("reading a postings list of %s: %w", field, err)
	}

	const most = 1024
	if len(k.kept) >= most {
		clear(k.kept)
	}
	k.kept[term] = docs
	return docs, nil
}

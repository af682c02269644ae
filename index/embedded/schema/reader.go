package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	zap "github.com/blevesearch/zapx/v17"
)

// errForeign says that a segment is not one of [segmentWriter], or of another version.
var errForeign = errors.New("the segment has other fields")

// segmentReader reads what [segmentWriter] writes, and what zap makes of the same documents, as whole
// pieces of memory. It trusts what it reads: of a damaged segment it panics.
type segmentReader struct {
	b      []byte
	docs   uint64
	stored uint64 // the places of the keys
	fields []fieldReader
}

// fieldReader is a field of a segment.
type fieldReader struct {
	dictionary []byte
	values     []byte
	ends       []uint64 // of the values of each document; nil: the field has none
}

// newSegmentReader reads where things are in a segment. It returns errForeign if the segment does not
// have the fields of this version, in their order.
func newSegmentReader(s segment.Segment) (*segmentReader, error) {
	var all []byte
	switch s := s.(type) {
	case *zap.Segment:
		all = s.Data()
	case *zap.SegmentBase:
		var b bytes.Buffer
		if _, err := s.WriteTo(&b); err != nil {
			return nil, fmt.Errorf("reading a segment: %w", err)
		}
		all = b.Bytes()
	default:
		return nil, errForeign
	}

	if len(all) < zap.FooterSize {
		return nil, errForeign
	}
	footer := cursor{all, uint64(len(all) - zap.FooterSize)}
	if footer.fixed32() != 0 { // encrypted
		return nil, errForeign
	}

	r := &segmentReader{b: all[:len(all)-zap.FooterSize]}
	r.docs, r.stored = footer.fixed(), footer.fixed()
	places := cursor{r.b, footer.fixed()}
	if places.varint() != uint64(len(fieldSpecs)) {
		return nil, errForeign
	}
	for i := range fieldSpecs {
		f, err := r.field(&fieldSpecs[i], places.fixed())
		if err != nil {
			return nil, err
		}
		r.fields = append(r.fields, f)
	}
	return r, nil
}

// field reads where the parts of a field are, which must be this one.
func (r *segmentReader) field(spec *fieldSpec, at uint64) (f fieldReader, err error) {
	c := cursor{r.b, at}
	name := c.bytes(c.varint())
	options, sections := c.varint(), c.varint()
	if string(name) != spec.name || index.FieldIndexingOptions(options) != spec.options {
		return f, errForeign
	}

	text := uint64(0)
	for range sections {
		kind, at := c.fixed16(), c.fixed()
		switch {
		case kind == zap.SectionInvertedTextIndex:
			text = at
		case at != 0: // zap lists all kinds, also those that are not there
			return f, errForeign
		}
	}
	if text == 0 {
		return f, errForeign
	}

	c.at = text
	from, to := c.varint(), c.varint()
	c.at = c.varint()
	f.dictionary = c.bytes(c.varint())
	if from == absent {
		return f, nil
	}

	c.at = to - 16
	length, documents := c.fixed(), c.fixed()
	if documents != r.docs {
		return f, errForeign
	}
	c.at = to - 16 - length
	f.values = r.b[from:c.at]
	f.ends = make([]uint64, documents)
	for i := range f.ends {
		f.ends[i] = c.varint()
	}
	return f, nil
}

// key is the key of a document.
func (r *segmentReader) key(doc uint64) []byte {
	c := cursor{r.b, r.stored + 8*doc}
	c.at = c.fixed()
	lengths, _ := c.varint(), c.varint()
	end := c.at + lengths
	length := c.varint() // of the key, which is the first of the stored fields
	c.at = end
	return c.bytes(length)
}

// postings reads a postings list. The bitmap has it as long as the segment is there.
func (r *segmentReader) postings(at uint64, bitmap *roaring.Bitmap) error {
	c := cursor{r.b, at}
	c.varint() // frequencies
	c.varint() // locations
	if _, err := bitmap.FromBuffer(c.bytes(c.varint())); err != nil {
		return fmt.Errorf("reading a postings list: %w", err)
	}
	return nil
}

// value is the doc values of a document, or nothing if the field has none.
func (f *fieldReader) value(doc uint64) []byte {
	if f.ends == nil {
		return nil
	}

	start := uint64(0)
	if doc > 0 {
		start = f.ends[doc-1]
	}
	return f.values[start:f.ends[doc]]
}

// cursor reads numbers one after the other.
type cursor struct {
	b  []byte
	at uint64
}

func (c *cursor) varint() uint64 {
	n, length := binary.Uvarint(c.b[c.at:])
	if length <= 0 {
		panic("a number goes on for ever")
	}
	c.at += uint64(length)
	return n
}

func (c *cursor) bytes(n uint64) []byte {
	c.at += n
	return c.b[c.at-n : c.at]
}

func (c *cursor) fixed() uint64   { return binary.BigEndian.Uint64(c.bytes(8)) }
func (c *cursor) fixed32() uint32 { return binary.BigEndian.Uint32(c.bytes(4)) }
func (c *cursor) fixed16() uint16 { return binary.BigEndian.Uint16(c.bytes(2)) }

package schema

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/RoaringBitmap/roaring/v2"
	index "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum"
	zap "github.com/blevesearch/zapx/v17"
	"github.com/golang/snappy"
)

// segmentWriter writes a segment in the format of Bleve's zap, version 17, which is described in
// its zap.md. Numbers are varints but where they have a fixed size, which is big endian. The tests
// compare every segment with zap's own.
type segmentWriter struct {
	b    []byte
	docs uint64

	bitmap     *roaring.Bitmap
	dictionary bytes.Buffer
	builder    *vellum.Builder // of the dictionary of the field that is being written
	addresses  []uint64        // of the fields

	storedIndex, fieldIndex uint64
}

// absent stands for the places of doc values that are not there.
const absent = 1<<64 - 1

// norm is what Bleve keeps beside a frequency, for scores that nobody asks for. It must not be 0.
const norm = 1

// newSegmentWriter makes a writer for so many documents, each of which takes about a kilobyte.
func newSegmentWriter(docs int) *segmentWriter {
	return &segmentWriter{b: make([]byte, 0, 1<<10*docs), docs: uint64(docs), bitmap: roaring.New()}
}

// place is where the next byte goes.
func (w *segmentWriter) place() uint64 { return uint64(len(w.b)) }

func (w *segmentWriter) varint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

func (w *segmentWriter) fixed(n uint64) { w.b = binary.BigEndian.AppendUint64(w.b, n) }

// stored writes the part of stored fields, which are the keys only.
func (w *segmentWriter) stored(docs []*Document) {
	nothing := snappy.Encode(nil, nil) // the other fields
	places := make([]uint64, len(docs))
	var meta []byte
	for i, d := range docs {
		places[i] = w.place()
		meta = binary.AppendUvarint(meta[:0], uint64(len(d.key)))
		w.varint(uint64(len(meta)))
		w.varint(uint64(len(d.key) + len(nothing)))
		w.b = append(append(append(w.b, meta...), d.key...), nothing...)
	}

	w.storedIndex = w.place()
	for _, p := range places {
		w.fixed(p)
	}

	w.varint(0) // documents within others
}

// beginField begins a field. Its terms follow, in order.
func (w *segmentWriter) beginField() { w.dictionary.Reset() }

// term writes the postings of a term, and puts it into the dictionary. The documents are in order,
// each once.
func (w *segmentWriter) term(term []byte, docs []uint32, options index.FieldIndexingOptions) (err error) {
	if w.builder == nil {
		if err := w.newDictionary(); err != nil {
			return err
		}
	}

	var at uint64
	if frequent := options&index.SkipFreqNorm == 0; frequent && len(docs) == 1 {
		at = zap.FSTValEncode1Hit(uint64(docs[0]), norm)
	} else if at, err = w.postings(docs, frequent); err != nil {
		return err
	}
	if err := w.builder.Insert(term, at); err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}
	return nil
}

// newDictionary begins a dictionary as zap does: without looking for endings that terms have in
// common, which takes long.
func (w *segmentWriter) newDictionary() (err error) {
	w.builder, err = vellum.New(
		&w.dictionary,
		&vellum.BuilderOpts{Encoder: 1, RegistryTableSize: 0, RegistryMRUSize: 1},
	)
	if err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}
	return nil
}

// postings writes a postings list: frequencies first, then the documents and where the frequencies
// are.
func (w *segmentWriter) postings(docs []uint32, frequent bool) (at uint64, err error) {
	frequencies := w.place()
	w.frequencies(docs, frequent)
	w.bitmap.Clear()
	w.bitmap.AddMany(docs)
	bitmap, err := w.bitmap.ToBytes()
	if err != nil {
		return 0, fmt.Errorf("making a postings list: %w", err)
	}

	at = w.place()
	w.varint(frequencies)
	w.varint(0) // no locations
	w.varint(uint64(len(bitmap)))
	w.b = append(w.b, bitmap...)
	return at, nil
}

// frequencies writes, for each document, 0 or a frequency of 1 and the norm, in chunks of equal
// ranges of documents: as many as there are thousands of documents in the list.
func (w *segmentWriter) frequencies(docs []uint32, frequent bool) {
	width := 1
	if frequent {
		width = 2
	}

	size := w.docs / (uint64(len(docs))/1024 + 1)
	chunks := (w.docs-1)/size + 1
	w.varint(chunks)

	n := 0
	for c := range chunks {
		for n < len(docs) && uint64(docs[n])/size == c {
			n++
		}
		w.varint(uint64(n * width)) // where the chunk ends
	}

	if !frequent {
		w.b = append(w.b, make([]byte, len(docs))...)
		return
	}

	for range docs {
		w.b = append(w.b, 1<<1, norm)
	}
}

// endField writes the dictionary and the doc values of a field. The latter are one piece of memory,
// in which those of each document have an end; nil: there are none.
func (w *segmentWriter) endField(values []byte, ends []int) error {
	if w.builder == nil {
		if err := w.newDictionary(); err != nil {
			return err
		}
	}
	if err := w.builder.Close(); err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}

	w.builder = nil
	dictionary := w.place()
	w.varint(uint64(w.dictionary.Len()))
	w.b = append(w.b, w.dictionary.Bytes()...)
	from, to := uint64(absent), uint64(absent)
	if values != nil {
		from = w.place()
		w.docValues(values, ends)
		to = w.place()
	}

	w.addresses = append(w.addresses, w.place())
	w.varint(from)
	w.varint(to)
	w.varint(dictionary)
	return nil
}

// docValues writes doc values in chunks of one document, uncompressed.
func (w *segmentWriter) docValues(values []byte, ends []int) {
	w.b = append(w.b, values...)
	index := w.place()
	for _, end := range ends {
		w.varint(uint64(end))
	}
	w.fixed(w.place() - index)
	w.fixed(uint64(len(ends)))
}

// fields writes where the fields are, of which there is nothing but what is searched as text.
func (w *segmentWriter) fields() {
	places := make([]uint64, len(fieldSpecs))
	for i := range fieldSpecs {
		f := &fieldSpecs[i]
		places[i] = w.place()
		w.varint(uint64(len(f.name)))
		w.b = append(w.b, f.name...)
		w.varint(uint64(f.options))
		w.varint(1)
		w.b = binary.BigEndian.AppendUint16(w.b, zap.SectionInvertedTextIndex)
		w.fixed(w.addresses[i])
	}

	w.fieldIndex = w.place()
	w.varint(uint64(len(places)))
	for _, p := range places {
		w.fixed(p)
	}
}

// segment is what was written.
func (w *segmentWriter) segment(config map[string]any, stats *segment.Stats) (segment.Segment, error) {
	s, err := zap.InitSegmentBase(
		w.b,
		crc32.ChecksumIEEE(w.b),
		zap.DefaultChunkMode,
		w.docs,
		w.storedIndex,
		w.fieldIndex,
		config,
		stats,
	)
	if err != nil {
		return nil, fmt.Errorf("making a segment: %w", err)
	}
	return s, nil
}

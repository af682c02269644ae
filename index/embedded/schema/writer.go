package schema

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

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
//
// Other than zap's, its frequencies take no space: see [segmentWriter.frequencies].
type segmentWriter struct {
	b    []byte // what was written, and of a file what has not got there yet
	docs uint64

	file    io.Writer // nil: the segment stays in memory
	flushed uint64    // bytes that have got to the file
	sum     uint32    // CRC-32 of these

	keys       []uint64 // the places of the keys
	bitmap     *roaring.Bitmap
	shared     [2][2]uint64 // the places of frequencies; 0: there are none yet
	dictionary bytes.Buffer
	builder    *vellum.Builder // of the dictionary of the field that is being written
	last       []uint32        // the documents of the last postings list
	lastAt     uint64          // its place; 0: the field has none yet
	keyed      bool            // see [Field.Keyed]
	terms      uint64          // the place of that dictionary
	values     uint64          // the place of the field's doc values
	ends       []uint64        // of the doc values of each document, from there on
	addresses  []uint64        // of the fields

	storedIndex, fieldIndex uint64
}

// absent stands for the places of doc values that are not there.
const absent = 1<<64 - 1

// norm is what Bleve keeps beside a frequency, for scores that nobody asks for. It must not be 0.
const norm = 1

// spillBytes is how much a writer gathers before it goes to the file.
const spillBytes = 1 << 20

// newSegmentWriter makes a writer for so many documents, each of which takes about a kilobyte in
// memory. With a file, that is where they go.
func newSegmentWriter(docs int, file io.Writer) *segmentWriter {
	size := spillBytes
	if file == nil {
		size = 1 << 10 * docs
	}
	return &segmentWriter{b: make([]byte, 0, size), docs: uint64(docs), file: file, bitmap: roaring.New()}
}

// place is where the next byte goes.
func (w *segmentWriter) place() uint64 { return w.flushed + uint64(len(w.b)) }

func (w *segmentWriter) varint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

func (w *segmentWriter) fixed(n uint64) { w.b = binary.BigEndian.AppendUint64(w.b, n) }

// spill writes what has gathered to the file, if it is as much as this.
func (w *segmentWriter) spill(atLeast int) error {
	if w.file == nil || len(w.b) < atLeast {
		return nil
	}

	w.sum = crc32.Update(w.sum, crc32.IEEETable, w.b)
	w.flushed += uint64(len(w.b))
	_, err := w.file.Write(w.b)
	w.b = w.b[:0]
	if err != nil {
		return fmt.Errorf("writing a segment: %w", err)
	}
	return nil
}

// key writes the stored fields of the next document, which are its key only.
func (w *segmentWriter) key(key []byte) error {
	w.keys = append(w.keys, w.place())
	length := binary.AppendUvarint(nil, uint64(len(key)))
	w.varint(uint64(len(length)))
	w.varint(uint64(len(key) + len(noFields)))
	w.b = append(append(append(w.b, length...), key...), noFields...)
	return w.spill(spillBytes)
}

// noFields are the stored fields of a document beside its key.
var noFields = snappy.Encode(nil, nil)

// endKeys writes where the keys are.
func (w *segmentWriter) endKeys() {
	w.storedIndex = w.place()
	for _, p := range w.keys {
		w.fixed(p)
	}

	w.varint(0) // documents within others
}

// beginField begins a field. Its terms follow, in order.
func (w *segmentWriter) beginField(f *fieldSpec) {
	w.dictionary.Reset()
	field := Lookup(f.name)
	w.lastAt, w.keyed = 0, field != nil && field.Keyed
}

// term writes the postings of a term, and puts it into the dictionary. The documents are in order,
// each once.
func (w *segmentWriter) term(term []byte, docs []uint32, options index.FieldIndexingOptions) (err error) {
	if w.builder == nil {
		if err := w.newDictionary(); err != nil {
			return err
		}
	}

	// A value that is under one key only has the same documents as the next term, which is of both.
	var at uint64
	switch frequent := options&index.SkipFreqNorm == 0; {
	case frequent && len(docs) == 1:
		at = zap.FSTValEncode1Hit(uint64(docs[0]), norm)
	case w.lastAt != 0 && slices.Equal(w.last, docs):
		at = w.lastAt
	default:
		if at, err = w.postings(docs, frequent); err != nil {
			return err
		}
		w.last, w.lastAt = append(w.last[:0], docs...), at
	}
	if err := w.builder.Insert(term, at); err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}
	return w.spill(spillBytes)
}

// newDictionary begins a dictionary as zap does: without looking for endings that terms have in
// common, which takes long. Where terms end with keys, of which there are few, it looks for the newest.
func (w *segmentWriter) newDictionary() (err error) {
	o := vellum.BuilderOpts{Encoder: 1, RegistryTableSize: 0, RegistryMRUSize: 1}
	if w.keyed {
		o.RegistryTableSize, o.RegistryMRUSize = 256, 2
	}
	w.builder, err = vellum.New(&w.dictionary, &o)
	if err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}
	return nil
}

// postings writes a postings list: the documents, and where their frequencies are.
func (w *segmentWriter) postings(docs []uint32, frequent bool) (at uint64, err error) {
	frequencies := w.frequencies(docs, frequent)
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

// The format has a frequency for each document of each postings list, in chunks that begin at
// certain documents: with the mode of 1025, a list of at most chunkDocs documents is one chunk, and a
// longer one has a chunk for every chunkDocs documents of the segment.
const (
	chunkMode = 1025
	chunkDocs = 1024
)

// frequencies returns where the frequencies of a postings list are. All of them are 0, or 1 with the
// norm, and who reads a chunk takes as many as it wants from its beginning. So all short lists of a
// segment share one chunk, and all long ones share a full chunk for every chunkDocs documents, where
// zap would take a byte or two for each document of each list: a seventh of the whole index.
func (w *segmentWriter) frequencies(docs []uint32, frequent bool) uint64 {
	one, chunks, each := []byte{0}, uint64(1), min(w.docs, chunkDocs)
	at := &w.shared[0][0]
	if frequent {
		one, at = []byte{1 << 1, norm}, &w.shared[1][0]
	}
	if len(docs) > chunkDocs {
		chunks = (w.docs-1)/chunkDocs + 1
		at = &w.shared[0][1]
		if frequent {
			at = &w.shared[1][1]
		}
	}
	if *at != 0 { // at 0, there are keys
		return *at
	}

	*at = w.place()
	w.varint(chunks)
	for c := range chunks {
		w.varint((c + 1) * each * uint64(len(one)))
	}
	w.b = append(w.b, bytes.Repeat(one, int(chunks*each))...)
	return *at
}

// endTerms writes the dictionary of a field. Its doc values may follow.
func (w *segmentWriter) endTerms() error {
	if w.builder == nil {
		if err := w.newDictionary(); err != nil {
			return err
		}
	}
	if err := w.builder.Close(); err != nil {
		return fmt.Errorf("making a dictionary: %w", err)
	}

	w.builder = nil
	w.terms = w.place()
	w.varint(uint64(w.dictionary.Len()))
	w.b = append(w.b, w.dictionary.Bytes()...)
	w.values, w.ends = w.place(), w.ends[:0]
	return w.spill(spillBytes)
}

// value writes the doc values of the next document: in a chunk of its own, uncompressed.
func (w *segmentWriter) value(value []byte) error {
	w.b = append(w.b, value...)
	w.ends = append(w.ends, w.place()-w.values)
	return w.spill(spillBytes)
}

// endField ends a field. If it has doc values, each document had its own.
func (w *segmentWriter) endField() error {
	from, to := uint64(absent), uint64(absent)
	if len(w.ends) > 0 {
		index := w.place()
		for _, end := range w.ends {
			w.varint(end)
		}
		w.fixed(w.place() - index)
		w.fixed(uint64(len(w.ends)))
		from, to = w.values, w.place()
	}

	w.addresses = append(w.addresses, w.place())
	w.varint(from)
	w.varint(to)
	w.varint(w.terms)
	return w.spill(spillBytes)
}

// endFields writes where the fields are, of which there is nothing but what is searched as text.
func (w *segmentWriter) endFields() {
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

// segment is what was written to memory.
func (w *segmentWriter) segment(config map[string]any, stats *segment.Stats) (segment.Segment, error) {
	s, err := zap.InitSegmentBase(
		w.b,
		crc32.ChecksumIEEE(w.b),
		chunkMode,
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

// endFile writes the end of a file, from which it is read.
func (w *segmentWriter) endFile() error {
	w.b = binary.BigEndian.AppendUint32(w.b, 0) // the length of the name of how it is encrypted
	w.fixed(w.docs)
	w.fixed(w.storedIndex)
	w.fixed(w.fieldIndex)
	w.b = binary.BigEndian.AppendUint32(w.b, chunkMode)
	w.b = binary.BigEndian.AppendUint32(w.b, zap.Version)
	if err := w.spill(0); err != nil {
		return err
	}

	w.b = binary.BigEndian.AppendUint32(w.b, w.sum)
	return w.spill(0)
}

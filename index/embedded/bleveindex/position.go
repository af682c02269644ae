package bleveindex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"recordings/index/embedded/schema"
)

// positionKey is the internal key under which each batch leaves how far it reaches.
var positionKey = []byte("position")

// Position is how far an index reaches: it has the changes up to a sequence. While it is being
// filled, that is so for the recordings up to a key, and it may have some of the others.
type Position struct {
	Sequence uint64
	Filling  string // the record key up to which it is filled; empty: it has all recordings
	Between  bool   // it has some of the changes behind the sequence, as well
}

// betweenMark is in the place of the key Filling where Between is set. No record key is like it.
const betweenMark = "~"

// ErrNewerSchema is the error of an index that a later version of the program has made.
var ErrNewerSchema = errors.New("the search index is of a schema that this program does not know")

// appendPosition encodes a position: the schema's content and version, 4 bytes each, the sequence
// in 8, the key, and the CRC-32 of these.
func appendPosition(b []byte, p Position) []byte {
	b = binary.BigEndian.AppendUint32(b, schema.Content())
	b = binary.BigEndian.AppendUint32(b, schema.Version)
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	if p.Between && p.Filling == "" { // while it is being filled, that goes without saying
		p.Filling = betweenMark
	}
	b = append(b, p.Filling...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func splitPosition(b []byte) (p Position, err error) {
	end := len(b) - crc32.Size
	if end < 16 || binary.BigEndian.Uint32(b[end:]) != crc32.ChecksumIEEE(b[:end]) {
		return p, errors.New("it does not say how far it reaches")
	}

	content, version := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	switch {
	case version > schema.Version:
		return p, fmt.Errorf("%w: version %d, it knows %d; use the version of the program that wrote it or a later one",
			ErrNewerSchema, version, schema.Version)
	case version < schema.Version:
		return p, fmt.Errorf("its schema is of version %d, not %d", version, schema.Version)
	case content != schema.Content():
		return p, errors.New("it lacks fields that were not filled when it was made")
	}

	p.Sequence, p.Filling = binary.BigEndian.Uint64(b[8:]), string(b[16:end])
	if p.Filling == betweenMark {
		p.Filling, p.Between = "", true
	}
	return p, nil
}

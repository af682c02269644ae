package store

import (
	"encoding/binary"
	"errors"
	"strings"
)

// The keys of the store. Every key begins with the letter of its kind and a slash.
//
//	r/ contact center, id   a recording: see valueVersion
//	l/ contact center, id   orphaned media: JSON of index.OrphanedMedia; the id is that of the media file
//	d/ contact center, name the definition of a label: JSON of mapping.LabelDefinition; the name is folded
//	s/ contact center, user the saved searches of a user: a JSON array of index.SavedSearch
//	c/ sequence             a change: see appendLogValue; the sequence has 8 bytes, big endian
//	m/format                the version of this layout
//	m/changed               the time of the newest change: milliseconds since 1970, 8 bytes, big endian
const (
	orphanPrefix = "l/"
	labelPrefix  = "d/"
	searchPrefix = "s/"
	logPrefix    = "c/"
	logEnd       = "c0"
	formatKey    = "m/format"
	changedKey   = "m/changed"
)

// The keys of recordings lie between these.
const (
	RecordPrefix = "r/"
	recordEnd    = "r0" // behind every key that begins with r/
)

// A contact center within a key ends with terminator; a NUL in it is escaped. So no two pairs have
// the same key, and keys are in the order of (contact center, id).
const (
	terminator = "\x00\x01"
	escapedNUL = "\x00\xff"
)

var errKey = errors.New("it is no record key")

// RecordKey is the key of a recording, also as a document of the search index.
func RecordKey(contactCenter, id string) string { return keyOf(RecordPrefix, contactCenter, id) }

// orphanKey is the key of orphaned media.
func orphanKey(contactCenter, mediaID string) string {
	return keyOf(orphanPrefix, contactCenter, mediaID)
}

// labelKey is the key of the definition of a label.
func labelKey(contactCenter, name string) string { return keyOf(labelPrefix, contactCenter, name) }

// keyOf makes a key of a kind. Ids need no escaping: nothing follows them.
func keyOf(prefix, contactCenter, id string) string {
	if strings.IndexByte(contactCenter, 0) >= 0 {
		contactCenter = strings.ReplaceAll(contactCenter, "\x00", escapedNUL)
	}
	return prefix + contactCenter + terminator + id
}

// behindContactCenter is behind all keys of a kind and a contact center, and in front of those of all that
// follow.
func behindContactCenter(prefix, contactCenter string) []byte {
	key := []byte(keyOf(prefix, contactCenter, ""))
	key[len(key)-1]++ // the last byte of terminator, which is less than that of escapedNUL
	return key
}

// SplitRecordKey takes apart what RecordKey made.
func SplitRecordKey(key string) (contactCenter, id string, err error) {
	return splitKey(RecordPrefix, key)
}

// splitKey takes apart what keyOf made.
func splitKey(prefix, key string) (contactCenter, id string, err error) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return "", "", errKey
	}

	contactCenter, id, ok = strings.Cut(rest, terminator)
	if !ok {
		return "", "", errKey
	}
	return strings.ReplaceAll(contactCenter, escapedNUL, "\x00"), id, nil
}

// logKey is the key of an entry of the change log. As the sequence is big endian, keys are in its
// order.
func logKey(sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(logPrefix), sequence)
}

// splitLogKey takes apart what logKey made.
func splitLogKey(key []byte) (sequence uint64, err error) {
	if len(key) != len(logPrefix)+8 {
		return 0, errors.New("it is no key of the change log")
	}
	return binary.BigEndian.Uint64(key[len(logPrefix):]), nil
}

// A stored recording begins with this byte and the sequence of the change that wrote it; then comes
// the JSON of mapping.Encode.
const (
	valueVersion = 1
	valueHeader  = 1 + 8 // bytes
)

// appendHeader encodes what a stored recording begins with.
func appendHeader(b []byte, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, valueVersion), sequence)
}

// splitValue takes a stored recording apart. The data share its memory.
func splitValue(value []byte) (sequence uint64, data []byte, err error) {
	if len(value) < valueHeader || value[0] != valueVersion {
		return 0, nil, errors.New("the stored value has an unknown form")
	}
	return binary.BigEndian.Uint64(value[1:valueHeader]), value[valueHeader:], nil
}

// appendChanged encodes the time of the newest change.
func appendChanged(b []byte, ms int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(ms)) }

// splitChanged takes apart what appendChanged made.
func splitChanged(value []byte) (ms int64, err error) {
	if len(value) != 8 {
		return 0, errors.New("the time of the newest change has an unknown form")
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// appendLogValue encodes an entry of the change log: how many recordings are stored after the
// change, as an unsigned varint, and the record key that it changed.
func appendLogValue(b []byte, count uint64, key string) []byte {
	b = binary.AppendUvarint(b, count)
	return append(b, key...)
}

// splitLogValue takes apart what appendLogValue made.
func splitLogValue(value []byte) (count uint64, key string, err error) {
	count, n := binary.Uvarint(value)
	if n <= 0 {
		return 0, "", errors.New("the entry of the change log has an unknown form")
	}
	return count, string(value[n:]), nil
}

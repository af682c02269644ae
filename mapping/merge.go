package mapping

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Merge returns what is stored after posted has arrived on top of stored, which is nil for a new
// recording:
//
//   - of the scalar attributes, the region included, those posted; attributes this service does not know, likewise, and
//     those of before that were not posted again stay;
//   - a media file of the same identity takes the place of the one before, others are appended;
//   - an event with the same occurredAt, event and contact phoneNumber (a data event: and the same data) takes the
//     place of the one before, others are appended;
//   - what the service has noted, which is changedTime, nonDelete, labels and comments, stays as it is.
//
// It changes neither argument; the result shares parts with both. Merging the same twice changes
// nothing.
func Merge(stored, posted *Recording) *Recording {
	if stored == nil {
		stored = new(Recording)
	}

	merged := *posted
	merged.ChangedTime, merged.NonDelete = stored.ChangedTime, stored.NonDelete
	merged.Labels, merged.Comments = stored.Labels, stored.Comments
	merged.MediaFiles = mergeByKey(stored.MediaFiles, posted.MediaFiles,
		func(m *MediaFile) string { return m.Descriptor.identity() })
	merged.EventHistory = mergeByKey(stored.EventHistory, posted.EventHistory, (*Event).identity)
	merged.Extra = mergeMembers(stored.Extra, posted.Extra)
	return &merged
}

// mergeByKey overwrites in place the elements that have the key of a newer one, and appends the
// others.
func mergeByKey[T any](old, newer []T, key func(*T) string) []T {
	merged := make([]T, 0, len(old)+len(newer))
	places := make(map[string]int, len(old)+len(newer))
	for _, list := range [][]T{old, newer} {
		for i := range list {
			k := key(&list[i])
			if place, ok := places[k]; ok {
				merged[place] = list[i]
				continue
			}
			places[k] = len(merged)
			merged = append(merged, list[i])
		}
	}

	return merged
}

// identity is what two records of one event have in common.
func (e *Event) identity() string {
	phoneNumber, data := "", ""
	if e.Contact != nil {
		phoneNumber = e.Contact.PhoneNumber
	}
	if e.Event == EventData {
		data = string(normalized(e.Data))
	}
	at := strconv.FormatInt(int64(e.OccurredAt), 10) + "." + strconv.Itoa(int(e.OccurredNanos))
	return join(at, e.Event, phoneNumber, data)
}

// normalized is the same for JSON values that differ only in the order of members and in how a
// string is escaped. Numbers are compared by their text: two long ones that a float could not tell
// apart are not the same.
func normalized(v jsontext.Value) jsontext.Value {
	if len(v) == 0 {
		return nil
	}

	v = v.Clone()
	if v.Format(jsontext.ReorderRawObjects(true), jsontext.CanonicalizeRawFloats(false),
		jsontext.CanonicalizeRawInts(false),
		jsontext.PreserveRawStrings(false)) != nil {
		return v // cannot happen to a value that was decoded; then the raw text decides
	}
	return v
}

// mergeMembers puts the members of one JSON object over those of another.
func mergeMembers(old, newer jsontext.Value) jsontext.Value {
	switch {
	case len(old) == 0:
		return newer
	case len(newer) == 0:
		return old
	}
	all := mergeByKey(members(old), members(newer), func(m *member) string { return m.name })
	return object(all)
}

// member is a member of a JSON object whose meaning this service does not know.
type member struct {
	name  string
	value jsontext.Value
}

func members(object jsontext.Value) []member {
	d := jsontext.NewDecoder(bytes.NewBuffer(object))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}

	var all []member
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}

		text := name.String()
		value, err := d.ReadValue()
		if err != nil {
			break
		}

		all = append(all, member{text, slices.Clone(value)})
	}

	return all
}

// object writes the members as one compact JSON object.
func object(all []member) jsontext.Value {
	if len(all) == 0 {
		return nil
	}

	v := jsontext.Value("{")
	for i, m := range all {
		if i > 0 {
			v = append(v, ',')
		}
		v, _ = jsontext.AppendQuote(v, m.name)
		v = append(append(v, ':'), m.value...)
	}
	return append(v, '}')
}

package mapping

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Searchable is what a search can see of a recording.
type Searchable struct {
	CallerNumbers  []string // the values of the caller's number, that as posted first
	DialedNumbers  []string // likewise
	ContactNumbers []string // of all contacts, but for those of caller and dialed; sorted, each once
	StartTime      Time
	StopTime       Time
	ChangedTime    Time     // 0: before the service noted it
	CallUUIDs      []string // of the media files, cut off behind what a criterion can ask for; sorted, each once
	MediaIDs       []string // likewise; not all media files have one
	Media          []string // the [MediaDescriptor.Hash] of every media file; sorted, each once
	// folded: every userName, firstName and lastName, every word of them, and full names; these
	// without accents, too; sorted, each once
	Names  []string
	Labels []string // folded: every label's name, and name=value; without accents, too; sorted, each once
	Held   bool     // there is a hold
	// folded: every comment's text, and every word of it, with the punctuation around it and without;
	// without accents, too; sorted, each once
	Comments []string
	// folded: the text that the recording has as its attribute callType, without accents, too; none where it
	// has none
	CallTypes []string
	// the access groups of the media files, each with those above it; sorted, each once
	AccessGroups []string
	UserData     []string // folded: every leaf value of the user data, without accents, too; sorted, each once
	// of each of these the [DataTerm] under its key, and of each key that of no value, which says that there
	// is one; sorted, each once
	UserDataByKey []string
}

// Searchable extracts what a search can see. An empty name or value is as good as none: no term
// matches it.
func (r *Recording) Searchable() *Searchable {
	s := &Searchable{
		CallerNumbers: appendNumber(nil, r.CallerPhoneNumber),
		DialedNumbers: appendNumber(nil, r.DialedPhoneNumber),
		StartTime:     r.StartTime(),
		StopTime:      r.StopTime(),
		ChangedTime:   r.ChangedTime,
		Labels:        labelTerms(nil, r.Labels),
		Held:          r.NonDelete != nil,
		Comments:      commentTerms(r.Comments),
		CallTypes:     callTypes(CallTypeOf(r.Extra)),
		AccessGroups:  r.accessGroups(),
	}

	for i := range r.EventHistory {
		e := &r.EventHistory[i]
		if e.Contact != nil {
			s.Names = append(s.Names, e.Contact.names()...)
			s.ContactNumbers = appendNumber(s.ContactNumbers, e.Contact.PhoneNumber)
		}

		var last, key string // most values of a list have the name of the one before
		for name, leaf := range e.UserData() {
			if name != last {
				last, key = name, dataKeyOf(name)
			}
			if leaf != "" {
				s.addData(key, leaf)
			}
		}
	}

	for i := range r.MediaFiles {
		m := &r.MediaFiles[i]
		s.CallUUIDs = appendIdentifier(s.CallUUIDs, m.CallUUID)
		s.MediaIDs = appendIdentifier(s.MediaIDs, m.MediaID)
		s.Media = append(s.Media, m.Descriptor.Hash())
	}

	// Most contacts are the caller or the dialed, whose numbers are found as such.
	s.ContactNumbers = slices.DeleteFunc(sortedUnique(s.ContactNumbers), func(number string) bool {
		return number == "" || slices.Contains(s.CallerNumbers, number) || slices.Contains(s.DialedNumbers, number)
	})
	s.CallUUIDs = sortedUnique(s.CallUUIDs)
	s.MediaIDs = sortedUnique(s.MediaIDs)
	s.Media = sortedUnique(s.Media)
	s.Names = sortedUnique(s.Names)
	s.UserData = sortedUnique(s.UserData)
	s.UserDataByKey = sortedUnique(s.UserDataByKey)
	return s
}

// CallTypeOf is the text that a recording has as its attribute callType, which is among those that this service
// does not know otherwise; empty: it has none.
func CallTypeOf(extra jsontext.Value) string {
	if len(extra) == 0 {
		return "" // as most recordings
	}
	for _, m := range members(extra) {
		if m.name == ParamCallType && m.value.Kind() == '"' {
			text, _ := jsontext.AppendUnquote(nil, m.value) // which was read as a string
			return string(text)
		}
	}
	return ""
}

// callTypes are the values of the type of a call.
func callTypes(callType string) []string {
	if folded := Fold(callType); folded != "" {
		return sortedUnique(withPlain([]string{folded}))
	}
	return nil
}

// No criterion asks for a key that is longer, by far: it has maxKey bytes, and folding makes a text neither
// 16 times as long, nor of a text 64 times as long. A value has its name as often as a list has values, so
// that long ones would take a multiple of what was posted.
const (
	maxDataName = 64 * maxKey // bytes
	maxDataKey  = 16 * maxKey // bytes, folded
)

// dataKeyOf is the folded key of a name that [Event.UserData] gives; empty: nobody can ask for it.
func dataKeyOf(name string) string {
	if len(name) > maxDataName {
		return ""
	}
	if key := Fold(name); len(key) <= maxDataKey {
		return key
	}
	return ""
}

// addData adds a value of the user data under a folded key.
func (s *Searchable) addData(key, value string) {
	for _, v := range withPlain([]string{Fold(value)}) {
		s.UserData = append(s.UserData, v)
		if key != "" {
			s.UserDataByKey = append(s.UserDataByKey, DataTerm(key, v), DataTerm(key, ""))
		}
	}
}

// dataKey is between a value of the user data and its key. Neither has one, as both are folded, and no
// wildcard of a search engine goes beyond it: so patterns of a value and of a value under a key tell
// the two apart, even where both lie in one field.
const dataKey = "\n"

// DataTerm is a folded value of the user data under a folded key, as one text.
func DataTerm(key, value string) string { return value + dataKey + key }

// CutData takes the pieces of a pattern of terms that are made by DataTerm apart: into the pattern of
// the values, and the key. It reports whether they are of such terms.
func CutData(pieces []string) (values []string, key string, ok bool) {
	last := len(pieces) - 1
	value, key, ok := strings.Cut(pieces[last], dataKey)
	if !ok {
		return pieces, "", false
	}
	return append(slices.Clone(pieces[:last]), value), key, true
}

// appendIdentifier appends an identifier, if there is one. It keeps one byte more than a parameter
// can have: a longer value can only be found by its beginning, so no search tells the difference.
func appendIdentifier(list []string, id string) []string {
	if id == "" {
		return list
	}
	return append(list, id[:min(len(id), maxParam+1)])
}

// The members of user data under which a data event tells what happened to the values there. Those
// deleted are not searchable.
const (
	addedData   = "added"
	updatedData = "updated"
	deletedData = "deleted"
)

// UserData returns the searchable values of the event's data, which there may be none of, with their
// names: every string, and every number and boolean by its JSON text, at any depth, but for those under
// deletedData. Of a value within another the name is that of both, with a dot between them, but for
// those that say what happened to the values; one within a list has the name of the list. Of a name of more
// than 16 KiB it is the beginning.
func (e *Event) UserData() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		eachLeaf(e.Data, func(names []string, value string) bool {
			if len(names) > 1 && (names[0] == addedData || names[0] == updatedData) {
				names = names[1:]
			}
			return yield(joined(names), value)
		})
	}
}

// joined is the name of a value within members of these names. Of one that is longer than maxDataName it
// has a byte more than that.
func joined(names []string) string {
	size := len(names) - 1
	for _, name := range names {
		size += len(name)
	}
	if size <= maxDataName {
		return strings.Join(names, ".")
	}

	b := make([]byte, 0, maxDataName+1)
	for i, name := range names {
		if i > 0 && len(b) <= maxDataName {
			b = append(b, '.')
		}
		b = append(b, name[:min(len(name), maxDataName+1-len(b))]...)
	}
	return string(b)
}

// eachLeaf calls fn with each searchable value and the names of the members within which it stands,
// the outermost first, until fn returns false. The names are only valid until fn returns.
func eachLeaf(data jsontext.Value, fn func(names []string, value string) bool) {
	if len(data) == 0 {
		return
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	(&leaves{d, fn}).value(nil)
}

// leaves reads values, and calls fn with those that are searchable.
type leaves struct {
	*jsontext.Decoder
	fn func(names []string, value string) bool
}

// value reads a value within the members of these names. It reports whether to go on: not when fn has
// had enough, and not at what cannot be read, which is none but the end, as data was checked when it
// came.
func (l *leaves) value(names []string) bool {
	t, err := l.ReadToken()
	if err != nil {
		return false
	}

	switch t.Kind() {
	case '{':
		return l.members(names)
	case '[':
		for l.PeekKind() != ']' {
			if !l.value(names) {
				return false
			}
		}
		_, err := l.ReadToken()
		return err == nil
	case '"', '0', 't', 'f':
		return l.fn(names, t.String())
	}
	return true
}

// members reads the members of an object, and its end.
func (l *leaves) members(names []string) bool {
	for l.PeekKind() != '}' {
		t, err := l.ReadToken()
		if err != nil {
			return false
		}

		name := t.String()
		if l.StackDepth() == 1 && name == deletedData && slices.Contains([]jsontext.Kind{'{', '['}, l.PeekKind()) {
			if l.SkipValue() != nil {
				return false
			}
			continue
		}
		if !l.value(append(names, name)) {
			return false
		}
	}
	_, err := l.ReadToken()
	return err == nil
}

func sortedUnique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

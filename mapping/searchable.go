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
	// folded: every userName, firstName and lastName, every word of them, and full names; these
	// without accents, too; sorted, each once
	Names    []string
	UserData []string // folded: every leaf value of the user data, without accents, too; sorted, each once
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
	}

	for i := range r.EventHistory {
		e := &r.EventHistory[i]
		if e.Contact != nil {
			s.Names = append(s.Names, e.Contact.names()...)
			s.ContactNumbers = appendNumber(s.ContactNumbers, e.Contact.PhoneNumber)
		}

		for leaf := range leaves(e.Data) {
			if leaf != "" {
				s.UserData = append(s.UserData, Fold(leaf))
			}
		}
	}

	for i := range r.MediaFiles {
		m := &r.MediaFiles[i]
		s.CallUUIDs = appendIdentifier(s.CallUUIDs, m.CallUUID)
		s.MediaIDs = appendIdentifier(s.MediaIDs, m.MediaID)
	}

	// Most contacts are the caller or the dialed, whose numbers are found as such.
	s.ContactNumbers = slices.DeleteFunc(sortedUnique(s.ContactNumbers), func(number string) bool {
		return number == "" || slices.Contains(s.CallerNumbers, number) || slices.Contains(s.DialedNumbers, number)
	})
	s.CallUUIDs = sortedUnique(s.CallUUIDs)
	s.MediaIDs = sortedUnique(s.MediaIDs)
	s.Names = sortedUnique(s.Names)
	s.UserData = sortedUnique(withPlain(s.UserData))
	return s
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

// leaves are the searchable values of an event's data, which may be nil: every string, and every
// number and boolean by its JSON text, at any depth, but for those under deletedData.
func leaves(data jsontext.Value) iter.Seq[string] {
	return func(yield func(string) bool) {
		eachLeaf(data, func(_ *jsontext.Decoder, value string) bool { return yield(value) })
	}
}

// UserData returns the searchable values of the event's data with their names. Of a value within
// another the name is that of both, with a dot between them, but for those that say what happened
// to the values.
func (e *Event) UserData() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		eachLeaf(e.Data, func(d *jsontext.Decoder, value string) bool {
			names := slices.Collect(d.StackPointer().Tokens())
			if len(names) > 1 && (names[0] == addedData || names[0] == updatedData) {
				names = names[1:]
			}
			return yield(strings.Join(names, "."), value)
		})
	}
}

// eachLeaf calls fn with each searchable value, and the decoder that has just read it, until fn
// returns false.
func eachLeaf(data jsontext.Value, fn func(d *jsontext.Decoder, value string) bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	for {
		t, err := d.ReadToken()
		if err != nil {
			return // the end: data was checked when it came
		}

		container, length := d.StackIndex(d.StackDepth())
		switch isName := container == '{' && length%2 == 1; {
		case isName:
			if d.StackDepth() == 1 && t.String() == deletedData &&
				slices.Contains([]jsontext.Kind{'{', '['}, d.PeekKind()) && d.SkipValue() != nil {
				return
			}
		case slices.Contains([]jsontext.Kind{'"', '0', 't', 'f'}, t.Kind()):
			if !fn(d, t.String()) {
				return
			}
		}
	}
}

func sortedUnique(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

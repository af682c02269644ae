package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Hold says that a recording must not be deleted, nor changed but by what is added to it.
type Hold struct {
	Time   Time   `json:"time"`
	User   string `json:"user"`
	Reason string `json:"reason,omitzero"`
}

// Label is a label that a recording bears. It bears one of a name at most, whatever its letter case.
type Label struct {
	Name  string `json:"name"` // as it is defined
	Value string `json:"value,omitzero"`
	Time  Time   `json:"time"`
	User  string `json:"user"`
}

// LabelDefinition is a label that the recordings of a contact center may bear.
type LabelDefinition struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Description string `json:"description,omitzero"`
}

// The bounds of what is marked, in characters.
const (
	MaxReason           = 1024
	MaxLabelName        = 64
	MaxLabelValue       = 256
	MaxLabelDescription = 1024
	// MaxLabels is how many labels a recording bears at most.
	MaxLabels = 100
)

// CheckReason says what is wrong with the reason of a hold. Its errors, and those of the functions
// below, complete a sentence that begins with the name of the attribute.
func CheckReason(reason string) error { return checkLine(reason, MaxReason) }

// CheckLabelName says what is wrong with the name of a label.
func CheckLabelName(name string) error {
	switch notASCII := func(r rune) bool { return r <= ' ' || r > '~' }; {
	case name == "":
		return errors.New("is empty; accepted are 1 to 64 characters of ASCII without white space")
	case len(name) > MaxLabelName || strings.ContainsFunc(name, notASCII):
		return errors.New("is not a name; accepted are 1 to 64 characters of ASCII without white space")
	case strings.HasPrefix(name, "__"):
		return errors.New("begins with __; accepted is a name that does not")
	}
	return nil
}

// CheckLabelValue says what is wrong with the value of a label, which may be empty.
func CheckLabelValue(value string) error { return checkLine(value, MaxLabelValue) }

// CheckLabelDescription says what is wrong with the description of a label, which may be empty.
func CheckLabelDescription(text string) error { return checkLine(text, MaxLabelDescription) }

// checkLine bounds a text that people write.
func checkLine(text string, most int) error {
	switch {
	case !utf8.ValidString(text):
		return errors.New("is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return errors.New("holds a NUL character")
	case utf8.RuneCountInString(text) > most:
		return fmt.Errorf("is longer than %d characters", most)
	}
	return nil
}

// SameLabel reports whether two names are of one label. Names are ASCII.
func SameLabel(a, b string) bool { return strings.EqualFold(a, b) }

// Label returns the label of a name that the recording bears, or nil.
func (r *Recording) Label(name string) *Label {
	for i := range r.Labels {
		if SameLabel(r.Labels[i].Name, name) {
			return &r.Labels[i]
		}
	}
	return nil
}

// SetLabel puts a label on the recording, in place of that of its name, if it bears one. It never
// changes the slice that was there, which others may share.
func (r *Recording) SetLabel(l Label) {
	labels := slices.Clone(r.Labels)
	if i := slices.IndexFunc(labels, func(x Label) bool { return SameLabel(x.Name, l.Name) }); i >= 0 {
		labels[i] = l
	} else {
		labels = append(labels, l)
	}
	r.Labels = labels
}

// RemoveLabel takes the label of a name off the recording, and reports whether it bore it.
func (r *Recording) RemoveLabel(name string) bool {
	if r.Label(name) == nil {
		return false
	}
	r.Labels = slices.DeleteFunc(slices.Clone(r.Labels), func(l Label) bool { return SameLabel(l.Name, name) })
	return true
}

// AddMarks puts the marks of another recording on this one: a hold if it has none, and the labels and
// comments that it does not have. Nothing that is there is changed by it, so it is safe to do it again.
func (r *Recording) AddMarks(from *Recording) {
	if r.NonDelete == nil {
		r.NonDelete = from.NonDelete
	}
	for _, l := range from.Labels {
		if r.Label(l.Name) == nil {
			r.SetLabel(l)
		}
	}
	for _, c := range from.Comments {
		if r.Comment(c.ID) == nil {
			r.SetComment(c)
		}
	}
}

// OnlyAdds reports whether a recording that something was merged into differs from what it was before
// by further media files and events alone, as is permitted under a hold. Marks are not looked at.
func OnlyAdds(before, merged *Recording) (bool, error) {
	if len(merged.MediaFiles) < len(before.MediaFiles) || len(merged.EventHistory) < len(before.EventHistory) {
		return false, nil
	}

	was, is := *before, *merged
	is.MediaFiles = is.MediaFiles[:len(was.MediaFiles)]
	is.EventHistory = is.EventHistory[:len(was.EventHistory)]
	var forms [2][]byte
	for i, r := range []*Recording{&was, &is} {
		r.ChangedTime, r.NonDelete, r.Labels, r.Comments = 0, nil, nil, nil
		var err error
		if forms[i], err = Encode(r); err != nil {
			return false, err
		}
	}
	return string(forms[0]) == string(forms[1]), nil
}

// Marks are stored in front of a recording's own members, as the time of its last change is, so that
// their place tells them from attributes of their names that were posted to an earlier version.
const (
	holdName     = "nonDelete"
	labelsName   = "labels"
	commentsName = "comments"
	holdHead     = `"` + holdName + `":`
	labelsHead   = `"` + labelsName + `":`
	commentsHead = `"` + commentsName + `":`
)

// ownNames are the names of what the service notes of a recording itself.
var ownNames = []string{changedName, holdName, labelsName, commentsName}

// storedMarks is the stored form of the marks, without its braces.
type storedMarks struct {
	NonDelete *Hold     `json:"nonDelete,omitzero"`
	Labels    []Label   `json:"labels,omitempty"`
	Comments  []Comment `json:"comments,omitempty"`
}

// withMarks inserts the marks of a recording into its stored form.
func withMarks(data []byte, r *Recording) ([]byte, error) {
	marks, err := json.Marshal(&storedMarks{r.NonDelete, r.Labels, r.Comments}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	marks[len(marks)-1] = ',' // in place of its brace
	return append(marks, data[1:]...), nil
}

// marks reads what the service has noted of a recording, in front of the recording's own members.
func (s *storedScanner) marks(r *Recording) {
	if s.hasName(holdHead) {
		r.NonDelete = new(Hold)
		s.hold(r.NonDelete)
		s.expect(',')
	}
	if s.hasName(labelsHead) {
		array(s, &r.Labels, s.label)
		s.expect(',')
	}
	if s.hasName(commentsHead) {
		array(s, &r.Comments, s.comment)
		s.expect(',')
	}
}

// skipMarks goes behind what marks reads.
func (s *storedScanner) skipMarks() {
	for _, name := range []string{holdHead, labelsHead, commentsHead} {
		if s.hasName(name) {
			s.skip()
			s.expect(',')
		}
	}
}

// hasName reads the name of a member if it is the next one.
func (s *storedScanner) hasName(name string) bool {
	if s.failed || s.at > len(s.text) || !strings.HasPrefix(s.text[s.at:], name) {
		return false
	}
	s.at += len(name)
	return true
}

func (s *storedScanner) hold(h *Hold) {
	var none jsontext.Value
	s.object(&none, func(name string) bool {
		switch name {
		case "time":
			s.time(&h.Time)
		case "user":
			s.string(&h.User)
		case "reason":
			s.string(&h.Reason)
		default:
			s.failed = true
		}
		return true
	})
}

func (s *storedScanner) label(l *Label) {
	var none jsontext.Value
	s.object(&none, func(name string) bool {
		switch name {
		case "name":
			s.string(&l.Name)
		case "value":
			s.string(&l.Value)
		case "time":
			s.time(&l.Time)
		case "user":
			s.string(&l.User)
		default:
			s.failed = true
		}
		return true
	})
}

// withoutOwn removes attributes of the names of what the service notes itself, which a client posted
// to an earlier version.
func withoutOwn(extra jsontext.Value) jsontext.Value {
	if !mayHaveOwn(string(extra)) {
		return extra
	}
	return object(slices.DeleteFunc(members(extra), func(m member) bool { return slices.Contains(ownNames, m.name) }))
}

// mayHaveOwn reports whether a text may hold an attribute that withoutOwn removes.
func mayHaveOwn(text string) bool {
	if text == "" {
		return false
	}
	return slices.ContainsFunc(ownNames, func(name string) bool { return strings.Contains(text, `"`+name+`"`) })
}

// labelTerms appends what searches see of labels: each name, and name=value, folded.
func labelTerms(terms []string, labels []Label) []string {
	for _, l := range labels {
		terms = append(terms, Fold(l.Name))
		if l.Value != "" {
			terms = append(terms, Fold(l.Name+"="+l.Value))
		}
	}
	return sortedUnique(withPlain(terms))
}

// hold reads a hold that is moved from another installation.
func (d *decoder) hold(h **Hold) {
	if !d.Marks {
		d.skip()
		return
	}

	read := new(Hold)
	var unknown jsontext.Value
	seen := d.object("a hold, a JSON object", &unknown, []attribute{
		{"time", timeForms, func() { d.time(&read.Time) }},
		{"user", "", func() { d.checked(&read.User, checkUser) }},
		{"reason", "", func() { d.checked(&read.Reason, CheckReason) }},
	})
	if seen != nil {
		*h = read
	}
}

// labels reads labels that are moved from another installation.
func (d *decoder) labels(labels *[]Label) {
	if !d.Marks {
		d.skip()
		return
	}

	var r Recording
	n := d.array(anArray, func() {
		var l Label
		var unknown jsontext.Value
		seen := d.object("a label, a JSON object", &unknown, []attribute{
			{"name", "the name of a label", func() { d.checked(&l.Name, CheckLabelName) }},
			{"value", "", func() { d.checked(&l.Value, CheckLabelValue) }},
			{"time", timeForms, func() { d.time(&l.Time) }},
			{"user", "", func() { d.checked(&l.User, checkUser) }},
		})
		switch {
		case seen == nil:
		case r.Label(l.Name) != nil:
			d.invalid("is the second label of its name; accepted is one")
		default:
			r.Labels = append(r.Labels, l)
		}
	})
	if n > MaxLabels {
		d.invalid("has more than %d labels", MaxLabels)
	}
	*labels = r.Labels
}

// checkUser bounds the name of a user.
func checkUser(name string) error { return checkLine(name, MaxReason) }

// checked reads a string that has to pass a check.
func (d *decoder) checked(s *string, check func(string) error) {
	if !d.string(s) {
		return
	}
	if err := check(*s); err != nil {
		d.invalid("%v", err)
	}
}

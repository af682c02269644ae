package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// The parameters of a completion.
const (
	ParamField = "field" // whose values complete a text
	ParamText  = "text"  // what of a value is there already
)

// FieldUserDataKeys is the field of the keys of user data. The other fields are criteria, by their names:
// their values are what these criteria find.
const FieldUserDataKeys = "userDataKey"

// CompletedFields are the fields whose values complete a text, for people: see [AnyKey].
var CompletedFields = []string{
	ParamCallerPhoneNumber, ParamDialedPhoneNumber, ParamPhoneNumber, ParamUserName, ParamUserData, FieldUserDataKeys,
	ParamUserDataKey + AnyKey,
}

// The bounds of what completes a text. Nobody reads a longer value in a list, and a recording could have
// tens of thousands.
const (
	MaxCompletion  = 256 // bytes of a value
	maxCompletions = 100 // of one recording
)

// Completion is a text that is still being typed, of a field. The values of that field complete it which
// have it in them (of phone numbers), or which begin with it (of all others), as the criterion of that
// field compares them: as people write numbers, in any letter case, and without accents.
type Completion struct {
	field string
	find  Expression // nil: any value
	key   string     // folded, of user data; empty: any
}

// Completed is a value that completes a text.
type Completed struct {
	Value string // as it is stored, in one line
	Same  string // one text for all values that differ in how they are spelled only
}

// ParseCompletion reads a completion. An empty text is completed by every value. The error is a [Problems]
// about [ParamField] and [ParamText].
func ParseCompletion(field, text string) (*Completion, error) {
	var problems Problems
	refuse := func(param, message string) {
		problems = append(problems, Problem{Path: param, Message: message, Missing: param == ParamField && field == ""})
	}

	c := &Completion{field: field}
	key, keyed := strings.CutPrefix(field, ParamUserDataKey)
	switch {
	case field == "":
		refuse(ParamField, "is missing: "+alternatives(CompletedFields))
	case keyed:
		if err := new(Criteria).setUserDataKey(key, "*"); err != nil {
			refuse(ParamField, err.Error())
		}
		c.field, c.key = ParamUserDataKey, Fold(key)
	case !slices.Contains(CompletedFields, field):
		refuse(ParamField, "is not "+alternatives(CompletedFields))
	}

	if text != "" {
		if err := c.setText(text); err != nil {
			refuse(ParamText, err.Error())
		}
	}
	if problems != nil {
		return nil, problems
	}
	return c, nil
}

// setText reads what is there already. A star in it is one.
func (c *Completion) setText(text string) error {
	if len(text) > maxParam {
		return fmt.Errorf("is longer than %d bytes", maxParam)
	}
	if !isPlain(text) {
		return fmt.Errorf("is not text in UTF-8 without NUL characters")
	}

	if c.isNumber() {
		part := strings.TrimFunc(oneLine(readPlus(text)), isBlank)
		if symbols, ok := symbolsOnly([]string{part}); ok && part != "" {
			part = symbols[0]
		}
		if part == "" {
			return fmt.Errorf("holds white space only; accepted is a part of a number, or leave it out")
		}
		c.find = Expression{{PatternOf("", part, "")}}
		return nil
	}

	begins := Fold(strings.TrimLeft(text, " \t\r\n"))
	if c.field == ParamUserName {
		begins = withoutCommas(begins, false)
	}
	if begins == "" {
		return fmt.Errorf("holds white space only; accepted is the beginning of a value, or leave it out")
	}
	c.find = Expression{{PatternOf(begins, "")}}
	return nil
}

func (c *Completion) isNumber() bool {
	return c.field == ParamCallerPhoneNumber || c.field == ParamDialedPhoneNumber || c.field == ParamPhoneNumber
}

// AddTo adds to the criteria of a search that a recording has a value which completes the text. Nothing is
// added for keys, by which recordings are not searched. The error is a [Problems] that names a criterion
// about the same field, in whose place the text stands.
func (c *Completion) AddTo(criteria *Criteria) error {
	taken := func(name string) error {
		message := "cannot be given with " + ParamField + "=" + name + ": in its place stands " + ParamText
		return Problems{{Path: name, Message: message}}
	}

	to := map[string]*Expression{
		ParamCallerPhoneNumber: &criteria.CallerPhoneNumber, ParamDialedPhoneNumber: &criteria.DialedPhoneNumber,
		ParamPhoneNumber: &criteria.PhoneNumber, ParamUserName: &criteria.UserName, ParamUserData: &criteria.UserData,
	}[c.field]
	switch {
	case to != nil && *to != nil:
		return taken(c.field)
	case to != nil:
		*to = c.find
	case c.field == ParamUserDataKey:
		find := c.find
		if find == nil {
			find = Expression{{PatternOf("", "")}}
		}
		e := find.under(c.key)
		if slices.ContainsFunc(criteria.UserDataByKey, func(other Expression) bool { return other.key() == e.key() }) {
			return taken(ParamUserDataKey + c.key)
		}
		criteria.UserDataByKey = append(slices.Clone(criteria.UserDataByKey), e)
	}
	return nil
}

// Of returns the values of a recording that complete the text, in the order in which it has them. Of those
// that are the same it has the first one; it leaves out those of more than [MaxCompletion] bytes, and
// what is more than a hundred.
func (c *Completion) Of(r *Recording) (all []Completed) {
	seen := make(map[string]bool)
	add := func(value, same string, found []string) bool {
		value = oneLine(value)
		if strings.TrimFunc(value, isBlank) == "" || len(value) > MaxCompletion || seen[same] || !c.find.Match(found) {
			return true
		}
		seen[same] = true
		all = append(all, Completed{value, same})
		return len(all) < maxCompletions
	}

	if c.isNumber() {
		c.numbers(r, add)
		return all
	}
	for i := range r.EventHistory {
		e := &r.EventHistory[i]
		if c.field == ParamUserName && e.Contact != nil && !e.Contact.completions(add) ||
			c.field != ParamUserName && !c.data(e, add) {
			break
		}
	}
	return all
}

// adding is a function that takes a value, the text that is the same for the same values, and by what it
// is found. It returns whether to go on.
type adding func(value, same string, found []string) bool

// numbers gives the numbers of a recording that are of the field.
func (c *Completion) numbers(r *Recording, add adding) {
	number := func(posted string) bool {
		found := appendNumber(nil, posted)
		same := found[0]
		if symbols, ok := symbolsOnly(found[:1]); ok {
			same = symbols[0]
		}
		return add(found[0], same, found)
	}

	if c.field != ParamDialedPhoneNumber {
		number(r.CallerPhoneNumber)
	}
	if c.field != ParamCallerPhoneNumber {
		number(r.DialedPhoneNumber)
	}
	for i := range r.EventHistory {
		contact := r.EventHistory[i].Contact
		if c.field == ParamPhoneNumber && contact != nil && !number(contact.PhoneNumber) {
			return
		}
	}
}

// completions gives the full name of a contact, and the user name.
func (c *Contact) completions(add adding) bool {
	full, of := c.FirstName+c.LastName, Contact{FirstName: c.FirstName, LastName: c.LastName}
	if first, last := foldName(c.FirstName), foldName(c.LastName); first != "" && last != "" {
		full = c.FirstName + " " + c.LastName
		if withoutBlanks(first) && withoutBlanks(last) {
			full = c.LastName + c.FirstName
		}
	}
	return add(full, foldName(full), of.names()) &&
		add(c.UserName, foldName(c.UserName), (&Contact{UserName: c.UserName}).names())
}

// data gives the values of the user data of an event that are of the field, or the keys.
func (c *Completion) data(e *Event, add adding) bool {
	for name, leaf := range e.UserData() {
		value, key := leaf, ""
		switch {
		case len(leaf) == 0:
			continue // no search finds it
		case c.field == FieldUserDataKeys:
			value = name
		case c.field == ParamUserDataKey:
			key = dataKeyOf(name)
		}
		if len(value) > MaxCompletion || key != c.key {
			continue
		}
		if folded := Fold(value); !add(value, folded, withPlain([]string{folded})) {
			return false
		}
	}
	return true
}

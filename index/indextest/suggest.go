package indextest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"recordings/index"
	"recordings/mapping"
)

// Completions generates what is typed, and the field whose values complete it. Many have some.
func Completions() *rapid.Generator[[2]string] {
	return rapid.Custom(func(t *rapid.T) [2]string {
		field := rapid.SampledFrom([]string{
			mapping.ParamCallerPhoneNumber, mapping.ParamDialedPhoneNumber, mapping.ParamPhoneNumber,
			mapping.ParamUserName, mapping.ParamUserName, mapping.ParamUserData, mapping.FieldUserDataKeys,
			mapping.ParamUserDataKey + "p", mapping.ParamUserDataKey + "Q", mapping.ParamUserDataKey + "a=b",
		}).Draw(t, "field")
		from := values
		switch {
		case strings.HasSuffix(field, "Number"):
			from = phoneNumbers
		case field == mapping.ParamUserName:
			from = names
		case field == mapping.FieldUserDataKeys:
			from = keys
		}

		text := []rune(rapid.SampledFrom(from).Draw(t, "text"))
		if len(text) > 0 {
			text = text[:rapid.IntRange(0, len(text)).Draw(t, "length")]
		}
		if strings.TrimSpace(string(text)) == "" {
			text = nil // any value
		}
		return [2]string{field, string(text)}
	})
}

// CheckSuggest compares what completes a text with what looking at all recordings of the contact center
// one by one makes, of which [mapping.Match] is asked.
func CheckSuggest(
	ctx context.Context, x index.Index, recordings map[string]*mapping.Recording, q index.Query, field, text string,
	most int,
) error {
	c, err := mapping.ParseCompletion(field, text)
	if err != nil {
		return err
	}
	inTheWay := c.AddTo(new(q.Criteria)) != nil
	got, err := index.Suggest(ctx, x, q, c, most)
	if inTheWay {
		if err == nil {
			err = fmt.Errorf("a criterion is in the way of the values of %s, and nobody says so", field)
		} else {
			err = nil
		}
		return err
	}
	if err != nil {
		return err
	}

	want, err := ExpectSuggested(recordings, q, field, text, most)
	if err == nil && (!slices.Equal(got.Suggestions, want.Suggestions) || got.LookedAt != want.LookedAt ||
		got.More != want.More) {
		err = fmt.Errorf("%s %q is completed by %+v, want %+v", field, text, got, want)
	}
	return err
}

// ExpectSuggested is what must complete a text, given all recordings of the contact center by their ids.
func ExpectSuggested(
	recordings map[string]*mapping.Recording, q index.Query, field, text string, most int,
) (index.Suggested, error) {
	params := map[string]string{}
	if pattern := patternOf(field, text); pattern != "" && field != mapping.FieldUserDataKeys {
		params[field] = pattern
	}
	completes, err := mapping.ParseCriteria(params)
	if err != nil {
		return index.Suggested{}, err
	}

	has := make(map[string]*mapping.Recording)
	for id, r := range recordings {
		if mapping.Match(&completes, r) {
			has[id] = r
		}
	}
	ids, more, _ := expect(has, q)
	all := index.Suggested{LookedAt: len(ids), More: more}
	places := make(map[string]int)
	for _, id := range ids {
		counted := make(map[string]bool)
		for _, one := range valuesOf(has[id], field) {
			matches, err := one.completes(field, text)
			if err != nil {
				return index.Suggested{}, err
			}
			same := one.same(field)
			if !matches || counted[same] || strings.TrimFunc(one.value, isInvisible) == "" {
				continue
			}
			counted[same] = true
			if _, known := places[same]; !known {
				places[same] = len(all.Suggestions)
				all.Suggestions = append(all.Suggestions, index.Suggestion{Value: one.value})
			}
			all.Suggestions[places[same]].Recordings++
		}
	}

	slices.SortStableFunc(all.Suggestions, func(a, b index.Suggestion) int { return b.Recordings - a.Recordings })
	all.Suggestions = all.Suggestions[:min(most, len(all.Suggestions))]
	return all, nil
}

// patternOf is the criterion that finds what completes a text; empty: anything does.
func patternOf(field, text string) string {
	switch {
	case text == "" && strings.HasPrefix(field, mapping.ParamUserDataKey):
		return "*"
	case text == "":
		return ""
	case strings.HasSuffix(field, "Number"):
		return "*" + strings.ReplaceAll(text, "*", `\*`) + "*"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "*", `\*`).Replace(strings.TrimLeft(text, " ")) + `*"`
}

// value is a value of a recording, and a recording that has nothing else.
type value struct {
	value string
	alone *mapping.Recording
}

// completes reports whether the value completes a text, by what a search finds of a recording that has it
// alone.
func (v *value) completes(field, text string) (bool, error) {
	if field == mapping.FieldUserDataKeys { // compared as values are
		field = mapping.ParamUserData
	}
	pattern := patternOf(field, text)
	if pattern == "" {
		return true, nil
	}
	c, err := mapping.ParseCriteria(map[string]string{field: pattern})
	return mapping.Match(&c, v.alone), err
}

var commas = regexp.MustCompile(",+( |$)")

// same is one text for all values that differ in spelling only.
func (v *value) same(field string) string {
	switch {
	case field == mapping.ParamUserName:
		return commas.ReplaceAllString(mapping.Fold(v.value), "$1")
	case !strings.HasSuffix(field, "Number"):
		return mapping.Fold(v.value)
	}

	symbols := strings.Map(func(r rune) rune {
		if strings.ContainsRune("()-./", r) || isInvisible(r) {
			return -1
		}
		return r
	}, v.value)
	if symbols == "" || strings.Trim(symbols, "0123456789+*") != "" {
		return v.value
	}
	return symbols
}

func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// valuesOf are all values of a field that a recording has, in its order.
func valuesOf(r *mapping.Recording, field string) (all []value) {
	number := func(posted string) {
		shown := strings.TrimFunc(posted, isInvisible)
		all = append(all, value{shown, &mapping.Recording{CallerPhoneNumber: posted, DialedPhoneNumber: posted}})
	}
	name := func(shown string, c mapping.Contact) {
		all = append(all, value{shown, &mapping.Recording{EventHistory: []mapping.Event{{Contact: &c}}}})
	}
	if field == mapping.ParamCallerPhoneNumber || field == mapping.ParamPhoneNumber {
		number(r.CallerPhoneNumber)
	}
	if field == mapping.ParamDialedPhoneNumber || field == mapping.ParamPhoneNumber {
		number(r.DialedPhoneNumber)
	}

	for _, e := range r.EventHistory {
		if c := e.Contact; c != nil {
			switch field {
			case mapping.ParamPhoneNumber:
				number(c.PhoneNumber)
			case mapping.ParamUserName:
				name(fullName(c), mapping.Contact{FirstName: c.FirstName, LastName: c.LastName})
				name(c.UserName, mapping.Contact{UserName: c.UserName})
			}
		}
		if !strings.HasPrefix(field, mapping.ParamUserData) {
			continue
		}
		for key, leaf := range e.UserData() {
			shown := leaf
			if field == mapping.FieldUserDataKeys {
				shown = key
			}
			_, of, keyed := strings.Cut(field, ".")
			if leaf != "" && (!keyed || mapping.Fold(of) == mapping.Fold(key)) {
				all = append(all, value{shown, withData(key, shown)})
			}
		}
	}
	return all
}

// fullName is the name of a contact as it is shown.
func fullName(c *mapping.Contact) string {
	isHan := func(s string) bool { return unicode.Is(unicode.Han, []rune(s)[0]) }
	switch {
	case c.FirstName == "" || c.LastName == "":
		return c.FirstName + c.LastName
	case isHan(c.FirstName) && isHan(c.LastName):
		return c.LastName + c.FirstName
	}
	return c.FirstName + " " + c.LastName
}

// withData is a recording that has one value of user data.
func withData(key, value string) *mapping.Recording {
	data, err := json.Marshal(map[string]string{key: value})
	if err != nil {
		panic("encoding " + strconv.Quote(value) + ": " + err.Error()) // cannot happen to text
	}
	return &mapping.Recording{EventHistory: []mapping.Event{{Event: mapping.EventData, Data: data}}}
}

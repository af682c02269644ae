package openapi

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
)

// Words are the texts of a description, and its examples. They are kept as YAML, where people who write
// documentation find them:
//
//	about: what the API is
//	tags, parameters, headers, security, operations: texts by their names; operations may do without
//	statuses: by HTTP statuses: about, and of errors a message as an example
//	members: texts by the names of members, for all schemas which do not have their own
//	schemas: by their names: about, example (in JSON), and texts by the names of their members
type Words struct {
	texts struct {
		About      string
		Tags       map[string]string
		Parameters map[string]string
		Headers    map[string]string
		Security   map[string]string
		Operations map[string]string
		Members    map[string]string
		Statuses   map[int]struct{ About, Message string }
		Schemas    map[string]map[string]string
	}
	taken map[string]bool // what has been used, by "section name"
	errs  []error
}

// The entries of a schema that are not about one of its members.
const (
	aboutSchema   = "about"
	exampleSchema = "example"
)

// ParseWords reads words.
func ParseWords(text []byte) (*Words, error) {
	w := &Words{taken: make(map[string]bool)}
	if err := yaml.UnmarshalWithOptions(text, &w.texts, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("reading the words of the description: %w", err)
	}
	return w, nil
}

// wrong notes that the words do not fit what they are about.
func (w *Words) wrong(message string) { w.errs = append(w.errs, errors.New(message)) }

// take returns a text that has to be there.
func (w *Words) take(section string, texts map[string]string, name string) string {
	w.taken[section+" "+name] = true
	if texts[name] == "" {
		w.wrong(fmt.Sprintf("%s: there are no words for %s", section, name))
	}
	return texts[name]
}

// operation is what there is to say about an operation beyond its summary; empty: nothing.
func (w *Words) operation(id string) string {
	w.taken["operations "+id] = true
	return w.texts.Operations[id]
}

// status is what a status means.
func (w *Words) status(status int) string {
	s := w.texts.Statuses[status]
	if s.About == "" {
		w.wrong(fmt.Sprintf("statuses: there are no words for %d", status))
	}
	w.taken[fmt.Sprint("statuses ", status)] = true
	return s.About
}

// schema is what a schema is of.
func (w *Words) schema(name string) string {
	return w.take("schemas "+name, w.texts.Schemas[name], aboutSchema)
}

// example is a value of a schema; nil: there is none.
func (w *Words) example(name string) jsontext.Value {
	return jsontext.Value(w.take("schemas "+name, w.texts.Schemas[name], exampleSchema))
}

// member is what a member of a schema is: in words of its own, or in those of all of its name.
func (w *Words) member(schema, name string) string {
	if own := w.texts.Schemas[schema]; own[name] != "" {
		return w.take("schemas "+schema, own, name)
	}
	text := w.texts.Members[name]
	if text == "" {
		w.wrong(fmt.Sprintf("schemas: there are no words for %s.%s", schema, name))
	}
	w.taken["members "+name] = true
	return text
}

// problems are all that was missing, and words for what is not there.
func (w *Words) problems() error {
	unused := func(section string, names []string) {
		for _, name := range names {
			if !w.taken[section+" "+name] {
				w.wrong(fmt.Sprintf("%s: there are words for %s, which is not there", section, name))
			}
		}
	}
	t := &w.texts
	unused("tags", sortedKeys(t.Tags))
	unused("parameters", sortedKeys(t.Parameters))
	unused("headers", sortedKeys(t.Headers))
	unused("security", sortedKeys(t.Security))
	unused("operations", sortedKeys(t.Operations))
	unused("members", sortedKeys(t.Members))
	for _, name := range sortedKeys(t.Schemas) {
		unused("schemas "+name, sortedKeys(t.Schemas[name]))
	}
	var statuses []string
	for status := range t.Statuses {
		statuses = append(statuses, fmt.Sprint(status))
	}
	slices.Sort(statuses)
	unused("statuses", statuses)
	return errors.Join(w.errs...)
}

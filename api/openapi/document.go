// Package openapi makes a description of an HTTP API: a document of OpenAPI 3.1 with schemas that are
// derived from the Go types which are encoded and decoded.
//
// It knows nothing of what the API is about. That is told by three others: a table of routes has the
// [Operation]s, Go types have the names of attributes and what is always there (see [Schemas]), and a
// text has the words for people ([Words]). Whatever has no words, and words for what is not there, are
// errors, so that none of the three is forgotten when another one changes.
package openapi

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Version is the version of OpenAPI that documents are of.
const Version = "3.1.1"

// Operation is what a method does at a path.
type Operation struct {
	ID      string // unique; names the words and the functions of generated clients
	Method  string
	Path    string
	Aliases []string // further paths of the same
	Tag     string
	Summary string
	Roles   []string // of which a caller has one; none: everybody, without credentials
	Scope   string   // whose things it is about, in words
	Public  bool     // credentials are not needed, but may be given

	Parameters []Parameter
	Bodies     []Content // one of which is sent; none: there is no body
	Answers    []Answer  // to successes
	Errors     []int     // HTTP statuses, each of which [Info.Errors] has
}

// Parameter is a parameter of the path, of the query, or a header. Its words are those of its own name
// under "parameters", unless About is given.
type Parameter struct {
	Name     string
	In       string // "path", "query" or "header"
	Required bool
	Schema   Schema
	Example  any
	About    string
}

// Content is a body of one media type: a value of a Go type, or what a schema says.
type Content struct {
	MediaType string
	Types     []reflect.Type // it is a value of one of these; none: Schema says all
	Lines     bool           // it has such a value on each line
	Required  []string       // members that must not be empty here, beside those that the type says
	Schema    Schema
	Optional  bool // a request may have no body
}

// Answer is a success.
type Answer struct {
	Status   int
	Contents []Content
	Headers  []string // beside those of all answers; each has words
}

// Info is what a document says about the API as a whole.
type Info struct {
	Title, Version string
	Server         string // what paths are appended to
	License        string // SPDX
	Tags           []string
	Errors         []Error
	Common         []Parameter // that all operations take, beside their own
	Security       map[string]Security
}

// Error is how one HTTP status tells that something went wrong.
type Error struct {
	Status  int
	Codes   []int        // the statusCodes that come with it
	Type    reflect.Type // of the body
	Headers []string
}

// Security is a way to say who calls.
type Security struct {
	Type   string `json:"type"`
	Scheme string `json:"scheme,omitzero"`
	In     string `json:"in,omitzero"`
	Name   string `json:"name,omitzero"`
	About  string `json:"description"`
}

// object is a JSON object whose members have an order.
type object []member

type member struct {
	name  string
	value any
}

// add appends a member, unless there is nothing to say.
func (o *object) add(name string, value any) {
	if v := reflect.ValueOf(value); !v.IsValid() || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0 {
		return
	}
	*o = append(*o, member{name, value})
}

// MarshalJSONTo implements [json.MarshalerTo].
func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := e.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, m.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// document is a description on its way.
type document struct {
	info    Info
	words   *Words
	schemas *Schemas
	used    map[string]bool // the headers that answers have
}

// Build writes the description of operations. The error has all that is not described, or is described
// and not there.
func Build(info Info, operations []Operation, schemas *Schemas, words *Words) ([]byte, error) {
	d := &document{info, words, schemas, make(map[string]bool)}
	schemas.words = words
	paths := d.paths(operations)
	responses := d.errors()
	schemas.finish()

	var doc object
	doc.add("openapi", Version)
	doc.add("info", object{
		{"title", info.Title}, {"version", info.Version}, {"description", words.texts.About},
		{"license", object{{"name", info.License}, {"identifier", info.License}}},
	})
	doc.add("servers", []any{object{{"url", info.Server}}})
	doc.add("tags", d.tags())
	doc.add("paths", paths)
	var components object
	components.add("schemas", schemas.components())
	components.add("responses", responses)
	var common object
	for _, p := range info.Common {
		common = append(common, member{p.Name, d.parameter(p)})
	}
	components.add("parameters", common)
	components.add("headers", d.headers())
	components.add("securitySchemes", d.security())
	doc.add("components", components)

	if err := words.problems(); err != nil {
		return nil, err
	}
	return json.Marshal(doc, json.Deterministic(true), jsontext.CanonicalizeRawFloats(true))
}

// paths are all operations by their paths, in the order in which these come first.
func (d *document) paths(operations []Operation) object {
	var paths object
	for _, op := range operations {
		i := slices.IndexFunc(paths, func(m member) bool { return m.name == op.Path })
		if i < 0 {
			i = len(paths)
			paths = append(paths, member{op.Path, object{}})
		}
		item := paths[i].value.(object)
		item.add(strings.ToLower(op.Method), d.operation(&op))
		paths[i].value = item
	}
	return paths
}

// operation describes one.
func (d *document) operation(op *Operation) object {
	var o object
	o.add("operationId", op.ID)
	o.add("tags", []string{op.Tag})
	o.add("summary", op.Summary)
	about := []string{d.words.operation(op.ID)}
	if len(op.Roles) == 0 {
		about = append(about, "**Who:** anybody.")
	} else {
		about = append(about, "**Who:** "+strings.Join(op.Roles, ", ")+" — "+op.Scope+".")
	}
	if len(op.Aliases) > 0 {
		about = append(about, "Also at `"+strings.Join(op.Aliases, "`, `")+"`.")
	}
	about = slices.DeleteFunc(about, func(text string) bool { return text == "" })
	o.add("description", strings.Join(about, "\n\n"))
	o.add("x-roles", op.Roles)
	o.add("x-also-at", op.Aliases)
	o = append(o, member{"security", d.requirements(op)})

	var parameters []any
	for _, p := range op.Parameters {
		parameters = append(parameters, d.parameter(p))
	}
	for _, p := range d.info.Common {
		parameters = append(parameters, object{{"$ref", "#/components/parameters/" + p.Name}})
	}
	o.add("parameters", parameters)
	if len(op.Bodies) > 0 {
		o.add("requestBody", object{
			{"content", d.contents(op.Bodies, d.schemas.request)}, {"required", !op.Bodies[0].Optional},
		})
	}
	o.add("responses", d.answers(op))
	return o
}

// requirements says which credentials are needed: one of several, or none.
func (d *document) requirements(op *Operation) []any {
	all := []any{}
	if op.Public {
		all = append(all, object{})
	}
	if op.Public || len(op.Roles) > 0 {
		for _, name := range sortedKeys(d.info.Security) {
			all = append(all, object{{name, []string{}}})
		}
	}
	return all
}

// parameter describes one.
func (d *document) parameter(p Parameter) object {
	about := p.About
	if about == "" {
		about = d.words.take("parameters", d.words.texts.Parameters, p.Name)
	}
	var o object
	o.add("name", p.Name)
	o.add("in", p.In)
	o.add("required", p.Required)
	o.add("description", about)
	if !p.Required && p.Example != nil { // an example beside the schema is what viewers would send
		p.Schema.Examples = []any{p.Example}
	}
	o.add("schema", p.Schema)
	if p.Required {
		o.add("example", p.Example)
	}
	return o
}

// contents are bodies by their media types.
func (d *document) contents(all []Content, schema func(reflect.Type) Schema) object {
	var o object
	for _, c := range all {
		var m object
		if len(c.Types) == 0 {
			m.add("schema", c.Schema)
			o = append(o, member{c.MediaType, m})
			continue
		}

		var all []Schema
		for _, t := range c.Types {
			s := schema(t)
			s.Required = c.Required
			for _, name := range c.Required {
				s.Properties = append(s.Properties, Property{name, Schema{MinLength: 1}})
			}
			all = append(all, s)
		}
		one := all[0]
		if len(all) > 1 {
			one = Schema{AnyOf: all}
		}
		switch {
		case c.Lines:
			m.add("schema", Schema{Type: "string", Description: "One JSON value a line, as x-item-schema has it."})
			m.add("x-item-schema", one)
			var text strings.Builder
			for _, s := range all {
				text.Write(d.words.example(s.name()))
				text.WriteByte('\n')
			}
			m.add("example", text.String())
		case len(all) > 1:
			m.add("schema", one)
			var examples object
			for _, s := range all {
				examples = append(examples, member{s.name(), object{{"value", d.words.example(s.name())}}})
			}
			m.add("examples", examples)
		default:
			m.add("schema", one)
			m.add("example", d.words.example(one.name()))
		}
		o = append(o, member{c.MediaType, m})
	}
	return o
}

// answers are the successes of an operation, and then its errors.
func (d *document) answers(op *Operation) object {
	var o object
	for _, a := range op.Answers {
		answer := object{{"description", d.words.status(a.Status)}, {"headers", d.refer(a.Headers)}}
		if len(a.Contents) > 0 {
			answer = append(answer, member{"content", d.contents(a.Contents, d.schemas.answer)})
		}
		o = append(o, member{strconv.Itoa(a.Status), answer})
	}
	for _, status := range slices.Sorted(slices.Values(op.Errors)) {
		name := strconv.Itoa(status)
		if !slices.ContainsFunc(d.info.Errors, func(e Error) bool { return e.Status == status }) {
			d.words.wrong(op.ID + ": there is no error with the status " + name)
		}
		o = append(o, member{name, object{{"$ref", "#/components/responses/Error" + name}}})
	}
	return o
}

// requestID is the header that every answer has.
const requestID = "X-Request-Id"

// errors are the answers to what went wrong, by their statuses.
func (d *document) errors() object {
	var o object
	for _, e := range d.info.Errors {
		o = append(o, member{"Error" + strconv.Itoa(e.Status), object{
			{"description", d.words.status(e.Status) + ": statusCode " + codes(e.Codes) + "."},
			{"headers", d.refer(e.Headers)},
			{"content", object{{"application/json", object{
				{"schema", d.schemas.answer(e.Type)},
				{"example", object{
					{"statusCode", e.Codes[0]}, {"statusMessage", d.words.texts.Statuses[e.Status].Message},
					{"requestId", "4K7RZX2QDPM3WAAS"},
				}},
			}}}},
			{"x-status-codes", e.Codes},
		}})
	}
	return o
}

// refer refers to the headers of an answer.
func (d *document) refer(names []string) (o object) {
	for _, name := range append([]string{requestID}, names...) {
		d.used[name] = true
		o = append(o, member{name, object{{"$ref", "#/components/headers/" + name}}})
	}
	return o
}

// codes writes numbers as a sentence has them.
func codes(all []int) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, " or ")
}

// headers are those of answers.
func (d *document) headers() object {
	var o object
	for _, name := range sortedKeys(d.used) {
		o = append(o, member{name, object{
			{"description", d.words.take("headers", d.words.texts.Headers, name)}, {"schema", Schema{Type: "string"}},
		}})
	}
	return o
}

func (d *document) tags() (all []any) {
	for _, tag := range d.info.Tags {
		all = append(all, object{{"name", tag}, {"description", d.words.take("tags", d.words.texts.Tags, tag)}})
	}
	return all
}

func (d *document) security() (o object) {
	for _, name := range sortedKeys(d.info.Security) {
		s := d.info.Security[name]
		s.About = d.words.take("security", d.words.texts.Security, name)
		o = append(o, member{name, s})
	}
	return o
}

// sortedKeys are the names in a map.
func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(a, b) })
	return names
}

// String says which operation it is.
func (op *Operation) String() string { return fmt.Sprintf("%s %s", op.Method, op.Path) }

package openapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"recordings/api/openapi"
)

// Types as an API has them.
type (
	moment int64
	base   struct {
		Name  string `json:"name"`
		Notes []note `json:"notes,omitzero"`
	}
	note struct {
		Text string  `json:"text"`
		At   *moment `json:"at,omitzero"`
	}
	nothing   struct{}
	thingView struct {
		base
		Size   uint64            `json:"size"`
		Share  float64           `json:"share"`
		Facts  map[string]string `json:"facts,omitempty"`
		Hidden nothing           `json:"notes,omitzero"` // takes the place of the embedded ones
		Secret string            `json:"-"`
		inside string
		Extra  jsontext.Value `json:",embed"`
	}
	failure struct {
		StatusCode    int    `json:"statusCode"`
		StatusMessage string `json:"statusMessage"`
		RequestID     string `json:"requestId"`
	}
)

var _ = thingView{inside: "nobody sees"}

const someWords = `
about: what it is
tags: {things: all of them}
parameters: {id: which}
headers: {X-Request-Id: the request}
security: {basic: a password}
statuses:
  200: {about: done}
  404: {about: not there, message: no such thing}
members: {size: how large}
schemas:
  Thing: {about: a thing, name: its name, share: its share, facts: more, example: '{"name":"a","size":1,"share":0.5}'}
  Failure: {about: it failed, statusCode: why, statusMessage: how, requestId: which}
`

// build describes one operation.
func build(t *testing.T, words string) (map[string]any, error) {
	t.Helper()
	w, err := openapi.ParseWords([]byte(words))
	if err != nil {
		t.Fatal(err)
	}
	schemas := &openapi.Schemas{
		Known: map[reflect.Type]openapi.Schema{reflect.TypeFor[moment](): {Type: "string", Format: "date-time"}},
	}
	info := openapi.Info{
		Title: "things", Version: "1", Server: "/", License: "Apache-2.0", Tags: []string{"things"},
		Errors:   []openapi.Error{{Status: 404, Codes: []int{6}, Type: reflect.TypeFor[failure]()}},
		Security: map[string]openapi.Security{"basic": {Type: "http", Scheme: "basic"}},
	}
	read := openapi.Operation{
		ID: "readThing", Method: "GET", Path: "/things/{id}", Aliases: []string{"/thing/{id}"}, Tag: "things",
		Summary: "one thing", Roles: []string{"admin"}, Scope: "about one thing",
		Parameters: []openapi.Parameter{{
			Name: "id", In: "path", Required: true, Schema: openapi.Schema{Type: "string"}, Example: "a",
		}},
		Answers: []openapi.Answer{{Status: 200, Contents: []openapi.Content{
			{MediaType: "application/json", Types: []reflect.Type{reflect.TypeFor[thingView]()}},
		}}},
		Errors: []int{404},
	}
	text, err := openapi.Build(info, []openapi.Operation{read}, schemas, w)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, nil
}

// at is what stands in a document at a path.
func at(t *testing.T, doc any, path ...string) any {
	t.Helper()
	for _, name := range path {
		doc = doc.(map[string]any)[name]
	}
	return doc
}

// TestSchema: the schema of a type is what go-json-experiment makes of it.
func TestSchema(t *testing.T) {
	t.Parallel()
	doc, err := build(t, someWords)
	if err != nil {
		t.Fatal(err)
	}
	thing := at(t, doc, "components", "schemas", "Thing")
	got, err := json.Marshal(thing)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"additionalProperties":true,"description":"a thing","properties":{` +
		`"facts":{"additionalProperties":{"type":"string"},"description":"more","type":"object"},` +
		`"name":{"description":"its name","type":"string"},` +
		`"share":{"description":"its share","type":"number"},` +
		`"size":{"description":"how large","format":"uint64","minimum":0,"type":"integer"}},` +
		`"required":["name","size","share"],"type":"object"}`
	if string(got) != want {
		t.Errorf("the schema is\n%s\nwant\n%s", got, want)
	}
}

// TestOperation: an operation has what its line of the table has.
func TestOperation(t *testing.T) {
	t.Parallel()
	doc, err := build(t, someWords)
	if err != nil {
		t.Fatal(err)
	}
	op := at(t, doc, "paths", "/things/{id}", "get")
	got, err := json.Marshal(map[string]any{
		"id": at(t, op, "operationId"), "roles": at(t, op, "x-roles"), "also": at(t, op, "x-also-at"),
		"answer": at(t, op, "responses", "200", "content", "application/json", "schema"),
		"error":  at(t, op, "responses", "404"), "security": at(t, op, "security"),
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"also":["/thing/{id}"],"answer":{"$ref":"#/components/schemas/Thing"},` +
		`"error":{"$ref":"#/components/responses/Error404"},"id":"readThing","roles":["admin"],` +
		`"security":[{"basic":[]}]}`
	if string(got) != want {
		t.Errorf("the operation is\n%s\nwant\n%s", got, want)
	}
}

// TestWords: what has no words is told, and what there are words for and is not there.
func TestWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ cut, add, want string }{
		"a member without words":    {"share: its share, ", "", "schemas: there are no words for Thing.share"},
		"a schema without words":    {"about: it failed, ", "", "schemas Failure: there are no words for about"},
		"a body without an example": {`, example: '{"name":"a","size":1,"share":0.5}'`, "", "no words for example"},
		"a parameter without words": {"{id: which}", "{}", "parameters: there are no words for id"},
		"a status without words":    {"404: {about: not there, ", "404: {", "statuses: there are no words for 404"},
		"a member that is not there": {"name: its name", "name: its name, weight: heavy",
			"schemas Thing: there are words for weight, which is not there"},
		"a schema that is not there": {"  Failure:", "  Other: {about: nothing}\n  Failure:",
			"schemas Other: there are words for about, which is not there"},
		"an operation that is not there": {"members:", "operations: {deleteThing: never}\nmembers:",
			"operations: there are words for deleteThing, which is not there"},
	} {
		words := strings.Replace(someWords, c.cut, c.add, 1)
		if words == someWords {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := build(t, words); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestUnknownSection: a section that means nothing is refused.
func TestUnknownSection(t *testing.T) {
	t.Parallel()
	if _, err := openapi.ParseWords([]byte("paramters: {}")); err == nil {
		t.Error("a section of another name was taken")
	}
}

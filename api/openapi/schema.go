package openapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Schema is a JSON Schema, as far as descriptions need it. The zero value is any value.
type Schema struct {
	Ref         string
	Description string
	Type        string
	Format      string
	Enum        []string
	Const       any
	Default     any
	Examples    []any
	Pattern     string
	MinLength   int
	MaxLength   int
	Minimum     *int64
	Maximum     *int64
	MinItems    int
	MaxItems    int
	Items       *Schema
	Properties  []Property
	Required    []string
	Others      *Schema // of the members that have no name here; nil: nothing is said of them
	Closed      bool    // there are no such members
	AnyOf       []Schema
	Not         *Schema
}

// Property is a member of an object.
type Property struct {
	Name string
	Schema
}

// MarshalJSONTo implements [json.MarshalerTo].
func (s Schema) MarshalJSONTo(e *jsontext.Encoder) error {
	var o object
	o.add("$ref", s.Ref)
	o.add("description", s.Description)
	o.add("type", s.Type)
	o.add("format", s.Format)
	o.add("enum", s.Enum)
	o.add("const", s.Const)
	o.add("default", s.Default)
	o.add("examples", s.Examples)
	o.add("pattern", s.Pattern)
	o.add("minLength", s.MinLength)
	o.add("maxLength", s.MaxLength)
	o.add("minimum", s.Minimum)
	o.add("maximum", s.Maximum)
	o.add("minItems", s.MinItems)
	o.add("maxItems", s.MaxItems)
	o.add("items", s.Items)
	var properties object
	for _, p := range s.Properties {
		properties = append(properties, member{p.Name, p.Schema})
	}
	o.add("properties", properties)
	o.add("required", s.Required)
	switch {
	case s.Closed:
		o = append(o, member{"additionalProperties", false})
	case s.Others == nil:
	case reflect.ValueOf(*s.Others).IsZero():
		o.add("additionalProperties", true)
	default:
		o.add("additionalProperties", *s.Others)
	}
	o.add("anyOf", s.AnyOf)
	o.add("not", s.Not)
	return o.MarshalJSONTo(e)
}

// name is that of the component which a schema refers to; empty: none.
func (s Schema) name() string { return strings.TrimPrefix(s.Ref, componentRoot) }

// Ref refers to the schema of a name.
func Ref(name string) string { return componentRoot + name }

const componentRoot = "#/components/schemas/"

// Property returns the member of a name, for a refinement to change.
func (s *Schema) Property(name string) *Property {
	for i := range s.Properties {
		if s.Properties[i].Name == name {
			return &s.Properties[i]
		}
	}
	panic(fmt.Sprintf("openapi: there is no member %s to refine", name))
}

// Schemas are the schemas of Go types, as go-json-experiment encodes and decodes them: a member is
// always there unless its tag says omitzero or omitempty, embedded structs lend their members, and
// what has the tag embed stands for any others.
type Schemas struct {
	// Names are those of types of structs in the description. Others have their own, without View.
	Names map[reflect.Type]string

	// Posted are the names of types that are also posted, where more is accepted than answered.
	Posted map[reflect.Type]string

	// Known are the schemas of types that encode themselves, and KnownPosted of those that are posted in
	// more forms than one.
	Known, KnownPosted map[reflect.Type]Schema

	// Refine says by the names of schemas what their types do not.
	Refine map[string]func(*Schema)

	words *Words
	all   []Property // in the order in which they are needed
	types map[string]reflect.Type
}

// answer is the schema of a type that is answered.
func (s *Schemas) answer(t reflect.Type) Schema { return s.of(t, false) }

// request is the schema of a type that is posted.
func (s *Schemas) request(t reflect.Type) Schema { return s.of(t, true) }

// of is the schema of a type: a reference, if it is that of a struct.
func (s *Schemas) of(t reflect.Type, posted bool) Schema {
	if known, ok := s.KnownPosted[t]; ok && posted {
		return known
	}
	if known, ok := s.Known[t]; ok {
		return known
	}

	zero := int64(0)
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem(), posted)
	case reflect.Bool:
		return Schema{Type: "boolean"}
	case reflect.String:
		return Schema{Type: "string"}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return Schema{Type: "integer", Format: "int64"}
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		return Schema{Type: "integer", Format: "uint64", Minimum: &zero}
	case reflect.Float64:
		return Schema{Type: "number"}
	case reflect.Slice:
		items := s.of(t.Elem(), posted)
		return Schema{Type: "array", Items: &items}
	case reflect.Map:
		others := s.of(t.Elem(), posted)
		return Schema{Type: "object", Others: &others}
	case reflect.Struct:
		return Schema{Ref: componentRoot + s.component(t, posted)}
	}
	panic("openapi: nothing is known of the type " + t.String())
}

// component is the name of the schema of a struct, which is made if there is none yet.
func (s *Schemas) component(t reflect.Type, posted bool) string {
	name := s.Names[t]
	if posted && s.Posted[t] != "" {
		name = s.Posted[t]
	}
	if name == "" {
		name = strings.TrimSuffix(t.Name(), "View")
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	if s.types == nil {
		s.types = make(map[string]reflect.Type)
	}
	switch s.types[name] {
	case t:
		return name
	case nil:
		s.types[name] = t
	default:
		panic(fmt.Sprintf("openapi: both %v and %v have the name %s", s.types[name], t, name))
	}

	i := len(s.all)
	s.all = append(s.all, Property{Name: name})
	made := s.object(t, posted)
	if refine := s.Refine[name]; refine != nil {
		refine(&made)
	}
	s.all[i].Schema = made
	return name
}

// field is a member that a struct has, itself or by embedding.
type field struct {
	name     string
	of       reflect.Type
	required bool
	depth    int
}

// object is the schema of a struct.
func (s *Schemas) object(t reflect.Type, posted bool) Schema {
	made := Schema{Type: "object"}
	var fields []field
	collect(t, 0, &fields, &made)
	for _, f := range fields {
		if f.of.Kind() == reflect.Struct && f.of.NumField() == 0 {
			continue // it is never encoded: it hides one of its name further inside
		}
		made.Properties = append(made.Properties, Property{f.name, s.of(f.of, posted)})
		if f.required {
			made.Required = append(made.Required, f.name)
		}
	}
	made.Closed = posted && made.Others == nil // what is not known would mean nothing: it is refused
	return made
}

// collect adds the members of a struct. Of several that have the same name, the outermost counts.
func collect(t reflect.Type, depth int, fields *[]field, to *Schema) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case options == "embed":
			to.Others = &Schema{}
			continue
		case f.Anonymous && name == "":
			collect(f.Type, depth+1, fields, to)
			continue
		}

		one := field{name, f.Type, options == "", depth}
		i := slices.IndexFunc(*fields, func(other field) bool { return other.name == name })
		switch {
		case i < 0:
			*fields = append(*fields, one)
		case (*fields)[i].depth > depth:
			(*fields)[i] = one
		}
	}
}

// finish puts the words on all schemas.
func (s *Schemas) finish() {
	slices.SortFunc(s.all, func(a, b Property) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.all {
		c := &s.all[i]
		c.Description = s.words.schema(c.Name)
		for j := range c.Properties {
			p := &c.Properties[j]
			p.Description = s.words.member(c.Name, p.Name)
		}
	}
}

// components are all schemas that have names.
func (s *Schemas) components() object {
	var o object
	for _, c := range s.all {
		o = append(o, member{c.Name, c.Schema})
	}
	return o
}

package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads a body that has passed checkSyntax. Where a value is not what is accepted it notes
// the problem, skips the value and goes on, so that all problems are found.
type decoder struct {
	DecodeOptions
	json     *jsontext.Decoder
	problems Problems
}

// full tells that more problems were found than an answer tells. What is left of the body is then
// only skipped: it may have a problem in every other byte.
func (d *decoder) full() bool { return len(d.problems) > maxProblems }

// invalid notes that the value read last is wrong; the message goes on behind its path.
func (d *decoder) invalid(format string, args ...any) { d.invalidMember("", format, args...) }

// invalidMember does so for a member of the object read last.
func (d *decoder) invalidMember(name, format string, args ...any) {
	if !d.full() {
		d.problems = append(d.problems, Problem{Path: d.path(name), Message: fmt.Sprintf(format, args...)})
	}
}

// missing notes that the object read last lacks a member.
func (d *decoder) missing(name, accepted string) {
	if !d.full() {
		d.problems = append(d.problems,
			Problem{Path: d.path(name), Message: "is missing: it has to be " + accepted, Missing: true})
	}
}

// path is that of the value that was read last, or of a member of it.
func (d *decoder) path(member string) string {
	value := pathOf(d.json.StackPointer())
	switch {
	case value == "" && member == "":
		return "the body"
	case value == "" || member == "":
		return value + member
	}
	return value + "." + member
}

// The body was checked before: an error here is a mistake of this package.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("mapping: reading a checked body: %v", err))
	}
	return v
}

func (d *decoder) next() jsontext.Token { return must(d.json.ReadToken()) }

func (d *decoder) skip() { must(0, d.json.SkipValue()) }

// is reports whether the next value is of one of the kinds; if not it is skipped, and the problem
// noted.
func (d *decoder) is(accepted string, kinds ...jsontext.Kind) bool {
	if slices.Contains(kinds, d.json.PeekKind()) {
		return true
	}
	d.skip()
	d.invalid("is not %s", accepted)
	return false
}

// attribute is a member that this service knows.
type attribute struct {
	name     string
	accepted string // what is accepted, for messages; "" if it is not required
	read     func()
}

// object reads a JSON object, each known member by its attribute's read; null is as good as absent.
// The other members go to extra as they were sent. What is required and not there is noted. It
// returns the names that were there, nil if it was no object.
func (d *decoder) object(accepted string, extra *jsontext.Value, attributes []attribute) (seen []string) {
	if !d.is(accepted, '{') {
		return nil
	}

	d.next()
	seen = make([]string, 0, len(attributes))
	var unknown []member
	for d.json.PeekKind() != '}' {
		name := d.next().String()
		i := slices.IndexFunc(attributes, func(a attribute) bool { return strings.EqualFold(a.name, name) })
		switch {
		case d.full():
			d.skip()
		case i < 0:
			unknown = append(unknown, member{name, d.value()})
		case attributes[i].name != name:
			d.skip()
			d.invalid("differs in letter case only from %s; accepted is %s", attributes[i].name, attributes[i].name)
		case d.json.PeekKind() == 'n':
			d.skip()
		default:
			seen = append(seen, name)
			attributes[i].read()
		}
	}

	d.next()
	*extra = object(unknown)
	for _, a := range attributes {
		if a.accepted != "" && !slices.Contains(seen, a.name) {
			d.missing(a.name, a.accepted)
		}
	}

	return seen
}

// array reads a JSON array, each element by read, and returns how many there were; -1 if it was no
// array.
func (d *decoder) array(accepted string, read func()) int {
	if !d.is(accepted, '[') {
		return -1
	}

	d.next()
	n := 0
	for ; d.json.PeekKind() != ']'; n++ {
		if d.full() {
			d.skip()
		} else {
			read()
		}
	}

	d.next()
	return n
}

// value reads any value, as it was sent but for white space.
func (d *decoder) value() jsontext.Value {
	v := must(d.json.ReadValue()).Clone()
	must(0, v.Compact())
	return v
}

// The accepted values, as messages tell them.
const (
	aString     = "a string"
	aNonEmpty   = "a non-empty string"
	aText       = "a non-empty string without leading or ending spaces"
	anObject    = "a JSON object"
	anArray     = "a JSON array of objects"
	aNumber     = "a string or a number"
	someStrings = "a JSON array of strings"
)

// string reads any string, and reports whether it was one.
func (d *decoder) string(s *string) bool {
	ok := d.is(aString, '"')
	if ok {
		*s = d.next().String()
	}
	return ok
}

// text reads a string that is not empty, does not begin or end with white space, and has at most
// limit bytes.
func (d *decoder) text(s *string, limit int) {
	if !d.is(aText, '"') {
		return
	}

	*s = d.next().String()
	switch {
	case !isText(*s):
		d.invalid("is not %s", aText)
	case len(*s) > limit:
		d.invalid("is longer than %d bytes", limit)
	}
}

// nonEmpty reads a string that is not empty, spaces included.
func (d *decoder) nonEmpty(s *string) {
	switch {
	case !d.string(s):
	case *s == "":
		d.invalid("is not %s", aNonEmpty)
	case len(*s) > maxText:
		d.invalid("is longer than %d bytes", maxText)
	}
}

func isText(s string) bool { return s != "" && strings.TrimFunc(s, unicode.IsSpace) == s }

// verbatim reads a string, or a number by its text.
func (d *decoder) verbatim(s *string) {
	if d.is(aNumber, '"', '0') {
		*s = d.next().String()
	}
}

// strings adds to a list, which is not nil afterwards.
func (d *decoder) strings(list *[]string) {
	if *list == nil {
		*list = []string{}
	}
	d.array(someStrings, func() {
		var s string
		d.string(&s)
		*list = append(*list, s)
	})
}

// oneOf reads one of a few words, in any letter case, as it is spelled in accepted.
func (d *decoder) oneOf(s *string, accepted ...string) {
	if !d.is(alternatives(accepted), '"') {
		return
	}

	word := d.next().String()
	i := slices.IndexFunc(accepted, func(a string) bool { return strings.EqualFold(a, word) })
	if i < 0 {
		d.invalid("is not %s", alternatives(accepted))
		return
	}

	*s = accepted[i]
}

func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// time reads a time.
func (d *decoder) time(t *Time) {
	var nanos int32
	d.moment(t, &nanos)
}

// moment reads a time, and the nanoseconds that its milliseconds leave out.
func (d *decoder) moment(t *Time, nanos *int32) {
	if !d.is(timeForms, '"') {
		return
	}
	var err error
	if *t, *nanos, err = parseMoment(d.next().String()); err != nil {
		d.invalid("%v", err)
	}
}

// apart runs read, and returns the problems that it has found in place of noting them.
func (d *decoder) apart(read func()) Problems {
	noted := len(d.problems)
	read()
	found := slices.Clone(d.problems[noted:])
	d.problems = d.problems[:noted]
	return found
}

// raw reads a JSON object as it is, and reports whether it was one.
func (d *decoder) raw(v *jsontext.Value) bool {
	ok := d.is(anObject, '{')
	if ok {
		*v = d.value()
	}
	return ok
}

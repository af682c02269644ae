package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// DecodeOptions are the settings of Decode.
type DecodeOptions struct {
	AcceptEmptyHistory bool // take an empty or absent eventHistory, as later recorders send

	// Marks takes nonDelete and labels, which belong to the service and not to who posts: what is moved
	// from one installation to another has them. Else they are left out, whatever they are.
	Marks bool
}

// The bounds of a posted recording, beside its size, which is the caller's to bound.
const (
	maxDepth  = 32      // JSON objects and arrays within each other
	maxValues = 50_000  // JSON values and names of members
	maxID     = 4096    // bytes
	maxText   = 1 << 16 // bytes of a value that searches can see
)

// Decode reads and validates a posted recording. The error is a [Problems] that tells every
// attribute that is wrong, by its JSON path. Attributes that are not in the 2013 page are kept;
// those which the service itself computes and returns (startTime and stopTime of a recording,
// mediaUri and originalMediaDescriptor of a media file) are left out.
func Decode(body []byte, o DecodeOptions) (*Recording, error) {
	if problem := checkSyntax(body); problem != nil {
		return nil, Problems{*problem}
	}

	d := &decoder{
		DecodeOptions: o,
		json:          jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true)), // there are none
	}

	r := new(Recording)
	d.recording(r)
	if len(d.problems) > 0 {
		return nil, d.problems
	}

	return r, nil
}

// checkSyntax makes sure that body is one JSON value, strict and within bounds, so that the decoder
// need not care. Its memory is bounded by that of the names in body.
func checkSyntax(body []byte) *Problem {
	mayHoldNUL := bytes.Contains(body, []byte(`\u0000`))
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for n := 0; ; {
		t, err := d.ReadToken()
		if err != nil {
			return syntaxProblem(d, err)
		}

		if k := t.Kind(); k != '}' && k != ']' {
			n++
		}

		switch {
		case d.StackDepth() > maxDepth:
			return &Problem{Path: pathOf(d.StackPointer()),
				Message: fmt.Sprintf("is nested deeper than %d levels", maxDepth)}
		case n > maxValues:
			return &Problem{Message: fmt.Sprintf("the body holds more than %d JSON values and names", maxValues)}
		case mayHoldNUL && t.Kind() == '"' && strings.Contains(t.String(), "\x00"):
			return &Problem{Path: pathOf(d.StackPointer()), Message: "holds a NUL character"}
		}

		if d.StackDepth() == 0 {
			break
		}
	}

	if rest := bytes.TrimLeft(body[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return &Problem{Message: fmt.Sprintf("the body goes on behind the JSON object at byte %d; accepted is one "+
			"object", len(body)-len(rest))}
	}

	return nil
}

func syntaxProblem(d *jsontext.Decoder, err error) *Problem {
	p := &Problem{Path: pathOf(d.StackPointer())}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		if errors.As(err, &syntax) {
			p.Path = pathOf(syntax.JSONPointer)
		}
		p.Message = "is there twice; accepted is each name once in an object"
	case errors.As(err, &syntax):
		p.Message = fmt.Sprintf("is not valid JSON at byte %d: %s", syntax.ByteOffset, reason(syntax.Err))
	default:
		p.Message = "is not valid JSON: the body ends too early"
	}

	if p.Path == "" {
		p.Message = "the body " + p.Message
	}

	return p
}

// reason is the library's own, which may quote the character that it fell over but no more of the
// body.
func reason(err error) string {
	if err == nil {
		return "syntax error"
	}
	return err.Error()
}

// pathOf writes a JSON pointer as the path that messages show: mediaFiles[0].startTime. Names that
// a client made up are shortened.
func pathOf(p jsontext.Pointer) string {
	const longest = 64
	var b strings.Builder
	for token := range p.Tokens() {
		switch {
		case isIndex(token):
			b.WriteString("[" + token + "]")
			continue
		case len(token) > longest:
			token = strings.ToValidUTF8(token[:longest], "") + "…"
		}

		if b.Len() > 0 {
			b.WriteByte('.')
		}

		b.WriteString(token)
	}

	return b.String()
}

func isIndex(token string) bool {
	return len(token) > 0 && len(token) <= 6 && strings.Trim(token, "0123456789") == ""
}
